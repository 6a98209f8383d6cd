//! Counts.

static SEEN: AtomicU32 = AtomicU32::new(0);

/// One more.
pub fn count() -> u32 {
    SEEN.fetch_add(1, Ordering::Relaxed)
}

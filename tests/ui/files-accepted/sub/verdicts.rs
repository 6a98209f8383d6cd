// SPDX-License-Identifier: GPL-2.0
//! Verdicts.

static SEEN: AtomicU32 = AtomicU32::new(0);

/// Counts.
pub fn count(m: *mut seq_file, ret: c_int) -> c_int {
    SEEN.fetch_add(1, Ordering::Relaxed);
    unsafe { seq_printf(m, c"seen=%u\n".as_ptr(), SEEN.load(Ordering::Relaxed)) };
    unsafe { unexported_helper(ret) }
}

// SPDX-License-Identifier: GPL-2.0
//! Counts what is looked at.

static LOOKS: AtomicU32 = AtomicU32::new(0);

/// Counts one more.
pub fn count() -> u32 {
    LOOKS.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
}

/// Counts one more and says how many there are.
pub fn show(m: *mut seq_file, what: &core::ffi::CStr) {
    // SAFETY: the caller's file is open, and both texts end with a NUL.
    unsafe { seq_printf(m, c"%s: %u\n".as_ptr(), what.as_ptr(), count()) };
}

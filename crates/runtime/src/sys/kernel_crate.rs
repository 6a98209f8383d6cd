// SPDX-License-Identifier: GPL-2.0
//! The kernel's own `kernel` crate. Its name is in scope everywhere, so bodies reach the rest of it
//! as `kernel::`.

pub(crate) use kernel::bindings::{mutex_lock, mutex_unlock};
pub use kernel::bindings::{GFP_ATOMIC, GFP_KERNEL, GFP_NOWAIT};
pub use kernel::{
    container_of, current, pr_alert, pr_crit, pr_debug, pr_emerg, pr_err, pr_info, pr_notice,
    pr_warn,
};

use core::ffi::{c_char, c_int, c_long, c_void};

extern "C" {
    /// Copies a text of a program (`include/linux/uaccess.h`): its length, or `-EFAULT`.
    pub fn strncpy_from_user(to: *mut c_char, from: *const c_char, count: c_long) -> c_long;

    /// Logs a message in a format of C (`include/linux/printk.h`): the length of its text.
    #[cfg(CONFIG_PRINTK)]
    fn _printk(format: *const c_char, ...) -> c_int;
}

/// `_printk()`, if the kernel has a log.
#[cfg(CONFIG_PRINTK)]
pub(crate) const PRINTK: Option<unsafe extern "C" fn(*const c_char, ...) -> c_int> = Some(_printk);

/// `_printk()`, if the kernel has a log.
#[cfg(not(CONFIG_PRINTK))]
pub(crate) const PRINTK: Option<unsafe extern "C" fn(*const c_char, ...) -> c_int> = None;

/// Copies from a program (`include/linux/uaccess.h`): the number of bytes that it could not copy.
///
/// # Safety
///
/// `to` has room for `count` bytes, and the context may sleep.
#[inline(always)]
pub unsafe fn copy_from_user(to: *mut c_void, from: *const c_void, count: usize) -> usize {
    // The width of the number differs between versions of the crate.
    // SAFETY: the caller vouches for `to`; the function checks the address of the program.
    unsafe { kernel::bindings::copy_from_user(to, from, count as _) as usize }
}

/// Copies to a program, likewise.
///
/// # Safety
///
/// `from` has `count` bytes, and the context may sleep.
#[inline(always)]
pub unsafe fn copy_to_user(to: *mut c_void, from: *const c_void, count: usize) -> usize {
    // SAFETY: the caller vouches for `from`; the function checks the address of the program.
    unsafe { kernel::bindings::copy_to_user(to, from, count as _) as usize }
}

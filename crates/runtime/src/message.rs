// SPDX-License-Identifier: GPL-2.0
//! Messages of generated code, in formats of C.
//!
//! The macros of the `kernel` crate format with `core::fmt`, which is larger than a small patch. So
//! generated code, which logs only what it refuses and why, passes formats of C to `_printk()`. A
//! format starts with the level of an error (`include/linux/kern_levels.h`) and the module's name,
//! as the message of a macro does: `"\x013NAME: TEXT\n"`.
//!
//! All may be called in any context.

use super::sys;
use core::ffi::{c_int, CStr};

/// Logs a message.
///
/// # Safety
///
/// `format` takes no arguments.
#[inline]
pub unsafe fn error(format: &CStr) {
    let Some(printk) = sys::PRINTK else { return };
    // SAFETY: the caller vouches for the format, and it is not kept.
    unsafe { printk(format.as_ptr()) };
}

/// Logs a message about something that has a name.
///
/// # Safety
///
/// `format` takes the name as `%.*s`, and no more.
#[inline]
pub unsafe fn error_about(format: &CStr, name: &str) {
    let Some(printk) = sys::PRINTK else { return };
    // SAFETY: the caller vouches for the format. No name is longer than an `int` counts.
    unsafe { printk(format.as_ptr(), name.len() as c_int, name.as_ptr()) };
}

/// Logs a message about something that has a name, with a number.
///
/// # Safety
///
/// `format` takes the name as `%.*s`, behind it the number as `%d`, and no more.
#[inline]
pub unsafe fn error_with(format: &CStr, name: &str, number: c_int) {
    let Some(printk) = sys::PRINTK else { return };
    // SAFETY: as above.
    unsafe { printk(format.as_ptr(), name.len() as c_int, name.as_ptr(), number) };
}

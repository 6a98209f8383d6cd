// SPDX-License-Identifier: GPL-2.0
//! Messages: the macros of `rust/kernel/print.rs`.
//!
//! A kernel without Rust has no `%pA` for printk, so a message with arguments is formatted here
//! first. One without is printed as it is, and then no formatting code is in the module.

use core::ffi::{c_char, c_int};
use core::fmt::{self, Write};

extern "C" {
    fn _printk(format: *const c_char, ...) -> c_int;
}

/// The longest message with arguments. It is on the stack of the caller, which has 16 KiB.
const LONGEST: usize = 256;

/// A message that is being formatted. What does not fit is cut.
struct Line {
    len: usize,
    text: [u8; LONGEST],
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.text.get_mut(self.len..).unwrap_or_default();
        let len = room.len().min(text.len());
        room.iter_mut().zip(text.as_bytes()).for_each(|(to, from)| *to = *from);
        self.len += len;
        Ok(())
    }
}

/// Prints a message behind the name of a module, with the level of `include/linux/kern_levels.h`.
#[doc(hidden)]
#[inline(always)]
pub fn print(level: u8, module: &str, message: fmt::Arguments<'_>) {
    match message.as_str() {
        Some(text) => print_text(level, module, text.as_bytes()),
        None => print_formatted(level, module, message),
    }
}

#[inline(never)]
fn print_formatted(level: u8, module: &str, message: fmt::Arguments<'_>) {
    let mut line = Line { len: 0, text: [0; LONGEST] };
    // It cannot fail unless an argument's own implementation does, and then the rest is missing.
    let _ = line.write_fmt(message);
    print_text(level, module, line.text.get(..line.len).unwrap_or_default());
}

#[inline(never)]
fn print_text(level: u8, module: &str, text: &[u8]) {
    /// `KERN_SOH`.
    const START: u8 = 1;
    let level = [START, level, 0];
    // SAFETY: the format takes a string with its NUL, and twice a length and so many bytes.
    unsafe {
        _printk(
            c"%s%.*s: %.*s".as_ptr(),
            level.as_ptr(),
            module.len() as c_int,
            module.as_ptr(),
            text.len() as c_int,
            text.as_ptr(),
        )
    };
}

/// Prints a message of a level.
#[doc(hidden)]
#[macro_export]
macro_rules! kps_print_level {
    ($level:literal, $($message:tt)+) => {
        $crate::print($level, crate::__MODULE_NAME, ::core::format_args!($($message)+))
    };
}

/// `pr_emerg()`: the system is unusable.
#[macro_export]
macro_rules! pr_emerg {
    ($($message:tt)+) => { $crate::kps_print_level!(b'0', $($message)+) };
}

/// `pr_alert()`: action must be taken immediately.
#[macro_export]
macro_rules! pr_alert {
    ($($message:tt)+) => { $crate::kps_print_level!(b'1', $($message)+) };
}

/// `pr_crit()`: critical conditions.
#[macro_export]
macro_rules! pr_crit {
    ($($message:tt)+) => { $crate::kps_print_level!(b'2', $($message)+) };
}

/// `pr_err()`: error conditions.
#[macro_export]
macro_rules! pr_err {
    ($($message:tt)+) => { $crate::kps_print_level!(b'3', $($message)+) };
}

/// `pr_warn()`: warning conditions.
#[macro_export]
macro_rules! pr_warn {
    ($($message:tt)+) => { $crate::kps_print_level!(b'4', $($message)+) };
}

/// `pr_notice()`: normal but significant conditions.
#[macro_export]
macro_rules! pr_notice {
    ($($message:tt)+) => { $crate::kps_print_level!(b'5', $($message)+) };
}

/// `pr_info()`: informational.
#[macro_export]
macro_rules! pr_info {
    ($($message:tt)+) => { $crate::kps_print_level!(b'6', $($message)+) };
}

/// `pr_debug()`: as in the real crate, only with debug assertions.
#[macro_export]
macro_rules! pr_debug {
    ($($message:tt)+) => {
        if ::core::cfg!(debug_assertions) {
            $crate::kps_print_level!(b'7', $($message)+)
        }
    };
}

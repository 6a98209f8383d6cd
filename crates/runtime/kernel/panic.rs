// SPDX-License-Identifier: GPL-2.0
//! A panic is a `BUG()`, as in the real crate: it ends the task, or stops the machine.
//!
//! It prints the place only. The message would bring all formatting code into every module that may
//! panic, and the place tells the author as much.

use core::ffi::{c_char, c_int};

extern "C" {
    fn _printk(format: *const c_char, ...) -> c_int;
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    if let Some(place) = info.location() {
        let file = place.file();
        // SAFETY: the format takes a length, so many bytes, and a number.
        unsafe {
            _printk(
                c"\x010rust_kernel: panicked at %.*s:%u\n".as_ptr(),
                file.len() as c_int,
                file.as_ptr(),
                place.line(),
            )
        };
    }
    core::intrinsics::abort()
}

// SPDX-License-Identifier: GPL-2.0
//! What the kernel's headers have: constants, and the functions that the runtime uses.

mod constants;

pub use constants::*;

use core::ffi::{c_ulong, c_void};

extern "C" {
    /// Exported (`kernel/locking/mutex.c`).
    pub fn mutex_lock(lock: *mut c_void);
    /// Exported (`kernel/locking/mutex.c`).
    pub fn mutex_unlock(lock: *mut c_void);
    /// Inline (`include/linux/uaccess.h`).
    #[link_name = "kps_inline_copy_from_user"]
    pub fn copy_from_user(to: *mut c_void, from: *const c_void, count: c_ulong) -> c_ulong;
    /// Inline (`include/linux/uaccess.h`).
    #[link_name = "kps_inline_copy_to_user"]
    pub fn copy_to_user(to: *mut c_void, from: *const c_void, count: c_ulong) -> c_ulong;
}

// SPDX-License-Identifier: GPL-2.0
//! The names that every body has in scope beside the kernel's own: `use kps::prelude::*;`.
//!
//! C types are those of `core::ffi`: `c_char` is signed as in C, so `c"text".as_ptr()` fits a `char
//! *` parameter. The `kernel` crate's `c_char` differs, so calls of its functions have casts.
//!
//! The message macros are those of the `kernel` crate (`include/linux/kern_levels.h`); a message
//! begins with the name of the module. Everything here may be used in any context. On the host the
//! macros are those of [`host`](super::host).

pub use super::ctypes::*;
pub use super::errno::*;
pub use super::percpu::{per_cpu_ptr, this_cpu_ptr};
pub use super::user::UserPtr;
pub use core::ffi::{
    c_char, c_int, c_long, c_longlong, c_schar, c_short, c_uchar, c_uint, c_ulong, c_ulonglong,
    c_ushort, c_void, CStr,
};
pub use core::mem::{offset_of, size_of, zeroed};
pub use core::ptr::{addr_of, addr_of_mut, null, null_mut};
pub use core::sync::atomic::{
    AtomicBool, AtomicI32, AtomicI64, AtomicIsize, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize,
    Ordering,
};

#[cfg(feature = "macros")]
pub use kps_macros::*;

#[cfg(not(kps_kernel))]
#[doc(inline)]
pub use super::sys::kernel;
#[doc(inline)]
pub use super::sys::{
    container_of, current, pr_alert, pr_crit, pr_debug, pr_emerg, pr_err, pr_info, pr_notice,
    pr_warn, GFP_ATOMIC, GFP_KERNEL, GFP_NOWAIT,
};

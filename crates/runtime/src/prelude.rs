// SPDX-License-Identifier: GPL-2.0
//! What every body has in scope beside the kernel's own names: `use kps::prelude::*;`.
//!
//! C types are those of `core::ffi`: `c_char` is signed there as C has it, so that
//! `c"text".as_ptr()` is what a `char *` parameter takes. The `kernel` crate has other ideas of
//! `char`; casts stand where its functions are called.
//!
//! Messages are those of the `kernel` crate (`include/linux/kern_levels.h`), which begin with the
//! name of the module. They may be printed in any context, and so may all else here be used. On the
//! host they are [`host`](super::host)'s.

pub use super::ctypes::*;
pub use super::errno::*;
pub use super::percpu::{per_cpu_ptr, this_cpu_ptr};
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
    container_of, pr_alert, pr_crit, pr_debug, pr_emerg, pr_err, pr_info, pr_notice, pr_warn,
    GFP_ATOMIC, GFP_KERNEL, GFP_NOWAIT,
};

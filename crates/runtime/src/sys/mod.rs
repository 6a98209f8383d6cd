// SPDX-License-Identifier: GPL-2.0
//! The kernel as the runtime and bodies see it in Rust: messages, memory flags and the like. In a
//! kernel build it is the kernel's own `kernel` crate (`sys/kernel_crate.rs`), on the host
//! [`host`](super::host). A kernel without that crate needs a third file here.

#[cfg(kps_kernel)]
mod kernel_crate;

#[cfg(kps_kernel)]
pub use kernel_crate::*;

#[cfg(not(kps_kernel))]
#[doc(inline)]
pub use super::host::kernel::current;
#[cfg(not(kps_kernel))]
#[doc(inline)]
pub use super::host::{
    container_of, copy_from_user, copy_to_user, kernel, pr_alert, pr_crit, pr_debug, pr_emerg,
    pr_err, pr_info, pr_notice, pr_warn, strncpy_from_user, GFP_ATOMIC, GFP_KERNEL, GFP_NOWAIT,
};
#[cfg(not(kps_kernel))]
pub(crate) use super::host::{mutex_lock, mutex_unlock, PRINTK};

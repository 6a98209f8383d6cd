// SPDX-License-Identifier: GPL-2.0
//! The kernel's own `kernel` crate. Its name is in scope everywhere, so bodies reach the rest of it
//! as `kernel::`.

pub use kernel::bindings::{GFP_ATOMIC, GFP_KERNEL, GFP_NOWAIT};
pub use kernel::{
    container_of, pr_alert, pr_crit, pr_debug, pr_emerg, pr_err, pr_info, pr_notice, pr_warn,
};

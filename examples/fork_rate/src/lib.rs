// SPDX-License-Identifier: GPL-2.0
//! A limit on how fast each user starts processes and threads. `RLIMIT_NPROC` and the pids
//! controller limit how many there are at once; a loop that forks and waits stays below both, and
//! keeps a machine busy all the same.
//!
//! A user is a number outside of all namespaces. Whoever has subordinate ones (`/etc/subuid`) has a
//! bucket for each.
#![cfg_attr(not(any(test, kps_kernel)), no_std)]

use kps::prelude::*;

mod buckets;
mod offenders;

/// Limits how fast each user starts processes and threads.
#[livepatch(license = "GPL", version = "1.0")]
mod fork_rate {
    use super::buckets::{Buckets, Limit, Verdict};
    use super::offenders::Offenders;

    /// How many processes and threads a user may start at once
    #[param(mode = 0o644)]
    static burst: c_uint = 1000;

    /// How many more each minute; 0 is no limit
    #[param(mode = 0o644)]
    static per_minute: c_uint = 3000;

    static BUCKETS: Buckets = Buckets::new();
    static OFFENDERS: Offenders = Offenders::new();

    /// `include/uapi/linux/capability.h`.
    const CAP_SYS_RESOURCE: c_int = 24;

    /// Whether a user may start one more now.
    fn has_token(user: u32) -> bool {
        // SAFETY: it only reads the time.
        let clock = || unsafe { ktime_get() as u64 };
        let limit = Limit::new(burst.get(), per_minute.get());
        limit.is_none_or(|limit| BUCKETS.take(user, clock, limit) != Verdict::Refused)
    }

    // fork(), clone() and their like all come by here, and so do threads of the kernel, whose user
    // is root. A `pre` alone leaves nothing of the patch on the stack, so that it can be unloaded
    // while a parent waits for its vfork().
    #[pre(vmlinux::kernel_clone)]
    unsafe fn take_token(args: *mut kernel_clone_args) -> pid_t {
        let task = kernel::current!().as_ptr().cast::<task_struct>();
        // SAFETY: only a task itself changes its credentials, and this one is busy here.
        let user = unsafe { (*(*task).real_cred).uid.val };
        // As with RLIMIT_NPROC in copy_process(), root is not limited, and the capability is asked
        // for only when it is needed.
        if user != 0 && !has_token(user) && !capable(CAP_SYS_RESOURCE) {
            let refused = OFFENDERS.count(user);
            // The 1st, 2nd, 4th, 8th ..: the log tells that it goes on, and is not filled by it.
            if refused.is_power_of_two() {
                pr_warn!("user {user} starts processes too fast, refused {refused} times\n");
            }
            return -EAGAIN;
        }
    }

    // A line for each, as `processes` is one: how many have been started since the machine was.
    #[post(vmlinux::show_stat)]
    unsafe fn show_offenders(p: *mut seq_file, v: *mut c_void, ret: c_int) {
        for (user, refused) in OFFENDERS.iter() {
            seq_printf(p, c"fork_refused %u %u\n".as_ptr(), user, refused);
        }
    }
}

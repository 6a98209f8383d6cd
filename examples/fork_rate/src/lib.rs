// SPDX-License-Identifier: GPL-2.0
//! A limit on how fast each user starts processes and threads. `RLIMIT_NPROC` and the pids controller limit how many there are at once; a
//! loop that forks and waits stays below both, and keeps a machine busy all the same.
#![cfg_attr(not(any(test, CONFIG_RUST)), no_std)]

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

    // `fork()`, `clone()` and their like all come by here, and so do threads of the kernel, whose user is root. It is a `pre` alone, so
    // nothing of the patch is on the stack while a parent waits for its `vfork()`.
    #[pre(vmlinux::kernel_clone)]
    unsafe fn take_token(args: *mut kernel_clone_args) -> pid_t {
        let task = kernel::current!().as_ptr().cast::<task_struct>();
        // SAFETY: only a task itself changes its credentials, and this one is busy here.
        let user = unsafe { (*(*task).real_cred).uid.val };
        if user != 0 {
            if let Some(limit) = Limit::new(burst.get(), per_minute.get()) {
                let verdict = BUCKETS.take(user, || ktime_get() as u64, limit);
                // As where RLIMIT_NPROC is exceeded, in copy_process(): the capability is asked for only when it is needed.
                if verdict == Verdict::Refused && !capable(CAP_SYS_RESOURCE) {
                    let refused = OFFENDERS.count(user);
                    // The log gets few lines, however often it happens.
                    if refused.is_power_of_two() {
                        pr_warn!("user {} starts processes too fast, refused {} times\n", user, refused);
                    }
                    return -EAGAIN;
                }
            }
        }
    }

    #[post(vmlinux::show_stat)]
    unsafe fn show_offenders(p: *mut seq_file, v: *mut c_void, ret: c_int) {
        for (user, refused) in OFFENDERS.iter() {
            seq_printf(p, c"fork_refused %u %u\n".as_ptr(), user, refused);
        }
    }
}

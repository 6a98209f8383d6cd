// SPDX-License-Identifier: GPL-2.0
//! Who has killed my process? Its parent learns the signal and not the sender. With this patch the
//! kernel's log names both.
#![cfg_attr(not(any(test, kps_kernel)), no_std)]

use kps::prelude::*;

/// Logs who kills whom.
#[livepatch(license = "GPL", version = "1.0")]
mod kill_watch {
    /// The number of the signal that is logged; 9 is SIGKILL, 0 none
    #[param(mode = 0o644)]
    static signal: c_int = 9;

    /// How many were sent, with those of which the log says nothing.
    static SENT: AtomicU32 = AtomicU32::new(0);

    /// `include/linux/sched/signal.h`: in the place of `info`, it says that the kernel itself sends
    /// the signal.
    const SEND_SIG_PRIV: usize = 1;

    // What kill(), tgkill(), pidfd_send_signal() and their like have permitted comes by here. Some
    // callers hold `tasklist_lock`, so nothing here sleeps.
    #[post(vmlinux::do_send_sig_info)]
    unsafe fn name_both(
        sig: c_int,
        info: *mut kernel_siginfo,
        p: *mut task_struct,
        r#type: pid_type,
        ret: c_int,
    ) {
        // Signal 0 only asks whether there is such a process.
        if ret == 0 && sig != 0 && sig == signal.get() {
            SENT.fetch_add(1, Ordering::Relaxed);
            // Whoever kills processes of their own as fast as they can must not fill the log.
            if __printk_ratelimit(c"kill_watch".as_ptr()) != 0 {
                let sender = kernel::current!().as_ptr().cast::<task_struct>();
                let whose = if info as usize == SEND_SIG_PRIV { "the kernel in " } else { "" };
                // SAFETY: the sender is the task that runs here, and callers keep `p` alive, by a
                // reference or RCU, until they are back. A `comm` may change while it is read, but
                // its last byte is always 0.
                let (from, to) = unsafe {
                    (CStr::from_ptr((*sender).comm.as_ptr()), CStr::from_ptr((*p).comm.as_ptr()))
                };
                // Users choose these names. `{:?}` escapes them, so that none of them can look like
                // a line of the log.
                pr_info!(
                    "{whose}{from:?} ({}) sent signal {sig} to {to:?} ({})\n",
                    (*sender).tgid,
                    (*p).tgid
                );
            }
        }
    }

    #[post_unpatch(vmlinux)]
    unsafe fn sum_up() {
        pr_info!("{} signals were sent\n", SENT.load(Ordering::Relaxed));
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Who has killed my process? Its parent learns the signal and not the sender; with this patch the kernel's log has both.
#![cfg_attr(not(any(test, CONFIG_RUST)), no_std)]

use kps::prelude::*;

/// Logs who kills whom: the sender, the signal and the process that gets it.
#[livepatch(license = "GPL", version = "1.0")]
mod kill_watch {
    /// The number of the signal that is logged; 9 is SIGKILL, 0 none
    #[param(mode = 0o644)]
    static signal: c_int = 9;

    /// How many were sent, those among them of which the log says nothing.
    static SENT: AtomicU32 = AtomicU32::new(0);

    // Whatever sends a signal to a process or a thread comes by here. Some do so under `tasklist_lock`, so nothing here sleeps.
    #[post(vmlinux::do_send_sig_info)]
    unsafe fn name_both(
        sig: c_int,
        info: *mut kernel_siginfo,
        p: *mut task_struct,
        r#type: pid_type,
        ret: c_int,
    ) {
        if ret == 0 && sig != 0 && sig == signal.get() {
            SENT.fetch_add(1, Ordering::Relaxed);
            // Users may kill their own processes as fast as they can, and must not fill the log by it.
            if __printk_ratelimit(c"kill_watch".as_ptr()) != 0 {
                let sender = kernel::current!().as_ptr().cast::<task_struct>();
                // SAFETY: the sender is the running task, and whoever calls the old function holds on to `p` until it is back.
                // A `comm` may change while it is read, but its last byte is always 0. `{:?}` escapes what a user has put into it.
                let (from, to) =
                    unsafe { (CStr::from_ptr((*sender).comm.as_ptr()), CStr::from_ptr((*p).comm.as_ptr())) };
                pr_info!("{:?} ({}) sent signal {} to {:?} ({})\n", from, (*sender).tgid, sig, to, (*p).tgid);
            }
        }
    }

    #[post_unpatch(vmlinux)]
    unsafe fn sum_up() {
        pr_info!("{} signals were sent\n", SENT.load(Ordering::Relaxed));
    }
}

//! Attributes on what they do not belong to, and what would be lost beside them.

use kps::prelude::*;

#[livepatch(license = "GPL")]
#[allow(dead_code)]
mod places {
    #[pre(vmlinux::cmdline_proc_show)]
    struct Hook;

    #[param]
    unsafe fn verbose() {}

    #[shadow(on = seq_file, untied)]
    const HITS: u32 = 0;

    #[state(id = 1)]
    type Level = c_int;

    #[symbols(vmlinux)]
    unsafe fn hidden() {}

    #[c("helpers.c")]
    mod helpers {}

    #[percpu]
    static runqueues: u32 = 0;

    #[position(2)]
    unsafe fn show_type() {}

    #[cfg(CONFIG_NET)]
    #[pre(vmlinux::cmdline_proc_show)]
    unsafe fn sometimes(m: *mut seq_file, v: *mut c_void) -> c_int {}

    #[pre(vmlinux::cmdline_proc_show)]
    #[post(vmlinux::cmdline_proc_show)]
    unsafe fn both(m: *mut seq_file, v: *mut c_void) -> c_int {}

    #[replace(vmlinux::cmdline_proc_show)]
    pub unsafe fn seen(m: *mut seq_file, v: *mut c_void) -> c_int {
        0
    }

    #[param]
    static mut changed: u32 = 0;

    #[symbols(vmlinux)]
    extern "Rust" {
        fn unexported_helper(x: c_int) -> c_int;
    }

    #[symbols(vmlinux)]
    extern "C" {
        type file;
        #[cfg(CONFIG_SMP)]
        static console_printk: [c_int; 4];
        #[inline]
        fn seq_release(x: c_int) -> c_int;
    }

    #[c("helpers.c")]
    extern "C" {
        static COUNT: c_int;
    }
}

fn main() {}

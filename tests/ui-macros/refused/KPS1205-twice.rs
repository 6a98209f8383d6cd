//! One kind of hook twice.

use kps::prelude::*;

#[livepatch(license = "GPL")]
mod twice {
    #[pre(vmlinux::cmdline_proc_show)]
    unsafe fn first(m: *mut seq_file, v: *mut c_void) -> c_int {}

    #[pre(vmlinux::cmdline_proc_show)]
    unsafe fn second(m: *mut seq_file, v: *mut c_void) -> c_int {}

    #[post_patch(vmlinux)]
    unsafe fn once() {}

    #[post_patch(vmlinux)]
    unsafe fn again() {}

    #[c("version.c")]
    extern "C" {
        #[replace(vmlinux::version_proc_show)]
        fn version_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int;
        #[replace(vmlinux::version_proc_show)]
        fn version_proc_show_2(m: *mut seq_file, v: *mut c_void) -> c_int;
    }
}

fn main() {}

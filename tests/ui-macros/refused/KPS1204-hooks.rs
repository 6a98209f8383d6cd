//! Two hooks of one function that do not agree about it.

use kps::prelude::*;

#[livepatch(license = "GPL")]
mod hooks {
    #[pre(vmlinux::cmdline_proc_show)]
    unsafe fn before(m: *mut seq_file, v: *mut c_void) -> c_int {}

    #[post(vmlinux::cmdline_proc_show)]
    unsafe fn after(file: *mut seq_file, v: *mut c_void, ret: c_int) {}

    #[pre(vmlinux::version_proc_show)]
    unsafe fn before_version(m: *mut seq_file, v: *mut c_void) -> c_int {}

    #[post(vmlinux::version_proc_show)]
    unsafe fn after_version(m: *mut seq_file, v: *mut c_void, ret: c_long) {}
}

fn main() {}

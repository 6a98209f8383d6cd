//! Functions that cannot be changed, or not so.

use kps::prelude::*;

#[livepatch(license = "GPL")]
mod functions {
    #[pre(vmlinux::copy_page)]
    unsafe fn no_site(to: *mut c_void, from: *mut c_void) {}

    #[pre(vmlinux::odd_start)]
    unsafe fn odd(m: *mut seq_file, v: *mut c_void) -> c_int {}

    #[replace(vmlinux::cmdline_proc_show)]
    unsafe fn anew(m: *mut seq_file, v: *mut c_void) -> c_int {
        0
    }

    #[post(vmlinux::cmdline_proc_show)]
    unsafe fn after(m: *mut seq_file, v: *mut c_void, ret: c_int) {}

    #[shadow(on = seq_file)]
    static forever: Shadow<u32> = Shadow::new(0);
}

fn main() {}

//! Prototypes that are not those of the kernel.

use kps::prelude::*;

#[livepatch(license = "GPL")]
mod prototypes {
    #[pre(vmlinux::cmdline_proc_show)]
    unsafe fn other_parameter(m: *mut seq_file, v: c_long) -> c_int {}

    #[replace(vmlinux::version_proc_show)]
    unsafe fn no_result(m: *mut seq_file, v: *mut c_void) {}

    #[post(vmlinux::meminfo_proc_show)]
    unsafe fn no_ret(m: *mut seq_file, v: *mut c_void) {}

    #[pre(vmlinux::do_nothing)]
    unsafe fn result(v: *mut c_void) -> c_int {}

    #[pre(vmlinux::mountstats_open)]
    unsafe fn no_such_type(inode: *mut inod, file: *mut file) -> c_int {}

    #[pre(vmlinux::show_mountinfo)]
    unsafe fn not_of_c(m: &mut seq_file, v: String) -> c_int {}

    #[symbols(vmlinux)]
    extern "C" {
        fn unexported_helper(x: *mut c_void) -> c_int;
    }
}

fn main() {}

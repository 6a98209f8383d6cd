//! Functions that the kernel cannot call.

use kps::prelude::*;

#[livepatch(license = "GPL")]
mod signatures {
    #[pre(vmlinux::cmdline_proc_show)]
    fn safe(m: *mut seq_file, v: *mut c_void) -> c_int {}

    #[replace(vmlinux::version_proc_show)]
    unsafe fn generic<T>(m: *mut T, v: *mut c_void) -> c_int {
        0
    }

    #[replace(vmlinux::version_proc_show)]
    async unsafe fn later(m: *mut seq_file, v: *mut c_void) -> c_int {
        0
    }

    #[pre(vmlinux::version_proc_show)]
    unsafe fn pattern((a, b): (c_int, c_int)) -> c_int {}

    #[pre(vmlinux::version_proc_show)]
    unsafe fn tail(m: *mut seq_file, v: *mut c_void) -> c_int {
        -EPERM
    }

    #[post(vmlinux::meminfo_proc_show)]
    unsafe fn returns(m: *mut seq_file, v: *mut c_void) -> c_int {
        0
    }

    #[pre_patch(vmlinux)]
    unsafe fn says_nothing() {}

    #[post_patch(vmlinux)]
    unsafe fn says_something() -> c_int {
        0
    }

    #[pre_unpatch(vmlinux)]
    unsafe fn two(obj: *mut klp_object, patch: *mut klp_patch) {}

    #[post_unpatch(vmlinux)]
    unsafe fn other(object: *mut klp_object) {}

    #[post_unpatch(vmlinux)]
    fn safe_callback() {}
}

fn main() {}

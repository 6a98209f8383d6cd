//! Attributes that nothing reads.

use kps::prelude::*;

#[pre(vmlinux::cmdline_proc_show)]
unsafe fn outside(m: *mut seq_file, v: *mut c_void) -> c_int {
    0
}

#[livepatch(license = "GPL")]
mod astray {
    #[post_patch(vmlinux)]
    unsafe fn begun() {}

    mod inner {
        #[kps::post(vmlinux::cmdline_proc_show)]
        unsafe fn nested(m: *mut seq_file, v: *mut c_void, ret: c_int) {}
    }

    struct Hooks;

    impl Hooks {
        #[replace(vmlinux::version_proc_show)]
        unsafe fn associated(m: *mut seq_file, v: *mut c_void) -> c_int {
            0
        }
    }
}

fn main() {}

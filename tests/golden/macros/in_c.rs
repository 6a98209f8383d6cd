//! Functions in C: `c`.

use kps::prelude::*;

/// A new body in C, and a function in C that a hook calls.
#[livepatch(license = "GPL")]
mod in_c {
    #[c("in_c.c")]
    extern "C" {
        fn reckon(figure: c_int) -> c_int;
        #[replace(vmlinux::version_proc_show)]
        fn version_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int;
    }

    #[post(vmlinux::cmdline_proc_show)]
    unsafe fn call(m: *mut seq_file, v: *mut c_void, mut ret: c_int) {
        ret = reckon(ret);
    }
}

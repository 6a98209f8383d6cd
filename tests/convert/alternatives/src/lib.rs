// Conditions are attributes in a crate.
//! The livepatch `alternatives`.

use kps::prelude::*;

#[livepatch(license = "GPL", kernel = "7.3.4")]
mod alternatives {
    // Newer kernels say so.
    #[when("6.13 ..")]
    #[when(has(cmdline_proc_show))]
    const MARK: &CStr = c"newer\n";

    // A comment of the function.
    #[when("7.0 ..")]
    #[when(lacks(no_such_function))]
    #[pre(vmlinux::cmdline_proc_show)]
    unsafe fn pre_cmdline_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int {
        show_type(m);
    }

    #[when("7.0 ..")]
    #[when(lacks(no_such_function))]
    #[post(vmlinux::cmdline_proc_show)]
    unsafe fn post_cmdline_proc_show(m: *mut seq_file, v: *mut c_void, ret: c_int) {
        seq_printf(m, MARK.as_ptr());
    }

    #[symbols(vmlinux)]
    extern "C" {
        #[when("7.0 ..")]
        #[when("7.0 ..")]
        #[position(2)]
        fn show_type(m: *mut seq_file);
    }
}

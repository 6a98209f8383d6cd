//! Items for some kernels: those for others leave no trace.

/// Alternatives.
#[kps::livepatch(license = "GPL")]
mod alternatives {
    #[when("..= 6.12")]
    const MARK: &CStr = no_such_text;
    #[when("6.13 ..")]
    const MARK: &CStr = c"newer\n";

    #[when(lacks(cmdline_proc_show))]
    #[symbols(vmlinux)]
    extern "C" {
        fn no_such_function(a: no_such_type) -> c_int;
    }

    // Nor is the object of such items there.
    #[symbols(no_such_module)]
    extern "C" {
        #[when("..= 6.12")]
        static no_such_variable: c_int;
    }

    #[when(has(no_such_function))]
    #[replace(vmlinux::cmdline_proc_show)]
    unsafe fn older(m: *mut no_such_type) -> c_int {
        original(m)
    }

    #[post(vmlinux::cmdline_proc_show)]
    #[when(lacks(no_such_function))]
    unsafe fn newer(m: *mut seq_file, v: *mut c_void, ret: c_int) {
        seq_printf(m, MARK.as_ptr());
    }
}

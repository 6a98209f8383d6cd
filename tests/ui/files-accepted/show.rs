//! Shows it.

fn cmdline_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int {
    seq_printf(m, c"kps=1\n".as_ptr());
    original(m, v)
}

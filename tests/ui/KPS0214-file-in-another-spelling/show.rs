fn cmdline_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int {
    original(m, v)
}

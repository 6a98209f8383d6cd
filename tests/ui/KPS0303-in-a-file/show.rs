fn cmdline_proc_show(
    m: *mut seq_fil,
    v: *mut c_void,
) -> c_int {
    0
}

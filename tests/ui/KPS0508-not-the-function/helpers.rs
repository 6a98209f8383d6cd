const HELP: c_int = 0;

fn version_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int {
    HELP
}

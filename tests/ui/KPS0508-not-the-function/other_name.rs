fn show(m: *mut seq_file, v: *mut c_void) -> c_int { 0 }

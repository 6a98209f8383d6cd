fn no_btf_function(m: *mut seq_file) -> c_int {
    0
}

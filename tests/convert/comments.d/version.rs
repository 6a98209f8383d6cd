//! One function.

/// Shows the version,
/* and more, */
pub unsafe extern "C" fn version_proc_show(
    mut file: *mut seq_file, // open
    _v: *mut c_void,
) -> c_int {
    file = file;
    original(file, _v) // as it was
}
// The end.

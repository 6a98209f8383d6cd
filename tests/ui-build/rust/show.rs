// SPDX-License-Identifier: GPL-2.0

/// Shows the command line.
fn cmdline_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int {
    let length = 1;
    seq_printf(m, Some(3));
    drop(original(m, v));
}

// SPDX-License-Identifier: GPL-2.0
fn cmdline_proc_show(m: *mut seq_file, value: *mut c_void) -> c_int {
    seq_printf(m, c"%d\n".as_ptr(), reckon(unexported_helper(2)));
    original(m, value)
}

// SPDX-License-Identifier: GPL-2.0

/// Shows the command line twice: as it is kept, and as the old function shows it.
fn cmdline_proc_show(file: *mut seq_file, value: *mut c_void) -> c_int {
    tally::count();
    seq_printf(file, c"kept: %s\nshown: ".as_ptr(), saved_command_line);
    original(file, value)
}

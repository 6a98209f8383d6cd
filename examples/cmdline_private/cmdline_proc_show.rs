// SPDX-License-Identifier: GPL-2.0

/// Shows the command line word by word.
fn cmdline_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int {
    for word in CStr::from_ptr(saved_command_line).to_bytes().split(|&c| c == b' ') {
        let (shown, end) = match words::private(word) {
            Some(name) => (name, c"=... "),
            None => (word, c" "),
        };
        seq_printf(m, c"%.*s%s".as_ptr(), shown.len() as c_int, shown.as_ptr(), end.as_ptr());
    }
    seq_putc(m, b'\n');
    0
}

use super::*;

pub fn count(m: *mut seq_file) {
    let helped = unsafe { unexported_helper(1) };
    unsafe { seq_printf(m, "text") };
}

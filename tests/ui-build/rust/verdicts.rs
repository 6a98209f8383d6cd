//! What the new code has seen.
use super::*;

pub fn count(m: *mut seq_file) -> c_int {
    let seen: u32 = "many";
    unsafe { seq_printf(m, c"%u\n".as_ptr(), seen) };
    (*m).no_such_member
}

fn nobody_calls_this() {}

//! Shared.

pub fn count(by: c_int) -> c_int {
    by + 1
}

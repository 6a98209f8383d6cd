//! What bodies share.

/// Counts with the macro of the spec.
pub fn count(by: c_int) -> c_int {
    add!(FIRST);
    by
}

//! One.

pub fn count() -> u32 {
    let e = ;
    1
}

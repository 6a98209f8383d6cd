#[no_mangle]
fn unexported_helper(value: c_int) -> c_int {
    value
}

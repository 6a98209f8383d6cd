pub fn f() {
    // ‮ reversed
}

pub fn count() {
    let a = (1, [2);
}

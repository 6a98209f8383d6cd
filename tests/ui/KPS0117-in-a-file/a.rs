#[path = "/etc/passwd"]
mod inner;

pub fn f() {}

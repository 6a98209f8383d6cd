//! A livepatch that is no module.

use kps::prelude::*;

#[livepatch(license = "GPL")]
unsafe fn cmdline_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int {
    0
}

fn main() {}

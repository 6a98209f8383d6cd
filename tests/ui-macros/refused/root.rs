//! A livepatch that is not at the root of its crate.

#![allow(unexpected_cfgs, unused_imports)]

use kps::prelude::*;

mod inside {
    use kps::prelude::*;

    #[livepatch(license = "GPL")]
    mod deep {
        #[post_patch(vmlinux)]
        unsafe fn begun() {}
    }
}

fn main() {}

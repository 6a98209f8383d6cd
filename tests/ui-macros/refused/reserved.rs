//! A livepatch with a name of the generated code, and without a license.

use kps::prelude::*;

#[livepatch]
mod kps {
    #[post_patch(vmlinux)]
    unsafe fn begun() {}
}

fn main() {}

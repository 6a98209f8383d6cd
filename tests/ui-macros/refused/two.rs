//! Two livepatches in one crate.

#![allow(unexpected_cfgs, unused_imports)]

use kps::prelude::*;

#[livepatch(license = "GPL")]
mod one {
    #[post_patch(vmlinux)]
    unsafe fn begun() {}
}

#[livepatch(license = "GPL")]
mod other {
    #[post_patch(vmlinux)]
    unsafe fn begun() {}
}

fn main() {}

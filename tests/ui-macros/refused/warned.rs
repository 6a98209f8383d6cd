//! Warnings are shown at the author's place.
#![deny(deprecated)]
#![allow(unexpected_cfgs)]
use kps::prelude::*;

#[livepatch(license = "GPL", kernel = "7.3")]
mod warned {
    #[post(vmlinux::worker_thread)]
    unsafe fn behind(worker: *mut c_void, ret: c_int) {}
}

fn main() {}

// SPDX-License-Identifier: GPL-2.0
//! The preparation of a stock kernel with its own Rust crate, as of the default target.

use super::interrupted::prepare;
use super::stock::on_disk;
use super::stops::{self, Interrupted};
use super::there::succeed;
use kps_tests::target::target;
use std::process::Command;

/// It is killed in each of its steps and runs out of room in some.
pub(super) fn is_prepared_under_interruptions() {
    let there = on_disk("crate");
    let (release, stops) = (target().release().to_owned(), stops::with_crate());
    prepare(&there, &release, &["--rust", "kernel"], &stops, Interrupted::InAll);
    there.keeps_less_than(1 << 20);
    succeed(Command::new("umount").arg(&there.cache));
}

// SPDX-License-Identifier: GPL-2.0
//! What kpsc says about everything else that can be bad: files that are none, damaged targets and
//! kernels, an environment that is not as it should be. Every case has its messages and exit status
//! in `tests/ui-input/NAME.stderr`, and leaves nothing on the disk.
//!
//! A case is a function that makes a small world bad and gives the arguments to run kpsc with.
//! `BLESS=1 cargo xtask test input` writes the messages anew; read the difference before you commit
//! it.

mod environment;
mod kernels;
mod specs;
mod targets;

use kps_tests::repository;
use kps_tests::schedule::{Case, Failed};
use kps_tests::world::{compare, World};
use std::collections::BTreeSet;
use std::ffi::OsString;

/// A bad thing: its name, which starts with the code that it is about, and what makes it.
type Bad = (&'static str, fn(&mut World) -> Vec<OsString>);

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let all =
        || [specs::CASES, targets::CASES, kernels::CASES, environment::CASES].into_iter().flatten();
    let case = |&(name, make): &Bad| Case::new(name, move || check(name, make));
    let every = Case::new("every-message-has-a-case", move || {
        every_message_has_a_case(&all().map(|(name, _)| format!("{name}.stderr")).collect())
    });
    all().map(case).chain([every]).collect()
}

fn check(name: &str, make: fn(&mut World) -> Vec<OsString>) -> Result<(), Failed> {
    let mut world = World::default();
    let arguments = make(&mut world);
    let said = world.run_cleanly(&arguments)?;
    Ok(compare(&said, &repository().join("tests/ui-input").join(format!("{name}.stderr")))?)
}

fn every_message_has_a_case(known: &BTreeSet<String>) -> Result<(), Failed> {
    let entries = std::fs::read_dir(repository().join("tests/ui-input"))?.flatten();
    let files: BTreeSet<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    match files.symmetric_difference(known).next() {
        Some(odd) => Err(format!("{odd} is a case or a file, but not both").into()),
        None => Ok(()),
    }
}

/// The arguments as kpsc gets them.
fn arguments(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

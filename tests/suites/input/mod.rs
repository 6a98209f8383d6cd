// SPDX-License-Identifier: GPL-2.0
//! What kpsc says about everything else that can be bad: files that are none, damaged targets and
//! kernels, an environment that is not as it should be. Every case has its messages and exit status
//! in `tests/ui-input/NAME.stderr`, and leaves nothing on the disk.
//!
//! A case is a function that makes a small world bad and gives the arguments to run kpsc with.
//! `BLESS=1 cargo xtask test input` writes the messages anew; read the difference before you commit
//! it.

mod environment;
mod folders;
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
    let others =
        || [specs::CASES, targets::CASES, kernels::CASES, environment::CASES].into_iter().flatten();
    let case = |&(name, make): &Bad| Case::new(name, move || check(name, make));
    let twice = |&(name, make): &Bad| Case::new(name, move || check_as_both(name, make));
    let every = Case::new("every-message-has-a-case", move || {
        let all = others().chain(folders::CASES);
        every_message_has_a_case(&all.map(|(name, _)| format!("{name}.stderr")).collect())
    });
    others().map(case).chain(folders::CASES.iter().map(twice)).chain([every]).collect()
}

fn check(name: &str, make: fn(&mut World) -> Vec<OsString>) -> Result<(), Failed> {
    let mut world = World::default();
    let arguments = make(&mut world);
    let said = world.run_cleanly(&arguments)?;
    Ok(compare(&said, &repository().join("tests/ui-input").join(format!("{name}.stderr")))?)
}

/// The same with little memory, and for root as for others: root may read every file, and kpsc must
/// not.
fn check_as_both(name: &str, make: fn(&mut World) -> Vec<OsString>) -> Result<(), Failed> {
    /// In addition to the stack, in MiB. Of that, the C library reserves 64 for each thread that
    /// reads the output of a program or waits for its end.
    const SPACE: u64 = 450;
    let mut world = World::default();
    world.limit_space(SPACE);
    let arguments = make(&mut world);
    let said = world.run_cleanly(&arguments)?;
    compare(&said, &repository().join("tests/ui-input").join(format!("{name}.stderr")))?;
    if world.as_stranger() {
        let said_to_others = world.run_cleanly(&arguments)?;
        if said_to_others != said {
            return Err(format!("root gets\n{said}\nothers get\n{said_to_others}").into());
        }
    }
    Ok(())
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

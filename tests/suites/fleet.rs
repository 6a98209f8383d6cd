// SPDX-License-Identifier: GPL-2.0
//! Livepatches on many machines: the collection for Ansible.

use kps_tests::schedule::Case;
use kps_tests::{cases, printed, repository};
use std::process::Command;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![what_the_modules_conclude_from_answers_is_right]
}

/// The collection's own tests, with answers that kpsctl has given.
fn what_the_modules_conclude_from_answers_is_right() {
    let mut python = Command::new("python3");
    python.args(["-m", "unittest", "discover", "tests/unit"]).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = python.current_dir(repository().join("deploy/ansible")).output();
    let output = output.unwrap_or_else(|error| panic!("python3: {error}"));
    let said = printed(&output);
    assert!(output.status.success() && said.contains("\nOK"), "{said}");
}

// SPDX-License-Identifier: GPL-2.0
//! A commit as a source diff, which Git makes.

use crate::input::decode;
use kps_diag::{Diagnostic, MISSING_PROGRAM, UNREADABLE_FIX};
use kps_grammar::Source;
use kps_host::output::output;
use kps_host::process::program;

/// What a repository's configuration may change of a diff, and programs that it may name.
const SETTINGS: &[&str] = &[
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "diff.external=",
    "diff.mnemonicPrefix=false",
    "diff.noprefix=false",
    "format.attach=",
    "format.signature=",
];

/// The commit as `git format-patch` writes it.
pub(super) fn format_patch(revision: &str) -> Result<Source, Diagnostic> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/^~@{}-+".contains(c);
    if revision.is_empty() || revision.starts_with('-') || !revision.chars().all(is_plain) {
        let message = format!("{revision:?} is not the name of a commit");
        return Err(Diagnostic::new(UNREADABLE_FIX, message)
            .help("name one commit, for example by its id or as `HEAD~2`"));
    }
    let mut command = program("git");
    command.arg("--no-pager");
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command.args(["format-patch", "--stdout", "--no-ext-diff", "--no-textconv", "--no-color"]);
    command.args(["--no-stat", "-1", "--end-of-options", revision, "--"]);
    let made = output(&mut command).map_err(|error| {
        let message = format!("cannot start git: {error}");
        Diagnostic::new(MISSING_PROGRAM, message).help("install the package `git`")
    })?;
    if !made.ended.status.success() || made.ended.is_cut {
        let said = String::from_utf8_lossy(&made.stderr);
        let said = said.lines().next().unwrap_or_default().to_owned();
        return Err(Diagnostic::new(UNREADABLE_FIX, format!("git has no commit `{revision}`"))
            .note(said)
            .help("run this in the Git repository that has the commit"));
    }
    decode(format!("{}.patch", plain(revision)), made.stdout)
}

/// The revision as the name of a file in messages.
fn plain(revision: &str) -> String {
    revision.replace(['/', '{', '}', '^', '~', '@'], "_")
}

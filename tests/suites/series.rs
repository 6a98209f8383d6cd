// SPDX-License-Identifier: GPL-2.0
//! `kpsc test` with several patches: they are loaded one after the other in one machine, and the
//! tests of each hold while it is the newest.

use crate::crates::MACROS;
use kps_tests::schedule::Case;
use kps_tests::{cases, example, kpsc, printed, repository};
use std::path::{Path, PathBuf};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_state_is_handed_over_and_back.machine().about(10).quick(),
        what_fails_names_its_phase.machine().about(10),
        stacked_patches_are_unloaded_in_reverse.machine().about(10),
        what_always_holds_is_looked_at_in_every_phase.machine().about(10),
        a_patch_is_loaded_with_what_each_test_gives.machine().about(10),
        a_crate_and_a_spec_are_a_series.machine().about(30).shares(MACROS),
        a_series_that_the_kernel_would_refuse_starts_no_machine,
        modules_are_given_for_all_patches_or_none,
    ]
}

fn spec(name: &str) -> PathBuf {
    repository().join("tests/vm/series").join(name).with_extension("kps")
}

/// The exit status of `kpsc test` and what it prints.
fn test(specs: &[&Path], words: &[&str]) -> (Option<i32>, String) {
    let output = kpsc().args(["test", "--timeout", "20"]).args(words).args(specs).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    (output.status.code(), printed(&output))
}

/// The phases in which the steps of a patch ran, in order.
fn phases<'a>(said: &'a str, patch: &str) -> Vec<&'a str> {
    let of_patch = said.lines().filter(|line| line.starts_with(&format!("{patch}: ")));
    let mut phases: Vec<&str> = of_patch
        .filter_map(|line| line.split(": run ").next()?.rsplit_once(": "))
        .map(|(_, phase)| phase)
        .collect();
    phases.dedup();
    phases
}

/// The second version shows what the first one has saved, and what it restores is that. The first
/// one takes over again.
fn a_state_is_handed_over_and_back() {
    let (status, said) = test(&[&spec("level_v1"), &spec("level_v2")], &["-v"]);
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(
        phases(&said, "level_v1"),
        [
            "before any patch was loaded",
            "with `level_v1` loaded",
            "after `level_v2` was unloaded",
            "back to `level_v1`, which replaced `level_v2`",
            "after `level_v1` was unloaded",
        ],
        "{said}"
    );
    assert_eq!(
        phases(&said, "level_v2"),
        [
            "before any patch was loaded",
            "with `level_v2` loaded in place of `level_v1`",
            "after `level_v2` was unloaded",
            "after `level_v1` was unloaded",
        ],
        "{said}"
    );
    let ok = "ok: level_v2: the second version knows what the first one has saved\n";
    assert!(said.contains(ok), "{said}");
}

/// A second version that saves anew what the first one has changed hands on the wrong level.
fn what_fails_names_its_phase() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let forgetful =
        edited(folder.path(), "level_v2", "level.get().unwrap_or(0)", "console_printk[0]");
    let (status, said) = test(&[&spec("level_v1"), &forgetful], &[]);
    assert_eq!(status, Some(4), "{said}");
    let fails = "error[KPS0901]: \"level_v2: the second version knows what the first one has \
        saved\" fails with `level_v2` loaded in place of `level_v1`";
    assert!(said.contains(fails), "{said}");
    assert!(said.contains("level_v2.kps:") && said.contains("ok: level_v1: "), "{said}");
}

fn stacked_patches_are_unloaded_in_reverse() {
    let (status, said) = test(&[&example("cmdline_mark"), &spec("mark_over")], &["-v"]);
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(
        phases(&said, "cmdline_mark"),
        [
            "before any patch was loaded",
            "with `cmdline_mark` loaded",
            "back to `cmdline_mark`, after `mark_over` was unloaded",
            "after `cmdline_mark` was unloaded",
        ],
        "{said}"
    );
    let over = "with `mark_over` loaded over `cmdline_mark`";
    assert!(phases(&said, "mark_over").contains(&over), "{said}");
}

/// A copy of a spec of the series in a folder, with some of its text replaced.
fn edited(folder: &Path, name: &str, from: &str, to: &str) -> PathBuf {
    let text = std::fs::read_to_string(spec(name)).unwrap_or_else(|error| panic!("{error}"));
    assert!(text.contains(from), "{name} has no {from:?}");
    let copy = folder.join(name).with_extension("kps");
    std::fs::write(&copy, text.replace(from, to)).unwrap_or_else(|error| panic!("{error}"));
    copy
}

/// What the first version promises of every phase breaks when the second one is there.
fn what_always_holds_is_looked_at_in_every_phase() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let line = "unpatched lacks \"kps=\";";
    let promise = format!("{line} always lacks \"kps=2\";");
    let first = edited(folder.path(), "level_v1", line, &promise);
    let (status, said) = test(&[&first, &spec("level_v2")], &[]);
    assert_eq!(status, Some(4), "{said}");
    let fails = "\"level_v1: the first version is there\" fails with `level_v2` loaded in place of";
    assert_eq!((said.matches(fails).count(), said.matches("error[").count()), (1, 1), "{said}");
}

/// Each set of parameters is a load of its own, and decides whether the patch replaces another.
fn a_patch_is_loaded_with_what_each_test_gives() {
    let specs = [example("cmdline_mark"), example("cumulative_if")];
    let (status, said) = test(&[&specs[0], &specs[1]], &["-v"]);
    assert_eq!(status, Some(0), "{said}");
    let phases = phases(&said, "cumulative_if");
    let over = "with `cumulative_if` loaded over `cmdline_mark`";
    let alone = "with `cumulative_if` loaded in place of `cmdline_mark`, with `alone=1`";
    assert!(phases.contains(&over) && phases.contains(&alone), "{said}");
    assert_eq!(said.matches("ok: cumulative_if: ").count(), 2, "{said}");
}

fn a_crate_and_a_spec_are_a_series() {
    let crate_folder = repository().join("examples/kill_watch");
    let (status, said) = test(&[&example("cmdline_mark"), &crate_folder], &[]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("ok: kill_watch: "), "{said}");
    assert!(said.contains("ok: cmdline_mark: the marker is there\n"), "{said}");
}

fn a_series_that_the_kernel_would_refuse_starts_no_machine() {
    let replaces = repository().join("tests/vm/stacked/marks_all.kps");
    let (status, said) = test(&[&spec("level_v1"), &replaces], &[]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("KPS1108"), "{said}");
    assert!(!said.contains("virtual machine"), "{said}");
}

fn modules_are_given_for_all_patches_or_none() {
    let (status, said) =
        test(&[&spec("level_v1"), &spec("level_v2")], &["--module", "level_v1.ko"]);
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("`--module` names 1 of the modules of 2 specs"), "{said}");
}

// SPDX-License-Identifier: GPL-2.0
//! A command for several kernels in one run.

use super::{assert_ends, folder, run, write, PASSED, SPEC};
use kps_targets::Cache;
use kps_tests::schedule::Case;
use kps_tests::{cases, fixture, fixture_cache, kpsc, put_target, FIXTURE, MANIFEST};
use std::path::Path;
use std::process::Command;

/// The cases about several kernels.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        each_kernel_has_its_messages_and_a_row,
        programs_are_told_of_the_kernel,
        all_kernels_are_those_of_the_cache_damaged_ones_too,
        results_for_several_kernels_have_names_of_their_own,
        the_start_of_a_version_is_enough_if_one_target_has_it,
    ]
}

/// A cache with the fixture and a kernel of another version without the function of [`SPEC`].
pub(super) fn two_kernels() -> tempfile::TempDir {
    let cache = fixture_cache();
    let mut facts = fixture::facts();
    facts.identity.release = "7.2.6-other".to_owned();
    facts.config.remove("CONFIG_LIVEPATCH");
    let manifest = MANIFEST.replace("7.3.4-fixture", "7.2.6-other");
    put_target(cache.path(), "other", &manifest, &facts);
    cache
}

pub(super) fn on(cache: &Path, arguments: &[&str]) -> Command {
    let mut command = kpsc();
    command.env("KPSC_CACHE", cache).args(arguments);
    command
}

/// What a command prints to each of its outputs, with its status.
pub(super) fn both(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn each_kernel_has_its_messages_and_a_row() {
    let (root, cache) = (folder(), two_kernels());
    let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
    let kernels = ["--kernel", "other", "--kernel", FIXTURE, "--kernel", "none"];
    let mut check = on(cache.path(), &["check", &spec, "--message-format", "short"]);
    let (status, table, said) = both(check.args(kernels));
    // The highest status counts: a target that does not exist is 3.
    assert_eq!(status, Some(3), "{table}{said}");
    assert_eq!(table, "other    failed KPS0607\nfixture  ok\nnone     failed KPS0704\n");
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        matches!(lines.as_slice(), ["other:", first, "none:", second]
            if first.contains("KPS0607") && second.contains("KPS0704")),
        "{said}"
    );
    // One kernel is as ever, and so is one that is named twice.
    let (status, table, said) = both(&mut on(cache.path(), &["check", &spec, "--kernel", FIXTURE]));
    assert_eq!((status, table.as_str()), (Some(0), ""));
    assert_eq!(said, "");
    let twice = ["check", &spec, "--kernel", FIXTURE, "--kernel", "7.3"];
    let (status, table, _) = both(&mut on(cache.path(), &twice));
    assert_eq!((status, table.as_str()), (Some(0), "fixture  ok\n"));
}

fn programs_are_told_of_the_kernel() {
    let (root, cache) = (folder(), two_kernels());
    let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
    let arguments = ["check", &spec, "--all-kernels", "--message-format", "json"];
    let (status, rows, said) = both(&mut on(cache.path(), &arguments));
    assert_eq!(status, Some(1));
    assert_eq!(
        rows,
        concat!(
            r#"{"kernel":"fixture","status":0,"codes":[],"module":null}"#,
            "\n",
            r#"{"kernel":"other","status":1,"codes":["KPS0607"],"module":null}"#,
            "\n"
        )
    );
    assert!(said.ends_with("\"kernel\":\"other\"}\n") && said.lines().count() == 1, "{said}");
}

fn all_kernels_are_those_of_the_cache_damaged_ones_too() {
    let (root, cache) = (folder(), fixture_cache());
    let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
    put_target(cache.path(), "damaged", "release = 7", &fixture::facts());
    let (status, table, _) = both(&mut on(cache.path(), &["check", &spec, "--all-kernels"]));
    assert_eq!(status, Some(3));
    assert_eq!(table, "damaged  failed KPS0705\nfixture  ok\n");
    let empty = folder();
    assert_ends(run(&mut on(empty.path(), &["check", &spec, "--all-kernels"])), 3, "KPS0704");
    let both = ["check", &spec, "--all-kernels", "--kernel", FIXTURE];
    assert_ends(run(&mut on(cache.path(), &both)), 2, "cannot be used with");
}

fn results_for_several_kernels_have_names_of_their_own() {
    let (root, cache) = (folder(), fixture_cache());
    put_target(cache.path(), "second", MANIFEST, &fixture::facts());
    let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
    let place = root.path().display().to_string();
    let arguments = ["build", &spec, "--emit", "source", "-o", &place, "--all-kernels"];
    let (status, table, said) = both(&mut on(cache.path(), &arguments));
    assert_eq!(status, Some(0), "{said}");
    let row = |kernel: &str| format!("{kernel}  ok  {place}/fix-{}\n", kernel.trim_end());
    assert_eq!(table, row("fixture") + &row("second "));
    for kernel in ["fixture", "second"] {
        // The module inside has the patch's name.
        assert!(root.path().join(format!("fix-{kernel}/fix_main.rs")).exists());
    }
}

fn the_start_of_a_version_is_enough_if_one_target_has_it() {
    let (root, cache) = (folder(), two_kernels());
    let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
    let check = |version: &str| run(&mut on(cache.path(), &["check", &spec, "--kernel", version]));
    assert_eq!(check("7.3"), (0, PASSED.to_owned()));
    assert_ends(check("7.2.6"), 1, "KPS0607");
    // 7.3 is no 7.30, and 7.3.4 no 7.3.40.
    assert_ends(check("7.30"), 3, "KPS0704");
    assert_ends(check("7.3.4-fix"), 3, "KPS0704");
    assert_ends(check("7"), 3, "KPS0721");
    assert_ends(check("7"), 3, "write more of a name: fixture, other");
    // A name goes first.
    put_target(cache.path(), "7", MANIFEST, &fixture::facts());
    assert_ends(check("7"), 0, "");
    assert!(Cache::at(cache.path()).kernel("7").exists());
}

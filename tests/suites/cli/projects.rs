// SPDX-License-Identifier: GPL-2.0
//! Projects: what a `kpsc.toml` decides, and which target a command takes.

use super::kernels::{both, on, two_kernels};
use super::{folder, write, PASSED, SPEC};
use kps_operate::{Kernel, System};
use kps_tests::schedule::Case;
use kps_tests::{cases, fixture, fixture_cache, put_target, FIXTURE, MANIFEST};
use std::path::Path;

/// The cases about projects.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        the_target_is_that_of_the_command_line_the_project_or_the_user,
        several_kernels_of_a_project_are_a_table,
        a_target_of_the_project_that_is_missing_is_named_with_its_file,
        the_format_of_messages_is_that_of_the_project,
        patches_with_data_are_of_the_family_of_the_project,
        all_patches_of_a_project_and_no_others_are_checked,
        what_may_be_a_patch_is_not_passed_over,
        patches_of_one_name_are_not_built_over_one_another,
        a_project_file_with_a_mistake_is_refused_at_its_place,
        success_names_the_target_and_the_running_kernel_if_it_is_another,
    ]
}

/// What `kpsc check` prints for a spec, and how it ends.
fn check(cache: &Path, spec: &str, more: &[&str]) -> (Option<i32>, String, String) {
    both(on(cache, &["check", spec]).args(more))
}

fn the_target_is_that_of_the_command_line_the_project_or_the_user() {
    let (root, cache) = (folder(), two_kernels());
    let spec = write(&root.path().join("patches/a/fix.kps"), SPEC.as_bytes());
    // The spec is refused for `other` and for no other kernel.
    let takes = |more: &[&str]| match check(cache.path(), &spec, more).0 {
        Some(0) => FIXTURE,
        Some(1) => "other",
        status => panic!("{status:?}"),
    };
    let default =
        |name| assert_eq!(both(&mut on(cache.path(), &["kernel", "default", name])).0, Some(0));
    default(FIXTURE);
    assert_eq!(takes(&[]), FIXTURE);
    write(&root.path().join("kpsc.toml"), b"kernels = [\"7.2.6\"]\n");
    assert_eq!(takes(&[]), "other");
    assert_eq!(takes(&["--kernel", FIXTURE]), FIXTURE);
    // The nearest file decides, and one without kernels leaves the choice to the user.
    write(&root.path().join("patches/kpsc.toml"), b"");
    assert_eq!(takes(&[]), FIXTURE);
    default("other");
    assert_eq!(takes(&[]), "other");
}

fn several_kernels_of_a_project_are_a_table() {
    let (root, cache) = (folder(), two_kernels());
    let spec = write(&root.path().join("fix.kps"), SPEC.as_bytes());
    write(&root.path().join("kpsc.toml"), b"kernels = [\"fixture\", \"other\"]\n");
    let (status, table, _) = check(cache.path(), &spec, &[]);
    assert_eq!((status, table.as_str()), (Some(1), "fixture  ok\nother    failed KPS0607\n"));
    // A command for one kernel takes the first.
    let (status, ..) = both(&mut on(cache.path(), &["expand", &spec]));
    assert_eq!(status, Some(0));
}

fn a_target_of_the_project_that_is_missing_is_named_with_its_file() {
    let (root, cache) = (folder(), fixture_cache());
    let spec = write(&root.path().join("fix.kps"), SPEC.as_bytes());
    let file = write(&root.path().join("kpsc.toml"), b"kernels = [\"6.1\"]\n");
    let (status, _, said) = check(cache.path(), &spec, &[]);
    assert_eq!(status, Some(3));
    assert!(said.contains("KPS0704") && said.contains(&format!("{file} names it")), "{said}");
}

fn the_format_of_messages_is_that_of_the_project() {
    let (root, cache) = (folder(), fixture_cache());
    let spec = write(&root.path().join("fix.kps"), b"patch fix { }\n");
    write(&root.path().join("kpsc.toml"), b"message-format = \"short\"\n");
    let (_, _, said) = check(cache.path(), &spec, &[]);
    assert!(said.starts_with(&format!("{spec}:1:")), "{said}");
    let (_, _, said) = check(cache.path(), &spec, &["--message-format", "json"]);
    assert!(said.starts_with('{'), "{said}");
}

fn patches_with_data_are_of_the_family_of_the_project() {
    let (root, cache) = (folder(), fixture_cache());
    write(&root.path().join("kpsc.toml"), b"family = \"acme\"\n");
    let with = |line: &str| {
        let text = SPEC.replace("object", &format!("{line} object"));
        let spec = write(&root.path().join("fix.kps"), text.as_bytes());
        let (status, _, said) = check(cache.path(), &spec, &["--message-format", "short"]);
        (status, said.contains("KPS0119"))
    };
    const DATA: &str = "shadow seen: u32 on seq_file = 0, untied;";
    assert_eq!(with(""), (Some(0), false));
    assert_eq!(with(DATA), (Some(1), true));
    assert_eq!(with("family other;"), (Some(1), true));
    assert_eq!(with(&format!("family acme; {DATA}")), (Some(0), false));
    // Each patch of a series is held against its own project.
    write(&root.path().join("sub/kpsc.toml"), b"");
    let other = SPEC.replace("patch fix", "patch next").replace("object", "family other; object");
    let other = write(&root.path().join("sub/next.kps"), other.as_bytes());
    let spec = root.path().join("fix.kps").display().to_string();
    for series in [[&spec, &other], [&other, &spec]] {
        let (_, _, said) = both(on(cache.path(), &["check"]).args(series));
        assert!(!said.contains("KPS0119"), "{said}");
    }
}

fn all_patches_of_a_project_and_no_others_are_checked() {
    let (root, cache) = (folder(), fixture_cache());
    let at = |path: &str, text: &str| write(&root.path().join(path), text.as_bytes());
    at("kpsc.toml", "");
    at("specs/fix.kps", SPEC);
    at("specs/wrong.kps", "patch wrong { }\n");
    let module = "#[livepatch(license = \"GPL\")]\nmod fix {\n    #[post_patch(vmlinux)]\n    unsafe fn on() {}\n}\n";
    at("crates/one/src/lib.rs", module);
    at(
        "crates/one/Cargo.toml",
        "[package]\nname = \"fix\"\nedition = \"2021\"\n[dependencies]\nkps = { path = \"../../kps/runtime\" }\n",
    );
    at("crates/one/tests.kps", "patch fix { }\n");
    // A crate that is no patch, what is hidden, what cargo has made, and another project.
    at("crates/tool/src/lib.rs", "");
    at("crates/tool/Cargo.toml", "[package]\nname = \"tool\"\n");
    at(".hidden/a.kps", "wrong");
    at("target/CACHEDIR.TAG", "");
    at("target/a.kps", "wrong");
    at("other/kpsc.toml", "");
    at("other/a.kps", "wrong");
    let mut all = on(cache.path(), &["check", "--all"]);
    let (status, table, said) = both(all.current_dir(root.path().join("specs")));
    assert_eq!(status, Some(1), "{said}");
    let folder = root.path().display();
    let rows: Vec<String> =
        table.lines().map(|row| row.replace(&format!("{folder}/"), "")).collect();
    let row = |path: &str| rows.iter().any(|row| row.starts_with(path));
    assert!(
        rows.len() == 3 && row("crates/one ") && row("fix.kps ") && row("wrong.kps "),
        "{table}"
    );
    assert!(rows.iter().filter(|row| row.contains("  ok")).count() == 2, "{table}");
    // Programs are told which patch a row is about.
    let mut all = on(cache.path(), &["check", "--all", "--message-format", "json"]);
    let (_, rows, _) = both(all.current_dir(root.path()));
    assert!(
        rows.contains("{\"patch\":\"specs/fix.kps\",\"kernel\":\"fixture\",\"status\":0"),
        "{rows}"
    );
    // Without a project there is no all.
    let nowhere = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let mut all = on(cache.path(), &["check", "--all"]);
    let (status, _, said) = both(all.current_dir(nowhere.path()));
    assert!(status == Some(1) && said.contains("KPS0722"), "{said}");
}

/// A run that has checked nothing, or left a broken patch out, must not look like success.
fn what_may_be_a_patch_is_not_passed_over() {
    let (root, cache) = (folder(), fixture_cache());
    let at = |path: &str, text: &str| write(&root.path().join(path), text.as_bytes());
    at("kpsc.toml", "");
    let all = || both(on(cache.path(), &["check", "--all"]).current_dir(root.path()));
    let (status, _, said) = all();
    assert!(status == Some(1) && said.contains("KPS0722"), "{said}");
    at("fix.kps", SPEC);
    // The library that crates share has crates of its own.
    at("kps/Cargo.toml", "# kpsc wrote this folder: a library.\n");
    at("kps/runtime/Cargo.toml", "[dependencies]\nkps = \"1\"\n");
    assert_eq!(all().1, "fix.kps  fixture  ok\n");
    at("broken/Cargo.toml", "[package]\nname = broken\n");
    at("broken/src/lib.rs", "");
    at("rootless/Cargo.toml", "[package]\nname = \"a\"\n[dependencies]\nkps.path = \"kps\"\n");
    let (status, table, said) = all();
    assert_eq!(status, Some(1), "{said}");
    assert!(
        table.lines().count() == 3 && table.contains("rootless  fixture  failed KPS1211"),
        "{table}"
    );
    assert!(table.contains("broken    fixture  failed"), "{table}");
    // What has the name of a project file and cannot be read is no reason to do without.
    std::fs::remove_file(root.path().join("kpsc.toml")).unwrap_or_else(|error| panic!("{error}"));
    std::fs::create_dir(root.path().join("kpsc.toml")).unwrap_or_else(|error| panic!("{error}"));
    let (status, _, said) = all();
    assert!(status == Some(3) && said.contains("kpsc.toml"), "{said}");
}

fn patches_of_one_name_are_not_built_over_one_another() {
    let (root, cache) = (folder(), fixture_cache());
    write(&root.path().join("kpsc.toml"), b"");
    for path in ["a.kps", "b/a.kps", "c.kps"] {
        let name = if path == "c.kps" { "other" } else { "fix" };
        let text = SPEC.replace("patch fix", &format!("patch {name}"));
        write(&root.path().join(path), text.as_bytes());
    }
    let mut build = on(cache.path(), &["build", "--all", "--emit", "source", "-o", "out"]);
    let (status, table, said) = both(build.current_dir(root.path()));
    assert_eq!(status, Some(1), "{said}");
    let rows = "a.kps    fixture  ok              out/fix\n\
                b/a.kps  fixture  failed KPS0722\n\
                c.kps    fixture  ok              out/other\n";
    assert_eq!(table, rows);
}

fn a_project_file_with_a_mistake_is_refused_at_its_place() {
    let (root, cache) = (folder(), fixture_cache());
    let spec = write(&root.path().join("fix.kps"), SPEC.as_bytes());
    for (text, place, says) in [
        ("kernels = [\"7.3\"]\nkernal = 1\n", "2:1", "kernal"),
        ("kernels = \"7.3\"\n", "1:11", "sequence"),
        ("message-format = \"loud\"\n", "1:18", "loud"),
        ("family = \"a b\"\n", "1:1", "not a name"),
        ("family = \n", "1:", "kpsc.toml"),
    ] {
        let file = write(&root.path().join("kpsc.toml"), text.as_bytes());
        let (status, _, said) = check(cache.path(), &spec, &["--message-format", "short"]);
        assert_eq!(status, Some(1), "{text}: {said}");
        assert!(said.starts_with(&format!("{file}:{place}")) && said.contains("KPS0722"), "{said}");
        assert!(said.contains(says), "{said}");
    }
    // What kpsc does without a patch does not ask for it.
    let mut explain = on(cache.path(), &["explain", "KPS0722"]);
    assert_eq!(both(explain.current_dir(root.path())).0, Some(0));
}

fn success_names_the_target_and_the_running_kernel_if_it_is_another() {
    let (root, cache) = (folder(), fixture_cache());
    let spec = write(&root.path().join("fix.kps"), SPEC.as_bytes());
    let (status, _, said) = check(cache.path(), &spec, &[]);
    assert_eq!((status, said.as_str()), (Some(0), PASSED));
    let Some(Kernel { release, build_id }) = Kernel::of(&System::running("kpsc")) else {
        panic!("/sys/kernel/notes and /proc/sys/kernel/osrelease are not readable")
    };
    let mut facts = fixture::facts();
    let byte = |n: usize| u8::from_str_radix(&build_id[n..n + 2], 16).unwrap_or_default();
    facts.identity.build_id = (0..build_id.len()).step_by(2).map(byte).collect();
    facts.identity.release.clone_from(&release);
    put_target(cache.path(), "own", &MANIFEST.replace("7.3.4-fixture", &release), &facts);
    let default =
        |name| assert_eq!(both(&mut on(cache.path(), &["kernel", "default", name])).0, Some(0));
    const NOTICE: &str = "The target is fixture, and the running kernel is the target own.";
    default(FIXTURE);
    assert!(check(cache.path(), &spec, &[]).2.contains(NOTICE));
    // Who has named a target knows it, and so does who gets the running kernel.
    assert!(!check(cache.path(), &spec, &["--kernel", FIXTURE]).2.contains("running"));
    default("own");
    let said = check(cache.path(), &spec, &[]).2;
    assert!(said.ends_with("checked for own\n") && !said.contains("running"), "{said}");
}

// SPDX-License-Identifier: GPL-2.0
//! Targets on the command line: named, listed, added, and refused.

use super::{assert_ends, cache_with_manifest, folder, run, with_fixture, write, SPEC};
use kps_targets::Cache;
use kps_tests::miniature::{link, Addresses};
use kps_tests::schedule::Case;
use kps_tests::{cases, fixture, fixture_cache, kpsc, put_target, FIXTURE, MANIFEST};

/// The cases about targets.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        an_unknown_target_is_named,
        a_damaged_target_is_noticed,
        targets_are_listed_shown_and_removed,
        a_target_without_livepatch_is_refused,
        a_target_that_wants_signatures_is_told_of,
        a_build_folder_must_hold_a_kernel_that_can_be_read,
        the_name_of_a_target_is_taken_once,
        a_kernel_of_other_compilers_is_refused_before_anything_is_fetched,
    ]
}

fn an_unknown_target_is_named() {
    let root = folder();
    let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
    assert_ends(with_fixture(&["check", &spec, "--kernel", "none"]), 3, "KPS0704");
    assert_ends(with_fixture(&["check", &spec, "--kernel", "../../etc"]), 3, "KPS0704");
    assert_ends(with_fixture(&["kernel", "show", "none"]), 3, "choose from: fixture");
}

fn a_damaged_target_is_noticed() {
    let root = folder();
    let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
    let cache = cache_with_manifest("release = 7");
    assert_ends(run(kpsc().env("KPSC_CACHE", cache.path()).args(["check", &spec])), 3, "KPS0705");
    let cache = fixture_cache();
    let facts = Cache::at(cache.path()).kernel(FIXTURE).join("facts");
    let mut bytes = std::fs::read(&facts).unwrap_or_default();
    bytes[1000] ^= 1;
    write(&facts, &bytes);
    assert_ends(run(kpsc().env("KPSC_CACHE", cache.path()).args(["check", &spec])), 3, "KPS0705");
}

fn targets_are_listed_shown_and_removed() {
    let cache = fixture_cache();
    let kpsc = || {
        let mut command = kpsc();
        command.env("KPSC_CACHE", cache.path());
        command
    };
    assert_eq!(
        run(kpsc().args(["kernel", "list"])),
        (0, "fixture\tfacts only\tDebian s (7.3.4-1)\n".to_owned())
    );
    let (status, shown) = run(kpsc().args(["kernel", "show", FIXTURE]));
    assert!(status == 0 && shown.contains("0102030405060708090a0b0c0d0e0f1011121314"), "{shown}");
    let facts = Cache::at(cache.path()).kernel(FIXTURE).join("facts");
    assert_eq!(run(kpsc().args(["kernel", "facts"])), (0, format!("{}\n", facts.display())));
    assert_eq!(
        run(kpsc().args(["kernel", "facts", FIXTURE])),
        (0, format!("{}\n", facts.display()))
    );
    write(&facts, b"no facts at all");
    assert_ends(run(kpsc().args(["kernel", "facts", FIXTURE])), 3, "KPS0705");
    assert_eq!(run(kpsc().args(["kernel", "remove", FIXTURE])), (0, String::new()));
    assert_eq!(run(kpsc().args(["kernel", "list"])), (0, String::new()));
    assert!(!Cache::at(cache.path()).kernel(FIXTURE).exists());
}

fn a_target_without_livepatch_is_refused() {
    let root = folder();
    let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
    let mut facts = fixture::facts();
    facts.config.remove("CONFIG_LIVEPATCH");
    let cache = fixture_cache();
    write(&Cache::at(cache.path()).kernel(FIXTURE).join("facts"), &facts.to_bytes());
    assert_ends(run(kpsc().env("KPSC_CACHE", cache.path()).args(["check", &spec])), 1, "KPS0607");
}

fn a_target_that_wants_signatures_is_told_of() {
    for option in ["CONFIG_MODULE_SIG_FORCE", "CONFIG_LOCK_DOWN_KERNEL_FORCE_INTEGRITY"] {
        let root = folder();
        let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
        let mut facts = fixture::facts();
        facts.config.insert(option.to_owned(), "y".to_owned());
        let cache = fixture_cache();
        write(&Cache::at(cache.path()).kernel(FIXTURE).join("facts"), &facts.to_bytes());
        assert_ends(
            run(kpsc().env("KPSC_CACHE", cache.path()).args(["check", &spec])),
            0,
            "warning[KPS0612]",
        );
    }
}

fn a_build_folder_must_hold_a_kernel_that_can_be_read() {
    let root = folder();
    let cache = folder();
    let build = root.path().join("linux");
    let add = || {
        let mut command = kpsc();
        command.env("KPSC_CACHE", cache.path()).args(["kernel", "add", "--build-dir"]).arg(&build);
        run(&mut command)
    };
    assert_ends(add(), 3, "KPS0701");
    write(&build.join(".config"), b"CONFIG_LIVEPATCH=y\n");
    assert_ends(add(), 3, "KPS0701");
    write(&build.join("Module.symvers"), b"");
    assert_ends(add(), 3, "KPS0707");
    write(&build.join("vmlinux"), b"\x7fELF and no more");
    assert_ends(add(), 3, "KPS0706");
    assert_eq!(
        run(kpsc().env("KPSC_CACHE", cache.path()).args(["kernel", "list"])),
        (0, String::new())
    );
}

fn the_name_of_a_target_is_taken_once() {
    let root = folder();
    let build = root.path().join("linux");
    let vmlinux = link(root.path(), Addresses::RelativeToEntry);
    write(&build.join("vmlinux"), &std::fs::read(vmlinux).unwrap_or_default());
    write(&build.join(".config"), b"CONFIG_LIVEPATCH=y\n");
    write(&build.join("Module.symvers"), b"");
    let cache = folder();
    let add = |name: &str| {
        let mut command = kpsc();
        command
            .env("KPSC_CACHE", cache.path())
            .args(["kernel", "add", "--name", name, "--build-dir"])
            .arg(&build);
        run(&mut command)
    };
    assert_eq!(add("mine").0, 0);
    put_target(cache.path(), FIXTURE, MANIFEST, &fixture::facts());
    assert_ends(add(FIXTURE), 3, "KPS0709");
    assert_ends(add("../mine"), 3, "KPS0709");
    let listed = run(kpsc().env("KPSC_CACHE", cache.path()).args(["kernel", "list"])).1;
    assert!(listed.contains("mine\tready to build\tbuild folder"), "{listed}");
}

fn a_kernel_of_other_compilers_is_refused_before_anything_is_fetched() {
    let root = folder();
    let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
    let cache = cache_with_manifest(MANIFEST);
    let config = Cache::at(cache.path()).kernel(FIXTURE).join("config");
    write(&config, b"CONFIG_CC_VERSION_TEXT=\"clang version 21\"\n");
    let mut build = kpsc();
    build
        .env("KPSC_CACHE", cache.path())
        .env("PATH", "")
        .args(["build", &spec, "-o"])
        .arg(root.path());
    assert_ends(run(&mut build), 3, "KPS0708");
}

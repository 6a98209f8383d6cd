// SPDX-License-Identifier: GPL-2.0
//! Patch crates as folders: what is refused, and what kpsc writes into them.

use super::{assert_ends, folder, run, with_fixture, write, PASSED};
use kps_tests::schedule::Case;
use kps_tests::{cases, fixture_cache, kpsc, FIXTURE};
use rustix::fs::{renameat_with, RenameFlags, CWD};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use walkdir::WalkDir;

/// The cases about patch crates.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_folder_that_is_no_patch_crate_is_refused,
        a_manifest_may_inherit_from_a_workspace,
        crates_of_a_project_share_one_library,
        a_workspace_is_joined_or_left_as_it_is,
        a_new_crate_is_one,
        nothing_is_written_through_a_link_that_is_swapped_in,
    ]
}

/// A patch that changes no function.
const MODULE: &str = "#[livepatch(license = \"GPL\")]\nmod fix {\n    #[post_patch(vmlinux)]\n    unsafe fn on() {}\n}\n";

/// What is wrong with a patch crate as a folder. What is wrong in its module is in `suites/macros`.
fn a_folder_that_is_no_patch_crate_is_refused() {
    let folder = folder();
    let root = folder.path();
    let check =
        |code: &str| assert_ends(with_fixture(&["check", &root.display().to_string()]), 1, code);
    check("KPS1211");
    let source = root.join("src");
    std::fs::create_dir(&source).unwrap_or_else(|error| panic!("{error}"));
    write(&source.join("lib.rs"), MODULE.as_bytes());
    check("KPS1211");
    let manifest = |more: &str| {
        let text = format!("[package]\nname = \"fix\"\nedition = \"2021\"\n{more}");
        write(&root.join("Cargo.toml"), text.as_bytes())
    };
    manifest(
        "[dependencies]\nkps = { path = \"kps/runtime\" }\n[dev-dependencies]\nproptest = \"1\"\n",
    );
    assert_eq!(with_fixture(&["check", &root.display().to_string()]).0, 0);
    // Each is shown where it stands, below the three lines that all of them begin with.
    for (more, place) in [
        ("[dependencies]\nkps = \"1\"\nlibc = \"0.2\"\n", "6:1"),
        ("[dependencies.kps]\npackage = \"own\"\n", "4:15"),
        ("[target.'cfg(unix)'.dependencies]\nlibc.version = \"0.2\"\n", "5:1"),
        ("[build-dependencies]\ncc = \"1\"\n", "5:1"),
        ("build = \"build.rs\"\n", "4:9"),
        ("[lib]\npath = \"src/main.rs\"\n", "5:8"),
        ("[", "4:2"),
        // What cargo refuses.
        ("", "1:2"),
        ("[dependencies]\nkps = \"1\"\n", "5:7"),
        ("[dependencies]\nkps.workspace = true\n", "5:"),
    ] {
        manifest(more);
        check("KPS1208");
        check(&format!("Cargo.toml:{place}"));
    }
    for (text, place) in [
        ("", "1:1"),
        ("[package]\nedition = \"2021\"\n[dependencies]\nkps.path = \"kps/runtime\"\n", "1:2"),
        ("[package]\nname = \"fix\"\n", "1:2"),
        ("[package]\nname = \"fix\"\nedition = \"2024\"\n", "3:11"),
        ("[package]\nname = \"fix\"\nedition.workspace = true\n", "3:"),
    ] {
        write(&root.join("Cargo.toml"), text.as_bytes());
        check("KPS1208");
        check(&format!("Cargo.toml:{place}"));
    }
    const LIBRARY: &str = "[dependencies]\nkps.path = \"kps/runtime\"\n";
    manifest(&format!("build = false\n[lib]\npath = \"src/lib.rs\"\n{LIBRARY}"));
    assert_eq!(with_fixture(&["check", &root.display().to_string()]).0, 0);
    write(&source.join("lib.c"), b"");
    check("KPS1211");
    std::fs::remove_file(source.join("lib.c")).unwrap_or_else(|error| panic!("{error}"));
    manifest(LIBRARY);
    write(&source.join("lib.rs"), b"fn nothing() {}\n");
    check("KPS1207");
    write(&source.join("lib.rs"), format!("{MODULE}{}", MODULE.replace("fix", "other")).as_bytes());
    check("KPS1207");
    // What is wrong with the text is said, although there is no patch then.
    for (wrong, code) in
        [("}", "KPS0101"), ("fn (", "KPS0101"), ("\"", "KPS0102"), ("// \u{202e}", "KPS0115")]
    {
        write(&source.join("lib.rs"), format!("{MODULE}{wrong}\n").as_bytes());
        check(code);
        check("src/lib.rs:6:");
    }
    write(&source.join("lib.rs"), MODULE.as_bytes());
    for tests in ["patch other { }", "patch fix { license \"GPL\"; }"] {
        write(&root.join("tests.kps"), tests.as_bytes());
        check("KPS1210");
    }
    write(&root.join("tests.kps"), b"/// Fixes it.\npatch fix { }");
    check("a `///` comment in tests.kps describes no patch");
    assert_ends(with_fixture(&["sync", "examples/no.kps"]), 3, "KPS0701");
}

/// What a manifest leaves to its workspace is looked up there, and has to be there.
fn a_manifest_may_inherit_from_a_workspace() {
    let top = folder();
    let at = |path: &str, text: &str| write(&top.path().join(path), text.as_bytes());
    let krate = top.path().join("patches/fix");
    at("patches/fix/src/lib.rs", MODULE);
    at(
        "patches/fix/Cargo.toml",
        "[package]\nname = \"fix\"\nedition.workspace = true\n[dependencies]\nkps.workspace = true\n",
    );
    let check = || with_fixture(&["check", &krate.display().to_string()]);
    let workspace = |edition: &str, library: &str| {
        let text = format!("[workspace]\n[workspace.package]\nedition = \"{edition}\"\n[workspace.dependencies]\n{library}\n");
        at("Cargo.toml", &text)
    };
    workspace("2021", "kps.path = \"kps/runtime\"");
    assert_eq!(check(), (0, PASSED.to_owned()));
    workspace("2024", "kps.path = \"kps/runtime\"");
    assert_ends(check(), 1, "edition");
    workspace("2021", "");
    assert_ends(check(), 1, "no workspace has the dependency `kps`");
    std::fs::remove_file(top.path().join("Cargo.toml")).unwrap_or_else(|error| panic!("{error}"));
    assert_ends(check(), 1, "KPS1208");
}

/// In a project, new crates are members of its workspace and share a library, which `sync` brings
/// up to date with the facts. A crate that has its own keeps it.
fn crates_of_a_project_share_one_library() {
    let (top, cache) = (folder(), fixture_cache());
    let on = |folder: &Path, words: &[&str]| {
        run(kpsc().env("KPSC_CACHE", cache.path()).current_dir(folder).args(words))
    };
    let (own, patches) = (top.path().join("own"), top.path().join("patches"));
    std::fs::create_dir(&patches).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(on(top.path(), &["new", "--crate", "own"]).0, 0);
    write(&top.path().join("kpsc.toml"), b"");
    let manifest = top.path().join("Cargo.toml");
    write(&manifest, b"[workspace]\nmembers = [\"tools\"]\nexclude = [\"own\"]\n");
    for name in ["one", "two"] {
        let (status, said) = on(&patches, &["new", "--crate", name]);
        assert_eq!(status, 0, "{said}");
        let file = patches.join(name).join("Cargo.toml");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            text.contains("path = \"../../kps/runtime\"") && !text.contains("[workspace]"),
            "{text}"
        );
        assert!(!patches.join(name).join("kps").exists());
    }
    let text = std::fs::read_to_string(&manifest).unwrap_or_default();
    let wanted = "[workspace]\nmembers = [\"tools\", \"patches/one\", \"patches/two\"]\nexclude = [\"own\", \"kps\"]\n";
    assert_eq!(text, wanted);
    let facts = top.path().join("kps/target.facts");
    assert!(top.path().join("kps/runtime/src/lib.rs").exists() && !facts.exists());
    let (status, said) = on(top.path(), &["sync"]);
    assert_eq!(status, 0, "{said}");
    assert!(facts.exists() && own.join("kps/target.facts").exists(), "{said}");
    let bindings = patches.join("one/src/bindings.rs");
    let text = std::fs::read_to_string(&bindings).unwrap_or_default();
    assert!(!text.contains("Until `kpsc sync`"), "the types are those of no target");
    // What make needs is in the crate, and git is told to pass it over.
    let ignored = std::fs::read_to_string(patches.join("one/.gitignore")).unwrap_or_default();
    assert!(ignored.contains("\n/kps/\n"), "{ignored}");
    // The library is not written over a folder of the author, here neither.
    std::fs::remove_dir_all(top.path().join("kps")).unwrap_or_else(|error| panic!("{error}"));
    write(&top.path().join("kps/notes"), b"mine");
    assert_ends(on(&patches, &["sync", "one"]), 1, "KPS1211");
}

/// A manifest that is not understood is not changed, and nothing is made. A crate elsewhere does not
/// join the workspace that kpsc was called in.
fn a_workspace_is_joined_or_left_as_it_is() {
    let (top, cache) = (folder(), fixture_cache());
    let inside = top.path().join("inside");
    let manifest = inside.join("Cargo.toml");
    write(&inside.join("kpsc.toml"), b"");
    let on = |folder: &Path, words: &[&str]| {
        run(kpsc().env("KPSC_CACHE", cache.path()).current_dir(folder).args(words))
    };
    for text in [
        "workspace = 3\n",
        "[[workspace]]\n",
        "[workspace]\nmembers = \"x\"\n",
        "[workspace]\nexclude = {}\n",
        "[workspace\n",
    ] {
        write(&manifest, text.as_bytes());
        assert_ends(on(&inside, &["new", "--crate", "one"]), 1, "KPS1208");
        assert_eq!(std::fs::read_to_string(&manifest).unwrap_or_default(), text);
        assert!(!inside.join("one").exists() && !inside.join("kps").exists(), "{text}");
    }
    write(&manifest, b"[workspace]\r\nmembers = []\r\n");
    write(&inside.join("fix.kps"), super::SPEC.as_bytes());
    let convert = ["convert", "fix.kps", "--to", "crate", "--kernel", FIXTURE, "-o"];
    let (status, said) = on(&inside, &[&convert[..], &["../outside"]].concat());
    assert_eq!(status, 0, "{said}");
    let made = std::fs::read_to_string(top.path().join("outside/fix/Cargo.toml"));
    assert!(made.is_ok_and(|text| text.contains("path = \"kps/runtime\"")));
    assert!(top.path().join("outside/fix/kps/runtime").exists() && !inside.join("kps").exists());
    assert_eq!(on(&inside, &["new", "--crate", "one"]).0, 0);
    let text = std::fs::read_to_string(&manifest).unwrap_or_default();
    assert_eq!(text, "[workspace]\r\nmembers = [\"one\"]\r\nexclude = [\"kps\"]\r\n");
    // What kpsc writes is no place for somebody's own crate.
    assert_ends(on(&inside.join("kps"), &["new", "--crate", "two"]), 1, "KPS1211");
}

/// A new crate passes, is made once, and can be built with what stands in it.
fn a_new_crate_is_one() {
    let folder = folder();
    let cache = fixture_cache();
    let new = |name: &str| {
        run(kpsc()
            .env("KPSC_CACHE", cache.path())
            .current_dir(folder.path())
            .args(["new", "--crate", name]))
    };
    assert_eq!(new("watch"), (0, "watch\n".to_owned()));
    assert_ends(new("watch"), 3, "KPS0701");
    assert_ends(new("core"), 1, "KPS0601");
    assert_ends(new("match"), 1, "KPS1220");
    let krate = folder.path().join("watch");
    let of_fixture = |words: &[&str]| {
        run(kpsc()
            .env("KPSC_CACHE", cache.path())
            .args(words)
            .arg(&krate)
            .args(["--kernel", FIXTURE]))
    };
    let (status, said) = of_fixture(&["check"]);
    assert_eq!((status, said.as_str()), (0, ""));
    let (status, said) = of_fixture(&["sync"]);
    assert_eq!(status, 0, "{said}");
    for file in [
        "kps/target.facts",
        "kps/crate.mk",
        "kps/patch.symvers",
        "kps/runtime/src/lib.rs",
        "src/bindings.rs",
    ] {
        assert!(krate.join(file).is_file(), "{file} is missing");
    }
    // Nothing that is as it should be is written again, so make builds nothing again.
    let age =
        || std::fs::metadata(krate.join("kps/target.facts")).and_then(|file| file.modified()).ok();
    let before = age();
    assert_eq!(of_fixture(&["sync"]).0, 0);
    assert_eq!(age(), before);
    // Nothing is left for make that was true of another patch.
    let root = krate.join("src/lib.rs");
    let text = std::fs::read(&root).unwrap_or_else(|error| panic!("{error}"));
    write(&root, &[&text[..], b"fn { }"].concat());
    assert_ends(of_fixture(&["sync"]), 1, "KPS0501");
    for file in ["kps/crate.mk", "kps/patch.mk", "kps/patch.symvers"] {
        assert!(!krate.join(file).exists(), "{file} is there");
    }
    write(&root, &text);
    assert_eq!(of_fixture(&["sync"]).0, 0);
    // The folder is the author's: nothing there makes room, and what kpsc has not written it does
    // not touch.
    let source = run(kpsc()
        .env("KPSC_CACHE", cache.path())
        .current_dir(folder.path())
        .args(["build", "--kernel", FIXTURE, "--emit", "source", "watch"]));
    assert_ends(source, 3, "KPS0701");
    assert!(krate.join("Cargo.toml").is_file());
    let (status, expanded) = of_fixture(&["expand"]);
    assert!(status == 0 && expanded.contains("type: watch::livepatch::Module"), "{expanded}");
    let manifest = krate.join("kps/Cargo.toml");
    write(&manifest, b"[package]\n");
    assert_ends(of_fixture(&["sync"]), 1, "KPS1211");
    std::fs::remove_dir_all(krate.join("kps")).unwrap_or_else(|error| panic!("{error}"));
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap_or_else(|error| panic!("{error}"));
    write(&elsewhere.join("own.rs"), b"");
    std::os::unix::fs::symlink(&elsewhere, krate.join("kps"))
        .unwrap_or_else(|error| panic!("{error}"));
    assert_ends(of_fixture(&["sync"]), 1, "KPS1211");
    assert!(elsewhere.join("own.rs").exists());
    std::fs::remove_file(krate.join("kps")).unwrap_or_else(|error| panic!("{error}"));
    write(&krate.join("Kbuild"), b"kps-name := other\n");
    assert_ends(of_fixture(&["sync"]), 1, "KPS1211");
    std::os::unix::fs::symlink(elsewhere.join("own.rs"), krate.join("src/own.rs"))
        .unwrap_or_else(|error| panic!("{error}"));
    assert_ends(of_fixture(&["check"]), 1, "KPS1211");
}

/// Somebody who can write to the folder of a crate puts a link in the place of `kps/` while kpsc
/// writes there, at one moment after the other. Where the link leads, nothing is written or
/// removed.
fn nothing_is_written_through_a_link_that_is_swapped_in() {
    const MOMENTS: u32 = 25;
    const STEP: Duration = Duration::from_millis(2);
    let folder = folder();
    let cache = fixture_cache();
    let at = |name: &str| folder.path().join(name);
    let ours = || {
        let mut command = kpsc();
        command.env("KPSC_CACHE", cache.path()).current_dir(folder.path());
        command
    };
    let (status, said) = run(ours().args(["new", "--crate", "watch"]));
    assert_eq!(status, 0, "{said}");
    let (library, aside, elsewhere) = (at("watch/kps"), at("aside"), at("elsewhere"));
    let stale = elsewhere.join("runtime/src/stale.rs");
    write(&stale, b"");
    std::os::unix::fs::symlink(&elsewhere, &aside).unwrap_or_else(|error| panic!("{error}"));
    let swap = || renameat_with(CWD, &library, CWD, &aside, RenameFlags::EXCHANGE);
    let mut ends = BTreeMap::new();
    for moment in 0..MOMENTS {
        // All is to be written.
        let _ = std::fs::remove_dir_all(&library);
        let swapped = std::thread::scope(|scope| {
            let swapped = scope.spawn(|| {
                std::thread::sleep(moment * STEP);
                swap()
            });
            let (status, said) = run(ours().args(["sync", "--kernel", FIXTURE, "watch"]));
            assert!([0, 1, 3].contains(&status), "{said}");
            *ends.entry(status).or_insert(0) += 1;
            swapped.join()
        });
        if matches!(swapped, Ok(Ok(()))) {
            swap().unwrap_or_else(|error| panic!("{error}"));
        }
    }
    println!("swapped at {MOMENTS} moments: {ends:?}");
    let there = WalkDir::new(&elsewhere).into_iter().flatten().count();
    assert!(stale.exists() && there == 4, "something was written to {}", elsewhere.display());
}

// SPDX-License-Identifier: GPL-2.0
//! Real fixes, in `examples/fixes`: each mends the newest stock kernel that has the fault. One half
//! are hooks. Of the others the repository has no code: the change is taken from the sources of two
//! kernels and imported, and the spec gets a test and nothing else.

mod corpus;
mod diff;
mod kernels;

use crate::targets::{succeed, There};
use corpus::{corpus, read, Changed, Fix, Way};
use kernels::{sources, with_fault};
use kps_grammar::Source;
use kps_tests::cases;
use kps_tests::pages;
use kps_tests::schedule::Case;
use std::path::Path;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let named = |fix: Fix| {
        let name = fix.name.clone();
        Case::new(format!("mends: {name}"), move || mends(&fix))
            .machine()
            .long()
            .about(60)
            .shares("kernels with faults")
    };
    let quick = cases![every_fix_is_whole, a_diff_has_what_was_asked_for_and_no_more];
    quick.into_iter().chain(corpus().into_iter().map(named)).collect()
}

fn a_diff_has_what_was_asked_for_and_no_more() {
    diff::has_what_was_asked_for_and_no_more();
}

/// Each has a test, laid out as `kpsc fmt` would, the programs that the test names, and a line in
/// the table. Both ways are there.
fn every_fix_is_whole() {
    let table = pages::read("examples/fixes/README.md");
    let (mut hooks, mut imports) = (0, 0);
    for Fix { name, folder, way, .. } in corpus() {
        let spec = match way {
            Way::Hook(spec) => {
                hooks += 1;
                read(&spec)
            }
            Way::Import(_) => {
                imports += 1;
                let test =
                    with_test(&format!("patch {name} {{\n    license \"GPL\";\n\n"), &folder);
                test.replacen(
                    "    test",
                    "    object vmlinux {\n        fn x { pre { } }\n    }\n\n    test",
                    1,
                )
            }
        };
        assert!(spec.contains(&format!("patch {name} {{\n")) && spec.contains("\n    test \""));
        assert!(spec.contains("unpatched"), "{name} does not show the fault");
        let laid = kps_grammar::format(&Source::new(name.as_str(), spec.as_str()));
        assert_eq!(laid.as_ref().map_err(|_| "syntax"), Ok(&spec), "{name}");
        assert_eq!(spec.contains("\"poc.c\""), folder.join("poc.c").exists(), "{name}");
        let row = table.matches(&format!("| [{name}]({name}/) |")).count();
        assert_eq!(row, 1, "examples/fixes/README.md has no line with {name}");
    }
    assert!(hooks >= 6 && imports >= 5, "{hooks} hooks, {imports} imports");
}

/// A spec whose end was cut off, with the test of a fix.
fn with_test(start: &str, folder: &Path) -> String {
    let mut spec = start.to_owned();
    for line in read(&folder.join("test.kps")).lines() {
        spec.push_str(&format!("    {line}\n"));
    }
    spec + "}\n"
}

fn mends(fix: &Fix) {
    let there = with_fault(fix);
    match &fix.way {
        Way::Hook(spec) => there.acts(spec),
        Way::Import(changed) => is_imported(fix, changed, &there),
    }
}

/// The spec that is made of the fix mends it as it is: it only gets the test.
fn is_imported(fix: &Fix, changed: &Changed, there: &There) {
    /// What stands before the test that the author is to write.
    const PLACEHOLDER: &str = "    // To fill in:";
    let (old, new) = sources(fix, changed);
    let mut patch = format!("Subject: [PATCH] {}\n\n---\n", changed.title);
    for (file, names) in &changed.files {
        patch += &diff::of_functions(file, &read(&old.join(file)), &read(&new.join(file)), names);
    }
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let write = |path: &Path, text: &str| {
        std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    };
    write(&scratch.path().join("fix.patch"), &patch);
    let words = ["import", "fix.patch", "--kernel", &there.name, "-o", "imported"];
    let imported = succeed(there.kpsc(&words).current_dir(scratch.path()));

    let folder = scratch.path().join("imported");
    let all = kps_tests::files(&folder).into_iter();
    let mut specs = all.filter(|path| path.extension().is_some_and(|end| end == "kps"));
    let spec = specs.next().unwrap_or_else(|| panic!("import made no spec:\n{imported}"));
    let text = read(&spec);
    let start = text.find(PLACEHOLDER).unwrap_or_else(|| panic!("no test to fill in:\n{text}"));
    write(&spec, &with_test(&text[..start], &fix.folder));
    if let Ok(program) = std::fs::read_to_string(fix.folder.join("poc.c")) {
        write(&folder.join("poc.c"), &program);
    }
    there.acts(&spec);
}

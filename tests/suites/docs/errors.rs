// SPDX-License-Identifier: GPL-2.0
//! What messages say and what is written about them: every code has a page that is true, and the
//! catalogue lists them all.

use kps_diag::{ALL, FAMILIES};
use kps_tests::expansion::said;
use kps_tests::mistakes::mistakes;
use kps_tests::pages::{blocks, read};
use kps_tests::schedule::Case;
use kps_tests::{cases, check_spec, fixture_cache, kpsc, printed, repository, FIXTURE};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The cases about codes and their pages.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        every_code_has_a_page_whose_example_fails_and_whose_repair_passes,
        every_page_belongs_to_a_code,
        the_catalogue_lists_every_mistake_that_has_a_repair,
        the_catalogue_lists_every_code_in_its_family,
        every_code_is_said_by_the_compiler_and_named_by_a_test,
        explain_prints_the_page,
    ]
}

/// Codes that no spec alone can provoke, and the suite that does.
const ELSEWHERE: &[(&str, &str)] = &[
    ("KPS0103", "tests/ui/KPS0103-too-deep.kps"),
    ("KPS0104", "tests/ui-input/KPS0104-ten-gigabytes.stderr"),
    ("KPS0113", "tests/ui-input/KPS0113-not-utf-8.stderr"),
    ("KPS0116", "tests/ui/KPS0116-items.kps"),
    ("KPS0118", "tests/convert/KPS0118-for-other-kernels.said"),
    ("KPS0313", "tests/suites/ui.rs"),
    ("KPS0408", "tests/ui/KPS0408-waiter.kps"),
    ("KPS0409", "tests/ui/KPS0409-main-loop.kps"),
    ("KPS0411", "tests/ui/KPS0411-alias.kps"),
    ("KPS0412", "tests/ui/KPS0412-clones.kps"),
    ("KPS0416", "tests/suites/cli/mod.rs"),
    ("KPS0417", "tests/ui/KPS0417-cold.kps"),
    ("KPS0421", "tests/suites/cli/targets.rs"),
    ("KPS0503", "tests/ui-build/type-error.stderr"),
    ("KPS0504", "tests/ui-build/warnings.stderr"),
    ("KPS0506", "tests/ui-build/c-type-error.stderr"),
    ("KPS0507", "tests/ui-build/c-type-error.stderr"),
    ("KPS0509", "tests/ui-build/panics.stderr"),
    ("KPS0510", "tests/ui-build/keys-of-modules.stderr"),
    ("KPS0514", "tests/ui-build/freed-code.stderr"),
    ("KPS0515", "tests/ui-build/second-statics.stderr"),
    ("KPS0516", "tests/ui-build/other-layouts.stderr"),
    ("KPS0522", "tests/ui-build/no-landing-pad.stderr"),
    ("KPS0527", "tests/ui-build/captures.stderr"),
    ("KPS0530", "tests/ui-build/c-btf-ids.stderr"),
    ("KPS0531", "tests/ui-build/c-undefined.stderr"),
    ("KPS0532", "tests/suites/build/uses.rs"),
    ("KPS0533", "tests/suites/build/uses.rs"),
    ("KPS0534", "tests/ui/KPS0534-permanent.stderr"),
    ("KPS0528", "compiler/src/build/header_messages.rs"),
    ("KPS0607", "tests/suites/cli/targets.rs"),
    ("KPS0612", "tests/suites/cli/targets.rs"),
    ("KPS0906", "tests/suites/cli/mod.rs"),
    ("KPS1027", "tests/suites/operate.rs"),
    ("KPS1028", "tests/suites/operate.rs"),
    ("KPS1029", "tests/suites/operate.rs"),
    ("KPS1030", "tests/suites/operate.rs"),
    ("KPS1031", "tests/suites/operate.rs"),
    ("KPS1032", "tests/suites/boot.rs"),
    ("KPS1033", "tests/suites/operate.rs"),
    ("KPS1207", "tests/suites/cli/crates.rs"),
    ("KPS1208", "tests/suites/cli/crates.rs"),
    ("KPS1210", "tests/suites/cli/crates.rs"),
    ("KPS1211", "tests/suites/cli/crates.rs"),
    ("KPS0701", "tests/suites/cli/mod.rs"),
    ("KPS0702", "tests/suites/cli/mod.rs"),
    ("KPS0703", "tests/suites/cli/mod.rs"),
    ("KPS0704", "tests/suites/cli/targets.rs"),
    ("KPS0705", "tests/suites/cli/targets.rs"),
    ("KPS0706", "tests/suites/cli/targets.rs"),
    ("KPS0707", "tests/suites/cli/targets.rs"),
    ("KPS0708", "tests/suites/cli/targets.rs"),
    ("KPS0709", "tests/suites/cli/targets.rs"),
    ("KPS0710", "tests/suites/cache/damage.rs"),
    ("KPS0711", "tests/suites/cache/mod.rs"),
    ("KPS0712", "tests/suites/cache/mod.rs"),
    ("KPS0713", "tests/ui-input/KPS0713-module-too-large.stderr"),
    ("KPS0714", "tests/ui-input/KPS0714-exports-cut.stderr"),
    ("KPS0719", "tests/suites/walls/cache.rs"),
    ("KPS0720", "tests/ui-input/KPS0720-no-versions-of-symbols.stderr"),
    ("KPS0721", "tests/suites/cli/kernels.rs"),
    ("KPS0119", "tests/suites/cli/projects.rs"),
    ("KPS0722", "tests/suites/cli/projects.rs"),
    ("KPS0716", "tests/ui-input/KPS0716-headers-too-many.stderr"),
    ("KPS0801", "tests/suites/cli/mod.rs"),
    ("KPS0802", "tests/suites/cli/mod.rs"),
    ("KPS0803", "tests/suites/post_link/mod.rs"),
    ("KPS0804", "tests/ui-build/unwinder.stderr"),
    ("KPS0805", "tests/ui-build/not-taken.stderr"),
    ("KPS0806", "tests/ui-build/assembly.stderr"),
    ("KPS0809", "tests/ui-input/KPS0809-make-prints-lines-without-end.stderr"),
    ("KPS0901", "tests/suites/vm.rs"),
    ("KPS0902", "tests/suites/vm.rs"),
    ("KPS0903", "tests/suites/cli/mod.rs"),
    ("KPS0904", "tests/suites/vm.rs"),
    ("KPS0905", "tests/suites/vm.rs"),
    ("KPS0907", "tests/suites/vm.rs"),
    ("KPS0908", "tests/suites/hangs.rs"),
    ("KPS1001", "tests/suites/tools.rs"),
    ("KPS1002", "tests/suites/running.rs"),
    ("KPS1003", "tests/suites/running.rs"),
    ("KPS1004", "tests/suites/running.rs"),
    ("KPS1005", "tests/suites/running.rs"),
    ("KPS1006", "tests/suites/preflight.rs"),
    ("KPS1007", "tests/suites/preflight.rs"),
    ("KPS1008", "tests/suites/preflight.rs"),
    ("KPS1009", "tests/suites/preflight.rs"),
    ("KPS1010", "tests/suites/preflight.rs"),
    ("KPS1011", "tests/suites/preflight.rs"),
    ("KPS1012", "tests/suites/preflight.rs"),
    ("KPS1013", "tests/suites/preflight.rs"),
    ("KPS1014", "tests/suites/preflight.rs"),
    ("KPS1015", "tests/suites/preflight.rs"),
    ("KPS1016", "tests/suites/preflight.rs"),
    ("KPS1017", "tests/suites/preflight.rs"),
    ("KPS1018", "tests/suites/preflight.rs"),
    ("KPS1019", "tests/suites/preflight.rs"),
    ("KPS1020", "tests/suites/preflight.rs"),
    ("KPS1021", "tests/suites/tools.rs"),
    ("KPS1022", "tests/suites/preflight.rs"),
    ("KPS1023", "tests/suites/preflight.rs"),
    ("KPS1024", "tests/suites/preflight.rs"),
    ("KPS1025", "tests/suites/preflight.rs"),
    ("KPS1026", "tests/suites/preflight.rs"),
    ("KPS1034", "tests/suites/operate.rs"),
    ("KPS1401", "tests/suites/signing.rs"),
    ("KPS1402", "tests/suites/signing.rs"),
    ("KPS1403", "tests/suites/shipping.rs"),
    ("KPS1041", "tests/suites/operate.rs"),
    ("KPS1042", "tests/suites/operate.rs"),
    ("KPS1035", "tests/suites/store/hostile.rs"),
    ("KPS1036", "tests/suites/store/changes.rs"),
    ("KPS1037", "tests/suites/store/changes.rs"),
    ("KPS1038", "tests/suites/store/guard.rs"),
    ("KPS1039", "tests/suites/store/hostile.rs"),
    ("KPS1040", "tests/suites/store/changes.rs"),
    ("KPS1045", "tests/suites/foreign.rs"),
    ("KPS1102", "tests/ui-build/shadow-with-destructor.stderr"),
    ("KPS1103", "tests/ui-build/shadow-aligned.stderr"),
    ("KPS1104", "tests/ui-build/shadow-not-shared.stderr"),
    ("KPS1108", "tests/series/KPS1108-missing.said"),
    ("KPS1109", "tests/series/KPS1109-older.said"),
    ("KPS1112", "tests/series/KPS1112-stacked.said"),
    ("KPS1115", "tests/series/KPS1115-one-name.said"),
    ("KPS1117", "tests/ui-build/shadow-too-large.stderr"),
    ("KPS1118", "tests/series/KPS1118-untied.said"),
    ("KPS1119", "tests/series/KPS1119-skipped.said"),
    ("KPS1121", "tests/series/KPS1121-stacked.said"),
    ("KPS1122", "tests/series/KPS1122-dropped.said"),
    ("KPS1220", "tests/convert/KPS1220-no-names.said"),
    ("KPS1221", "tests/convert/KPS1221-paths-from-the-root.said"),
    ("KPS1222", "tests/convert/KPS1222-comments-of-nothing.said"),
    ("KPS1223", "tests/convert/KPS1223-spaces-around.said"),
    ("KPS1316", "tests/suites/build/kernels.rs"),
    ("KPS1317", "tests/suites/reader.rs"),
    ("KPS1318", "tests/suites/import/mod.rs"),
    ("KPS1301", "crates/import/src/fix.rs"),
    ("KPS1302", "crates/import/src/fix.rs"),
    ("KPS1303", "crates/import/src/fix.rs"),
    ("KPS1304", "crates/import/src/fix.rs"),
    ("KPS1305", "crates/import/src/tests.rs"),
    ("KPS1306", "crates/import/src/tests.rs"),
    ("KPS1307", "crates/import/src/tests.rs"),
    ("KPS1308", "crates/import/src/refused.rs"),
    ("KPS1309", "crates/import/src/tests.rs"),
    ("KPS1310", "crates/import/src/tests.rs"),
    ("KPS1311", "crates/import/src/tests.rs"),
    ("KPS1312", "tests/suites/import/mod.rs"),
    ("KPS1313", "crates/import/src/tests.rs"),
    ("KPS1314", "crates/import/src/tests.rs"),
    ("KPS1315", "tests/suites/import/mod.rs"),
    ("KPS9999", "nothing: a bug that is known is mended"),
];

fn every_code_has_a_page_whose_example_fails_and_whose_repair_passes() {
    let cache = fixture_cache();
    let elsewhere: BTreeMap<_, _> = ELSEWHERE.iter().copied().collect();
    for code in ALL {
        let id = code.id();
        let page = code.page();
        let title = format!("# {id}: {}", code.summary());
        assert_eq!(
            page.lines().next(),
            Some(title.as_str()),
            "the title of the page is the summary of the code"
        );
        let blocks = blocks(page);
        let mut provoked = false;
        for block in &blocks {
            let (status, text) = match block.info.as_str() {
                "rust" | "rust,fails" => check_body(&block.text, cache.path()),
                "rust,crate" | "rust,crate,fails" => {
                    let said = said(&block.text);
                    (Some(i32::from(!said.is_empty())), said)
                }
                _ => check_spec(&block.text, cache.path()),
            };
            match block.info.as_str() {
                "kps,fails" | "kps,warns" | "rust,fails" | "rust,crate,fails" => {
                    assert!(
                        text.contains(&format!("[{id}]")),
                        "{id}: the example does not provoke it:\n{text}"
                    );
                    assert_eq!(status, Some(i32::from(block.info != "kps,warns")), "{id}");
                    provoked = true;
                }
                "kps" | "rust" | "rust,crate" => {
                    assert_eq!(
                        (status, text.as_str()),
                        (Some(0), ""),
                        "{id}: the repair does not pass"
                    );
                }
                other => panic!("{id}: a block of {other:?}"),
            }
        }
        match elsewhere.get(id) {
            Some(suite) => {
                let path = repository().join(suite);
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let named = suite.starts_with("nothing") || text.contains(id) || suite.contains(id);
                assert!(named, "{id} is not tested in {suite}");
                assert!(!provoked, "{id} has an example of its own");
            }
            None => assert!(provoked, "{id} has no example that fails"),
        }
    }
}

/// Checks a new body that stands in a file of its own.
fn check_body(text: &str, cache: &Path) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let spec = "patch show { license \"GPL\"; object vmlinux { fn cmdline_proc_show { replace from \"show.rs\"; } } }";
    std::fs::write(folder.path().join("show.rs"), text)
        .and_then(|()| std::fs::write(folder.path().join("show.kps"), spec))
        .unwrap_or_else(|error| panic!("{error}"));
    let mut check = kpsc();
    check.env("KPSC_CACHE", cache).current_dir(folder.path());
    let output = check.args(["check", "--kernel", FIXTURE, "show.kps"]).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    (output.status.code(), printed(&output))
}

fn every_page_belongs_to_a_code() {
    let known: Vec<_> = ALL.iter().map(|code| format!("{}.md", code.id())).collect();
    for entry in std::fs::read_dir(repository().join("docs/errors"))
        .unwrap_or_else(|e| panic!("{e}"))
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(known.contains(&name) || name == "README.md", "{name} belongs to no code");
    }
}

/// The page that lists the mistakes and the codes.
pub(super) const CATALOGUE: &str = "docs/errors/README.md";

/// How many mistakes the catalogue has at least.
const FEWEST: usize = 60;

/// Every row has the mistake in words, the page of its code, the spec, and where it is known from.
fn the_catalogue_lists_every_mistake_that_has_a_repair() {
    let page = read(CATALOGUE);
    let rows = page.lines().filter(|line| line.contains("](../../tests/ui/"));
    let mut listed: Vec<String> = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [mistake, code, test, source] = cells.as_slice() else {
            panic!("{row}: four cells are wanted")
        };
        let name =
            test.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or_default();
        let id = name.split('-').next().unwrap_or_default();
        assert_eq!(*code, format!("[{id}]({id}.md)"), "{row}");
        assert_eq!(*test, format!("[{name}](../../tests/ui/{name}.kps)"), "{row}");
        assert!(!mistake.is_empty() && !source.is_empty(), "{row}");
        listed.push(name.to_owned());
    }
    assert!(listed.len() >= FEWEST, "{} mistakes are too few", listed.len());
    listed.sort();
    let mut mistakes = mistakes();
    mistakes.sort();
    assert_eq!(listed, mistakes);
}

/// `BLESS=1` writes the list of codes anew.
fn the_catalogue_lists_every_code_in_its_family() {
    const HEADING: &str = "## Every code";
    let page = read(CATALOGUE);
    let (before, shown) =
        page.split_once(HEADING).unwrap_or_else(|| panic!("there is no {HEADING}"));
    let mut wanted = String::new();
    for family in FAMILIES {
        wanted += &format!("\n\n### {}\n", family.title);
        for code in family.codes {
            let id = code.id();
            wanted += &format!("\n- [{id}]({id}.md): {}", code.summary());
        }
    }
    let ids: BTreeSet<_> = ALL.iter().map(|code| code.id()).collect();
    assert_eq!(ids.len(), ALL.len(), "a code is declared twice");
    if std::env::var_os("BLESS").is_some() {
        let blessed = format!("{before}{HEADING}{wanted}\n");
        std::fs::write(repository().join(CATALOGUE), blessed)
            .unwrap_or_else(|error| panic!("{error}"));
        return;
    }
    assert_eq!(shown.trim_end(), wanted, "`BLESS=1 cargo xtask test docs` writes it anew");
}

/// A code that nothing says would have a page for nobody, and one that no test names could be said
/// wrongly.
fn every_code_is_said_by_the_compiler_and_named_by_a_test() {
    let sources = ["crates", "compiler/src"].into_iter().flat_map(files_below);
    let sources: String = sources.filter_map(|path| said_in(&path)).collect();
    let tests: String = files_below("tests").iter().filter_map(|path| tested_in(path)).collect();
    // Some are held by a test beside the code.
    let is_beside = |path: &str| path.starts_with("compiler/") || path.starts_with("crates/");
    let beside = ELSEWHERE.iter().filter(|(_, path)| is_beside(path));
    let beside = beside.map(|(_, path)| match path.ends_with("/tests.rs") {
        true => read(path),
        false => read(path).split("mod tests {").skip(1).collect::<String>(),
    });
    let tests = beside.fold(tests, |tests, text| tests + &text);
    for code in ALL {
        let id = code.id();
        assert!(sources.contains(code.name()), "{id} is never reported");
        assert!(tests.contains(id) || id == "KPS9999", "{id} is not tested");
    }
}

/// A source file of the compiler without its imports, which say nothing.
fn said_in(path: &Path) -> Option<String> {
    let is_catalogue = path.ends_with("diag/src/codes.rs");
    let text = std::fs::read_to_string(path).ok().filter(|_| !is_catalogue)?;
    let pieces = text.split("\nuse ");
    let without = pieces.enumerate().map(|(n, piece)| match piece.split_once(';') {
        Some((_, rest)) if n > 0 => rest,
        _ => piece,
    });
    Some(without.collect())
}

/// The name and the text of a file of tests; this suite names every code anyway.
fn tested_in(path: &Path) -> Option<String> {
    let is_this = path.parent().is_some_and(|folder| folder.ends_with("suites/docs"));
    let text = std::fs::read(path).ok().filter(|_| !is_this)?;
    Some(format!("{}\n{}", path.display(), String::from_utf8_lossy(&text)))
}

fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![repository().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.flatten().map(|entry| entry.path()) {
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files
}

fn explain_prints_the_page() {
    let output =
        kpsc().args(["explain", "kps0203"]).output().unwrap_or_else(|error| panic!("{error}"));
    let page =
        std::fs::read_to_string(repository().join("docs/errors/KPS0203.md")).unwrap_or_default();
    assert_eq!(String::from_utf8_lossy(&output.stdout), kps_report::page(&page));
}

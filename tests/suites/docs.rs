//! The documentation is true: every spec in it does what the text around it says.

use kps_grammar::Source;
use kps_tests::expansion::said;
use kps_tests::mistakes::mistakes;
use kps_tests::pages::{block, blocks, pages, read, SCRIPTS};
use kps_tests::{
    check_spec, crates, example, examples, fixes, fixture_cache, kpsc, printed, repository, specs, stem,
    FIXTURE,
};
use kpsc::diag::ALL;
use kpsc::input;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Codes that no spec alone can provoke, and the suite that does.
const ELSEWHERE: &[(&str, &str)] = &[
    ("KPS0103", "tests/ui/KPS0103-too-deep.kps"),
    ("KPS0104", "tests/ui-input/KPS0104-ten-gigabytes.stderr"),
    ("KPS0113", "tests/ui-input/KPS0113-not-utf-8.stderr"),
    ("KPS0116", "tests/ui/KPS0116-items.kps"),
    ("KPS0408", "tests/ui/KPS0408-waiter.kps"),
    ("KPS0409", "tests/ui/KPS0409-main-loop.kps"),
    ("KPS0411", "tests/ui/KPS0411-alias.kps"),
    ("KPS0412", "tests/ui/KPS0412-clones.kps"),
    ("KPS0416", "tests/suites/cli/main.rs"),
    ("KPS0417", "tests/ui/KPS0417-cold.kps"),
    ("KPS0503", "tests/ui-build/type-error.stderr"),
    ("KPS0504", "tests/ui-build/warnings.stderr"),
    ("KPS0506", "tests/ui-build/c-type-error.stderr"),
    ("KPS0507", "tests/ui-build/c-type-error.stderr"),
    ("KPS0509", "tests/ui-build/panics.stderr"),
    ("KPS0510", "tests/ui-build/keys-of-modules.stderr"),
    ("KPS0607", "tests/suites/cli/main.rs"),
    ("KPS0612", "tests/suites/cli/main.rs"),
    ("KPS1207", "tests/suites/cli/crates.rs"),
    ("KPS1208", "tests/suites/cli/crates.rs"),
    ("KPS1210", "tests/suites/cli/crates.rs"),
    ("KPS1211", "tests/suites/cli/crates.rs"),
    ("KPS0701", "tests/suites/cli/main.rs"),
    ("KPS0702", "tests/suites/cli/main.rs"),
    ("KPS0703", "tests/suites/cli/main.rs"),
    ("KPS0704", "tests/suites/cli/main.rs"),
    ("KPS0705", "tests/suites/cli/main.rs"),
    ("KPS0706", "tests/suites/cli/main.rs"),
    ("KPS0707", "tests/suites/cli/main.rs"),
    ("KPS0708", "tests/suites/cli/main.rs"),
    ("KPS0709", "tests/suites/cli/main.rs"),
    ("KPS0710", "tests/suites/cache.rs"),
    ("KPS0711", "tests/suites/cache.rs"),
    ("KPS0712", "tests/suites/cache.rs"),
    ("KPS0713", "tests/ui-input/KPS0713-facts-too-large.stderr"),
    ("KPS0714", "tests/ui-input/KPS0714-exports-cut.stderr"),
    ("KPS0801", "tests/suites/cli/main.rs"),
    ("KPS0802", "tests/suites/cli/main.rs"),
    ("KPS0803", "tests/suites/post_link.rs"),
    ("KPS0804", "tests/ui-build/unwinder.stderr"),
    ("KPS0805", "tests/ui-build/not-taken.stderr"),
    ("KPS0806", "tests/ui-build/assembly.stderr"),
    ("KPS0901", "tests/suites/vm.rs"),
    ("KPS0902", "tests/suites/vm.rs"),
    ("KPS0903", "tests/suites/cli/main.rs"),
    ("KPS0904", "tests/suites/vm.rs"),
    ("KPS0905", "tests/suites/vm.rs"),
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
    ("KPS1102", "tests/ui-build/shadow-with-destructor.stderr"),
    ("KPS1103", "tests/ui-build/shadow-aligned.stderr"),
    ("KPS1104", "tests/ui-build/shadow-not-shared.stderr"),
    ("KPS1108", "tests/series/KPS1108-missing.said"),
    ("KPS1109", "tests/series/KPS1109-older.said"),
    ("KPS1112", "tests/series/KPS1112-stacked.said"),
    ("KPS1115", "tests/series/KPS1115-one-name.said"),
    ("KPS1117", "tests/ui-build/shadow-too-large.stderr"),
    ("KPS1118", "tests/series/KPS1118-untied.said"),
    ("KPS1220", "tests/convert/KPS1220-no-names.said"),
    ("KPS1221", "tests/convert/KPS1221-paths-from-the-root.said"),
    ("KPS1222", "tests/convert/KPS1222-comments-of-nothing.said"),
    ("KPS1223", "tests/convert/KPS1223-spaces-around.said"),
    ("KPS9999", "nothing: a bug that is known is mended"),
];

#[test]
fn every_code_has_a_page_whose_example_fails_and_whose_repair_passes() {
    let cache = fixture_cache();
    let elsewhere: BTreeMap<_, _> = ELSEWHERE.iter().copied().collect();
    for code in ALL {
        let id = code.id();
        let page = code.page();
        assert!(page.starts_with(&format!("# {id}: ")), "{id}: the page has no title");
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
                    assert_eq!((status, text.as_str()), (Some(0), ""), "{id}: the repair does not pass");
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

#[test]
fn every_page_belongs_to_a_code() {
    let known: Vec<_> = ALL.iter().map(|code| format!("{}.md", code.id())).collect();
    for entry in
        std::fs::read_dir(repository().join("docs/errors")).unwrap_or_else(|e| panic!("{e}")).flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(known.contains(&name) || name == "README.md", "{name} belongs to no code");
    }
}

/// The page that lists the mistakes and the codes.
const CATALOGUE: &str = "docs/errors/README.md";

/// How many mistakes the catalogue has at least.
const FEWEST: usize = 60;

/// Every row has the mistake in words, the page of its code, the spec, and where it is known from.
#[test]
fn the_catalogue_lists_every_mistake_that_has_a_repair() {
    let page = read(CATALOGUE);
    let rows = page.lines().filter(|line| line.contains("](../../tests/ui/"));
    let mut listed: Vec<String> = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [mistake, code, test, source] = cells.as_slice() else { panic!("{row}: four cells are wanted") };
        let name = test.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or_default();
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
#[test]
fn the_catalogue_lists_every_code_in_its_family() {
    const HEADING: &str = "## Every code";
    let page = read(CATALOGUE);
    let (before, shown) = page.split_once(HEADING).unwrap_or_else(|| panic!("there is no {HEADING}"));
    let titles: BTreeMap<_, _> = ALL.iter().map(|code| (code.id(), code.page())).collect();
    let mut wanted = String::new();
    for line in read("resolve/src/diag/codes.rs").lines() {
        if let Some(family) = line.strip_prefix("    // ") {
            wanted += &format!("\n\n### {}\n", family.trim_end_matches('.'));
        }
        let id = line.trim().trim_end_matches(',');
        if let Some(page) = titles.get(id) {
            let title = page.lines().next().unwrap_or_default().trim_start_matches("# KPS");
            let (_, title) = title.split_once(": ").unwrap_or_default();
            wanted += &format!("\n- [{id}]({id}.md): {title}");
        }
    }
    assert_eq!(wanted.matches("\n- [KPS").count(), ALL.len(), "a code is declared twice");
    if std::env::var_os("BLESS").is_some() {
        let blessed = format!("{before}{HEADING}{wanted}\n");
        std::fs::write(repository().join(CATALOGUE), blessed).unwrap_or_else(|error| panic!("{error}"));
        return;
    }
    assert_eq!(shown.trim_end(), wanted, "`BLESS=1 cargo test --test docs` writes it anew");
}

/// A code that nothing says would have a page for nobody, and one that no test names could be said wrongly.
#[test]
fn every_code_is_said_by_the_compiler_and_named_by_a_test() {
    let sources = ["attributes/src", "compiler/src", "resolve/src"].into_iter().flat_map(files_below);
    let sources: String = sources.filter_map(|path| said_in(&path)).collect();
    let tests: String = files_below("tests").iter().filter_map(|path| tested_in(path)).collect();
    for code in ALL {
        let id = code.id();
        assert!(sources.contains(id), "{id} is never said");
        assert!(tests.contains(id) || id == "KPS9999", "{id} is not tested");
    }
}

/// A source file of the compiler without its imports, which say nothing.
fn said_in(path: &Path) -> Option<String> {
    let is_catalogue = path.ends_with("diag/codes.rs");
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
    let is_this = path.ends_with("suites/docs.rs");
    let text = std::fs::read(path).ok().filter(|_| !is_this)?;
    Some(format!("{}\n{}", path.display(), String::from_utf8_lossy(&text)))
}

fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![repository().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.flatten().map(|entry| entry.path()) {
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files
}

#[test]
fn explain_prints_the_page() {
    let output = kpsc().args(["explain", "kps0203"]).output().unwrap_or_else(|error| panic!("{error}"));
    let page = std::fs::read_to_string(repository().join("docs/errors/KPS0203.md")).unwrap_or_default();
    assert_eq!(String::from_utf8_lossy(&output.stdout), page);
}

/// Blocks of plain text, by words in them, and who holds what they say.
const TEXTS: &[(&str, &str, &str)] = &[
    ("README.md", "# livepatch load", "tests/suites/examples.rs"),
    ("README.md", "error[KPS0201]", "tests/suites/docs.rs"),
    ("docs/commands.md", "missing_files\tenabled", "tests/suites/running.rs"),
    ("docs/commands.md", "--running own_line.ko", "tests/suites/preflight.rs"),
    ("docs/commands.md", "made of it  dput.part.0", "tests/suites/inspect.rs"),
    ("docs/architecture.md", "SPEC.kps   --parse--+", "a drawing"),
    ("docs/architecture.md", "caller --ftrace-->", "a drawing"),
    ("docs/data.md", "B replaces A", "a drawing"),
];

#[test]
fn every_block_of_the_guides_is_held_to_what_it_says() {
    let cache = fixture_cache();
    for page in pages() {
        for block in blocks(&read(&page)) {
            let text = &block.text;
            let (language, what) = block.info.split_once([' ', ',']).unwrap_or((&block.info, ""));
            match (language, what) {
                ("kps", "") => {
                    let (status, said) = check_spec(text, cache.path());
                    assert_eq!((status, said.as_str()), (Some(0), ""), "{page}:\n{text}");
                }
                ("kps", code) if code.starts_with("KPS") => {
                    let (_, said) = check_spec(text, cache.path());
                    assert!(said.contains(code), "{page}: {code} is not reported:\n{text}\n{said}");
                }
                ("kps" | "c" | "rust", file) if file.starts_with("examples/") => {
                    assert!(is_in(text, &read(file)), "{page}: {file} has no such text:\n{text}");
                }
                ("rust", "crate") => assert_eq!(said(text), "", "{page}:\n{text}"),
                ("rust", code) if code.starts_with("crate,KPS") => {
                    let (said, code) = (said(text), code.trim_start_matches("crate,"));
                    assert!(said.contains(code), "{page}: {code} is not reported:\n{text}\n{said}");
                }
                ("sh", "") => commands_are_known(&page, text),
                ("text", "") => {
                    let held = TEXTS.iter().any(|(of, words, _)| *of == page && text.contains(words));
                    assert!(held, "{page}: nobody holds this:\n{text}");
                }
                ("rust", "") if page == GENERATED => {}
                _ => panic!("{page}: a block of {:?}", block.info),
            }
        }
    }
}

/// Whether a file has some text: its pieces, between lines that say `// ...`, in the same order, and further in or out.
fn is_in(text: &str, file: &str) -> bool {
    let lines: Vec<&str> = file.lines().collect();
    let shown: Vec<&str> = text.lines().collect();
    let mut rest = lines.as_slice();
    shown.split(|line| *line == "// ...").all(|piece| {
        let found = rest.windows(piece.len()).position(|window| flush(window) == piece);
        rest = &rest[found.map_or(rest.len(), |at| at + piece.len())..];
        found.is_some()
    })
}

/// Lines without the space that they all start with.
fn flush(lines: &[&str]) -> Vec<String> {
    let indent = |line: &&&str| line.len() - line.trim_start().len();
    let common = lines.iter().filter(|line| !line.is_empty()).map(|line| indent(&line)).min().unwrap_or(0);
    lines.iter().map(|line| line.get(common..).unwrap_or_default().to_owned()).collect()
}

/// Every line of a block calls a program with options that it has, or the block is a script that `suites/examples.rs` runs.
fn commands_are_known(page: &str, text: &str) {
    if SCRIPTS.iter().any(|(of, words)| *of == page && text.contains(words)) {
        return;
    }
    for line in text.lines() {
        let command = line.split_once(" #").map_or(line, |(command, _)| command);
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["kpsc" | "target/release/kpsc", words @ ..] => {
                let output =
                    kpsc().args(words).arg("--help").output().unwrap_or_else(|error| panic!("{error}"));
                assert!(output.status.success(), "{page}: {line}\n{}", printed(&output));
                let files = words.iter().filter(|word| word.starts_with("examples/"));
                files
                    .for_each(|file| assert!(repository().join(file).exists(), "{page}: there is no {file}"));
            }
            ["cargo", "xtask", word, ..] => {
                let usage = format!("\ncargo xtask {word}");
                assert!(read("xtask/src/main.rs").contains(&usage), "{page}: {line}");
            }
            // A part of `cargo test --workspace`.
            ["cargo", "test", "--package", name] => {
                assert!(crates().iter().any(|folder| stem(folder) == *name), "{page}: there is no {name}");
            }
            // What `cargo xtask` does or asks for itself.
            ["cargo", "build", "--release", "--package", "kpsc"] | ["cargo", "install", "cargo-fuzz"] => {}
            _ => panic!("{page}: nobody runs this: {line}"),
        }
    }
}

/// The page that shows generated code.
const GENERATED: &str = "docs/generated.md";

/// The blocks of the page are the file, one after the other. `BLESS=1` writes them anew, each from the line that it starts with.
#[test]
fn the_generated_code_that_is_shown_is_what_is_generated() {
    let cache = fixture_cache();
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let mut build = kpsc();
    build.env("KPSC_CACHE", cache.path()).args(["build", "--kernel", FIXTURE, "--emit", "source", "-o"]);
    let output = build.arg(folder.path()).arg(example("cmdline_mark")).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}", printed(&output));
    let file = folder.path().join("cmdline_mark/cmdline_mark_main.rs");
    let file = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let page = read(GENERATED);
    let shown: Vec<String> = blocks(&page).into_iter().map(|block| block.text).collect();
    let mut starts: Vec<usize> = Vec::new();
    for text in &shown {
        let first = text.lines().next().unwrap_or_default();
        let from = starts.last().copied().unwrap_or(0);
        let at =
            file[from..].find(first).unwrap_or_else(|| panic!("the code has no line {first:?} any more"));
        starts.push(from + at);
    }
    let ends = starts.iter().skip(1).copied().chain([file.len()]);
    let pieces: Vec<String> =
        starts.iter().zip(ends).map(|(start, end)| format!("{}\n", file[*start..end].trim_end())).collect();
    if std::env::var_os("BLESS").is_some() {
        let blessed = shown.iter().zip(&pieces).fold(page.clone(), |page, (old, new)| {
            page.replacen(&format!("```rust\n{old}```"), &format!("```rust\n{new}```"), 1)
        });
        std::fs::write(repository().join(GENERATED), blessed).unwrap_or_else(|error| panic!("{error}"));
        return;
    }
    assert_eq!(starts.first(), Some(&0), "the page leaves the start of the file out");
    assert_eq!(shown, pieces);
}

#[test]
fn every_example_is_one_spec_with_a_line_in_the_table() {
    let table = read("examples/README.md");
    for spec in examples().into_iter().chain(fixes()) {
        let name = stem(&spec);
        let text =
            std::fs::read_to_string(&spec).unwrap_or_else(|error| panic!("{}: {error}", spec.display()));
        assert!(text.contains(&format!("\npatch {name} {{\n")), "{name}: the patch has another name");
        assert!(text.contains("\n    test \""), "{name} has no test");
        let row = format!("| [{name}]({name}/{name}.kps) |");
        assert_eq!(table.matches(&row).count(), 1, "examples/README.md has no line with {row}");
    }
}

#[test]
fn every_example_that_is_a_crate_has_one_patch_and_a_line_in_the_table() {
    let table = read("examples/README.md");
    for folder in crates() {
        let name = stem(&folder);
        let source = read(&format!("examples/{name}/src/lib.rs"));
        assert!(source.contains(&format!("\nmod {name} {{\n")), "{name}: the patch has another name");
        let tests = read(&format!("examples/{name}/tests.kps"));
        assert!(tests.starts_with(&format!("patch {name} {{\n")), "{name}: the tests are for another patch");
        assert!(tests.contains("\n    test \""), "{name} has no test");
        let link = format!("[{name}]({name}/src/lib.rs)");
        assert_eq!(table.matches(&link).count(), 1, "examples/README.md has no line with {link}");
    }
}

#[test]
fn the_message_of_the_readme_is_what_is_said() {
    let shown = block("README.md", |block| block.text.contains("error[KPS0201]")).text;
    let cache = fixture_cache();
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let spec =
        read("examples/cmdline_mark/cmdline_mark.kps").replace("cmdline_proc_show", "cmdline_proc_shw");
    std::fs::write(folder.path().join("cmdline_mark.kps"), spec).unwrap_or_else(|error| panic!("{error}"));
    let mut check = kpsc();
    check.env("KPSC_CACHE", cache.path()).current_dir(folder.path());
    let output = check.args(["check", "--kernel", FIXTURE, "cmdline_mark.kps"]).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    let said = printed(&output);
    assert_eq!(said.trim_end(), shown.trim_end());
}

#[test]
fn every_spec_is_laid_out_as_by_fmt() {
    let root = repository();
    let errors = ALL.iter().map(|code| format!("docs/errors/{}.md", code.id()));
    // What is a file's is laid out there.
    let whole = |info: &str| info == "kps" || info.starts_with("kps,");
    let in_pages = pages().into_iter().chain(errors).flat_map(|page| {
        let blocks = blocks(&read(&page)).into_iter().filter(|block| whole(&block.info));
        blocks.map(|block| (root.join(&page), block.text)).collect::<Vec<_>>()
    });
    let files =
        examples().into_iter().chain(fixes()).chain(["acts", "fails", "unload"].into_iter().flat_map(specs));
    let in_files = files.map(|path| {
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, text)
    });
    for (path, text) in in_pages.chain(in_files) {
        // A page may be about a mistake that leaves nothing to lay out.
        if let Ok(laid) = kps_grammar::format(&Source::new("spec.kps", text.as_str())) {
            assert_eq!(laid, text, "{}", path.display());
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    let root = repository();
    for page in pages().into_iter().chain([CATALOGUE.to_owned()]) {
        let path = root.join(&page);
        let folder = path.parent().unwrap_or(&root);
        for link in read(&page).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(folder.join(link).exists(), "{page}: {link} leads nowhere");
        }
    }
}

#[test]
fn the_spec_of_the_readme_is_the_example() {
    let example = read("examples/cmdline_mark/cmdline_mark.kps");
    let readme = read("README.md");
    let spec = blocks(&readme).into_iter().find(|block| block.info == "kps");
    let spec = spec.unwrap_or_else(|| panic!("the README has no spec")).text;
    let patch = spec.strip_suffix("}\n").unwrap_or_else(|| panic!("the spec has no end:\n{spec}"));
    // The example has a test behind what the README shows.
    assert!(example.starts_with(patch), "{patch}\nis not the start of\n{example}");
}

#[test]
fn the_limits_are_those_of_the_code() {
    let page = std::fs::read_to_string(repository().join("docs/limits.md")).unwrap_or_default();
    let files = [
        input::IMAGE,
        input::CONFIG,
        input::SYMVERS,
        input::MAKEFILE,
        input::FACTS,
        input::MANIFEST,
        input::INVENTORY,
        input::MODULE,
        input::MODULES_ORDER,
        input::C_FILE,
        input::RUST_FILE,
        input::TRIGGER,
    ];
    let rows = files.iter().map(|limit| format!("| {} | {} MiB |", limit.what, limit.bytes >> 20));
    let spec = format!("| a spec | {} MiB |", kps_grammar::MAX_SIZE >> 20);
    for row in rows.chain([spec]) {
        assert!(page.contains(&row), "{row} is not in docs/limits.md");
    }
}

/// The runtime and its macros are a library that patches are written against: rustdoc finds nothing to warn of in it, no item is without
/// its text, and no link leads nowhere. What its examples say is tested with it.
#[test]
fn the_runtime_is_documented_as_a_library() {
    let target = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let output = Command::new(env!("CARGO"))
        .current_dir(repository())
        .args([
            "doc",
            "--offline",
            "--no-deps",
            "--package",
            "kps",
            "--package",
            "kps-macros",
            "--target-dir",
        ])
        .arg(target.path())
        .env("RUSTDOCFLAGS", "--deny=warnings --deny=missing_docs --deny=rustdoc::broken_intra_doc_links")
        .output()
        .unwrap_or_else(|error| panic!("cargo: {error}"));
    assert!(output.status.success(), "{}", printed(&output));
    let index = std::fs::read_to_string(target.path().join("doc/kps/index.html")).unwrap_or_default();
    for module in ["klp", "prelude", "shadow", "state"] {
        assert!(index.contains(&format!("{module}/index.html")), "{module} is not shown");
    }
    for attribute in kps_attributes::INNER.iter().chain([&kps_attributes::OUTER]) {
        let page = target.path().join(format!("doc/kps_macros/attr.{attribute}.html"));
        let page = std::fs::read_to_string(page).unwrap_or_default();
        for part in ["What it becomes", "Rules"] {
            assert!(page.contains(part), "{attribute} does not say: {part}");
        }
    }
}

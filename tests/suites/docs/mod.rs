// SPDX-License-Identifier: GPL-2.0
//! The documentation is true: every spec in it does what the text around it says.

mod errors;
mod from_c;

use errors::CATALOGUE;
use kps_diag::ALL;
use kps_facts::{CONSTANTS, INLINES};
use kps_grammar::ast::{Attribute, Construct, Level, On};
use kps_grammar::Source;
use kps_host::{below, input};
use kps_operate::store::SET_MANIFEST;
use kps_tests::compiled::{cargo, folder, CRATES};
use kps_tests::expansion::said;
use kps_tests::pages::{block, blocks, pages, read, FLEET, SCRIPTS, SHIPPING, SIGNING};
use kps_tests::schedule::{Case, Suite};
use kps_tests::{
    cases, check_spec, crates, example, examples, fixes, fixture_cache, kpsc, kpsctl, printed,
    repository, specs, stem, FIXTURE,
};
use std::process::Command;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let cases = cases![
        every_block_of_the_guides_is_held_to_what_it_says,
        the_generated_code_that_is_shown_is_what_is_generated,
        every_construct_is_in_the_tables,
        every_example_is_one_spec_with_a_line_in_the_table,
        every_example_that_is_a_crate_has_one_patch_and_a_line_in_the_table,
        the_message_of_the_readme_is_what_is_said,
        every_spec_is_laid_out_as_by_fmt,
        every_link_leads_somewhere,
        every_file_that_is_named_is_there,
        every_case_that_only_long_runs_have_is_listed,
        the_spec_of_the_readme_is_the_example,
        the_limits_are_those_of_the_code,
        the_page_of_headers_has_what_bodies_have,
        the_runtime_is_documented_as_a_library.about(20).shares(CRATES),
    ];
    errors::cases().into_iter().chain(from_c::cases()).chain(cases).collect()
}

/// Blocks of plain text, by words in them, and who holds what they say.
const TEXTS: &[(&str, &str, &str)] = &[
    ("docs/commands.md", "struct seq_file,", "suites/inspect.rs"),
    ("docs/commands.md", "show_sb_opts\n", "tests/suites/inspect.rs"),
    ("docs/commands.md", "message-format = ", "tests/suites/cli/projects.rs"),
    ("docs/crates.md", "patches/net_fix/", "tests/suites/crates.rs"),
    ("docs/editors.md", "require('kps').setup", "tests/suites/editors/neovim.rs"),
    ("docs/editors.md", "cc -shared", "tests/suites/editors/neovim.rs"),
    ("docs/editors.md", "npm install", "what a user of VS Code types"),
    ("README.md", "# livepatch load", "tests/suites/examples.rs"),
    ("README.md", "error[KPS0201]", "tests/suites/docs/mod.rs"),
    ("docs/operate.md", "missing_files\tenabled", "tests/suites/running.rs"),
    ("docs/operate.md", "held up by sleep", "tests/suites/operate.rs"),
    ("docs/commands.md", "--kernel 6.1 --kernel 6.12", "tests/suites/cli/kernels.rs"),
    ("docs/commands.md", "--running own_line.ko", "tests/suites/preflight.rs"),
    ("docs/commands.md", "derived     dput.part.0", "tests/suites/inspect.rs"),
    ("docs/commands.md", "exec_watch.kps --kernel 6.1", "tests/suites/cli/kernels.rs"),
    ("docs/architecture.md", "SPEC.kps   --parse--+", "a drawing"),
    ("docs/architecture.md", "caller --ftrace-->", "a drawing"),
    ("docs/data.md", "B replaces A", "a drawing"),
    ("docs/ship.md", "mokutil --import", "what an administrator types, in part to the firmware"),
];

fn every_block_of_the_guides_is_held_to_what_it_says() {
    let cache = fixture_cache();
    for page in pages() {
        for block in blocks(&read(&page)) {
            let text = &block.text;
            // `suites/fleet` does what these show.
            if FLEET.iter().any(|(of, words)| *of == page && text.contains(words)) {
                continue;
            }
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
                ("kps" | "c" | "rust", file)
                    if ["examples/", "tests/"].iter().any(|of| file.starts_with(of)) =>
                {
                    assert!(is_in(text, &read(file)), "{page}: {file} has no such text:\n{text}");
                }
                ("rust", "crate") => assert_eq!(said(text), "", "{page}:\n{text}"),
                ("rust", code) if code.starts_with("crate,KPS") => {
                    let (said, code) = (said(text), code.trim_start_matches("crate,"));
                    assert!(said.contains(code), "{page}: {code} is not reported:\n{text}\n{said}");
                }
                ("sh", "") => commands_are_known(&page, text),
                ("text", "") => {
                    let held =
                        TEXTS.iter().any(|(of, words, _)| *of == page && text.contains(words));
                    assert!(held, "{page}: nobody holds this:\n{text}");
                }
                ("rust", "") if page == GENERATED => {}
                _ => panic!("{page}: a block of {:?}", block.info),
            }
        }
    }
}

/// Whether a file has some text: its pieces, between lines that say `// ...`, in the same order,
/// and further in or out.
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
    let common =
        lines.iter().filter(|line| !line.is_empty()).map(|line| indent(&line)).min().unwrap_or(0);
    lines.iter().map(|line| line.get(common..).unwrap_or_default().to_owned()).collect()
}

/// Every line of a block calls a program with options that it has, or the block is a script that
/// `suites/examples.rs` runs.
fn commands_are_known(page: &str, text: &str) {
    let mut scripts = SCRIPTS.iter().chain(&SIGNING).chain(&SHIPPING);
    if scripts.any(|(of, words)| *of == page && text.contains(words)) {
        return;
    }
    for line in text.lines() {
        let command = line.split_once(" #").map_or(line, |(command, _)| command);
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["kpsc" | "target/release/kpsc", words @ ..] => {
                let output = kpsc()
                    .args(words)
                    .arg("--help")
                    .output()
                    .unwrap_or_else(|error| panic!("{error}"));
                assert!(output.status.success(), "{page}: {line}\n{}", printed(&output));
                let files = words.iter().filter(|word| word.starts_with("examples/"));
                files.for_each(|file| {
                    assert!(repository().join(file).exists(), "{page}: there is no {file}");
                });
            }
            ["kpsctl", words @ ..] => {
                let output = Command::new(kpsctl()).args(words).arg("--help").output();
                let output = output.unwrap_or_else(|error| panic!("{error}"));
                assert!(output.status.success(), "{page}: {line}\n{}", printed(&output));
            }
            // `BLESS` goes to the suites.
            ["BLESS=1", "cargo", "xtask", word, ..] | ["cargo", "xtask", word, ..] => {
                let usage = format!("\ncargo xtask {word}");
                assert!(read("xtask/src/main.rs").contains(&usage), "{page}: {line}");
            }
            // A part of `cargo test --workspace`.
            ["cargo", "test", "--workspace", "--lib"] => {}
            ["cargo", "test", "--package", name] => {
                assert!(
                    crates().iter().any(|folder| stem(folder) == *name),
                    "{page}: there is no {name}"
                );
            }
            // What `cargo xtask` does or asks for itself.
            ["cargo", "build", "--release", "--package", "kpsc"]
            | ["cargo", "install", "cargo-fuzz"] => {}
            _ => panic!("{page}: nobody runs this: {line}"),
        }
    }
}

/// The page that shows generated code.
const GENERATED: &str = "docs/generated.md";

/// The blocks of the page are the file, one after the other. `BLESS=1` writes them anew, each from
/// the line that it starts with.
fn the_generated_code_that_is_shown_is_what_is_generated() {
    let cache = fixture_cache();
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let mut build = kpsc();
    build
        .env("KPSC_CACHE", cache.path())
        .args(["build", "--kernel", FIXTURE, "--emit", "source", "-o"]);
    let output = build.arg(folder.path()).arg(example("cmdline_mark")).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}", printed(&output));
    let file = folder.path().join("cmdline_mark/cmdline_mark_main.rs");
    let file = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let page = read(GENERATED);
    let shown: Vec<String> = blocks(&page).into_iter().map(|block| block.text).collect();
    let mut starts: Vec<usize> = Vec::new();
    for text in &shown {
        let first = text.lines().next().unwrap_or_default();
        let from = starts.last().copied().unwrap_or(0);
        let at = file[from..]
            .find(first)
            .unwrap_or_else(|| panic!("the code has no line {first:?} any more"));
        starts.push(from + at);
    }
    let ends = starts.iter().skip(1).copied().chain([file.len()]);
    let pieces: Vec<String> = starts
        .iter()
        .zip(ends)
        .map(|(start, end)| format!("{}\n", file[*start..end].trim_end()))
        .collect();
    if std::env::var_os("BLESS").is_some() {
        let blessed = shown.iter().zip(&pieces).fold(page.clone(), |page, (old, new)| {
            page.replacen(&format!("```rust\n{old}```"), &format!("```rust\n{new}```"), 1)
        });
        std::fs::write(repository().join(GENERATED), blessed)
            .unwrap_or_else(|error| panic!("{error}"));
        return;
    }
    assert_eq!(starts.first(), Some(&0), "the page leaves the start of the file out");
    assert_eq!(shown, pieces);
}

/// What a spec and a crate can say is listed where a reader looks for it.
fn every_construct_is_in_the_tables() {
    let (language, crates) = (read("docs/language.md"), read("docs/crates.md"));
    let macros = |name: &str| {
        std::fs::read_to_string(repository().join(format!("runtime-macros/src/docs/{name}.md")))
    };
    for level in [Level::Patch, Level::State, Level::Shadow, Level::Resource, Level::Test] {
        for Construct { keyword, .. } in level.constructs() {
            let rows = language.lines().filter(|line| line.starts_with('|'));
            let starts = [" ", "(", ";", ":"].map(|end| format!("`{keyword}{end}"));
            let row = rows.filter(|row| starts.iter().any(|start| row.contains(start))).count();
            assert!(row > 0, "docs/language.md has no row for `{keyword}`");
        }
    }
    for attribute in Attribute::all() {
        let name = attribute.name;
        let starts = match attribute.on {
            On::Livepatch => [" ", "(", "`"].map(|end| format!("`{name}{end}")).to_vec(),
            _ => [format!("`#[{name}"), format!("`{name}`")].to_vec(),
        };
        let row = |page: &str| {
            page.lines().any(|line| line.contains('|') && starts.iter().any(|s| line.contains(s)))
        };
        assert!(row(&crates), "docs/crates.md has no row for `{name}`");
        let documented = match attribute.on {
            On::Livepatch => macros("livepatch").is_ok_and(|page| row(&page)),
            _ => macros(name).is_ok(),
        };
        assert!(documented, "runtime-macros/src/docs/ does not document `{name}`");
    }
}

fn every_example_is_one_spec_with_a_line_in_the_table() {
    let table = read("examples/README.md");
    for spec in examples().into_iter().chain(fixes()) {
        let name = stem(&spec);
        let text = std::fs::read_to_string(&spec)
            .unwrap_or_else(|error| panic!("{}: {error}", spec.display()));
        assert!(
            text.contains(&format!("\npatch {name} {{\n")),
            "{name}: the patch has another name"
        );
        assert!(text.contains("\n    test \""), "{name} has no test");
        let row = format!("| [{name}]({name}/{name}.kps) |");
        assert_eq!(table.matches(&row).count(), 1, "examples/README.md has no line with {row}");
    }
}

fn every_example_that_is_a_crate_has_one_patch_and_a_line_in_the_table() {
    let table = read("examples/README.md");
    for folder in crates() {
        let name = stem(&folder);
        let source = read(&format!("examples/{name}/src/lib.rs"));
        assert!(
            source.contains(&format!("\nmod {name} {{\n")),
            "{name}: the patch has another name"
        );
        let tests = read(&format!("examples/{name}/tests.kps"));
        assert!(
            tests.starts_with(&format!("patch {name} {{\n")),
            "{name}: the tests are for another patch"
        );
        assert!(tests.contains("\n    test \""), "{name} has no test");
        let link = format!("[{name}]({name}/src/lib.rs)");
        assert_eq!(table.matches(&link).count(), 1, "examples/README.md has no line with {link}");
    }
}

fn the_message_of_the_readme_is_what_is_said() {
    let shown = block("README.md", |block| block.text.contains("error[KPS0201]")).text;
    let cache = fixture_cache();
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let spec = read("examples/cmdline_mark/cmdline_mark.kps")
        .replace("cmdline_proc_show", "cmdline_proc_shw");
    std::fs::write(folder.path().join("cmdline_mark.kps"), spec)
        .unwrap_or_else(|error| panic!("{error}"));
    let mut check = kpsc();
    check.env("KPSC_CACHE", cache.path()).current_dir(folder.path());
    let output = check.args(["check", "--kernel", FIXTURE, "cmdline_mark.kps"]).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    let said = printed(&output);
    assert_eq!(said.trim_end(), shown.trim_end());
}

fn every_spec_is_laid_out_as_by_fmt() {
    let root = repository();
    let errors = ALL.iter().map(|code| format!("docs/errors/{}.md", code.id()));
    // What is a file's is laid out there.
    let whole = |info: &str| info == "kps" || info.starts_with("kps,");
    let in_pages = pages().into_iter().chain(errors).flat_map(|page| {
        let blocks = blocks(&read(&page)).into_iter().filter(|block| whole(&block.info));
        blocks.map(|block| (root.join(&page), block.text)).collect::<Vec<_>>()
    });
    let files = examples()
        .into_iter()
        .chain(fixes())
        .chain(["acts", "fails", "unload"].into_iter().flat_map(specs));
    let in_files = files.map(|path| {
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, text)
    });
    for (path, text) in in_pages.chain(in_files) {
        // A page may be about a mistake that leaves nothing to lay out.
        if let Ok(laid) = kps_grammar::format(&Source::new("spec.kps", text.as_str())) {
            assert_eq!(laid, text, "{}", path.display());
        }
    }
}

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

/// A path of a source file stands in code: from the repository's root, or from `tests/` for a
/// suite.
fn every_file_that_is_named_is_there() {
    const FOLDERS: [&str; 7] =
        ["crates/", "compiler/", "grammar/", "runtime-macros/", "tests/", "xtask/", "suites/"];
    for page in pages() {
        for code in read(&page).split('`').skip(1).step_by(2) {
            let is_path = code.contains('/')
                && code.ends_with(".rs")
                && code.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            let is_ours = FOLDERS.iter().any(|folder| code.starts_with(folder));
            let roots = [repository(), repository().join("tests")];
            let is_there = roots.iter().any(|root| root.join(code).exists());
            assert!(!(is_path && is_ours) || is_there, "{page}: there is no {code}");
        }
    }
}

fn every_case_that_only_long_runs_have_is_listed() {
    let page = read("tests/README.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let rows: Vec<&str> = rows.map(|(name, _)| name).collect();
    for name in crate::SUITES.iter().flat_map(Suite::long) {
        let is_listed = rows.iter().any(|row| match row.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => *row == name,
        });
        assert!(is_listed, "tests/README.md does not list `{name}`");
    }
}

fn the_spec_of_the_readme_is_the_example() {
    let example = read("examples/cmdline_mark/cmdline_mark.kps");
    let readme = read("README.md");
    let spec = blocks(&readme).into_iter().find(|block| block.info == "kps");
    let spec = spec.unwrap_or_else(|| panic!("the README has no spec")).text;
    let patch = spec.strip_suffix("}\n").unwrap_or_else(|| panic!("the spec has no end:\n{spec}"));
    // The example has a test behind what the README shows.
    assert!(example.starts_with(patch), "{patch}\nis not the start of\n{example}");
}

fn the_page_of_headers_has_what_bodies_have() {
    let page = read("docs/headers.md");
    let constants = CONSTANTS.iter().map(|(header, names)| {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        format!("| `{header}` | {} |", names.join(", "))
    });
    let functions = INLINES.iter().map(|inline| {
        let sleeps = if inline.sleeps { "may sleep " } else { "" };
        format!("| `{}` | `{}` | {sleeps}|", inline.prototype, inline.header)
    });
    let rows: Vec<String> = constants.chain(functions).collect();
    let on_page: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(on_page, rows);
}

fn the_limits_are_those_of_the_code() {
    let page = std::fs::read_to_string(repository().join("docs/limits.md")).unwrap_or_default();
    let files = [
        input::IMAGE,
        input::CONFIG,
        input::SYMVERS,
        input::MAKEFILE,
        input::FACTS,
        input::MANIFEST,
        input::PROJECT,
        input::INVENTORY,
        input::MODULE,
        input::KEPT,
        input::MODULES_ORDER,
        input::C_FILE,
        input::RUST_FILE,
        input::TESTS,
        input::TRIGGER,
        SET_MANIFEST,
    ];
    let rows = files.iter().map(|limit| format!("| {} | {} MiB |", limit.what, limit.bytes >> 20));
    let sums = [below::SOURCES, below::TRIGGERS, below::MODULES];
    let sums = sums.map(|sum| format!("| {} files, {} MiB |", sum.files, sum.bytes >> 20));
    let spec = format!("| a spec | {} MiB |", kps_grammar::MAX_SIZE >> 20);
    for row in rows.chain(sums).chain([spec]) {
        assert!(page.contains(&row), "{row} is not in docs/limits.md");
    }
}

/// The runtime and its macros are a library that patches are written against: rustdoc finds nothing
/// to warn of in it, no item is without its text, and no link leads nowhere. What its examples say
/// is tested with it.
fn the_runtime_is_documented_as_a_library() {
    let mut doc = cargo("doc");
    // All of it is written anew, so that no page is left from before.
    let written = folder().join("doc");
    let _ = std::fs::remove_dir_all(&written);
    let output = doc
        .current_dir(repository())
        .args(["--offline", "--no-deps", "--package", "kps", "--package", "kps-macros"])
        .env(
            "RUSTDOCFLAGS",
            "--deny=warnings --deny=missing_docs --deny=rustdoc::broken_intra_doc_links",
        )
        .output()
        .unwrap_or_else(|error| panic!("cargo: {error}"));
    assert!(output.status.success(), "{}", printed(&output));
    let index = std::fs::read_to_string(written.join("kps/index.html")).unwrap_or_default();
    for module in ["klp", "prelude", "shadow", "state"] {
        assert!(index.contains(&format!("{module}/index.html")), "{module} is not shown");
    }
    for attribute in
        kps_grammar::ast::Attribute::of_items().map(|ours| ours.name).chain([kps_attributes::OUTER])
    {
        let page = written.join(format!("kps_macros/attr.{attribute}.html"));
        let page = std::fs::read_to_string(page).unwrap_or_default();
        for part in ["What it becomes", "Rules"] {
            assert!(page.contains(part), "{attribute} does not say: {part}");
        }
    }
}

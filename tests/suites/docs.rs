//! The documentation is true: every spec in it does what the text around it says.

use kps_grammar::Source;
use kps_tests::{check_spec, examples, fixes, fixture_cache, kpsc, repository, specs};
use kpsc::diag::ALL;
use kpsc::input;
use std::collections::BTreeMap;

/// A fenced block: its language, words behind it, and text.
struct Block {
    info: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some(Block { info: info.to_owned(), text: String::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

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
    ("KPS0503", "tests/ui-build/type-error.stderr"),
    ("KPS0504", "tests/ui-build/warnings.stderr"),
    ("KPS0506", "tests/ui-build/c-type-error.stderr"),
    ("KPS0507", "tests/ui-build/c-type-error.stderr"),
    ("KPS0607", "tests/suites/cli.rs"),
    ("KPS0701", "tests/suites/cli.rs"),
    ("KPS0702", "tests/suites/cli.rs"),
    ("KPS0703", "tests/suites/cli.rs"),
    ("KPS0704", "tests/suites/cli.rs"),
    ("KPS0705", "tests/suites/cli.rs"),
    ("KPS0706", "tests/suites/cli.rs"),
    ("KPS0707", "tests/suites/cli.rs"),
    ("KPS0708", "tests/suites/cli.rs"),
    ("KPS0709", "tests/suites/cli.rs"),
    ("KPS0710", "tests/suites/cache.rs"),
    ("KPS0711", "tests/suites/cache.rs"),
    ("KPS0712", "tests/suites/cache.rs"),
    ("KPS0713", "tests/ui-input/KPS0713-facts-too-large.stderr"),
    ("KPS0714", "tests/ui-input/KPS0714-exports-cut.stderr"),
    ("KPS0801", "tests/suites/cli.rs"),
    ("KPS0802", "tests/suites/cli.rs"),
    ("KPS0803", "tests/suites/post_link.rs"),
    ("KPS0901", "tests/suites/vm.rs"),
    ("KPS0902", "tests/suites/vm.rs"),
    ("KPS0903", "tests/suites/cli.rs"),
    ("KPS0904", "tests/suites/vm.rs"),
    ("KPS0905", "tests/suites/vm.rs"),
    ("KPS1001", "tests/suites/tools.rs"),
    ("KPS1002", "tests/suites/running.rs"),
    ("KPS1003", "tests/suites/running.rs"),
    ("KPS1004", "tests/suites/running.rs"),
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
            let (status, text) = check_spec(&block.text, cache.path());
            match block.info.as_str() {
                "kps,fails" | "kps,warns" => {
                    assert!(
                        text.contains(&format!("[{id}]")),
                        "{id}: the example does not provoke it:\n{text}"
                    );
                    assert_eq!(status, Some(i32::from(block.info == "kps,fails")), "{id}");
                    provoked = true;
                }
                "kps" => assert_eq!((status, text.as_str()), (Some(0), ""), "{id}: the repair does not pass"),
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

#[test]
fn explain_prints_the_page() {
    let output = kpsc().args(["explain", "kps0203"]).output().unwrap_or_else(|error| panic!("{error}"));
    let page = std::fs::read_to_string(repository().join("docs/errors/KPS0203.md")).unwrap_or_default();
    assert_eq!(String::from_utf8_lossy(&output.stdout), page);
}

#[test]
fn every_spec_in_the_guides_passes_or_fails_as_it_says() {
    let cache = fixture_cache();
    let root = repository();
    for page in ["README.md", "docs/language.md", "docs/architecture.md"] {
        let text = std::fs::read_to_string(root.join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        for block in blocks(&text) {
            let (status, said) = check_spec(&block.text, cache.path());
            match block.info.as_str() {
                "kps" => assert_eq!((status, said.as_str()), (Some(0), ""), "{page}:\n{}", block.text),
                info if info.starts_with("kps,KPS") => {
                    let code = &info["kps,".len()..];
                    assert!(said.contains(code), "{page}: {code} is not reported:\n{}\n{said}", block.text);
                }
                _ => {}
            }
        }
    }
}

#[test]
fn every_spec_is_laid_out_as_by_fmt() {
    let root = repository();
    let mut pages = vec![root.join("README.md"), root.join("docs/language.md")];
    pages.extend(ALL.iter().map(|code| root.join(format!("docs/errors/{}.md", code.id()))));
    let in_pages = pages.iter().flat_map(|page| {
        let text =
            std::fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        blocks(&text)
            .into_iter()
            .filter(|block| block.info.starts_with("kps"))
            .map(|block| (page.clone(), block.text))
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
    const PAGES: &[&str] = &["language", "commands", "targets", "limits", "architecture", "style"];
    let pages = PAGES.iter().map(|page| format!("docs/{page}.md"));
    for page in pages.chain(["README.md".to_owned()]) {
        let path = root.join(&page);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
        let folder = path.parent().unwrap_or(&root);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(folder.join(link).exists(), "{page}: {link} leads nowhere");
        }
    }
}

#[test]
fn the_spec_of_the_readme_is_the_example() {
    let root = repository();
    let read =
        |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
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
        input::TRIGGER,
    ];
    let rows = files.iter().map(|limit| format!("| {} | {} MiB |", limit.what, limit.bytes >> 20));
    let spec = format!("| a spec | {} MiB |", kps_grammar::MAX_SIZE >> 20);
    for row in rows.chain([spec]) {
        assert!(page.contains(&row), "{row} is not in docs/limits.md");
    }
}

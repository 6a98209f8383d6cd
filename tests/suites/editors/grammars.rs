// SPDX-License-Identifier: GPL-2.0
//! The grammars of `editors/`: they have the keywords of the language, and read every spec that the
//! compiler reads.

use kps_grammar::ast::{Code, Level, Patch};
use kps_grammar::{Source, RUST};
use kps_tests::schedule::{Case, Failed};
use kps_tests::{cases, files, repository};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use tree_sitter::{Language, Node, Parser, Query, Tree};
use tree_sitter_generate::{generate_parser_in_directory, OptLevel};
use tree_sitter_language::LanguageFn;

pub(super) fn cases() -> Vec<Case> {
    cases![
        the_parser_is_that_of_the_grammar.about(3),
        every_spec_is_read_and_its_bodies_are_rust,
        every_keyword_is_in_the_grammars,
        the_extension_has_its_files,
    ]
}

/// The version of tree-sitter's tables that Neovim 0.7 reads, that of Debian 12.
const ABI: usize = 14;

extern "C" {
    fn tree_sitter_kps() -> *const ();
}

fn language() -> Language {
    // SAFETY: the generated parser defines it, and it returns the language.
    unsafe { LanguageFn::from_raw(tree_sitter_kps) }.into()
}

fn folder() -> PathBuf {
    repository().join("editors/tree-sitter-kps")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parsed(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&language()).unwrap_or_else(|error| panic!("{error}"));
    parser.parse(text, None).unwrap_or_else(|| panic!("nothing was parsed"))
}

/// `BLESS=1` writes the parser anew.
fn the_parser_is_that_of_the_grammar() -> Result<(), Failed> {
    if Command::new("node").arg("--version").output().is_err() {
        return Err("node is missing: install Debian's package `nodejs`".into());
    }
    let made = tempfile::tempdir()?;
    let (out, none) = (Some(made.path()), None::<&Path>);
    generate_parser_in_directory(folder(), out, none, ABI, None, None, true, OptLevel::default())
        .map_err(|error| error.to_string())?;
    let kept = folder().join("src");
    if std::env::var_os("BLESS").is_some() {
        std::fs::remove_dir_all(&kept)?;
        kps_tests::copy_folder(made.path(), &kept)?;
    }
    for name in ["parser.c", "grammar.json", "node-types.json", "tree_sitter/parser.h"] {
        if read(&made.path().join(name)) != read(&kept.join(name)) {
            return Err(format!("{name} is not that of grammar.js: `BLESS=1` writes it").into());
        }
    }
    assert_eq!(language().abi_version(), ABI);
    Ok(())
}

/// The specs of the repository that the compiler reads.
fn specs() -> Vec<(PathBuf, String, Patch)> {
    let mut pending: Vec<PathBuf> = ["examples", "tests"].map(|top| repository().join(top)).into();
    let mut specs = Vec::new();
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(files(&path));
        } else if path.extension() == Some("kps".as_ref()) {
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let source = Source::new(path.display().to_string(), text);
            let (spec, errors) = kps_grammar::parse(&source);
            let patch = spec.patch.filter(|_| errors.is_empty());
            specs.extend(patch.map(|patch| (path, source.text, patch)));
        }
    }
    assert!(specs.len() > 500, "only {} specs are read", specs.len());
    specs
}

fn every_spec_is_read_and_its_bodies_are_rust() {
    for (path, text, patch) in specs() {
        let tree = parsed(&text);
        let mut rust = BTreeSet::new();
        walk(tree.root_node(), &mut |node| {
            let place = node.start_position();
            let is_wrong = node.is_error() || node.is_missing();
            assert!(!is_wrong, "{}:{}: {}", path.display(), place.row + 1, node.kind());
            if ["rust_code", "rust_item"].contains(&node.kind()) {
                rust.insert(node.byte_range().start);
            }
        });
        for Code { span } in bodies(&patch) {
            let body = &text[span.start..span.end];
            // What is only space has no tokens.
            let start = span.start + (body.len() - first_token(body).len());
            let is_empty = first_token(body).is_empty();
            assert!(is_empty || rust.contains(&start), "{}: {body}", path.display());
        }
    }
}

/// A text from its first token on.
fn first_token(text: &str) -> &str {
    let first = kps_grammar::tokens(text, kps_grammar::Language::Rust).next();
    first.map_or("", |(at, _)| &text[at..])
}

fn walk<'t>(node: Node<'t>, see: &mut impl FnMut(Node<'t>)) {
    see(node);
    for n in 0..node.child_count() {
        if let Some(child) = node.child(n as u32) {
            walk(child, see);
        }
    }
}

/// What is Rust in a patch.
fn bodies(patch: &Patch) -> Vec<Code> {
    use kps_grammar::ast::Hook;
    let objects = || patch.objects.iter();
    let funcs = objects().flat_map(|object| &object.funcs);
    let hooks = funcs.flat_map(|func| Hook::ALL.iter().filter_map(|hook| func.hook(*hook)));
    let callbacks = objects().flat_map(|object| &object.callbacks).map(|body| body.code);
    let states = patch.states.iter().flat_map(|item| [&item.save, &item.apply, &item.restore]);
    let shadows = patch.shadows.iter().flat_map(|item| [&item.ctor, &item.dtor]);
    let resources =
        patch.resources.iter().flat_map(|item| [&item.acquire, &item.release, &item.adopt]);
    let data = states.chain(shadows).chain(resources).flatten().map(|body| body.code);
    let items = patch.items.iter().filter(|item| item.when.is_empty()).map(|item| item.code);
    hooks.map(|body| body.code).chain(callbacks).chain(data).chain(items).collect()
}

/// The keywords of the language: those of the table of constructs, and those inside of heads.
fn keywords() -> BTreeSet<String> {
    let of_table = Level::ALL.into_iter().flat_map(Level::keywords).map(str::to_owned);
    let rules = read(&repository().join("grammar/src/kps.pest"));
    let in_heads = rules.lines().filter(|line| line.starts_with("kw_"));
    let in_heads = in_heads.filter_map(|line| Some(line.split('"').nth(1)?.to_owned()));
    // Two rules of words that are values, and no keywords of their own.
    let values = ["user", "root", "has", "lacks"].map(str::to_owned);
    of_table.chain(in_heads).chain(values).collect()
}

fn every_keyword_is_in_the_grammars() {
    let keywords = keywords();
    assert!(keywords.contains("post_unpatch") && keywords.contains("freed"), "{keywords:?}");
    let language = language();
    let kinds = 0..language.node_kind_count() as u16;
    let kinds =
        kinds.filter(|id| language.node_kind_is_visible(*id) && !language.node_kind_is_named(*id));
    let of_parser = kinds
        .filter_map(|id| language.node_kind_for_id(id))
        .filter(|kind| kind.starts_with(|c: char| c.is_ascii_lowercase()) && *kind != "end");
    compare("grammar.js", &keywords, of_parser.map(str::to_owned).collect());

    let queries = folder().join("queries");
    let highlights = read(&queries.join("highlights.scm"));
    let list = highlights.split(['[', ']']).nth(1).unwrap_or_default();
    let coloured = list.split('"').skip(1).step_by(2).map(str::to_owned);
    compare("highlights.scm", &keywords, coloured.collect());
    for query in ["highlights.scm", "injections.scm"] {
        let query = Query::new(&language, &read(&queries.join(query)));
        query.unwrap_or_else(|error| panic!("{error}"));
    }

    let textmate = read(&repository().join("editors/textmate/kps.tmLanguage.json"));
    let textmate: serde_json::Value =
        serde_json::from_str(&textmate).unwrap_or_else(|error| panic!("{error}"));
    let mut patterns = Vec::new();
    collect_patterns(&textmate, &mut patterns);
    compare(
        "kps.tmLanguage.json",
        &keywords,
        patterns.iter().flat_map(|text| words(text)).collect(),
    );
}

/// Every keyword is there, and whatever else is there starts an item of Rust.
fn compare(grammar: &str, keywords: &BTreeSet<String>, found: BTreeSet<String>) {
    let missing: Vec<_> = keywords.difference(&found).collect();
    assert!(missing.is_empty(), "{grammar} lacks {missing:?}");
    let mut unknown = found.difference(keywords);
    assert!(unknown.all(|word| RUST.contains(&word.as_str())), "{grammar} has more: {found:?}");
}

/// The regular expressions of a grammar.
fn collect_patterns(value: &serde_json::Value, into: &mut Vec<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        match value.as_str() {
            Some(text) if ["match", "begin"].contains(&key.as_str()) => into.push(text.to_owned()),
            _ => collect_patterns(value, into),
        }
    }
    value.as_array().into_iter().flatten().for_each(|value| collect_patterns(value, into));
}

/// The words of a regular expression.
fn words(pattern: &str) -> Vec<String> {
    let plain =
        ["\\b", "\\s", "\\w", "\\d"].iter().fold(pattern.to_owned(), |p, e| p.replace(e, " "));
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    plain.split(|c| !is_part(c)).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

fn the_extension_has_its_files() {
    let folder = repository().join("editors/vscode");
    let manifest: serde_json::Value = serde_json::from_str(&read(&folder.join("package.json")))
        .unwrap_or_else(|error| panic!("{error}"));
    let contributes = &manifest["contributes"];
    let configuration = contributes["languages"][0]["configuration"].as_str().unwrap_or_default();
    let text = read(&folder.join(configuration));
    serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|error| panic!("{error}"));
    let main = read(&folder.join(manifest["main"].as_str().unwrap_or_default()));
    for needed in ["'lsp'", "--kernel", "workspace/textDocumentContent"] {
        assert!(main.contains(needed), "the extension lacks {needed}");
    }
    // `npm install` copies the grammar.
    let grammar = contributes["grammars"][0]["path"].as_str().unwrap_or_default();
    let script = manifest["scripts"]["prepare"].as_str().unwrap_or_default();
    assert_eq!(script, format!("cp ../textmate/{} .", grammar.trim_start_matches("./")));
    assert!(repository().join("editors/textmate").join(grammar).exists());
}

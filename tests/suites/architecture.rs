//! The invariants of `docs/architecture.md` that can be read off the source.

use kps_tests::schedule::Case;
use kps_tests::{cases, repository};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        an_architecture_has_one_place,
        a_mode_has_one_place,
        the_inner_crates_see_what_they_may_and_no_more,
        pest_stays_in_the_grammar,
        stages_map_values_to_values,
        after_resolve_nothing_is_looked_up,
        nothing_depends_on_the_order_of_a_hash,
        every_file_says_why_it_is_there_and_is_short,
    ]
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a crate depends on, tests aside.
fn dependencies(folder: &str) -> BTreeSet<String> {
    let manifest: toml::Table = read(&repository().join(folder).join("Cargo.toml"))
        .parse()
        .unwrap_or_else(|error| panic!("{folder}: {error}"));
    let names = |table: &toml::Value| table.as_table().into_iter().flat_map(|t| t.keys().cloned()).collect();
    manifest.get("dependencies").map(names).unwrap_or_default()
}

/// The Rust files below a path, which may be one itself.
fn sources(path: &str) -> Vec<PathBuf> {
    let (mut found, mut pending) = (Vec::new(), vec![repository().join(path)]);
    while let Some(path) = pending.pop() {
        match std::fs::read_dir(&path) {
            Ok(entries) => pending.extend(entries.flatten().map(|entry| entry.path())),
            Err(_) if path.extension() == Some("rs".as_ref()) => found.push(path),
            Err(_) => {}
        }
    }
    assert!(!found.is_empty(), "nothing is in {path}");
    found.sort();
    found
}

/// The lines of code that mention any of some words, unit tests and comments aside.
fn mentions(path: &str, words: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    for file in sources(path) {
        let text = read(&file);
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let found = code.filter(|line| words.iter().any(|word| line.contains(word)));
        lines.extend(found.map(|line| format!("{}: {}", file.display(), line.trim())));
    }
    lines
}

/// Only `arch/` and its half in the runtime name a processor architecture, its registers, its instructions or its relocations.
fn an_architecture_has_one_place() {
    const WORDS: &[&str] = &[
        "x86",
        "x64_",
        "X86_",
        "amd64",
        "aarch64",
        "arm64",
        "endbr",
        "ENDBR",
        "__fentry__",
        "%rdi",
        "ttyS0",
    ];
    for product in PRODUCT {
        let found = mentions(product, WORDS);
        let is_outside =
            |line: &&String| !line.contains("/runtime/src/arch/") && !line.contains("/arch/src/");
        let outside: Vec<_> = found.iter().filter(is_outside).collect();
        assert!(outside.is_empty(), "{outside:#?}");
    }
}

/// Only one file of the generator and one folder of the runtime name the kernel's own Rust crate.
fn a_mode_has_one_place() {
    const WORDS: &[&str] = &[
        "kernel::bindings",
        "kernel::container_of",
        "kernel::error",
        "kernel::Module",
        "kernel::prelude",
        "kernel::{",
        "kernel::pr_",
        "kernel::ThisModule",
        "CONFIG_RUST",
    ];
    for part in ["attributes/src", "codegen/src", "runtime/src"] {
        let found = mentions(part, WORDS);
        let places = ["/codegen/src/kernel_crate.rs", "/runtime/src/sys/"];
        let outside: Vec<_> =
            found.iter().filter(|line| !places.iter().any(|place| line.contains(place))).collect();
        assert!(outside.is_empty(), "{outside:#?}");
    }
}

/// Every crate that a user runs or that becomes a part of a module.
const PRODUCT: [&str; 12] = [
    "arch/src",
    "ast/src",
    "attributes/src",
    "codegen/src",
    "compiler/src",
    "diag/src",
    "facts/src",
    "grammar/src",
    "plan/src",
    "resolve/src",
    "runtime/src",
    "runtime-macros/src",
];

fn the_inner_crates_see_what_they_may_and_no_more() {
    let allowed: [(&str, &[&str]); 11] = [
        ("arch", &[]),
        ("diag", &[]),
        ("plan", &["kps-arch"]),
        ("runtime", &["kps-macros"]),
        ("runtime-macros", &["kps-ast", "kps-attributes", "kps-facts", "kps-resolve"]),
        (
            "attributes",
            &[
                "kps-ast",
                "kps-codegen",
                "kps-diag",
                "kps-facts",
                "kps-plan",
                "kps-resolve",
                "proc-macro2",
                "quote",
                "syn",
            ],
        ),
        ("facts", &["kps-arch", "kps-plan"]),
        ("codegen", &["kps-plan", "proc-macro2", "quote", "syn"]),
        ("ast", &["kps-diag"]),
        ("grammar", &["kps-ast", "pest", "pest_derive"]),
        (
            "resolve",
            &[
                "kps-arch",
                "kps-ast",
                "kps-codegen",
                "kps-diag",
                "kps-facts",
                "kps-plan",
                "proc-macro2",
                "quote",
                "rustc-demangle",
                "strsim",
                "syn",
            ],
        ),
    ];
    for (folder, allowed) in allowed {
        let allowed: BTreeSet<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(dependencies(folder), allowed, "{folder}");
    }
}

fn pest_stays_in_the_grammar() {
    for folder in ["arch", "ast", "codegen", "compiler", "diag", "facts", "plan", "resolve", "tests", "xtask"]
    {
        let all = dependencies(folder);
        assert!(!all.iter().any(|name| name.starts_with("pest")), "{folder} depends on {all:?}");
    }
    let public: Vec<_> = mentions("grammar/src", &["pub "])
        .into_iter()
        .filter(|line| line.contains("pest::") || line.contains("Pair<") || line.contains("Rule"))
        .collect();
    assert!(public.is_empty(), "{public:#?}");
}

fn stages_map_values_to_values() {
    const WORLD: &[&str] = &["std::fs", "std::process", "std::net", "std::env", "std::time", "File::open"];
    for stage in [
        "arch/src",
        "diag/src",
        "plan/src",
        "facts/src",
        "codegen/src",
        "grammar/src",
        "ast/src",
        "attributes/src",
        "resolve/src",
        "compiler/src/convert",
        "compiler/src/emit",
        "compiler/src/elf",
        "compiler/src/render",
    ] {
        let found = mentions(stage, WORLD);
        assert!(found.is_empty(), "{stage} touches the world: {found:#?}");
    }
}

fn after_resolve_nothing_is_looked_up() {
    for stage in [
        "resolve/src/check.rs",
        "compiler/src/convert",
        "compiler/src/emit",
        "compiler/src/build",
        "compiler/src/elf",
    ] {
        let found = mentions(stage, &["kps_facts"]);
        assert!(found.is_empty(), "{stage} knows of facts: {found:#?}");
    }
}

fn nothing_depends_on_the_order_of_a_hash() {
    for stage in ["codegen/src", "compiler/src/convert", "compiler/src/emit", "compiler/src/elf", "plan/src"]
    {
        let found = mentions(stage, &["HashMap"]);
        assert!(found.is_empty(), "{stage} has a map without order: {found:#?}");
    }
}

fn every_file_says_why_it_is_there_and_is_short() {
    for folder in PRODUCT.into_iter().chain(["tests/src", "tests/suites", "xtask"]) {
        // What stands for the kernel in the examples of the macros is included where no comment of a file can be.
        for file in sources(folder).iter().filter(|file| !file.ends_with("src/bindings.rs")) {
            let text = read(file);
            let first = text.lines().find(|line| !line.starts_with("// SPDX"));
            let says = first.is_some_and(|line| line.starts_with("//! "));
            assert!(says, "{} does not start with what it is for", file.display());
            let len = text.lines().count();
            assert!(len <= 600, "{} has {len} lines: it asks to be split", file.display());
        }
    }
}

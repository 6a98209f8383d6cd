// SPDX-License-Identifier: GPL-2.0
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
        what_macros_stand_on_needs_no_other_crate,
        pest_stays_in_the_grammar,
        stages_map_values_to_values,
        an_ability_of_an_editor_maps_values_to_values,
        what_others_have_written_is_read_below_its_folder,
        after_resolve_nothing_is_looked_up,
        nothing_depends_on_the_order_of_a_hash,
        standard_output_is_written_in_one_place,
        temporary_names_are_made_in_one_place,
        nothing_is_unloaded_by_force,
        every_file_says_why_it_is_there_and_is_short,
        no_line_is_wider_than_a_hundred_columns,
        no_function_has_more_than_eighty_lines,
        every_source_file_names_its_license,
    ]
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a crate depends on, tests aside: the crates of this workspace, by their short names, and
/// others.
fn dependencies(folder: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let manifest: toml::Table = read(&repository().join(folder).join("Cargo.toml"))
        .parse()
        .unwrap_or_else(|error| panic!("{folder}: {error}"));
    let (mut ours, mut others) = (BTreeSet::new(), BTreeSet::new());
    for name in manifest
        .get("dependencies")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(|t| t.keys())
    {
        match name.strip_prefix("kps-") {
            Some(name) => ours.insert(name.to_owned()),
            None => others.insert(name.clone()),
        };
    }
    (ours, others)
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

/// Only `arch/`, its half in the runtime and the decoder of kernels' code name a processor
/// architecture, its registers, its instructions or its relocations.
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
        "gs:[",
        "bti c",
        "x30",
    ];
    for product in PRODUCT {
        let found = mentions(product, WORDS);
        let is_outside = |line: &&String| {
            !["/crates/arch/src/", "/crates/runtime/src/arch/", "/crates/targets/src/code/"]
                .iter()
                .any(|place| line.contains(place))
        };
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
    for part in ["crates/attributes/src", "crates/codegen/src", "crates/runtime/src"] {
        let found = mentions(part, WORDS);
        let places = ["/codegen/src/kernel_crate.rs", "/runtime/src/sys/"];
        let outside: Vec<_> =
            found.iter().filter(|line| !places.iter().any(|place| line.contains(place))).collect();
        assert!(outside.is_empty(), "{outside:#?}");
    }
}

/// Every crate that a user runs or that becomes a part of a module.
const PRODUCT: [&str; 21] = [
    "compiler/src",
    "crates/arch/src",
    "crates/ast/src",
    "crates/attributes/src",
    "crates/codegen/src",
    "crates/diag/src",
    "crates/facts/src",
    "crates/host/src",
    "crates/import/src",
    "crates/kpsctl/src",
    "crates/link/src",
    "crates/operate/src",
    "crates/package/src",
    "crates/plan/src",
    "crates/report/src",
    "crates/resolve/src",
    "crates/runtime/src",
    "crates/targets/src",
    "crates/vm/src",
    "grammar/src",
    "runtime-macros/src",
];

/// What each crate may see of the others. Which crates of the registry those see that only kpsc is
/// made of is their own affair.
fn the_inner_crates_see_what_they_may_and_no_more() {
    let allowed: [(&str, &[&str]); 20] = [
        ("crates/arch", &[]),
        ("crates/ast", &["diag", "plan"]),
        ("crates/attributes", &["ast", "codegen", "diag", "facts", "plan", "resolve"]),
        ("crates/codegen", &["plan"]),
        ("crates/diag", &[]),
        ("crates/facts", &["arch", "plan"]),
        ("crates/host", &["diag"]),
        ("crates/import", &["arch", "diag", "facts", "grammar"]),
        ("crates/kpsctl", &["diag", "host", "operate", "plan", "report"]),
        ("crates/link", &["arch", "plan"]),
        ("crates/operate", &["diag", "host", "plan"]),
        ("crates/package", &["arch"]),
        ("crates/plan", &["arch"]),
        ("crates/report", &["diag", "host"]),
        ("crates/resolve", &["arch", "ast", "codegen", "diag", "facts", "plan"]),
        ("crates/runtime", &["macros"]),
        ("crates/targets", &["arch", "diag", "facts", "host"]),
        ("crates/vm", &["arch", "ast", "facts", "host", "targets"]),
        ("grammar", &["ast", "diag"]),
        ("runtime-macros", &["ast", "attributes", "facts", "resolve"]),
    ];
    for (folder, allowed) in allowed {
        let (ours, _) = dependencies(folder);
        assert_eq!(ours, names(allowed), "{folder}");
    }
}

/// The target's own rustc compiles what macros stand on: there is nothing but the kernel's syn,
/// quote and proc-macro2.
fn what_macros_stand_on_needs_no_other_crate() {
    const TOKENS: &[&str] = &["proc-macro2", "quote", "syn"];
    // Names that are similar are found where there is a registry.
    const SPELLING: &[&str] = &["proc-macro2", "quote", "rustc-demangle", "strsim", "syn"];
    let allowed: [(&str, &[&str]); 10] = [
        ("crates/arch", &[]),
        ("crates/ast", &[]),
        ("crates/attributes", TOKENS),
        ("crates/codegen", TOKENS),
        ("crates/diag", &[]),
        ("crates/facts", &[]),
        ("crates/plan", &[]),
        ("crates/resolve", SPELLING),
        ("crates/runtime", &[]),
        ("runtime-macros", &[]),
    ];
    for (folder, allowed) in allowed {
        let (_, others) = dependencies(folder);
        assert_eq!(others, names(allowed), "{folder}");
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn pest_stays_in_the_grammar() {
    for product in PRODUCT.iter().filter(|product| **product != "grammar/src") {
        let (_, others) = dependencies(product.trim_end_matches("/src"));
        assert!(
            !others.iter().any(|name| name.starts_with("pest")),
            "{product} depends on {others:?}"
        );
    }
    let public: Vec<_> = mentions("grammar/src", &["pub "])
        .into_iter()
        .filter(|line| line.contains("pest::") || line.contains("Pair<") || line.contains("Rule"))
        .collect();
    assert!(public.is_empty(), "{public:#?}");
}

fn stages_map_values_to_values() {
    const WORLD: &[&str] =
        &["std::fs", "std::process", "std::net", "std::env", "std::time", "File::open"];
    for stage in [
        "crates/arch/src",
        "crates/diag/src",
        "crates/plan/src",
        "crates/facts/src",
        "crates/codegen/src",
        "grammar/src",
        "crates/ast/src",
        "crates/attributes/src",
        "crates/resolve/src",
        "compiler/src/convert",
        "compiler/src/emit",
        "crates/link/src",
        "crates/import/src",
        "crates/package/src",
    ] {
        let found = mentions(stage, WORLD);
        assert!(found.is_empty(), "{stage} touches the world: {found:#?}");
    }
}

/// Only the loop speaks with the client, and only one file opens a target.
fn an_ability_of_an_editor_maps_values_to_values() {
    const OUTSIDE: [(&str, &[&str]); 4] = [
        ("lsp_server", &["/lsp/mod.rs", "/lsp/server.rs"]),
        ("kps_targets", &["/lsp/kernel.rs"]),
        ("Input::", &["/lsp/server.rs"]),
        ("std::time", &["/lsp/server.rs"]),
    ];
    for (word, places) in OUTSIDE {
        let found = mentions("compiler/src/lsp", &[word]);
        let is_outside = |line: &&String| !places.iter().any(|place| line.contains(place));
        let outside: Vec<_> = found.iter().filter(is_outside).collect();
        assert!(!found.is_empty() && outside.is_empty(), "{outside:#?}");
    }
    const NEVER: [&str; 6] =
        ["std::fs", "std::process", "std::env", ".prepare(", ".add_debug(", "Progress::Shown"];
    let found = mentions("compiler/src/lsp", &NEVER);
    assert!(found.is_empty(), "{found:#?}");
}

/// A file of an author, or one in a folder that make has filled, is read by `kps_host::below`. The
/// other crates read the cache, the kernels that the user names, and the running system.
fn what_others_have_written_is_read_below_its_folder() {
    const READS: &[&str] = &[
        "fs::read",
        "fs::copy",
        "File::open",
        "OpenOptions",
        "input::open",
        "input::read",
        "read_at_most",
        "read_opened",
    ];
    /// What else is read, and where.
    const PLACES: [(&str, &str); 11] = [
        ("/compiler/src/build/exports.rs", "the exports of the target"),
        ("/compiler/src/build/kbuild.rs", "a makefile of the target"),
        ("/compiler/src/cli/import/mod.rs", "the fix that the user names"),
        ("/compiler/src/cli/package.rs", "the modules that the user names"),
        ("/compiler/src/cli/sign.rs", "the modules that the user names"),
        ("/compiler/src/cli/test/mod.rs", "the module that the user names"),
        ("/compiler/src/import/clang.rs", "a makefile of the target's source"),
        ("/compiler/src/input/files.rs", "the names in a folder"),
        ("/compiler/src/input/mod.rs", "the spec that the user names"),
        ("/compiler/src/sign.rs", "the certificate that the user names"),
        ("/runtime-macros/src/context.rs", "the same as the compiler, with std alone"),
    ];
    const OTHERS: [&str; 4] =
        ["crates/host/src", "crates/operate/src", "crates/targets/src", "crates/vm/src"];
    for product in PRODUCT.into_iter().filter(|product| !OTHERS.contains(product)) {
        let mut found = mentions(product, READS);
        found.retain(|line| !PLACES.iter().any(|(place, _)| line.contains(place)));
        assert!(found.is_empty(), "{found:#?}");
    }
    let reads = PLACES.map(|(place, _)| mentions(&place[1..], READS).len());
    assert_eq!(reads, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 5], "the places that read: {PLACES:#?}");
}

fn after_resolve_nothing_is_looked_up() {
    for stage in [
        "crates/resolve/src/check.rs",
        "compiler/src/convert",
        "compiler/src/emit",
        "compiler/src/build",
        "crates/link/src",
    ] {
        let found = mentions(stage, &["kps_facts"]);
        assert!(found.is_empty(), "{stage} knows of facts: {found:#?}");
    }
}

/// Elsewhere a write that fails would be forgotten.
fn standard_output_is_written_in_one_place() {
    is_mentioned_only_in("crates/report/src/stdout.rs", &["io::stdout()", " println!", " print!"]);
}

/// Elsewhere a signal would leave them.
fn temporary_names_are_made_in_one_place() {
    is_mentioned_only_in("crates/host/src/", &["tempdir", "tempfile::", "NamedTempFile"]);
}

fn is_mentioned_only_in(place: &str, words: &[&str]) {
    let mut found: Vec<_> = PRODUCT.iter().flat_map(|product| mentions(product, words)).collect();
    found.retain(|line| !line.contains(place));
    assert!(found.is_empty(), "{words:?} is not only in {place}: {found:#?}");
}

fn nothing_depends_on_the_order_of_a_hash() {
    for stage in [
        "crates/codegen/src",
        "compiler/src/convert",
        "compiler/src/emit",
        "crates/link/src",
        "crates/plan/src",
    ] {
        let found = mentions(stage, &["HashMap"]);
        assert!(found.is_empty(), "{stage} has a map without order: {found:#?}");
    }
}

/// With `O_TRUNC`, `delete_module()` removes a module although a task is in its code: nothing asks
/// for that, no system call, no script of the machine and no command that a message offers. A file
/// of a livepatch ends its transition likewise, and only the verb `force` writes to it.
fn nothing_is_unloaded_by_force() {
    let of = |words: &[&str]| -> Vec<_> {
        PRODUCT.iter().flat_map(|product| mentions(product, words)).collect()
    };
    let calls = of(&["delete_module("]);
    assert!(
        matches!(calls.as_slice(), [one] if one.contains("/crates/operate/src/transition.rs: ")
            && one.contains("(&module, UNLOAD_FLAGS)")),
        "{calls:#?}"
    );
    let flags = of(&["const UNLOAD_FLAGS"]);
    assert!(
        matches!(flags.as_slice(), [one] if one.ends_with("= OFlags::NONBLOCK.bits() as i32;")),
        "{flags:#?}"
    );
    const WORDS: &[&str] = &[
        "OFlags::TRUNC",
        "O_TRUNC",
        "SYS_delete_module",
        "rmmod -",
        "modprobe -",
        "/force\"",
        "\"force\"",
    ];
    let mut forced = of(WORDS);
    const ALLOWED: &[&str] = &[
        // Names that bodies may use.
        "/crates/facts/src/from_c.rs: ",
        "/crates/operate/src/transition.rs: switch(system, &patch, \"force\", \"1\")?;",
        "/crates/operate/src/stall.rs: own(\"force\"),",
        "/crates/kpsctl/src/verbs/mod.rs: Verb::Force(_) => \"force\",",
    ];
    forced.retain(|place| !ALLOWED.iter().any(|allowed| place.contains(allowed)));
    assert!(forced.is_empty(), "{forced:#?}");
    for script in ["init.sh", "agent.sh", "livepatch.sh"] {
        let text = read(&repository().join("crates/vm/src").join(script));
        let word = WORDS.iter().chain(&["/force"]).find(|word| text.contains(*word));
        assert_eq!(word, None, "{script}");
    }
}

fn every_file_says_why_it_is_there_and_is_short() {
    for folder in PRODUCT.into_iter().chain(["tests/src", "tests/suites", "xtask"]) {
        // What stands for the kernel in the examples of the macros is included where no comment of
        // a file can be.
        for file in sources(folder).iter().filter(|file| !file.ends_with("src/bindings.rs")) {
            let text = read(file);
            let first = text.lines().find(|line| !line.starts_with("// SPDX"));
            let says = first.is_some_and(|line| line.starts_with("//! "));
            assert!(says, "{} does not start with what it is for", file.display());
            let len = text.lines().count();
            let most = if PRODUCT.contains(&folder) { 500 } else { 600 };
            assert!(len <= most, "{} has {len} lines: it asks to be split", file.display());
        }
    }
}

/// Texts, which are searched for as they stand, and tables may be wider.
fn no_line_is_wider_than_a_hundred_columns() {
    for file in PRODUCT.into_iter().flat_map(sources) {
        for line in read(&file).lines().filter(|line| line.chars().count() > 100) {
            let is_table = line.trim_start().starts_with("//! |");
            assert!(is_table || line.contains('"'), "{}: {line}", file.display());
        }
    }
    for page in kps_tests::pages::pages() {
        let mut is_code = false;
        for line in read(&kps_tests::repository().join(&page)).lines() {
            is_code ^= line.trim_start().starts_with("```");
            let is_link = line.contains("](");
            let may_be = is_code || is_link || line.starts_with('|') || line.starts_with('#');
            assert!(may_be || line.chars().count() <= 100, "{page}: {line}");
        }
    }
}

fn no_function_has_more_than_eighty_lines() {
    for file in PRODUCT.into_iter().flat_map(sources) {
        let text = read(&file);
        let lines: Vec<&str> = text.lines().collect();
        for (n, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let is_function =
                line.contains("fn ") && line.trim_start().starts_with(['p', 'f', 'u', 'c']);
            if !is_function || line.ends_with(';') {
                continue;
            }
            let end = format!("{}}}", " ".repeat(indent));
            let len = lines[n..].iter().position(|line| *line == end).map_or(1, |len| len + 1);
            assert!(len <= 80, "{}: {len} lines: {line}", file.display());
        }
    }
}

fn every_source_file_names_its_license() {
    for file in PRODUCT.into_iter().chain(["tests/src", "tests/suites", "xtask"]).flat_map(sources)
    {
        let text = read(&file);
        let has = text.starts_with("// SPDX-License-Identifier: GPL-2.0\n");
        assert!(has, "{} does not start with its license", file.display());
    }
}

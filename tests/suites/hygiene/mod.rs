// SPDX-License-Identifier: GPL-2.0
//! No name that an author can define changes what generated code means. Two claims together say so:
//! generated code where the author's names are in scope names everything by a path that they cannot
//! reach, and a definition of any name in it is refused or leaves it as it is.

mod paths;

use kps_codegen::names::ident;
use kps_diag::any_error;
use kps_grammar::{Language, Source, Sources};
use kps_tests::code::functions_of;
use kps_tests::properties::on_a_large_stack;
use kps_tests::schedule::Case;
use kps_tests::{cases, fixture, kpsc, printed, repository};
use kpsc::Checked;
use paths::{look_at, Scope};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::path::Path;
use syn::Item;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        generated_code_names_everything_by_a_path,
        macros_of_the_runtime_name_everything_by_a_path,
        every_name_of_generated_code_is_refused_or_changes_nothing.about(10),
        names_of_the_author_and_the_place_of_a_build_change_no_entry.machine().about(20),
    ]
}

/// The specs whose generated code is looked at; together they have every shape of it.
const SPECS: [&str; 4] = ["data", "params", "parts", "shapes"];

/// The fixture with its module.
fn facts() -> kps_facts::Facts {
    let mut facts = fixture::facts();
    kps_targets::module::add(&mut facts, "dummy", fixture::module())
        .unwrap_or_else(|error| panic!("{error}"));
    facts
}

/// A spec with the files that it names.
fn sources(name: &str, text: &str) -> Sources {
    let mut sources = Sources::new(Source::new(format!("{name}.kps"), text));
    let folder = repository().join("tests/golden").join(format!("{name}.d"));
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        let language = if file.ends_with(".rs") { Language::Rust } else { Language::C };
        let text = std::fs::read_to_string(entry.path());
        let text = text.unwrap_or_else(|error| panic!("{file}: {error}"));
        sources.add(language, &format!("{name}.d/{file}"), Source::new(file, text));
    }
    sources
}

fn text(name: &str) -> String {
    let path = repository().join("tests/golden").join(format!("{name}.kps"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The checked plan, or the messages of the errors.
fn checked(sources: &Sources, facts: &kps_facts::Facts) -> Result<Checked, Vec<String>> {
    let (spec, errors) = kps_grammar::parse(sources.spec());
    let patch = spec.patch.filter(|_| errors.is_empty());
    let patch = patch.ok_or_else(|| vec![format!("{errors:?}")])?;
    let (resolved, mut said) = kpsc::resolve::resolve(sources, &patch, true, facts);
    let checked = resolved.and_then(|resolved| {
        let (checked, found) = kpsc::check(resolved);
        said.extend(found);
        checked
    });
    let errors = || said.iter().map(|error| error.message.clone()).collect();
    checked.filter(|_| !any_error(&said)).ok_or_else(errors)
}

fn generated_code_names_everything_by_a_path() {
    let facts = facts();
    for name in SPECS {
        let sources = sources(name, &text(name));
        let checked = checked(&sources, &facts);
        let checked = checked.unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        let module = kps_codegen::module(checked.patch());
        look_at(&format!("{name}_main.rs"), module.root, Scope::Open);
        look_at(&format!("{name}_types.rs"), module.types, Scope::Closed);
        let path = ident(name);
        let contents = kps_codegen::contents(checked.patch(), &quote::quote!(#path::Module));
        look_at(&format!("the crate {name}"), contents.within(&path), Scope::Closed);
    }
}

/// An exported macro expands where the author's macros are in scope.
fn macros_of_the_runtime_name_everything_by_a_path() {
    let folder = repository().join("crates/runtime/src");
    for file in ["arch/x86_64.rs", "host.rs", "shim.rs"] {
        let text = std::fs::read_to_string(folder.join(file));
        let text = text.unwrap_or_else(|error| panic!("{file}: {error}"));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut count = 0;
        for item in &parsed.items {
            let Item::Macro(item) = item else { continue };
            let mut short = Vec::new();
            short_paths(item.mac.tokens.clone(), &mut short);
            assert!(short.is_empty(), "{file}: {short:?} in {:?}", item.ident);
            count += 1;
        }
        assert!(count > 0, "{file} has no macro");
    }
}

/// The macros and types that tokens name by less than a path.
fn short_paths(tokens: TokenStream, short: &mut Vec<String>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for (n, tree) in trees.iter().enumerate() {
        let is = |n: usize, wanted: char| matches!(trees.get(n), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted);
        match tree {
            TokenTree::Ident(name) => {
                let is_method = n > 0 && is(n - 1, '.');
                let starts =
                    name != "as" && !is_method && (n < 2 || !is(n - 1, ':') || !is(n - 2, ':'));
                let before = n.checked_sub(1).and_then(|n| trees.get(n));
                let is_type = matches!(before, Some(TokenTree::Ident(word)) if word == "as");
                let is_path = is(n + 1, ':') && is(n + 2, ':') && !(n > 0 && is(n - 1, '$'));
                if starts && (is(n + 1, '!') || is_type || is_path) {
                    short.push(name.to_string());
                }
            }
            TokenTree::Group(group) => short_paths(group.stream(), short),
            _ => {}
        }
    }
}

/// Every kind of definition, in whatever way it can come into the scope of the objects.
const KINDS: [&str; 11] = [
    "type @ = u8;",
    "struct @;",
    "fn @() {}",
    "const @: u8 = 0;",
    "static @: u8 = 0;",
    "mod @ {}",
    "trait @ { fn cast(self) -> u8; }",
    "enum Hiding# { @ } use self::Hiding#::*;",
    "mod hiding# { pub struct @; } use self::hiding#::*;",
    "macro_rules! @ { ($($x:tt)*) => { 0 } }",
    "use core::mem::swap as @;",
];

fn every_name_of_generated_code_is_refused_or_changes_nothing() {
    on_a_large_stack(|| {
        let facts = facts();
        let mut names = BTreeSet::new();
        for name in SPECS {
            let sources = sources(name, &text(name));
            let checked = checked(&sources, &facts);
            let checked = checked.unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
            let module = kps_codegen::module(checked.patch());
            idents(module.root, &mut names);
            idents(module.types, &mut names);
        }
        for file in ["arch/x86_64.rs", "shim.rs", "frame.rs"] {
            let path = repository().join("crates/runtime/src").join(file);
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            idents(text.parse().unwrap_or_default(), &mut names);
        }
        let keywords = |name: &String| syn::parse_str::<syn::Ident>(name).is_ok();
        let names: Vec<String> = names.into_iter().filter(keywords).collect();
        assert!(names.len() > 300, "{names:?}");
        for kind in KINDS {
            all_at_once(kind, &names, &facts);
        }
    });
}

/// Defines all names in one spec, leaves out those that are refused, and compares the rest with the
/// spec without them.
fn all_at_once(kind: &str, names: &[String], facts: &kps_facts::Facts) {
    /// A message may hide others.
    const ROUNDS: usize = 6;
    let spec = text("parts");
    let whole = emitted("parts", &spec, facts).unwrap_or_else(|errors| panic!("{errors:?}"));
    let mut left: Vec<(&String, String)> = names
        .iter()
        .enumerate()
        .map(|(n, name)| (name, kind.replace('@', name).replace('#', &n.to_string())))
        .collect();
    for _ in 0..ROUNDS {
        let items: String = left.iter().map(|(_, item)| format!("{item}\n")).collect();
        let with = spec.replacen("mod tally", &format!("{items}    mod tally"), 1);
        let errors = match emitted("parts", &with, facts) {
            Ok(main) => {
                assert!(left.len() < names.len(), "{kind}: nothing is refused");
                assert!(left.len() > names.len() / 4, "{kind}: only {left:?} are left");
                let items: String = left.iter().map(|(_, item)| squeezed(item)).collect();
                let main = squeezed(&main).replacen(&items, "", 1);
                assert!(main == squeezed(&whole), "{kind} changes generated code");
                return;
            }
            Err(errors) => errors,
        };
        // Each message names the word that it is about.
        let named = |name: &str| {
            let name = name.trim_start_matches("r#");
            errors.iter().any(|error| error.contains(&format!("`{name}`")))
        };
        let before = left.len();
        left.retain(|(name, _)| !named(name));
        assert!(left.len() < before, "{kind}: {errors:?}");
    }
    panic!("{kind} is still refused");
}

/// A text without space, and without what depends on the digest and the lines of the spec: comments
/// say where a body is.
fn squeezed(text: &str) -> String {
    let is_plain = |line: &&str| {
        let is_comment = line.trim_start().starts_with("//");
        !is_comment && !["source-sha256", "static NOTE"].iter().any(|word| line.contains(word))
    };
    let lines: Vec<&str> = text.lines().filter(is_plain).collect();
    lines.concat().replace(char::is_whitespace, "")
}

/// The generated root, or the messages of the errors.
fn emitted(name: &str, text: &str, facts: &kps_facts::Facts) -> Result<String, Vec<String>> {
    let sources = sources(name, text);
    let checked = checked(&sources, facts)?;
    let files = kpsc::emit::emit(&checked, &sources).files.0;
    Ok(files[&format!("{name}_main.rs")].clone())
}

fn idents(tokens: TokenStream, names: &mut BTreeSet<String>) {
    for tree in tokens {
        match tree {
            TokenTree::Ident(ident) => drop(names.insert(ident.to_string())),
            TokenTree::Group(group) => idents(group.stream(), names),
            _ => {}
        }
    }
}

/// Two modules from one spec are equal, wherever and whenever they are built; and its items change
/// no entry of the module without them.
fn names_of_the_author_and_the_place_of_a_build_change_no_entry() {
    let folder = repository().join("tests/hygiene");
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let spec = read("names.kps");
    let marks = ["    // Items.", "    // The end of the items."].map(|mark| spec.find(mark));
    let [Some(start), Some(end)] = marks else { panic!("the marks are gone") };
    let plain = format!("{}{}", &spec[..start], &spec[end..]);
    let places = [tempfile::tempdir(), tempfile::tempdir(), tempfile::tempdir()]
        .map(|folder| folder.unwrap_or_else(|error| panic!("{error}")));
    let built = |root: &Path, spec: &str, environment: &[(&str, &str)]| {
        std::fs::create_dir_all(root).unwrap_or_else(|error| panic!("{error}"));
        for (name, text) in [("names.kps", spec), ("names.c", &read("names.c"))] {
            std::fs::write(root.join(name), text).unwrap_or_else(|error| panic!("{error}"));
        }
        let mut command = kpsc();
        command.current_dir(root).args(["build", "names.kps"]).envs(environment.iter().copied());
        let output = command.output().unwrap_or_else(|error| panic!("{error}"));
        assert!(output.status.success(), "{}", printed(&output));
        std::fs::read(root.join("names.ko")).unwrap_or_else(|error| panic!("{error}"))
    };
    let deep = places[1].path().join("a/deeper/place");
    let one = built(places[0].path(), &spec, &[("TZ", "UTC"), ("LANG", "C"), ("PWD", "/one")]);
    let environment = [
        ("KBUILD_BUILD_TIMESTAMP", "yesterday"),
        ("KBUILD_BUILD_USER", "nobody"),
        ("LANG", "C.UTF-8"),
        ("PWD", "/other"),
        ("SOURCE_DATE_EPOCH", "1"),
        ("TZ", "Asia/Tokyo"),
        ("USER", "nobody"),
    ];
    let other = built(&deep, &spec, &environment);
    assert!(one == other, "the place or the environment of a build is in the module");
    for root in [places[0].path(), places[1].path(), Path::new("/tmp"), &repository()] {
        let path = root.display().to_string();
        let found = one.windows(path.len()).any(|bytes| bytes == path.as_bytes());
        assert!(!found, "the module holds the path {path}");
    }
    let plain = functions_of(&built(places[2].path(), &plain, &[]));
    let with_items = functions_of(&one);
    let is_ours =
        |name: &&String| ["livepatch_", "kps_orig_"].iter().any(|start| name.starts_with(start));
    let ours: Vec<&String> = plain.keys().filter(is_ours).collect();
    assert!(ours.len() >= 7, "{ours:?}");
    // Bodies that show no line of the spec are the same, too.
    let of_hooks =
        ["kps_body_version_proc_show".to_owned(), "kps_body_uptime_proc_show".to_owned()];
    for name in ours.into_iter().chain(&of_hooks) {
        assert_eq!(plain.get(name), with_items.get(name), "{name}");
    }
}

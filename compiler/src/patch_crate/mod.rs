// SPDX-License-Identifier: GPL-2.0
//! Patch crates, the second front end: reads `src/lib.rs` into the same syntax tree as a spec, with
//! spans in the author's files, so that all later stages are the same.

mod manifest;
mod places;

use crate::syntax::syntax;
use kps_attributes::{take_livepatch, OUTER};
use kps_diag::{Diagnostic, NOT_A_TEST, NOT_ONE_PATCH, NOT_RUST};
use kps_grammar::{ast, check, Language, Source, Sources, Span};
use manifest::check_manifest;
pub use manifest::depends_on_library;
use places::TextPlaces;
use std::str::FromStr as _;
use syn::{Item, ItemMod};

/// The crate's root, relative to its folder.
pub const ROOT: &str = "src/lib.rs";
/// The file of its tests, in the syntax of specs.
pub const TESTS: &str = "tests.kps";
/// Its manifest.
pub const MANIFEST: &str = "Cargo.toml";
/// The kernel's types for the host, written by kpsc.
pub const BINDINGS: &str = "src/bindings.rs";

/// The result of reading a crate.
#[derive(Debug)]
pub struct Read {
    /// The files, starting with that of the tests, because the spans of all other files come after
    /// it.
    pub sources: Sources,
    /// The patch; `None` if there is none that can be parsed.
    pub patch: Option<ast::Patch>,
    /// The diagnostics.
    pub said: Vec<Diagnostic>,
}

/// The source text of a crate.
#[derive(Debug)]
pub struct Texts {
    /// Its manifest.
    pub manifest: Source,
    /// The manifest of the cargo workspace that it is in, if its own manifest refers to it.
    pub workspace: Option<String>,
    /// Whether it has a `build.rs`.
    pub has_script: bool,
    /// Its tests, possibly empty.
    pub tests: Source,
    /// Its Rust files, by their paths relative to its folder.
    pub files: Vec<(String, Source)>,
}

/// Reads a crate from its texts.
pub fn read(texts: Texts) -> Read {
    let Texts { manifest, workspace, has_script, tests, files } = texts;
    let mut said = Vec::new();
    let no_tests = tests.text.trim().is_empty();
    let (spec, errors) = if no_tests { Default::default() } else { kps_grammar::parse(&tests) };
    said.extend(errors.iter().map(syntax));
    let mut sources = Sources::new(tests);
    let manifest = sources.add(Language::Toml, MANIFEST, manifest);
    said.extend(check_manifest(manifest, workspace.as_deref(), has_script));
    for (path, source) in files {
        sources.add(Language::Rust, &path, source);
    }
    let mut patch = root(&sources, &mut said);
    match &mut patch {
        Some(patch) => patch.tests = self::tests(spec.patch, patch, &mut said),
        // Without a patch, resolving does not run and cannot report this.
        None => said.extend(sources.files().skip(1).flat_map(check).map(|error| syntax(&error))),
    }
    Read { sources, patch, said }
}

/// The patch in the crate's root.
fn root(sources: &Sources, said: &mut Vec<Diagnostic>) -> Option<ast::Patch> {
    let file = sources.find(Language::Rust, ROOT)?;
    // The caller reports these errors, together with those of the other files.
    if !check(file).is_empty() {
        return None;
    }
    let places = TextPlaces::new(file);
    let tokens = proc_macro2::TokenStream::from_str(&file.source.text).map_err(syn::Error::from);
    let parsed = tokens.and_then(syn::parse2::<syn::File>);
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let place = kps_attributes::SpanMap::place(&places, error.span());
            let message = format!("this is not Rust: {error}");
            said.push(Diagnostic::new(NOT_RUST, message).at(place, ""));
            return None;
        }
    };
    let mut modules = parsed.items.iter().filter_map(livepatch);
    let (module, arguments) = match (modules.next(), modules.next()) {
        (Some(one), None) => one,
        (None, _) => {
            let start = file.span().start;
            said.push(
                Diagnostic::new(NOT_ONE_PATCH, format!("{ROOT} has no `#[{OUTER}]`"))
                    .at(Span::new(start, start), "")
                    .help(format!("write `#[{OUTER}(license = \"GPL\")] mod NAME {{ .. }}`")),
            );
            return None;
        }
        (Some((first, _)), Some((second, _))) => {
            let place =
                |module: &ItemMod| kps_attributes::SpanMap::place(&places, module.ident.span());
            said.push(
                Diagnostic::new(NOT_ONE_PATCH, format!("{ROOT} has two modules with `#[{OUTER}]`"))
                    .at(place(&second), "")
                    .at(place(&first), "the first one is here")
                    .note("a kernel module is one livepatch")
                    .help("put both into one, or make two crates"),
            );
            return None;
        }
    };
    let (patch, found) = kps_attributes::read(arguments, &module, &places);
    said.extend(found);
    Some(patch)
}

/// A module that is a livepatch, as the macro gets it: without its attribute, and the arguments of
/// that attribute.
fn livepatch(item: &Item) -> Option<(ItemMod, proc_macro2::TokenStream)> {
    let Item::Mod(module) = item else { return None };
    let mut module = module.clone();
    let arguments = take_livepatch(&mut module)?;
    Some((module, arguments))
}

/// The tests, from a spec that contains nothing else.
fn tests(
    spec: Option<ast::Patch>,
    patch: &ast::Patch,
    said: &mut Vec<Diagnostic>,
) -> Vec<ast::Test> {
    let Some(spec) = spec else { return Vec::new() };
    let ast::Patch {
        form: _,
        docs,
        name,
        texts,
        requires,
        atomic_replace,
        params,
        family,
        over,
        states,
        shadows,
        resources,
        objects,
        items,
        modules,
        c_files,
        tests,
        absent: _,
    } = spec;
    let says_nothing = texts.iter().next().is_none()
        && requires.is_empty()
        && atomic_replace.is_none()
        && family.is_none()
        && over.is_empty();
    let changes_nothing = objects.is_empty()
        && items.is_empty()
        && params.is_empty()
        && states.is_empty()
        && shadows.is_empty()
        && resources.is_empty()
        && modules.is_empty()
        && c_files.is_empty();
    let only_tests = says_nothing && changes_nothing;
    let problem = if !only_tests {
        Some(format!("{TESTS} contains more than tests"))
    } else if name.value != patch.name.value {
        Some(format!("the tests belong to the patch `{}`", name.value))
    } else {
        None
    };
    if problem.is_none() && !docs.is_empty() {
        said.push(
            Diagnostic::new(NOT_A_TEST, format!("a `///` comment in {TESTS} describes no patch"))
                .at(name.span, "it is above this patch")
                .help(format!("move it above `#[{OUTER}]` in {ROOT}, or write `//`")),
        );
    }
    if let Some(message) = problem {
        said.push(
            Diagnostic::new(NOT_A_TEST, message)
                .at(name.span, "")
                .note(format!("the patch is in {ROOT}, and only its tests use the spec language"))
                .help(format!(
                    "write `patch {} {{ test \"..\" {{ .. }} }}` there",
                    patch.name.value
                )),
        );
    }
    tests
}

// SPDX-License-Identifier: GPL-2.0
//! What the Rust of a crate must not contain outside of its patch. Resolving searches the patch
//! itself, for a spec and in the macro too.

use super::rust_paths::{self, is_path, PathAttribute, Place};
use crate::patch_crate::ROOT;
use crate::resolve::Search;
use kps_diag::Diagnostic;
use kps_grammar::{ast, Language, Sources, Span};
use proc_macro2::{Group, TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr as _;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Meta, Token};

/// The errors in the Rust files of a crate.
pub(super) fn check(sources: &Sources, patch: &ast::Patch) -> Vec<Diagnostic> {
    let in_rust = || sources.files().filter(|file| file.language == Language::Rust);
    let texts = in_rust().map(|file| (file.path.as_str(), file.source.text.as_str()));
    let compiled = compiled(texts, &patch.name.value);
    let known: BTreeSet<&str> = in_rust().map(|file| file.path.as_str()).collect();
    let search = Search::new(patch, compiled.iter().map(|file| &file.tokens));
    let mut errors = Vec::new();
    for (file, compiled) in in_rust().zip(compiled) {
        errors.extend(compiled.paths.iter().filter_map(|path| {
            let place = file.global(Span::new(path.range.start, path.range.end));
            path.error(&known).map(|error| error.at(place, ""))
        }));
        let outside = without(compiled.tokens, compiled.patch.as_slice());
        errors.extend(search.refused(outside).iter().map(|refused| {
            let range = refused.span.byte_range();
            refused.diagnostic(file.global(Span::new(range.start, range.end)))
        }));
    }
    errors
}

/// What becomes part of the module, of a file.
struct Compiled {
    /// Its tokens without what is for tests only.
    tokens: TokenStream,
    /// Where the inside of the patch is.
    patch: Option<Range<usize>>,
    /// The attributes that name files of modules.
    paths: Vec<PathAttribute>,
}

/// What becomes part of the module, of files with these paths and texts.
fn compiled<'t>(texts: impl Iterator<Item = (&'t str, &'t str)>, patch: &str) -> Vec<Compiled> {
    let mut files = Vec::new();
    let mut tests = BTreeSet::new();
    let mut words = Words::default();
    for (path, text) in texts {
        // Another check reports text that is not Rust.
        let all = TokenStream::from_str(text).unwrap_or_default();
        let mut walk = Walk::new(path, (path == ROOT).then_some(patch));
        if let Ok(file) = syn::parse2::<syn::File>(all.clone()) {
            walk.visit_file(&file);
            walk.tests.sort_by_key(|range| range.start);
        }
        let tokens = without(all, &walk.tests);
        words.add(tokens.clone());
        tests.extend(walk.test_modules);
        files.push((path, Compiled { tokens, patch: walk.patch, paths: walk.paths }));
    }
    let is_for_tests = |path: &str| tests.iter().any(|module| module.has(path, &words));
    let compiled = files.into_iter().map(|(path, file)| match is_for_tests(path) {
        true => Compiled { tokens: TokenStream::new(), patch: None, paths: Vec::new() },
        false => file,
    });
    compiled.collect()
}

/// A module in a file that is declared for tests: the path of its file without the extension.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct TestModule(String);

impl TestModule {
    /// Whether a file is in it, and in nothing else: neither code nor a macro can name the file as
    /// that of another module. That takes every part of its path as the name of a module.
    fn has(&self, path: &str, words: &Words) -> bool {
        let rest = path.strip_prefix(self.0.as_str());
        let is_in = rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'));
        let names = path.strip_prefix("src/").and_then(|path| path.strip_suffix(".rs"));
        let mut names =
            names.into_iter().flat_map(|path| path.strip_suffix("/mod").unwrap_or(path).split('/'));
        is_in && !words.has_path && names.any(|name| !words.names.contains(name))
    }
}

/// What code can name modules with.
#[derive(Default)]
struct Words {
    names: BTreeSet<String>,
    /// Whether a string is the path of a Rust file, as that of `#[path = ".."]`.
    has_path: bool,
}

impl Words {
    fn add(&mut self, tokens: TokenStream) {
        for tree in tokens {
            match tree {
                TokenTree::Group(group) => self.add(group.stream()),
                TokenTree::Ident(name) => {
                    self.names.insert(name.unraw().to_string());
                }
                TokenTree::Literal(literal) => {
                    let text = syn::parse2::<syn::LitStr>(TokenTree::Literal(literal).into());
                    self.has_path |= text.is_ok_and(|text| text.value().ends_with(".rs"));
                }
                TokenTree::Punct(_) => {}
            }
        }
    }
}

/// Finds what of a file is compiled for tests only, and the inside of the patch.
struct Walk<'a> {
    /// The path of the file.
    path: &'a Path,
    /// The modules in the file that it is in.
    inside: Vec<String>,
    /// The name of the patch, if it is in this file.
    name: Option<&'a str>,
    patch: Option<Range<usize>>,
    tests: Vec<Range<usize>>,
    test_modules: Vec<TestModule>,
    paths: Vec<PathAttribute>,
    /// The number of blocks of code that it is in.
    blocks: usize,
}

impl<'a> Walk<'a> {
    fn new(path: &'a str, name: Option<&'a str>) -> Walk<'a> {
        Walk {
            path: Path::new(path),
            inside: Vec::new(),
            name,
            patch: None,
            tests: Vec::new(),
            test_modules: Vec::new(),
            paths: Vec::new(),
            blocks: 0,
        }
    }

    /// Whether something is for tests, of which it makes a note.
    fn is_for_tests(&mut self, node: &impl ToTokens) -> bool {
        let attributes = |input: ParseStream<'_>| {
            let attributes = input.call(Attribute::parse_outer)?;
            input.parse::<TokenStream>().map(|_| attributes)
        };
        let tokens = node.to_token_stream();
        let attributes = attributes.parse2(tokens).unwrap_or_default();
        let is_for_tests = attributes.iter().any(is_for_tests);
        if is_for_tests {
            self.tests.push(node.span().byte_range());
        }
        is_for_tests
    }

    /// The module of a declaration without a body.
    fn module(&self, item: &syn::ItemMod) -> Option<TestModule> {
        let folder = self.path.parent()?;
        let mut given = item.attrs.iter().filter(|attribute| is_path(attribute));
        let path = match given.next() {
            Some(attribute) => {
                let path = rust_paths::literal(attribute)?;
                folder.join(path.strip_suffix(".rs").filter(|_| self.inside.is_empty())?)
            }
            None => {
                let stem = self.path.file_stem()?;
                let is_folder = stem == "mod" || self.path == Path::new(ROOT);
                let folder = if is_folder { folder.to_owned() } else { folder.join(stem) };
                let inside = self.inside.iter().collect::<std::path::PathBuf>();
                folder.join(inside).join(item.ident.unraw().to_string())
            }
        };
        Some(TestModule(path.display().to_string()))
    }

    /// Makes a note of an attribute that names a file.
    fn note_path(&mut self, attribute: &Attribute, place: Place) {
        if is_path(attribute) {
            let (file, inside) = (self.path.to_owned(), self.inside.clone());
            self.paths.push(PathAttribute::new(attribute, place, file, inside));
        }
    }
}

/// Methods that leave out what is for tests.
macro_rules! visit_all {
    ($($method:ident: $node:ident),* $(,)?) => {
        $(
            fn $method(&mut self, node: &'ast syn::$node) {
                if !self.is_for_tests(node) {
                    visit::$method(self, node);
                }
            }
        )*
    };
}

impl<'ast> Visit<'ast> for Walk<'_> {
    visit_all! {
        visit_arm: Arm,
        visit_field: Field,
        visit_field_pat: FieldPat,
        visit_field_value: FieldValue,
        visit_fn_arg: FnArg,
        visit_foreign_item: ForeignItem,
        visit_generic_param: GenericParam,
        visit_impl_item: ImplItem,
        visit_stmt: Stmt,
        visit_trait_item: TraitItem,
        visit_variant: Variant,
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        self.note_path(attribute, Place::Elsewhere);
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        self.blocks += 1;
        visit::visit_block(self, block);
        self.blocks -= 1;
    }

    fn visit_item(&mut self, item: &'ast syn::Item) {
        let is_for_tests = self.is_for_tests(item);
        let syn::Item::Mod(module) = item else {
            if !is_for_tests {
                visit::visit_item(self, item);
            }
            return;
        };
        let place = match module.content {
            None if self.blocks == 0 => Place::OfFile,
            _ => Place::Elsewhere,
        };
        if !is_for_tests {
            module.attrs.iter().for_each(|attribute| self.note_path(attribute, place));
        }
        match &module.content {
            None if is_for_tests => self.test_modules.extend(self.module(module)),
            None => {}
            Some(_) if is_for_tests => {}
            Some((braces, items)) => {
                if self.inside.is_empty() && self.name.is_some_and(|name| module.ident == name) {
                    self.patch = Some(braces.span.join().byte_range());
                }
                self.inside.push(module.ident.unraw().to_string());
                items.iter().for_each(|item| self.visit_item(item));
                self.inside.pop();
            }
        }
    }
}

/// Whether an attribute leaves something out of everything but tests.
fn is_for_tests(attribute: &Attribute) -> bool {
    let is_cfg = attribute.path().is_ident("cfg");
    is_cfg && attribute.parse_args::<Meta>().is_ok_and(|condition| needs_test(&condition))
}

/// Whether a condition is true only if `test` is.
fn needs_test(condition: &Meta) -> bool {
    let of = |list: &syn::MetaList| {
        list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).unwrap_or_default()
    };
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => of(list).iter().any(needs_test),
        Meta::List(list) if list.path.is_ident("any") => {
            let conditions = of(list);
            !conditions.is_empty() && conditions.iter().all(needs_test)
        }
        Meta::List(_) | Meta::NameValue(_) => false,
    }
}

/// Tokens without those in some ranges of their text, which are in order and apart.
fn without(tokens: TokenStream, ranges: &[Range<usize>]) -> TokenStream {
    if ranges.is_empty() {
        return tokens;
    }
    let is_out = |tree: &TokenTree| {
        let at = tree.span().byte_range();
        let next = ranges.partition_point(|range| range.start <= at.start);
        let before = next.checked_sub(1).and_then(|n| ranges.get(n));
        before.is_some_and(|range| at.end <= range.end)
    };
    let kept = tokens.into_iter().filter(|tree| !is_out(tree)).map(|tree| match tree {
        TokenTree::Group(group) => {
            let mut new = Group::new(group.delimiter(), without(group.stream(), ranges));
            new.set_span(group.span());
            TokenTree::Group(new)
        }
        tree => tree,
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of files, one text for each.
    fn left(files: &[(&str, &str)]) -> Vec<String> {
        let compiled = compiled(files.iter().copied(), "fix");
        let left = compiled.into_iter().map(|file| without(file.tokens, file.patch.as_slice()));
        left.map(|tokens| tokens.to_string()).collect()
    }

    #[test]
    fn tests_and_the_patch_are_left_out() {
        for text in [
            "#[livepatch] mod fix { env!(); }",
            "#[cfg(test)] mod tests { env!(); }",
            "#[cfg(test)] const FIXTURE: &str = env!();",
            "#[cfg(test)] use std::env;",
            "/// Docs.\n#[cfg(all(test, not(kps_kernel)))] mod tests { env!(); }",
            "#[cfg(any(test, all(kps_kernel, test)))] fn f() { env!() }",
            "fn f() { #[cfg(test)] let a = env!(); #[cfg(test)] g(env!()); }",
            "struct S { #[cfg(test)] a: [u8; env!()] } impl S { #[cfg(test)] fn f() { env!() } }",
            "fn f() { match 1 { #[cfg(test)] 2 => { env!() } _ => S { #[cfg(test)] a: env!() } } }",
            "mod inner { #[cfg(test)] env!(); }",
        ] {
            assert!(!left(&[(ROOT, text)]).concat().contains("env"), "{text}");
        }
        for text in [
            "mod other { env!(); } mod inner { mod fix {} }",
            "mod inner { mod fix { env!(); } }",
            "#[cfg(not(test))] mod other { env!(); }",
            "#[cfg(any(test, kps_kernel))] mod other { env!(); }",
            "#[cfg(any())] mod other { env!(); }",
            "#[cfg_attr(test, allow(x))] mod other { env!(); }",
            "enum E { #[cfg(test)] A = 0, B = { env!() } }",
            "fn f() { match 1 { #[cfg(test)] 9 => 1, 1 => { env!() } _ => 2 } }",
            "fn f() { #[cfg(test)] let a = 1; { env!() } }",
            "struct S { #[cfg(test)] a: u8, b: [u8; { env!() }] }",
            "#[cfg(test)] mod tests { } not Rust { env!() }",
        ] {
            let left = left(&[(ROOT, text)]).concat();
            assert_eq!(left.matches("env").count(), usize::from(text.contains("env")), "{text}");
        }
    }

    #[test]
    fn files_that_only_tests_name_are_left_out() {
        let has = |root: &str, path: &str| {
            let left = left(&[(ROOT, root), (path, "env!(); mod deep;")]);
            left.iter().any(|text| text.contains("env"))
        };
        for (root, path) in [
            ("#[cfg(test)] mod tests;", "src/tests.rs"),
            ("#[cfg(test)] mod tests;", "src/tests/mod.rs"),
            ("#[cfg(test)] mod tests;", "src/tests/deep.rs"),
            ("mod a { #[cfg(all(x, test))] mod tests; }", "src/a/tests.rs"),
            ("#[cfg(test)] #[path = \"on_host.rs\"] mod tests;", "src/on_host.rs"),
        ] {
            assert!(!has(root, path), "{root} {path}");
        }
        for (root, path) in [
            ("mod tests;", "src/tests.rs"),
            ("#[cfg(test)] mod tests;", "src/tests2.rs"),
            ("#[cfg(test)] mod tests; #[cfg(not(test))] mod tests;", "src/tests.rs"),
            ("#[cfg(test)] mod tests; m!(mod tests);", "src/tests.rs"),
            ("#[cfg(test)] mod tests; mod fix { mod r#tests { mod deep; } }", "src/tests/deep.rs"),
            ("#[cfg(test)] mod tests; #[path = \"tests.rs\"] mod other;", "src/tests.rs"),
            ("#[cfg(test)] mod tests; #[path = \"t\\x65sts.\\x72s\"] mod a;", "src/tests.rs"),
            ("#[cfg(test)] #[path = \"tests.rs\"] mod t; mod tests;", "src/tests.rs"),
            ("#[cfg(test)] #[path = \"a/tests.rs\"] mod t; mod a { mod tests; }", "src/a/tests.rs"),
            ("#[cfg(test)] #[path = \"a/mod.rs\"] mod t; mod a;", "src/a/mod.rs"),
            ("#[cfg(test)] mod tests; m!(tests deep);", "src/tests/deep.rs"),
        ] {
            assert!(has(root, path), "{root} {path}");
        }
    }
}

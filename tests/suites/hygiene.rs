// SPDX-License-Identifier: GPL-2.0
//! No name that an author can define changes what generated code means. Two claims together say so:
//! generated code where the author's names are in scope names everything by a path that they cannot
//! reach, and a definition of any name in it is refused or leaves it as it is.

use kps_codegen::names::ident;
use kps_diag::any_error;
use kps_grammar::{Language, Source, Sources};
use kps_tests::code::functions_of;
use kps_tests::properties::on_a_large_stack;
use kps_tests::schedule::Case;
use kps_tests::{cases, fixture, kpsc, printed, repository};
use kpsc::Checked;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use std::collections::BTreeSet;
use std::path::Path;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, Item, Pat, Token};

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

fn look_at(file: &str, tokens: TokenStream, scope: Scope) {
    let parsed: syn::File = syn::parse2(tokens).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut look = Look { scope, ..Look::default() };
    look.module(&parsed.items);
    assert!(look.wrong.is_empty(), "{file}: {:#?}", look.wrong);
}

/// Which names a scope has besides those that generated code gives it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Scope {
    /// Any that the author defines.
    #[default]
    Open,
    /// Those of Rust's prelude, but macros of the author's by their names alone.
    Closed,
}

/// Looks for names that could be the author's.
#[derive(Default)]
struct Look {
    scope: Scope,
    /// The names that generated code gives the scopes around.
    names: Vec<BTreeSet<String>>,
    wrong: Vec<String>,
}

/// Bindings that bodies see: `ret` is the result in a `post` hook. `check_parameters` refuses
/// values of these names, and of those that the kernel and the author give parameters.
const SEEN: &[&str] = &["original", "ret"];

/// Methods whose receiver is the value itself, of a type of Rust or of the runtime that has them:
/// no trait of the author's comes before those.
const BY_VALUE: &[&str] = &["as_ptr", "cast", "cast_mut", "map_or"];

impl Look {
    fn wrong(&mut self, what: &str, tokens: &dyn quote::ToTokens) {
        self.wrong.push(format!("{what} {}", tokens.to_token_stream()));
    }

    fn module(&mut self, items: &[Item]) {
        let mut names = BTreeSet::new();
        items.iter().for_each(|item| defined(item, &mut names));
        // A block sees the names around it, and a module sees only its own.
        let around = std::mem::replace(&mut self.names, vec![names]);
        items.iter().for_each(|item| self.visit_item(item));
        self.names = around;
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|names| names.contains(name))
    }

    fn scoped(&mut self, names: BTreeSet<String>, inside: impl FnOnce(&mut Self)) {
        self.names.push(names);
        inside(self);
        self.names.pop();
    }
}

/// The names that an item gives its scope. An import by name wins over every glob.
fn defined(item: &Item, names: &mut BTreeSet<String>) {
    fn imported(tree: &syn::UseTree, around: &str, names: &mut BTreeSet<String>) {
        match tree {
            syn::UseTree::Path(path) => imported(&path.tree, &path.ident.to_string(), names),
            syn::UseTree::Name(name) if name.ident == "self" => {
                names.insert(around.to_owned());
            }
            syn::UseTree::Name(name) => drop(names.insert(name.ident.to_string())),
            syn::UseTree::Rename(rename) => drop(names.insert(rename.rename.to_string())),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| imported(tree, around, names));
            }
            syn::UseTree::Glob(_) => {}
        }
    }
    match item {
        Item::Use(item) => imported(&item.tree, "", names),
        Item::Fn(item) => drop(names.insert(item.sig.ident.to_string())),
        Item::Static(item) => drop(names.insert(item.ident.to_string())),
        Item::Const(item) => drop(names.insert(item.ident.to_string())),
        Item::Mod(item) => drop(names.insert(item.ident.to_string())),
        Item::Struct(item) => drop(names.insert(item.ident.to_string())),
        Item::Union(item) => drop(names.insert(item.ident.to_string())),
        Item::Type(item) => drop(names.insert(item.ident.to_string())),
        Item::ForeignMod(block) => {
            for item in &block.items {
                match item {
                    syn::ForeignItem::Fn(f) => drop(names.insert(f.sig.ident.to_string())),
                    syn::ForeignItem::Static(s) => drop(names.insert(s.ident.to_string())),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn is_author(path: &syn::Path) -> bool {
    path.is_ident("kps_fragment")
}

impl<'a> Visit<'a> for Look {
    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        let Some((_, items)) = &module.content else { return };
        // Those that hold bodies see the author's items, through `use super::*`.
        let is_open = module.ident.to_string().starts_with("kps_in_")
            || items.iter().any(|item| matches!(item, Item::Macro(m) if is_author(&m.mac.path)));
        let scope = if is_open { Scope::Open } else { Scope::Closed };
        let around = std::mem::replace(&mut self.scope, scope);
        self.module(items);
        self.scope = around;
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let first = path.segments.first().map(|first| first.ident.to_string()).unwrap_or_default();
        let is_complete = path.leading_colon.is_some()
            || ["Self", "self", "super"].contains(&first.as_str())
            || self.has(&first);
        if self.scope == Scope::Open && !is_complete {
            self.wrong("the path", path);
        }
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        let starts = match &item.tree {
            syn::UseTree::Path(path) => ["super", "self"].iter().any(|word| path.ident == word),
            // No other item can have such a name.
            syn::UseTree::Rename(rename) => rename.ident.to_string().starts_with("kps_"),
            _ => false,
        };
        if item.leading_colon.is_none() && !starts {
            self.wrong("the import", item);
        }
    }

    fn visit_attribute(&mut self, attribute: &'a syn::Attribute) {
        // Rust's own attributes cannot be defined again. `derive` names traits.
        if attribute.path().is_ident("derive") {
            let traits = attribute.meta.require_list().map(|list| list.tokens.to_string());
            if traits.is_ok_and(|traits| !traits.trim_start().starts_with("::")) {
                self.wrong("the attribute", attribute);
            }
        }
    }

    fn visit_macro(&mut self, mac: &'a syn::Macro) {
        if is_author(&mac.path) {
            return;
        }
        let is_short = mac.path.leading_colon.is_none() && mac.path.segments.len() == 1;
        if is_short {
            self.wrong("the macro", &mac.path);
        }
        self.visit_path(&mac.path);
        if let Ok(args) = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(mac.tokens.clone())
        {
            args.iter().for_each(|arg| match arg {
                // `NAME = VALUE` is an argument by its name.
                Expr::Assign(named) => self.visit_expr(&named.right),
                arg => self.visit_expr(arg),
            });
        }
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        let name = call.method.to_string();
        if self.scope == Scope::Open && !BY_VALUE.contains(&name.as_str()) {
            self.wrong("the method", call);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        // The author and the kernel name the parameters of functions that hold bodies.
        let params = item.sig.inputs.iter().filter_map(|input| match input {
            syn::FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(name) => Some(name.ident.to_string()),
                _ => None,
            },
            syn::FnArg::Receiver(_) => None,
        });
        self.scoped(params.collect(), |look| {
            item.sig.inputs.iter().for_each(|input| match input {
                syn::FnArg::Typed(typed) => look.visit_type(&typed.ty),
                syn::FnArg::Receiver(_) => {}
            });
            look.visit_return_type(&item.sig.output);
            look.visit_block(&item.block);
        });
    }

    fn visit_foreign_item_fn(&mut self, item: &'a syn::ForeignItemFn) {
        // Rust does not look up the names of parameters of a declaration.
        item.sig.inputs.iter().for_each(|input| match input {
            syn::FnArg::Typed(typed) => self.visit_type(&typed.ty),
            syn::FnArg::Receiver(_) => {}
        });
        self.visit_return_type(&item.sig.output);
    }

    fn visit_block(&mut self, block: &'a syn::Block) {
        let mut names = BTreeSet::new();
        for stmt in &block.stmts {
            match stmt {
                syn::Stmt::Item(item) => defined(item, &mut names),
                syn::Stmt::Local(local) => bound(&local.pat, &mut names),
                _ => {}
            }
        }
        self.scoped(names, |look| visit::visit_block(look, block));
    }

    fn visit_expr_closure(&mut self, closure: &'a syn::ExprClosure) {
        let mut names = BTreeSet::new();
        closure.inputs.iter().for_each(|input| bound(input, &mut names));
        // The closures of data hold nothing but a body, whose author names the arguments.
        let holds_body = closure.body.to_token_stream().to_string().contains("kps_fragment");
        self.scoped(names, |look| {
            if !holds_body {
                closure.inputs.iter().for_each(|input| look.visit_pat(input));
            }
            look.visit_expr(&closure.body);
        });
    }

    fn visit_local(&mut self, local: &'a syn::Local) {
        if self.scope == Scope::Open {
            let mut names = BTreeSet::new();
            bound(&local.pat, &mut names);
            // With a type it is a parameter.
            let is_param = matches!(&local.pat, Pat::Type(_));
            let is_ours = |name: &String| name.starts_with("kps_") || SEEN.contains(&name.as_str());
            // `let data = ..` of a `dtor` binds the author's name to what the runtime returns.
            let of_dtor = local.to_token_stream().to_string().contains("kps_data");
            if !is_param && !of_dtor && !names.iter().all(is_ours) {
                self.wrong("the binding", &local.pat);
            }
        }
        if let Some(init) = &local.init {
            self.visit_expr(&init.expr);
        }
        if let Pat::Type(typed) = &local.pat {
            self.visit_type(&typed.ty);
        }
    }

    fn visit_visibility(&mut self, _: &'a syn::Visibility) {}
}

fn bound(pat: &Pat, names: &mut BTreeSet<String>) {
    match pat {
        Pat::Ident(name) => drop(names.insert(name.ident.to_string())),
        Pat::Type(typed) => bound(&typed.pat, names),
        Pat::Tuple(tuple) => tuple.elems.iter().for_each(|pat| bound(pat, names)),
        _ => {}
    }
}

/// An exported macro expands where the author's macros are in scope.
fn macros_of_the_runtime_name_everything_by_a_path() {
    let folder = repository().join("crates/runtime/src");
    for file in ["arch/x86_64.rs", "host.rs"] {
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

// SPDX-License-Identifier: GPL-2.0
//! What the author's Rust must not contain, wherever it is: names of the generated code, names of
//! the language with another meaning, and macros that read what is not part of the patch.
//!
//! The search is over tokens and not over syntax, because the meaning of a macro's tokens is not
//! known before rustc expands it. So it refuses the few macros with which a name could be made of
//! parts.

mod messages;

use super::bodies::Rust;
use super::{data, Resolver};
use kps_ast::{self as ast, Code};
use kps_codegen::names::{stem, ENTRY, PREFIX};
use kps_plan::PLACEHOLDER;
use proc_macro2::{Delimiter, Ident, Literal, TokenStream, TokenTree};
use std::collections::BTreeSet;
use syn::ext::IdentExt as _;

/// Something in an author's tokens that is refused.
#[derive(Debug)]
pub struct Refused {
    /// The tokens' own position of it.
    pub span: proc_macro2::Span,
    what: What,
}

/// What is refused.
#[derive(Debug, PartialEq, Eq)]
enum What {
    /// A name of the generated code.
    Name(String),
    /// A text in assembly, or in an attribute, with such a name.
    Text(String),
    /// A macro that makes names of parts.
    Parts(String),
    /// A macro that reads a file or the environment.
    Outside(String),
    /// A directive of the assembler that reads a file.
    Directive(&'static str),
    /// A name of the language, defined again.
    Language(String),
    /// A macro whose name is the argument of another one.
    NamelessMacro,
    /// Another name for a crate.
    ExternCrate,
}

/// Macros that read a file or the environment of the compiler.
const OUTSIDE: &[&str] = &["env", "option_env", "include", "include_bytes", "include_str"];

/// Those of them whose names mean nothing else.
const ONLY_OUTSIDE: &[&str] = &["option_env", "include_bytes", "include_str"];

/// Macros that make a name of parts.
const PARTS: &[&str] = &["concat_idents", "paste"];

/// Macros whose text is for people. That of any other one may be for the assembler, in the end.
const MESSAGES: &[&str] = &[
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "panic",
    "pr_alert",
    "pr_cont",
    "pr_crit",
    "pr_debug",
    "pr_emerg",
    "pr_err",
    "pr_info",
    "pr_notice",
    "pr_warn",
    "todo",
    "unimplemented",
    "unreachable",
    "write",
    "writeln",
];

/// Directives of the assembler that read a file.
const DIRECTIVES: &[&str] = &[".incbin", ".include"];

/// The macros of Rust's prelude. Macros of the kernel crate expand to some of them.
const STANDARD: &[&str] = &[
    "assert",
    "assert_eq",
    "assert_ne",
    "cfg",
    "column",
    "compile_error",
    "concat",
    "concat_bytes",
    "const_format_args",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "env",
    "file",
    "format_args",
    "include",
    "include_bytes",
    "include_str",
    "line",
    "matches",
    "module_path",
    "option_env",
    "panic",
    "stringify",
    "todo",
    "try",
    "unimplemented",
    "unreachable",
    "write",
    "writeln",
];

/// The types of the language.
pub(super) const PRIMITIVES: &[&str] = &[
    "bool", "char", "f16", "f32", "f64", "f128", "i8", "i16", "i32", "i64", "i128", "isize", "str",
    "u8", "u16", "u32", "u64", "u128", "usize",
];

/// The `cfg` that code for a kernel is compiled with; an author may ask for it.
const KERNEL_CFG: &str = "kps_kernel";

/// What a search has to know of the whole patch.
#[derive(Debug)]
pub struct Search {
    /// The names of the changed functions, as identifiers.
    functions: BTreeSet<String>,
    /// Whether some macro calls a macro that is its argument: then any word may be called.
    by_parameter: bool,
}

impl Search {
    /// A search in snippets of a patch, which are all of its Rust.
    pub fn new<'t>(spec: &ast::Patch, snippets: impl IntoIterator<Item = &'t TokenStream>) -> Self {
        let by_parameter = snippets.into_iter().any(|tokens| calls_a_parameter(tokens.clone()));
        Search { functions: changed(spec), by_parameter }
    }

    /// What is refused in a snippet.
    pub fn refused(&self, tokens: TokenStream) -> Vec<Refused> {
        let mut walk = Walk { search: self, found: Vec::new() };
        walk.tokens(tokens, false);
        walk.found
    }
}

struct Walk<'a> {
    search: &'a Search,
    found: Vec<Refused>,
}

impl Walk<'_> {
    fn refuse(&mut self, span: proc_macro2::Span, what: What) {
        self.found.push(Refused { span, what });
    }

    /// Searches the tokens of a group. `in_use` tells that they are of a `use` item.
    fn tokens(&mut self, tokens: TokenStream, in_use: bool) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let mut in_use = in_use;
        for (n, tree) in trees.iter().enumerate() {
            let next = trees.get(n + 1);
            match tree {
                TokenTree::Ident(ident) => {
                    // `use<'a>` is a bound.
                    in_use |= ident == "use" && !is_punct(next, '<');
                    let is_called = is_punct(next, '!') && !is_punct(trees.get(n + 2), '=');
                    self.name(ident, next, is_called || in_use || self.search.by_parameter);
                    if is_called {
                        self.called(ident, trees.get(n + 2), trees.get(n + 3));
                    }
                    if ident == "extern" && next.is_some_and(|next| is_word(next, "crate")) {
                        self.refuse(ident.span(), What::ExternCrate);
                    }
                    if is_definition(ident) {
                        self.defined(next);
                    }
                    if in_use && ident == "as" {
                        self.defined(next);
                    }
                }
                TokenTree::Punct(punct) => {
                    in_use &= punct.as_char() != ';';
                    let inner = if is_punct(next, '!') { trees.get(n + 2) } else { next };
                    if let ('#', Some(TokenTree::Group(group))) = (punct.as_char(), inner) {
                        self.attribute(group.stream());
                    }
                }
                TokenTree::Group(group) => {
                    self.tokens(group.stream(), in_use);
                    // The braces of an item end it, and those of a `use` are followed by `;`.
                    in_use &= group.delimiter() == Delimiter::Brace && is_punct(next, ';');
                }
                TokenTree::Literal(_) => {}
            }
        }
    }

    /// A name. `may_be_macro` tells whether it may be that of a macro here.
    fn name(&mut self, ident: &Ident, next: Option<&TokenTree>, may_be_macro: bool) {
        let name = ident.unraw().to_string();
        if is_reserved(&name, &self.search.functions) || name == "livepatch" && is_punct(next, ':')
        {
            self.refuse(ident.span(), What::Name(name));
        } else if ONLY_OUTSIDE.contains(&name.as_str())
            || may_be_macro && OUTSIDE.contains(&name.as_str())
        {
            self.refuse(ident.span(), What::Outside(name));
        } else if may_be_macro && PARTS.contains(&name.as_str()) {
            self.refuse(ident.span(), What::Parts(name));
        }
    }

    /// The call or the definition of a macro: what follows its `!`.
    fn called(&mut self, ident: &Ident, first: Option<&TokenTree>, second: Option<&TokenTree>) {
        if ident == "macro_rules" {
            match first {
                Some(TokenTree::Ident(name)) if STANDARD.iter().any(|known| name == known) => {
                    self.refuse(name.span(), What::Language(name.to_string()));
                }
                Some(TokenTree::Punct(punct)) if punct.as_char() == '$' => {
                    self.refuse(punct.span(), What::NamelessMacro);
                }
                _ => {}
            }
        }
        let body = if ident == "macro_rules" { second } else { first };
        if let (false, Some(TokenTree::Group(group))) =
            (MESSAGES.iter().any(|name| ident == name), body)
        {
            let text = text(group.stream());
            if let Some(directive) = DIRECTIVES.iter().find(|directive| text.contains(**directive))
            {
                self.refuse(ident.span(), What::Directive(directive));
            }
            self.text(ident.span(), &text);
        }
    }

    /// An attribute: `link_name` and `export_name` name symbols.
    fn attribute(&mut self, tokens: TokenStream) {
        let is_doc = tokens.clone().into_iter().next().is_some_and(|tree| is_word(&tree, "doc"));
        if let (false, Some(first)) = (is_doc, tokens.clone().into_iter().next()) {
            self.text(first.span(), &text(tokens));
        }
    }

    /// A text that names symbols.
    fn text(&mut self, span: proc_macro2::Span, text: &str) {
        let is_part = |c: char| c == '_' || c == '.' || c.is_ascii_alphanumeric();
        let reserved =
            |word: &&str| is_reserved(word.trim_start_matches('.'), &self.search.functions);
        if let Some(word) = text.split(|c| !is_part(c)).find(reserved) {
            self.refuse(span, What::Text(word.to_owned()));
        }
    }

    /// The name after the keyword of a definition.
    fn defined(&mut self, name: Option<&TokenTree>) {
        let Some(TokenTree::Ident(name)) = name else { return };
        if PRIMITIVES.iter().any(|known| name == known) {
            self.refuse(name.span(), What::Language(name.to_string()));
        }
    }
}

/// Whether a name belongs to generated code. `functions` are the names of the changed functions.
pub fn is_reserved(name: &str, functions: &BTreeSet<String>) -> bool {
    let is_entry = || {
        let stem = name.strip_prefix(ENTRY)?;
        // Functions of the same name have a number behind it.
        let numbered = stem.rsplit_once('_').filter(|(_, n)| n.parse::<u32>().is_ok());
        Some(functions.contains(stem) || numbered.is_some_and(|(stem, _)| functions.contains(stem)))
    };
    (name.starts_with(PREFIX) || name.starts_with("__kps")) && name != KERNEL_CFG
        || name.contains(PLACEHOLDER)
        || is_entry().unwrap_or(false)
}

/// Keywords that a name of the namespace of types follows. One of them may be a contextual keyword.
fn is_definition(ident: &Ident) -> bool {
    ["enum", "mod", "struct", "trait", "type", "union"].iter().any(|keyword| ident == keyword)
}

/// Whether a macro calls the macro that is its argument: `$name!`.
fn calls_a_parameter(tokens: TokenStream) -> bool {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let here = trees.windows(3).any(|trees| {
        is_punct(trees.first(), '$')
            && matches!(trees.get(1), Some(TokenTree::Ident(_)))
            && is_punct(trees.get(2), '!')
    });
    here || trees.into_iter().any(|tree| match tree {
        TokenTree::Group(group) => calls_a_parameter(group.stream()),
        _ => false,
    })
}

fn is_punct(tree: Option<&TokenTree>, wanted: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_word(tree: &TokenTree, wanted: &str) -> bool {
    matches!(tree, TokenTree::Ident(ident) if ident == wanted)
}

/// The text of a macro's or an attribute's strings, with a line end after each argument. `concat!`
/// among them joins its arguments.
fn text(tokens: TokenStream) -> String {
    let text = |tree| match tree {
        TokenTree::Literal(literal) => value(&literal),
        TokenTree::Group(group) => joined(group.stream()),
        TokenTree::Punct(punct) if punct.as_char() == ',' => "\n".to_owned(),
        TokenTree::Ident(_) | TokenTree::Punct(_) => String::new(),
    };
    let text: String = tokens.into_iter().map(text).collect();
    // The assembler's separator of an argument and the text behind it.
    text.replace("\\()", "")
}

fn joined(tokens: TokenStream) -> String {
    let text = |tree| match tree {
        TokenTree::Literal(literal) => value(&literal),
        TokenTree::Group(group) => joined(group.stream()),
        TokenTree::Ident(_) | TokenTree::Punct(_) => String::new(),
    };
    tokens.into_iter().map(text).collect()
}

fn value(literal: &Literal) -> String {
    match syn::parse_str::<syn::Lit>(&literal.to_string()) {
        Ok(syn::Lit::Str(text)) => text.value(),
        Ok(syn::Lit::Char(c)) => c.value().to_string(),
        Ok(syn::Lit::CStr(text)) => text.value().to_string_lossy().into_owned(),
        _ => literal.to_string(),
    }
}

impl Resolver<'_> {
    /// Searches everything that the author has written in Rust.
    pub(super) fn check_words(&mut self, spec: &ast::Patch, rust: &Rust) {
        self.check_destructors(rust);
        let types = data::types(spec);
        let snippets = rust.snippets().into_iter().map(|(code, _)| code).chain(types);
        let mut snippets: Vec<Code> = snippets.collect();
        snippets.sort_by_key(|code| code.span.start);
        snippets.dedup_by_key(|code| code.span.start);
        // A name that is defined and used is one mistake.
        let mut said = BTreeSet::new();
        let tokens = |code: &Code| Some((*code, self.pieces.tokens(*code).ok()?));
        let snippets: Vec<(Code, TokenStream)> = snippets.iter().filter_map(tokens).collect();
        let search = Search::new(spec, snippets.iter().map(|(_, tokens)| tokens));
        for (code, tokens) in snippets {
            for refused in search.refused(tokens) {
                let error = refused.diagnostic(self.pieces.place(code, refused.span));
                if said.insert(error.message.clone()) {
                    self.report(error);
                }
            }
        }
    }
}

/// The names of the functions that a patch changes, as identifiers.
pub fn changed(spec: &ast::Patch) -> BTreeSet<String> {
    let functions = spec.objects.iter().flat_map(|object| &object.funcs);
    functions.map(|function| stem(&function.symbol.name.value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is refused in a text of a patch that changes `show`.
    fn found(text: &str) -> Vec<What> {
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        let functions = BTreeSet::from(["show".to_owned()]);
        let search = Search { functions, by_parameter: calls_a_parameter(tokens.clone()) };
        search.refused(tokens).into_iter().map(|refused| refused.what).collect()
    }

    #[test]
    fn names_of_generated_code_are_found_wherever_they_are() {
        for text in [
            "kps_orig_show as usize",
            "m!(r#kps_new)",
            "let __kps_x = 1;",
            "use super::kps_in_vmlinux::livepatch_show as f;",
            "livepatch_show_2",
            "livepatch::Module",
            "#[link_name = \"kps_body_show\"] static X: u8;",
            "#![export_name = \"livepatch_show\"]",
            "asm!(\"nop\", \"call kps_orig_show\")",
            "mine!(concat!(\"call k\", \"ps_orig_show\"))",
            "global_asm!(\".set x, \\\"kps.sym.vmlinux.show,0\\\"\")",
            "macro_rules! m { () => { asm!(\"jmp *kps_orig\\\\()_show\") } }",
            "paste! { [<kps _orig_show>] }",
            "use kernel::prelude::paste as glue;",
        ] {
            assert!(!found(text).is_empty(), "{text}");
        }
        for text in [
            "#[cfg(kps_kernel)] fn f() {}",
            "kps::livepatch(x); kps::prelude::pr_info!(\"kps_orig_show\");",
            "livepatch_other(livepatch, livepatch_show_x)",
            "/// kps_orig_show\nfn f() { let paste = 1; }",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }

    #[test]
    fn macros_that_read_more_than_the_patch_are_found_by_any_name() {
        for text in [
            "core::env!(\"PWD\")",
            "use core::{env as e};",
            "#[doc = include_str!(\"x\")] fn f() {}",
            "macro_rules! call { ($m:ident) => { $m!(\"x\") } } call!(include);",
            "f(option_env)",
            "global_asm!(\".inc\", concat!(\".\", \"incbin \\\"x\\\"\"))",
            "mine!(\".include \\\"x\\\"\")",
        ] {
            assert!(!found(text).is_empty(), "{text}");
        }
        for text in [
            "let env = 1; if env != 2 { include(env) }",
            "(file!(), line!(), module_path!(), stringify!(env))",
            "pr_info!(\".incbin\")",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }

    #[test]
    fn names_of_the_language_are_not_defined_again() {
        for text in [
            "type u32 = u64;",
            "mod a { pub enum bool { no } }",
            "use a::b as usize;",
            "macro_rules! cfg { () => {} }",
            "macro_rules! m { ($n:ident) => { macro_rules! $n { () => {} } } }",
            "extern crate self as core;",
        ] {
            assert!(!found(text).is_empty(), "{text}");
        }
        for text in [
            "impl A for B { const C: u8 = 1 as u8; }",
            "use a::{b, c}; fn f() -> impl Sized + use<> { 1 as u32 }",
            "macro_rules! mine { () => {} } enum Option { Some }",
            "struct A { r#type: u32, union: u8 }",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }
}

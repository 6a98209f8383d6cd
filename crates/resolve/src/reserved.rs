// SPDX-License-Identifier: GPL-2.0
//! What the author's Rust must not contain, wherever it is: names of the generated code, names of
//! the language with another meaning, and macros that read what is not part of the patch.
//!
//! The search is over tokens and not over syntax, because the meaning of a macro's tokens is not
//! known before rustc expands it. So it refuses the few macros with which a name could be made of
//! parts.

mod handed;
mod macros;
mod messages;
mod rules;
mod text;

use super::bodies::Rust;
use super::{data, Resolver};
use kps_ast::{self as ast, Code};
use kps_codegen::names::{stem, ENTRY, PREFIX};
use kps_plan::PLACEHOLDER;
use macros::{words, Known, Macros};
use proc_macro2::{Delimiter, Ident, Spacing, TokenStream, TokenTree};
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
    /// A directive of the assembler that makes names of parts.
    Composing(&'static str),
    /// A placeholder in assembly, with what it is a part of a name with.
    Glued(String),
    /// A `concat!` in assembly of what a macro is given.
    OpenConcat,
    /// An attribute `path` that is not directly above a module.
    Path,
    /// The word `original`, where a macro can separate it from its arguments.
    Original,
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
    /// What the author defines.
    known: Known,
}

impl Search {
    /// A search in snippets of a patch, which are all of its Rust.
    pub fn new<'t>(spec: &ast::Patch, snippets: impl IntoIterator<Item = &'t TokenStream>) -> Self {
        let mut macros = Macros::default();
        spec.modules.iter().for_each(|module| macros.module(&module.name.value));
        snippets.into_iter().for_each(|tokens| macros.read(tokens.clone(), false));
        Search { functions: changed(spec), known: macros.known() }
    }

    /// What is refused in a snippet.
    pub fn refused(&self, tokens: TokenStream) -> Vec<Refused> {
        let mut walk = Walk { search: self, found: Vec::new() };
        walk.tokens(tokens, Context::default());
        walk.found
    }
}

/// What tokens are part of.
#[derive(Clone, Copy, Default)]
struct Context {
    /// A `use` item.
    import: Option<Import>,
    /// The arguments of a macro, or its rules.
    of_macro: bool,
    /// The arguments of a macro that may call any word of them.
    may_be_called: bool,
    /// Those of a macro that may separate a word from the parentheses behind it.
    may_be_split: bool,
    /// Rules in which the word `original` has its meaning.
    may_be_value: bool,
    /// The arguments of a macro that may make an attribute of any word.
    may_be_attribute: bool,
    /// Those of a macro of the author's.
    of_own: bool,
}

/// What is known of the path of a `use` item.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Import {
    /// Its first name is still to come.
    Unknown,
    /// It begins with a module of the author's.
    Own,
    /// It begins with a crate, or something else.
    Other,
}

struct Walk<'a> {
    search: &'a Search,
    found: Vec<Refused>,
}

impl Walk<'_> {
    fn refuse(&mut self, span: proc_macro2::Span, what: What) {
        self.found.push(Refused { span, what });
    }

    /// Searches the tokens of a group.
    fn tokens(&mut self, tokens: TokenStream, context: Context) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let mut import = context.import;
        for (n, tree) in trees.iter().enumerate() {
            let next = trees.get(n + 1);
            match tree {
                TokenTree::Ident(ident) => {
                    // `use<'a>` is a bound.
                    if ident == "use" && !is_punct(next, '<') {
                        import = Some(Import::Unknown);
                        continue;
                    }
                    import = import.map(|import| self.import(import, ident));
                    let before = n.checked_sub(1).and_then(|n| trees.get(n));
                    let behind = trees.get(n + 1..).unwrap_or_default();
                    self.word(before, ident, behind, Context { import, ..context });
                }
                TokenTree::Punct(punct) => match punct.as_char() {
                    ';' => import = None,
                    // The next path of a group begins where the group does.
                    ',' => import = context.import,
                    '#' => {
                        let inner = if is_punct(next, '!') { trees.get(n + 2) } else { next };
                        if let Some(TokenTree::Group(group)) = inner {
                            self.attribute(group.stream(), context);
                        }
                    }
                    _ => {}
                },
                TokenTree::Group(group) => {
                    let inside = self.handed(&trees, n, Context { import, ..context });
                    self.tokens(group.stream(), inside);
                    // The braces of an item end it, and those of a `use` are followed by `;`.
                    if group.delimiter() != Delimiter::Brace || !is_punct(next, ';') {
                        import = context.import;
                    }
                }
                TokenTree::Literal(_) => {}
            }
        }
    }

    /// What is known of the path of a `use` item behind one more of its names.
    fn import(&self, import: Import, name: &Ident) -> Import {
        let is_place = ["crate", "self", "super"].iter().any(|place| name == place);
        match import {
            Import::Unknown if is_place => Import::Unknown,
            Import::Unknown if self.search.known.modules.contains(&unraw(name)) => Import::Own,
            Import::Unknown => Import::Other,
            known => known,
        }
    }

    /// A word, with what is before and behind it.
    fn word(
        &mut self,
        before: Option<&TokenTree>,
        ident: &Ident,
        behind: &[TokenTree],
        context: Context,
    ) {
        let import = context.import;
        let (next, second) = (behind.first(), behind.get(1));
        let is_called = is_punct(next, '!') && !is_punct(second, '=');
        let is_own =
            import == Some(Import::Own) && self.search.known.defined.contains(&unraw(ident));
        let is_imported = import.is_some() && !is_own;
        // In the rules of a macro, a parameter may be the `!`.
        let may_be_called = context.may_be_called && !is_punct(before, '.') || is_punct(next, '$');
        self.name(ident, behind, is_called || is_imported || may_be_called);
        self.handed_word(before, ident, behind, context);
        if is_called {
            self.called(ident, second, behind.get(2));
        }
        if ident == "extern" && next.is_some_and(|next| is_word(next, "crate")) {
            self.refuse(ident.span(), What::ExternCrate);
        }
        if is_definition(ident, behind) || import.is_some() && ident == "as" {
            self.defined(next);
        }
        if import.is_some() && ident == "as" {
            self.hides_an_attribute(before, next);
        }
        if ident == "enum" && is_definition(ident, behind) {
            let body = behind.iter().find_map(rules::braces).unwrap_or_default();
            variants(&body, &mut |name| self.defined(Some(&TokenTree::Ident(name.clone()))));
        }
        if import.is_some() && self.search.known.own.contains(&unraw(ident)) {
            self.renamed(behind);
        }
    }

    /// A name. `may_be_macro` tells whether it may be that of a macro here.
    fn name(&mut self, ident: &Ident, behind: &[TokenTree], may_be_macro: bool) {
        let name = unraw(ident);
        // `::`, and not the `:` before a type.
        let is_module = || {
            matches!(behind.first(), Some(TokenTree::Punct(punct))
                if punct.as_char() == ':' && punct.spacing() == Spacing::Joint)
        };
        if is_reserved(&name, &self.search.functions) || name == "livepatch" && is_module() {
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
        let known = &self.search.known;
        match (first, second) {
            (Some(TokenTree::Group(arguments)), _) => {
                let arguments = arguments.stream();
                let handed = words(arguments.clone(), true);
                if known.assembly.contains(&unraw(ident)) || !known.assembly.is_disjoint(&handed) {
                    self.assembly(ident.span(), arguments.clone());
                }
                self.named_types(&unraw(ident), arguments);
            }
            (Some(TokenTree::Ident(name)), Some(TokenTree::Group(rules))) => {
                if STANDARD.contains(&unraw(name).as_str()) {
                    self.refuse(name.span(), What::Language(unraw(name)));
                }
                if known.texts.contains(&unraw(name)) {
                    self.assembly(name.span(), rules.stream());
                }
            }
            (Some(TokenTree::Punct(punct)), _)
                if ident == "macro_rules" && punct.as_char() == '$' =>
            {
                self.refuse(punct.span(), What::NamelessMacro);
            }
            _ => {}
        }
    }

    /// What the assembler may get to read.
    fn assembly(&mut self, span: proc_macro2::Span, tokens: TokenStream) {
        if text::has_open_concat(tokens.clone()) {
            self.refuse(span, What::OpenConcat);
        }
        let text = text::text(tokens);
        if let Some(directive) = text::reading(&text) {
            self.refuse(span, What::Directive(directive));
        }
        if let Some(directive) = text::composing(&text) {
            self.refuse(span, What::Composing(directive));
        }
        if let Some(glued) = text::glued(&text) {
            self.refuse(span, What::Glued(glued));
        }
        self.text(span, &text);
    }

    /// An attribute: `link_name` and `export_name` name symbols.
    fn attribute(&mut self, tokens: TokenStream, context: Context) {
        let Some(first) = tokens.clone().into_iter().next() else { return };
        self.path(&first, tokens.clone(), context);
        let names_symbols = !words(tokens.clone(), false).is_disjoint(&self.search.known.assembly);
        if names_symbols || is_punct(Some(&first), '$') {
            self.text(first.span(), &text::text(tokens));
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
        if PRIMITIVES.contains(&unraw(name).as_str()) {
            self.refuse(name.span(), What::Language(unraw(name)));
        }
    }

    /// What follows the name of a macro of the author's in a `use` item.
    fn renamed(&mut self, behind: &[TokenTree]) {
        let [TokenTree::Ident(keyword), TokenTree::Ident(name), ..] = behind else { return };
        if keyword == "as" && STANDARD.contains(&unraw(name).as_str()) {
            self.refuse(name.span(), What::Language(unraw(name)));
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

/// Whether a word is the keyword of a definition in the namespace of types. A macro may give such a
/// word another meaning: what follows the name tells.
fn is_definition(ident: &Ident, behind: &[TokenTree]) -> bool {
    let ends = |punct: char| is_punct(behind.get(1), punct);
    match ident.to_string().as_str() {
        "type" => ends('<') || ends('=') && !is_punct(behind.get(2), '>'),
        "enum" | "mod" | "struct" | "trait" | "union" => {
            let is_body =
                |tree: &TokenTree| matches!(tree, TokenTree::Group(_)) || is_word(tree, "where");
            [';', '<', ':'].into_iter().any(ends) || behind.get(1).is_some_and(is_body)
        }
        _ => false,
    }
}

/// Calls a function with the name of each variant in the braces of an `enum`.
fn variants(body: &[TokenTree], each: &mut dyn FnMut(&Ident)) {
    let mut is_name = true;
    for (n, tree) in body.iter().enumerate() {
        match tree {
            TokenTree::Punct(punct) => match punct.as_char() {
                ',' => is_name = true,
                '#' | '$' => {}
                _ => is_name = false,
            },
            TokenTree::Group(group) => {
                if n.checked_sub(1).is_some_and(|n| is_punct(body.get(n), '$')) {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    variants(&inner, each);
                }
            }
            TokenTree::Ident(name) => {
                if std::mem::take(&mut is_name) {
                    each(name);
                }
            }
            TokenTree::Literal(_) => is_name = false,
        }
    }
}

fn unraw(ident: &Ident) -> String {
    ident.unraw().to_string()
}

fn is_punct(tree: Option<&TokenTree>, wanted: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_word(tree: &TokenTree, wanted: &str) -> bool {
    matches!(tree, TokenTree::Ident(ident) if ident == wanted)
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
mod tests;

// SPDX-License-Identifier: GPL-2.0
//! The Rust of a spec and its files. It is parsed to find its errors and its references, but never
//! printed again.

use super::{c_notation, SourceText};
use crate::propose::TYPES;
use kps_ast::Code;
use kps_ast::Span;
use kps_codegen::refs::Refs;
use kps_diag::{
    foreign_letters, Diagnostic, INVALID_RUST_ITEM, MODULE_WITHOUT_FILE, NOT_RUST, TOO_MANY,
    UNSUPPORTED_TYPE,
};
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens as _;
use std::collections::BTreeSet;
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Block, Item, Stmt};

/// The most tokens that a body, an item or a file may have. Parsing and walking recurse over the
/// text; no hand-written body comes near.
const MAX_TOKENS: usize = 1 << 16;

/// The most tokens that a type may have. More code recurses over types than over bodies.
const MAX_TYPE_TOKENS: usize = 256;

/// The most characters that an author's name may have. Symbols of the kernel have at most 511
/// characters, and rustc adds some.
pub(super) const MAX_NAME: usize = 255;

/// A body, parsed.
pub(super) struct ParsedBody {
    stmts: Vec<Stmt>,
    tokens: TokenStream,
}

impl ParsedBody {
    pub(super) fn stmts(&self) -> &[Stmt] {
        &self.stmts
    }

    /// Whether some of it is for some configurations only, `#[cfg(..)]`.
    pub(super) fn is_conditional(&self) -> bool {
        is_conditional(self.tokens.clone())
    }

    /// The names of its variables, in whatever scope.
    pub(super) fn variables(&self) -> BTreeSet<String> {
        let mut variables = Variables(BTreeSet::new());
        self.stmts.iter().for_each(|stmt| variables.visit_stmt(stmt));
        variables.0
    }

    /// Its references; `bound` are the names that its context binds.
    pub(super) fn refs(&self, bound: &[String]) -> Refs {
        Refs::of_block(&self.stmts, self.tokens.clone(), bound)
    }
}

/// Whether some code has an attribute that leaves it out of some configurations.
pub(super) fn is_conditional(tokens: TokenStream) -> bool {
    let mut after_sign = false;
    tokens.into_iter().any(|tree| {
        let is_attribute = std::mem::replace(&mut after_sign, false);
        match tree {
            TokenTree::Group(group) => {
                let first = group.stream().into_iter().next();
                let word = first.map(|tree| tree.to_string()).unwrap_or_default();
                let is_cfg = is_attribute && matches!(word.as_str(), "cfg" | "cfg_attr");
                is_cfg || is_conditional(group.stream())
            }
            TokenTree::Punct(punct) => {
                after_sign = punct.as_char() == '#';
                false
            }
            _ => false,
        }
    })
}

struct Variables(BTreeSet<String>);

impl<'a> Visit<'a> for Variables {
    fn visit_pat_ident(&mut self, pat: &'a syn::PatIdent) {
        self.0.insert(pat.ident.unraw().to_string());
        visit::visit_pat_ident(self, pat);
    }
}

/// Parses the inside of a block.
pub(super) fn parse_body(pieces: &dyn SourceText, code: Code) -> Result<ParsedBody, Diagnostic> {
    let wrong = |span, problem: String| {
        Diagnostic::new(NOT_RUST, format!("this is not Rust: {problem}")).at(span, "")
    };
    let tokens = lex(pieces, code, MAX_TOKENS, wrong)?;
    match Block::parse_within.parse2(tokens.clone()) {
        Ok(stmts) => {
            one_file(pieces, code, |walk| stmts.iter().for_each(|stmt| walk.visit_stmt(stmt)))?;
            Ok(ParsedBody { stmts, tokens })
        }
        Err(error) => {
            let place = pieces.place(code, error.span());
            let is_there = |span| pieces.place(code, span).start == place.start;
            let wrong = wrong(place, error.to_string());
            Err(match c_notation::help(tokens, is_there) {
                Some(help) => wrong.help(help),
                None => wrong,
            })
        }
    }
}

/// Parses one expression that yields a value and does not jump out of itself.
pub(super) fn parse_value(pieces: &dyn SourceText, code: Code) -> Result<ParsedBody, Diagnostic> {
    let body = parse_body(pieces, code)?;
    let mut jumps = Jumps(None);
    body.stmts.iter().for_each(|stmt| jumps.visit_stmt(stmt));
    let problem = match body.stmts.as_slice() {
        _ if jumps.0.is_some() => "it leaves the hook",
        [Stmt::Expr(_, None)] => return Ok(body),
        _ => "it is not a single expression",
    };
    let span = jumps.0.map_or(code.span, |span| pieces.place(code, span));
    Err(Diagnostic::new(NOT_RUST, format!("this is not a value: {problem}"))
        .at(span, "")
        .help("write an expression in terms of the function's parameters"))
}

/// The first jump out of an expression.
struct Jumps(Option<proc_macro2::Span>);

impl<'a> Visit<'a> for Jumps {
    fn visit_expr(&mut self, expr: &'a syn::Expr) {
        use syn::Expr;
        match expr {
            Expr::Return(_) | Expr::Try(_) | Expr::Break(_) | Expr::Continue(_) => {
                self.0.get_or_insert(expr.span());
            }
            Expr::Closure(_) => {}
            _ => visit::visit_expr(self, expr),
        }
    }
}

/// Parses an item.
pub(super) fn parse_item(
    pieces: &dyn SourceText,
    code: Code,
) -> Result<(Item, TokenStream), Diagnostic> {
    let wrong = |span, problem: String| {
        Diagnostic::new(INVALID_RUST_ITEM, format!("this is not a Rust item: {problem}"))
            .at(span, "")
    };
    let tokens = lex(pieces, code, MAX_TOKENS, wrong)?;
    match syn::parse2::<Item>(tokens.clone()) {
        // syn keeps an item that it cannot parse as tokens; rustc would refuse it too.
        Ok(Item::Verbatim(_)) => Err(wrong(code.span, "it is incomplete".into())),
        Ok(item) => {
            one_file(pieces, code, |walk| walk.visit_item(&item))?;
            Ok((item, tokens))
        }
        Err(error) => {
            let wrong = wrong(pieces.place(code, error.span()), error.to_string());
            Err(match changed_function(tokens) {
                Some(name) => wrong.help(format!(
                    "write `object vmlinux {{ fn {name} {{ .. }} }}` to change a function of the kernel"
                )),
                None => wrong,
            })
        }
    }
}

/// The function in `fn NAME { .. }`, which no item of Rust is.
fn changed_function(tokens: TokenStream) -> Option<String> {
    let mut tokens = tokens.into_iter();
    match (tokens.next(), tokens.next(), tokens.next()) {
        (
            Some(TokenTree::Ident(word)),
            Some(TokenTree::Ident(name)),
            Some(TokenTree::Group(block)),
        ) if word == "fn" && block.delimiter() == proc_macro2::Delimiter::Brace => {
            Some(name.to_string())
        }
        _ => None,
    }
}

/// Parses a file.
pub(super) fn parse_file(
    pieces: &dyn SourceText,
    code: Code,
) -> Result<(syn::File, TokenStream), Diagnostic> {
    let wrong = |span, problem: String| {
        Diagnostic::new(NOT_RUST, format!("this is not Rust: {problem}")).at(span, "")
    };
    let tokens = lex(pieces, code, MAX_TOKENS, wrong)?;
    let file: syn::File = syn::parse2(tokens.clone())
        .map_err(|error| wrong(pieces.place(code, error.span()), error.to_string()))?;
    let verbatim = file.items.iter().find(|item| matches!(item, Item::Verbatim(_)));
    if let Some(item) = verbatim {
        return Err(wrong(pieces.place(code, item.span()), "this item is incomplete".into()));
    }
    one_file(pieces, code, |walk| walk.visit_file(&file))?;
    Ok((file, tokens))
}

/// Parses a type.
pub(super) fn parse_type(pieces: &dyn SourceText, code: Code) -> Result<syn::Type, Diagnostic> {
    let wrong = |span, problem: String| {
        Diagnostic::new(UNSUPPORTED_TYPE, format!("this is not a Rust type: {problem}"))
            .at(span, "")
            .note(TYPES)
            .help("write the type as Rust does, with the star of a pointer in front")
    };
    let tokens = lex(pieces, code, MAX_TYPE_TOKENS, wrong)?;
    syn::parse2(tokens).map_err(|error| wrong(pieces.place(code, error.span()), error.to_string()))
}

/// Parses a type as a named item, to find its references.
pub(super) fn parse_named_type(
    pieces: &dyn SourceText,
    code: Code,
) -> Result<(Item, TokenStream), Diagnostic> {
    let ty = parse_type(pieces, code)?;
    let tokens = ty.to_token_stream();
    let item = syn::parse_quote!(type kps_named = #ty;);
    Ok((item, tokens))
}

/// Refuses a module whose text is in a file that the spec does not name.
fn one_file(
    pieces: &dyn SourceText,
    code: Code,
    visit: impl FnOnce(&mut Modules),
) -> Result<(), Diagnostic> {
    let mut modules = Modules(None);
    visit(&mut modules);
    match modules.0 {
        Some(span) => Err(Diagnostic::new(
            MODULE_WITHOUT_FILE,
            "this module has no items, and the spec names no file for it",
        )
        .at(pieces.place(code, span), "")
        .help(
            "write `mod NAME from \"FILE.rs\";` beside the objects, or its items between braces",
        )),
        None => Ok(()),
    }
}

/// The first module without a block.
struct Modules(Option<proc_macro2::Span>);

impl<'a> Visit<'a> for Modules {
    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        if module.content.is_none() {
            self.0.get_or_insert(module.ident.span());
        }
        visit::visit_item_mod(self, module);
    }
}

/// Splits a snippet into tokens; `wrong` makes the message for text that is not a Rust token.
fn lex(
    pieces: &dyn SourceText,
    code: Code,
    most: usize,
    wrong: impl Fn(Span, String) -> Diagnostic,
) -> Result<TokenStream, Diagnostic> {
    let unknown = |at| wrong(at, "it has a token that Rust does not know".to_owned());
    let tokens = pieces.tokens(code).map_err(unknown)?;
    if count(tokens.clone()) > most {
        return Err(Diagnostic::new(
            TOO_MANY,
            format!("there are more than {most} Rust tokens here"),
        )
        .at(code.span, "")
        .help("move parts into functions or types of their own"));
    }
    let Some(name) = odd_name(tokens.clone()) else { return Ok(tokens) };
    let span = pieces.place(code, name.span());
    Err(match name.to_string().is_ascii() {
        true => long_name(span),
        false => foreign_letters(span),
    })
}

/// The message for a name that the symbol table of a module could not hold.
pub(super) fn long_name(span: Span) -> Diagnostic {
    Diagnostic::new(TOO_MANY, format!("a name has more than {MAX_NAME} characters"))
        .at(span, "")
        .help("choose a shorter name")
}

fn count(tokens: TokenStream) -> usize {
    let size = |tree| match tree {
        TokenTree::Group(group) => 1 + count(group.stream()),
        _ => 1,
    };
    tokens.into_iter().map(size).sum()
}

/// The first name that is not ASCII, or too long.
fn odd_name(tokens: TokenStream) -> Option<Ident> {
    tokens.into_iter().find_map(|tree| match tree {
        TokenTree::Group(group) => odd_name(group.stream()),
        TokenTree::Ident(ident) => {
            let name = ident.to_string();
            (!name.is_ascii() || name.len() > MAX_NAME).then_some(ident)
        }
        TokenTree::Punct(_) | TokenTree::Literal(_) => None,
    })
}

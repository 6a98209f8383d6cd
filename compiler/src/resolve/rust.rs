//! The Rust in a spec: parsed to find its mistakes and its references, but never printed again.

use crate::diag::{Diagnostic, KPS0114, KPS0501};
use kps_codegen::refs::Refs;
use kps_grammar::ast::Code;
use kps_grammar::{Source, Span};
use proc_macro2::{TokenStream, TokenTree};
use std::str::FromStr as _;
use syn::parse::Parser as _;
use syn::{Block, Item, Stmt};

/// Parsing and walking recurse over what is written. This bounds them; no body that people write comes near.
const MAX_TOKENS: usize = 1 << 16;

/// A body, parsed.
pub(super) struct ParsedBody {
    stmts: Vec<Stmt>,
    tokens: TokenStream,
}

impl ParsedBody {
    /// What it refers to; `bound` are the names that its surroundings give it.
    pub(super) fn refs(&self, bound: &[String]) -> Refs {
        Refs::of_block(&self.stmts, self.tokens.clone(), bound)
    }
}

/// Parses the inside of a block.
pub(super) fn parse_body(source: &Source, code: Code) -> Result<ParsedBody, Diagnostic> {
    let tokens = lex(source, code).map_err(|(span, problem)| {
        Diagnostic::error(KPS0501, format!("this is not Rust: {problem}")).at(span, "")
    })?;
    match Block::parse_within.parse2(tokens.clone()) {
        Ok(stmts) => Ok(ParsedBody { stmts, tokens }),
        Err(error) => {
            let span = place(code, error.span());
            Err(Diagnostic::error(KPS0501, format!("this is not Rust: {error}")).at(span, ""))
        }
    }
}

/// Parses an item.
pub(super) fn parse_item(source: &Source, code: Code) -> Result<(Item, TokenStream), Diagnostic> {
    let wrong = |span, problem: String| {
        Diagnostic::error(KPS0114, format!("this is no Rust item: {problem}")).at(span, "")
    };
    let tokens = lex(source, code).map_err(|(span, problem)| wrong(span, problem))?;
    match syn::parse2::<Item>(tokens.clone()) {
        // syn keeps what it does not understand as tokens; rustc would not either.
        Ok(Item::Verbatim(_)) => Err(wrong(code.span, "it is incomplete".into())),
        Ok(item) => Ok((item, tokens)),
        Err(error) => Err(wrong(place(code, error.span()), error.to_string())),
    }
}

/// Parses a type.
pub(super) fn parse_type(source: &Source, code: Code) -> Result<syn::Type, (Span, String)> {
    let tokens = lex(source, code)?;
    syn::parse2(tokens).map_err(|error| (place(code, error.span()), error.to_string()))
}

fn lex(source: &Source, code: Code) -> Result<TokenStream, (Span, String)> {
    let tokens = TokenStream::from_str(source.slice(code.span)).map_err(|error| {
        let at = (code.span.start + error.span().byte_range().start).min(code.span.end);
        (Span::new(at, at), "it has a token that Rust does not know".to_owned())
    })?;
    if count(tokens.clone()) > MAX_TOKENS {
        return Err((code.span, format!("it has more than {MAX_TOKENS} tokens")));
    }
    Ok(tokens)
}

fn count(tokens: TokenStream) -> usize {
    let size = |tree| match tree {
        TokenTree::Group(group) => 1 + count(group.stream()),
        _ => 1,
    };
    tokens.into_iter().map(size).sum()
}

/// A span of a parsed piece as a span of the file.
pub(super) fn place(code: Code, span: proc_macro2::Span) -> Span {
    let range = span.byte_range();
    let (start, end) = (code.span.start + range.start, code.span.start + range.end);
    if start >= code.span.end || range == (0..0) {
        // syn reports the end of its input with a span that is nowhere.
        return Span::new(code.span.end, code.span.end);
    }
    Span::new(start, end.min(code.span.end))
}

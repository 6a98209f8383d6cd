// SPDX-License-Identifier: GPL-2.0
//! The tokens of a crate as the source text that the resolver reads.
//!
//! A `Span` here is an index into a table of `proc_macro2::Span`s. The resolver, which knows only
//! spans, reports where a mistake is, and the compiler shows it in the author's file.

use super::Context;
use crate::SpanMap;
use kps_ast::{Code, Span};
use kps_resolve::SourceText;
use proc_macro2::TokenStream;
use quote::ToTokens;
use std::borrow::Cow;
use std::cell::RefCell;

/// Every token and snippet that was requested, by its index.
pub(super) struct Tokens<'a> {
    kept: RefCell<Vec<Kept>>,
    context: &'a Context,
}

/// An entry of the table.
struct Kept {
    /// Its first token's span.
    start: proc_macro2::Span,
    /// Its last token's span.
    end: proc_macro2::Span,
    /// The tokens of a snippet; empty for a single token.
    tokens: TokenStream,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        Tokens { kept: RefCell::default(), context }
    }

    fn keep(&self, start: proc_macro2::Span, end: proc_macro2::Span, tokens: TokenStream) -> Span {
        let mut kept = self.kept.borrow_mut();
        kept.push(Kept { start, end, tokens });
        Span::new(kept.len() - 1, kept.len())
    }

    /// The real spans of an entry: of its first and of its last token.
    pub(super) fn spans(&self, place: Span) -> (proc_macro2::Span, proc_macro2::Span) {
        let kept = self.kept.borrow();
        let call = proc_macro2::Span::call_site;
        let start = kept.get(place.start).map_or_else(call, |first| first.start);
        let end =
            place.end.checked_sub(1).and_then(|last| kept.get(last)).map_or(start, |last| last.end);
        (start, end)
    }

    /// The tokens of a snippet.
    pub(super) fn of(&self, code: Code) -> TokenStream {
        self.kept
            .borrow()
            .get(code.span.start)
            .map_or_else(TokenStream::new, |kept| kept.tokens.clone())
    }
}

impl SpanMap for Tokens<'_> {
    fn place(&self, span: proc_macro2::Span) -> Span {
        self.keep(span, span, TokenStream::new())
    }

    fn body(&self, block: &syn::Block) -> Code {
        let stmts = &block.stmts;
        let braces = block.brace_token.span;
        Code { span: self.keep(braces.open(), braces.close(), quote::quote!(#(#stmts)*)) }
    }

    fn piece(&self, tokens: &dyn ToTokens) -> Code {
        let tokens = tokens.to_token_stream();
        let mut spans = tokens.clone().into_iter().map(|tree| tree.span());
        let start = spans.next().unwrap_or_else(proc_macro2::Span::call_site);
        let end = spans.last().unwrap_or(start);
        Code { span: self.keep(start, end, tokens) }
    }
}

impl SourceText for Tokens<'_> {
    fn tokens(&self, code: Code) -> Result<TokenStream, Span> {
        Ok(self.of(code))
    }

    fn place(&self, _: Code, span: proc_macro2::Span) -> Span {
        self.keep(span, span, TokenStream::new())
    }

    fn text(&self, place: Span) -> Cow<'_, str> {
        let tokens = self.of(Code { span: place });
        match tokens.is_empty() {
            true => self.spans(place).0.source_text().unwrap_or_default().into(),
            false => tokens.to_string().into(),
        }
    }

    fn origin(&self, _: Code) -> String {
        "this crate".to_owned()
    }

    fn statements(&self, code: Code) -> TokenStream {
        self.of(code)
    }

    fn inline(&self, code: Code) -> TokenStream {
        self.of(code)
    }

    fn rust_file(&self, _: &str) -> Option<Code> {
        None
    }

    fn c_file(&self, path: &str) -> Option<&str> {
        self.context.c_files.get(path).map(String::as_str)
    }

    fn digest(&self) -> String {
        self.context.digest.clone()
    }

    fn made_by(&self) -> String {
        self.context.made_by.clone()
    }
}

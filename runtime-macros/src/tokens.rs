//! The tokens of a crate as the pieces that the rules ask for.
//!
//! A place is a number here, under which the token's real span is kept: so the rules, which know places only, say where something is
//! wrong, and the compiler shows it in the author's file.

use crate::surroundings::Surroundings;
use kps_ast::{Code, Span};
use kps_attributes::Places;
use kps_resolve::Pieces;
use proc_macro2::TokenStream;
use quote::ToTokens;
use std::borrow::Cow;
use std::cell::RefCell;
use syn::spanned::Spanned as _;

/// Every token and piece that anybody has asked for, by its place.
pub(crate) struct Tokens<'a> {
    kept: RefCell<Vec<(proc_macro2::Span, TokenStream)>>,
    surroundings: &'a Surroundings,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(surroundings: &'a Surroundings) -> Self {
        Tokens { kept: RefCell::default(), surroundings }
    }

    fn keep(&self, span: proc_macro2::Span, tokens: TokenStream) -> Span {
        let mut kept = self.kept.borrow_mut();
        kept.push((span, tokens));
        Span::new(kept.len() - 1, kept.len())
    }

    /// The real span of a place.
    pub(crate) fn span(&self, place: Span) -> proc_macro2::Span {
        self.kept.borrow().get(place.start).map_or_else(proc_macro2::Span::call_site, |(span, _)| *span)
    }

    /// The tokens of a piece.
    pub(crate) fn of(&self, code: Code) -> TokenStream {
        self.kept.borrow().get(code.span.start).map_or_else(TokenStream::new, |(_, tokens)| tokens.clone())
    }
}

impl Places for Tokens<'_> {
    fn place(&self, span: proc_macro2::Span) -> Span {
        self.keep(span, TokenStream::new())
    }

    fn body(&self, block: &syn::Block) -> Code {
        let stmts = &block.stmts;
        Code { span: self.keep(block.brace_token.span.join(), quote::quote!(#(#stmts)*)) }
    }

    fn piece(&self, tokens: &dyn ToTokens) -> Code {
        let tokens = tokens.to_token_stream();
        Code { span: self.keep(tokens.span(), tokens) }
    }
}

impl Pieces for Tokens<'_> {
    fn tokens(&self, code: Code) -> Result<TokenStream, Span> {
        Ok(self.of(code))
    }

    fn place(&self, _: Code, span: proc_macro2::Span) -> Span {
        self.keep(span, TokenStream::new())
    }

    fn text(&self, place: Span) -> Cow<'_, str> {
        self.span(place).source_text().unwrap_or_else(|| self.of(Code { span: place }).to_string()).into()
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
        self.surroundings.c_files.get(path).map(String::as_str)
    }

    fn digest(&self) -> String {
        self.surroundings.digest.clone()
    }

    fn made_by(&self) -> String {
        self.surroundings.made_by.clone()
    }
}

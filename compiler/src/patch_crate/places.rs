// SPDX-License-Identifier: GPL-2.0
//! Maps tokens to spans: bytes of the author's text.

use kps_attributes::SpanMap;
use kps_grammar::ast::Code;
use kps_grammar::{File, Span};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;

/// Maps the tokens of one file of a crate.
pub(super) struct TextPlaces<'a> {
    file: &'a File,
}

impl<'a> TextPlaces<'a> {
    pub(super) fn new(file: &'a File) -> Self {
        TextPlaces { file }
    }
}

impl SpanMap for TextPlaces<'_> {
    fn place(&self, span: proc_macro2::Span) -> Span {
        let range = span.byte_range();
        let end = self.file.source.text.len();
        if range == (0..0) {
            // syn reports the end of its input with an empty span.
            return self.file.global(Span::new(end, end));
        }
        self.file.global(Span::new(range.start.min(end), range.end.min(end)))
    }

    fn body(&self, block: &syn::Block) -> Code {
        let braces = block.brace_token.span;
        Code { span: Span::new(self.place(braces.open()).end, self.place(braces.close()).start) }
    }

    fn piece(&self, tokens: &dyn ToTokens) -> Code {
        let tokens: TokenStream = tokens.to_token_stream();
        let mut all = tokens.into_iter().map(|tree: TokenTree| self.place(tree.span()));
        let first = all.next().unwrap_or_else(|| self.place(proc_macro2::Span::call_site()));
        Code { span: all.last().map_or(first, |last| first.to(last)) }
    }
}

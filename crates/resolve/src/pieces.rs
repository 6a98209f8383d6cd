// SPDX-License-Identifier: GPL-2.0
//! The source of the Rust and C snippets of a patch: the text of a spec and its files, or the
//! tokens of a macro.

use kps_ast::{Code, Span};
use proc_macro2::TokenStream;
use std::borrow::Cow;

/// The author's source text. Only its implementation can interpret a [`Span`].
pub trait SourceText {
    /// The tokens of a snippet, or the span of text that is not a Rust token.
    fn tokens(&self, code: Code) -> Result<TokenStream, Span>;

    /// The span of one of a snippet's tokens.
    fn place(&self, code: Code, span: proc_macro2::Span) -> Span;

    /// The source text at a span.
    fn text(&self, place: Span) -> Cow<'_, str>;

    /// The location of a snippet for readers of generated code: `FILE:LINE`.
    fn origin(&self, code: Code) -> String;

    /// The tokens that represent a snippet in generated code, among statements or items.
    fn statements(&self, code: Code) -> TokenStream;

    /// The tokens that represent a snippet in generated code, inside an expression.
    fn inline(&self, code: Code) -> TokenStream;

    /// The whole of a Rust file, by its path relative to the patch. None if it could not be read.
    fn rust_file(&self, path: &str) -> Option<Code>;

    /// The text of a C file, by its path relative to the patch.
    fn c_file(&self, path: &str) -> Option<&str>;

    /// SHA-256 of the whole input, in hexadecimal.
    fn digest(&self) -> String;

    /// The program that reads the input, with its version.
    fn made_by(&self) -> String;
}

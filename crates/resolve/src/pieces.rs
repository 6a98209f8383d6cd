// SPDX-License-Identifier: GPL-2.0
//! Where the pieces of Rust and C that a patch is made of come from: the text of a spec and its
//! files, or the tokens of a macro.

use kps_ast::{Code, Span};
use proc_macro2::TokenStream;
use std::borrow::Cow;

/// What an author has written. A [`Span`] means something to it alone.
pub trait SourceText {
    /// The tokens of a piece, or where something stands that Rust has no token for.
    fn tokens(&self, code: Code) -> Result<TokenStream, Span>;

    /// Where one of the tokens of a piece stands.
    fn place(&self, code: Code, span: proc_macro2::Span) -> Span;

    /// What is written at a place.
    fn text(&self, place: Span) -> Cow<'_, str>;

    /// Where a piece is for people who read generated code: `FILE:LINE`.
    fn origin(&self, code: Code) -> String;

    /// What stands for a piece in generated code, among statements or items.
    fn statements(&self, code: Code) -> TokenStream;

    /// What stands for a piece in generated code, in the middle of an expression.
    fn inline(&self, code: Code) -> TokenStream;

    /// All of a file in Rust, by its path beside the patch. There is none if it could not be read.
    fn rust_file(&self, path: &str) -> Option<Code>;

    /// The text of a file in C, by its path beside the patch.
    fn c_file(&self, path: &str) -> Option<&str>;

    /// SHA-256 of all that is written, in hexadecimal.
    fn digest(&self) -> String;

    /// The program that reads it, with its version.
    fn made_by(&self) -> String;
}

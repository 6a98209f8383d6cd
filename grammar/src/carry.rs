// SPDX-License-Identifier: GPL-2.0
//! Moves the Rust of a spec into another file, line by line as the formatter does, with its
//! comments.

use crate::format::rust;
use crate::tokens::{pieces, Piece};
use crate::Span;

/// The moved text between two braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedBlock {
    /// The comment that is alone on the line of the opening brace.
    pub comment: Option<String>,
    /// The lines below it.
    pub lines: Vec<String>,
}

/// Moves the text between two braces to an indentation.
pub fn carried_block(text: &str, block: Span, indent: usize) -> CarriedBlock {
    let body = rust::body(text, block, indent);
    let comment =
        body.comment.map(|comment| text[comment.start..comment.end].trim_end().to_owned());
    CarriedBlock { comment, lines: body.lines }
}

/// Moves a snippet whose first line is indented already.
pub fn carried_piece(text: &str, piece: Span, indent: usize) -> String {
    rust::item(text, piece, indent)
}

/// Moves a comment whose first line is indented already.
pub fn carried_comment(text: &str, comment: Span, indent: usize) -> String {
    rust::comment(text, comment, indent)
}

/// All comments of a text with matching brackets, including those in Rust.
pub fn comments(text: &str) -> Vec<Span> {
    pieces(text, Span::new(0, text.len()))
        .filter(|(piece, _)| matches!(piece, Piece::LineComment | Piece::BlockComment))
        .map(|(_, span)| span)
        .collect()
}

// SPDX-License-Identifier: GPL-2.0
//! Rust of a spec on its way into another file: it moves by lines, as it does when a spec is laid
//! out, and keeps its comments.

use crate::format::rust;
use crate::tokens::{pieces, Piece};
use crate::Span;

/// What stands between two braces, moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedBlock {
    /// The comment that is all there is on the line of the opening brace.
    pub comment: Option<String>,
    /// The lines below it.
    pub lines: Vec<String>,
}

/// Moves what stands between two braces to an indentation.
pub fn carried_block(text: &str, block: Span, indent: usize) -> CarriedBlock {
    let body = rust::body(text, block, indent);
    let comment =
        body.comment.map(|comment| text[comment.start..comment.end].trim_end().to_owned());
    CarriedBlock { comment, lines: body.lines }
}

/// Moves a piece whose first line is indented already.
pub fn carried_piece(text: &str, piece: Span, indent: usize) -> String {
    rust::item(text, piece, indent)
}

/// Moves a comment whose first line is indented already.
pub fn carried_comment(text: &str, comment: Span, indent: usize) -> String {
    rust::comment(text, comment, indent)
}

/// All comments of a text whose brackets fit together, those in Rust among them.
pub fn comments(text: &str) -> Vec<Span> {
    pieces(text, Span::new(0, text.len()))
        .filter(|(piece, _)| matches!(piece, Piece::LineComment | Piece::BlockComment))
        .map(|(_, span)| span)
        .collect()
}

// SPDX-License-Identifier: GPL-2.0
//! Moves the Rust of a spec as a whole, and only on lines whose indentation is not part of a
//! literal or comment.

use super::page::indentation;
use crate::tokens::{pieces, Piece};
use crate::Span;

const BLANKS: [char; 2] = [' ', '\t'];

/// A line of Rust.
struct Line<'a> {
    text: &'a str,
    /// Whether it starts outside of literals and comments.
    free: bool,
}

/// A formatted body.
pub(crate) struct Body {
    /// The comment after its opening brace.
    pub(crate) comment: Option<Span>,
    /// Its lines.
    pub(crate) lines: Vec<String>,
}

/// Formats the text between the braces of a body.
pub(crate) fn body(text: &str, block: Span, indent: usize) -> Body {
    let mut own = lines(text, block);
    let first = own.remove(0).text.trim_start_matches(BLANKS);
    let comment = opening_comment(text, block);
    let base = base(&own);
    let mut lines = Vec::new();
    if comment.is_none() && !first.is_empty() {
        lines.push(" ".repeat(indent) + first);
    }
    let own = own
        .iter()
        .map(|line| moved(line, base, indent))
        .skip_while(|line| lines.is_empty() && line.is_empty());
    let own: Vec<_> = own.collect();
    lines.extend(own);
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    Body { comment, lines }
}

/// The comment that is alone on the line of the brace.
fn opening_comment(text: &str, block: Span) -> Option<Span> {
    let breaks = |span: Span| text[span.start..span.end].contains('\n');
    let mut pieces =
        pieces(text, block).skip_while(|&(piece, span)| piece == Piece::Space && !breaks(span));
    let (piece, comment) = pieces.next()?;
    let is_comment = matches!(piece, Piece::LineComment | Piece::BlockComment) && !breaks(comment);
    let ends_line =
        pieces.next().is_some_and(|(piece, span)| piece == Piece::Space && breaks(span));
    Some(comment).filter(|_| is_comment && ends_line)
}

/// Formats an item whose first line is indented already.
pub(crate) fn item(text: &str, whole: Span, indent: usize) -> String {
    let start = text[..whole.start].rfind('\n').map_or(0, |at| at + 1);
    let base = indentation(&text[start..whole.start]);
    let lines = lines(text, whole).into_iter().enumerate().map(|(n, line)| match n {
        0 => line.text.to_owned(),
        _ => moved(&line, base, indent),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Moves a comment between items whose first line is indented already. Its text does not change.
pub(crate) fn comment(text: &str, comment: Span, indent: usize) -> String {
    let before = &text[..comment.start];
    let base = indentation(&before[before.trim_end_matches(BLANKS).len()..]);
    let lines =
        text[comment.start..comment.end].split('\n').map(|line| line.trim_end_matches(BLANKS));
    let lines = lines.enumerate().map(|(n, line)| match n {
        0 => line.to_owned(),
        _ if line.is_empty() => String::new(),
        _ => {
            let columns = (indentation(line) + indent).saturating_sub(base);
            " ".repeat(columns) + line.trim_start_matches(BLANKS)
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A line of a block that moves from one indentation to another. A line never moves to the left of
/// the block's start.
fn moved(line: &Line<'_>, base: usize, indent: usize) -> String {
    if !line.free || line.text.is_empty() {
        return line.text.to_owned();
    }
    let columns = indentation(line.text).saturating_sub(base) + indent;
    " ".repeat(columns) + line.text.trim_start_matches(BLANKS)
}

/// The indentation of a block: that of its leftmost line of code, because comments are sometimes at
/// the left margin.
fn base(lines: &[Line<'_>]) -> usize {
    let free = || lines.iter().filter(|line| line.free && !line.text.is_empty());
    let code = free().filter(|line| !line.text.trim_start_matches(BLANKS).starts_with("//"));
    let columns = |line: &Line<'_>| indentation(line.text);
    code.map(columns).min().or_else(|| free().map(columns).min()).unwrap_or(0)
}

/// The lines of a Rust snippet, without trailing blanks where these have no meaning.
fn lines(text: &str, span: Span) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let (mut start, mut free) = (span.start, true);
    for (piece, span) in pieces(text, span) {
        for (at, _) in text[span.start..span.end].match_indices('\n') {
            let end = span.start + at;
            let next_is_free = piece == Piece::Space;
            lines.push(line(&text[start..end], free, next_is_free));
            (start, free) = (end + 1, next_is_free);
        }
    }
    lines.push(line(&text[start..span.end], free, true));
    lines
}

fn line(text: &str, free: bool, ends_free: bool) -> Line<'_> {
    Line { text: if ends_free { text.trim_end_matches(BLANKS) } else { text }, free }
}

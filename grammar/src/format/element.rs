// SPDX-License-Identifier: GPL-2.0
//! The contents of a block: items, and comments in the gaps between them.

use super::page::WIDTH;
use crate::ast::Level;
use crate::scan::{self, RawItem};
use crate::tokens::{pieces, Piece};
use crate::Span;

/// A comment or an item.
pub(super) struct Element {
    pub(super) what: What,
    /// The number of line ends before it.
    pub(super) breaks: usize,
}

impl Element {
    /// Whether it is a comment after code on the same line.
    pub(super) fn is_behind_code(&self) -> bool {
        self.breaks == 0 && matches!(self.what, What::Comment(_))
    }
}

pub(super) enum What {
    Comment(Span),
    Item {
        /// A comment before the item on its line.
        lead: Option<Span>,
        item: RawItem,
    },
}

/// Cuts a block into elements. The start of the file counts as the start of a line.
pub(super) fn entries(text: &str, range: Span, level: Level) -> Vec<Element> {
    let mut entries = Vec::new();
    let (mut at, mut breaks) = (range.start, usize::from(range.start == 0));
    for item in scan::items(text, range, level, &mut Vec::new()) {
        breaks = comments(text, Span::new(at, item.whole.start), breaks, &mut entries);
        let lead = entries.pop_if(|last| breaks == 0 && leads(text, last));
        let lead = lead.and_then(|lead| match lead.what {
            What::Comment(span) => Some((span, lead.breaks)),
            What::Item { .. } => None,
        });
        at = item.whole.end;
        let (lead, breaks_before) =
            lead.map_or((None, breaks), |(span, breaks)| (Some(span), breaks));
        entries.push(Element { what: What::Item { lead, item }, breaks: breaks_before });
        breaks = 0;
    }
    comments(text, Span::new(at, range.end), breaks, &mut entries);
    entries
}

/// The comments of a gap. Returns the number of line ends after the last one.
fn comments(text: &str, gap: Span, mut breaks: usize, entries: &mut Vec<Element>) -> usize {
    for (piece, span) in pieces(text, gap) {
        match piece {
            Piece::Space => breaks += text[span.start..span.end].matches('\n').count(),
            Piece::LineComment | Piece::BlockComment => {
                entries.push(Element { what: What::Comment(span), breaks });
                breaks = 0;
            }
            // A `;` that does not end an item.
            Piece::Token => {}
        }
    }
    breaks
}

/// Whether an entry is a comment that starts its line and ends on it.
fn leads(text: &str, entry: &Element) -> bool {
    match entry.what {
        What::Comment(span) => entry.breaks > 0 && !text[span.start..span.end].contains('\n'),
        What::Item { .. } => false,
    }
}

/// The column in which the author put a comment after code, counted from the first character of the
/// line's text. A comment after a single space has no such column.
pub(super) fn placed(text: &str, comment: usize) -> Option<usize> {
    /// In a line longer than this many bytes, no such column is within the width.
    const FAR: usize = 8 * WIDTH;
    let near = &text.as_bytes()[comment.saturating_sub(FAR)..comment];
    let line = match near.iter().rposition(|&byte| byte == b'\n') {
        Some(at) => &near[at + 1..],
        None if near.len() == comment => near,
        None => return None,
    };
    let gap = line.len() - line.trim_ascii_end().len();
    let characters = String::from_utf8_lossy(line.trim_ascii_start()).chars().count();
    Some(characters).filter(|_| gap > 1)
}

// SPDX-License-Identifier: GPL-2.0
//! What stands in a block: items and, in the gaps between them, comments.

use super::page::WIDTH;
use crate::ast::Level;
use crate::scan::{self, RawItem};
use crate::tokens::{pieces, Piece};
use crate::Span;

/// A comment or an item.
pub(super) struct Element {
    pub(super) what: What,
    /// How many line ends are before it.
    pub(super) breaks: usize,
}

impl Element {
    /// Whether it is a comment behind something on its line.
    pub(super) fn is_behind_code(&self) -> bool {
        self.breaks == 0 && matches!(self.what, What::Comment(_))
    }
}

pub(super) enum What {
    Comment(Span),
    Item {
        /// A comment before it on its line.
        lead: Option<Span>,
        item: RawItem,
    },
}

/// Cuts a block. What starts the file starts a line.
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

/// The comments of a gap. Returns how many line ends are behind the last one.
fn comments(text: &str, gap: Span, mut breaks: usize, entries: &mut Vec<Element>) -> usize {
    for (piece, span) in pieces(text, gap) {
        match piece {
            Piece::Space => breaks += text[span.start..span.end].matches('\n').count(),
            Piece::LineComment | Piece::BlockComment => {
                entries.push(Element { what: What::Comment(span), breaks });
                breaks = 0;
            }
            // A `;` that ends nothing.
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

/// Where its author has put a comment that is behind code, counted from where the text of its line
/// starts. One space is no such place.
pub(super) fn placed(text: &str, comment: usize) -> Option<usize> {
    /// Lines that are longer than this in bytes place nothing within the width.
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

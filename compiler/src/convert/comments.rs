// SPDX-License-Identifier: GPL-2.0
//! Attaches each comment of a spec to the snippet that it describes.

use super::pieces::Piece;
use kps_grammar::ast::{self, Code};
use kps_grammar::{carried_comment, comments, Sources, Span};

/// The comments between the snippets of a spec.
pub(super) struct Comments {
    /// Comments above the patch that do not describe it.
    pub(super) of_file: Vec<Span>,
    /// Comments inside the patch, in order.
    inside: Vec<Span>,
}

impl Comments {
    /// Finds the comments, except those that are part of a body, item or test.
    pub(super) fn of(patch: &ast::Patch, sources: &Sources) -> Comments {
        let text = &sources.spec().text;
        let mut code: Vec<Span> =
            super::pieces::code(patch).into_iter().map(|Code { span }| span).collect();
        code.extend(patch.tests.iter().map(|test| test.whole));
        code.retain(|span| span.start < text.len());
        code.sort();
        // These spans do not overlap.
        let is_carried = |comment: &Span| {
            let after = code.partition_point(|span| span.start <= comment.start);
            after.checked_sub(1).is_some_and(|n| comment.end <= code[n].end)
        };
        let all: Vec<Span> =
            comments(text).into_iter().filter(|comment| !is_carried(comment)).collect();
        let (above, inside): (Vec<Span>, Vec<Span>) =
            all.into_iter().partition(|comment| comment.start < patch.name.span.start);
        let describes = |comment: &Span| {
            let text = &text[comment.start..comment.end];
            text.starts_with("///") && !text.starts_with("////")
        };
        Comments {
            of_file: above.into_iter().filter(|comment| !describes(comment)).collect(),
            inside,
        }
    }

    /// Assigns each comment to a snippet: a comment that starts its line to the next snippet of its
    /// block, a comment after code to the snippet on its line. Returns the comments without a
    /// snippet.
    pub(super) fn give(&self, sources: &Sources, pieces: &mut [Piece]) -> Vec<Span> {
        let source = sources.spec();
        let text = &source.text;
        let mut anchors: Vec<(usize, usize)> = pieces
            .iter()
            .enumerate()
            .flat_map(|(n, piece)| piece.anchors.iter().map(move |&at| (at, n)))
            .collect();
        anchors.sort();
        let ends = self.ends(text);
        let ends_between = |from, to| {
            ends.get(ends.partition_point(|&end| end < from)).is_some_and(|&end| end < to)
        };
        let mut lost = Vec::new();
        for &comment in &self.inside {
            let after = anchors.partition_point(|&(at, _)| at < comment.start);
            let before = text[..comment.start].trim_end_matches([' ', '\t']);
            let starts_line = before.is_empty() || before.ends_with('\n');
            let owner = if starts_line {
                // Only other comments and heads are in between.
                anchors.get(after).filter(|&&(at, _)| !ends_between(comment.end, at))
            } else {
                let same_line = |at: usize| source.line(at) == source.line(comment.start);
                anchors[..after].last().filter(|&&(at, _)| same_line(at))
            };
            match owner {
                Some(&(_, n)) => pieces[n].comments.push(comment),
                None => lost.push(comment),
            }
        }
        lost
    }

    /// The braces of a text that end blocks, and some that are part of other text.
    fn ends(&self, text: &str) -> Vec<usize> {
        let is_comment = |at: usize| {
            let after = self.inside.partition_point(|comment| comment.start <= at);
            after.checked_sub(1).is_some_and(|n| at < self.inside[n].end)
        };
        text.match_indices('}').map(|(at, _)| at).filter(|&at| !is_comment(at)).collect()
    }
}

/// The code below a comment in the crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Below {
    /// An item that may have a doc comment.
    Item,
    /// Code that may not.
    Nothing,
}

/// A comment at an indentation. A comment that Rust would read as a doc comment stays one only
/// where that is allowed.
pub(super) fn carried(sources: &Sources, comment: Span, indent: usize, kind: Below) -> String {
    let file = sources.file(comment.start);
    let text = carried_comment(&file.source.text, file.local(comment), indent);
    let text = text.trim_end();
    let (mark, rest) = text.split_at(2);
    // Exactly three slashes, or two stars after the slash, make a doc comment of the item below.
    let describes_below = match mark {
        "//" => rest.starts_with('/') && !rest.starts_with("//"),
        _ => rest.starts_with('*') && !rest.starts_with("**") && rest != "*/",
    };
    let describes = rest.starts_with('!') || describes_below && kind == Below::Nothing;
    if !describes {
        return text.to_owned();
    }
    format!("{mark}{}", &rest[1..])
}

// SPDX-License-Identifier: GPL-2.0
//! The comments of a spec that stand beside what is carried over: each goes with the piece that it
//! is about.

use super::pieces::Piece;
use kps_grammar::ast::{self, Code};
use kps_grammar::{carried_comment, comments, Sources, Span};

/// The comments between the pieces of a spec.
pub(super) struct Comments {
    /// Those above the patch that do not describe it.
    pub(super) of_file: Vec<Span>,
    /// Those in it, by their places.
    inside: Vec<Span>,
}

impl Comments {
    /// Finds them: those in bodies, items and tests are text of these.
    pub(super) fn of(patch: &ast::Patch, sources: &Sources) -> Comments {
        let text = &sources.spec().text;
        let mut code: Vec<Span> =
            super::pieces::code(patch).into_iter().map(|Code { span }| span).collect();
        code.extend(patch.tests.iter().map(|test| test.whole));
        code.retain(|span| span.start < text.len());
        code.sort();
        // No two of these overlap.
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

    /// Gives each to a piece: one that starts its line to the next piece of its block, one behind
    /// something to what is on its line. Returns those that belong to none.
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
                // What lies in between are other comments, and heads.
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

    /// The braces of a text that end blocks, and some that are text.
    fn ends(&self, text: &str) -> Vec<usize> {
        let is_comment = |at: usize| {
            let after = self.inside.partition_point(|comment| comment.start <= at);
            after.checked_sub(1).is_some_and(|n| at < self.inside[n].end)
        };
        text.match_indices('}').map(|(at, _)| at).filter(|&at| !is_comment(at)).collect()
    }
}

/// What stands below a comment in the crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Below {
    /// Something that a doc comment may describe.
    Item,
    /// Nothing that one may.
    Nothing,
}

/// A comment at an indentation. One that would describe what it stands above, in Rust, only does so
/// where it may.
pub(super) fn carried(sources: &Sources, comment: Span, indent: usize, kind: Below) -> String {
    let file = sources.file(comment.start);
    let text = carried_comment(&file.source.text, file.local(comment), indent);
    let text = text.trim_end();
    let (mark, rest) = text.split_at(2);
    // Three of a kind, and no more, describe what is below.
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

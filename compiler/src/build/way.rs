// SPDX-License-Identifier: GPL-2.0
//! How the C compiler has come from an author's file into a header of the kernel, in which it finds
//! an error: by an `#include`, or by a call of an inline function.

use super::author::Author;
use kps_grammar::Span;
use std::collections::BTreeMap;

/// What the lines before an error tell.
#[derive(Default)]
pub(super) struct Way {
    /// The author's line that includes the files of the next message.
    includes: Option<Span>,
    /// The same for each header. The compiler does not repeat it.
    headers: BTreeMap<String, Span>,
    /// The author's call that the code of the next message comes from.
    calls: Option<Span>,
}

/// The author's text that led into a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Led {
    /// A line that includes it.
    Included(Span),
    /// A call of one of its inline functions.
    Called(Span),
}

impl Led {
    pub(super) fn span(self) -> Span {
        match self {
            Led::Included(span) | Led::Called(span) => span,
        }
    }

    /// What is said there.
    pub(super) fn label(self) -> &'static str {
        match self {
            Led::Included(_) => "in what this includes",
            Led::Called(_) => "in what this calls",
        }
    }
}

impl Way {
    /// Reads a line of the compiler's output.
    pub(super) fn read(&mut self, line: &str, author: Author<'_>) {
        if let Some(rest) = line.strip_prefix("In file included from ") {
            self.includes = line_of(rest, author);
        } else if let Some(rest) = line.trim_start().strip_prefix("from ") {
            // The innermost of the author's lines is the one that matters.
            self.includes = self.includes.or_else(|| line_of(rest, author));
        } else if let Some(rest) = line.trim_start().strip_prefix("inlined from ") {
            let at = rest.split_once("' at ").and_then(|(_, place)| place_of(place, author));
            self.calls = self.calls.or(at);
        }
    }

    /// The text that led to the place of a message, `PATH:LINE:COLUMN`.
    pub(super) fn led_to(&mut self, place: &str) -> Option<Led> {
        let path = path_of(place);
        if let Some(span) = self.includes.take() {
            self.headers.insert(path.to_owned(), span);
        }
        let called = self.calls.take().map(Led::Called);
        called.or_else(|| self.headers.get(path).copied().map(Led::Included))
    }
}

/// A place in a header as the kernel's developers know it, without the folder of the machine.
pub(super) fn short(place: &str) -> &str {
    let found = ["/arch/", "/include/"].iter().find_map(|folder| place.find(folder));
    found.map_or(place, |at| &place[at + 1..])
}

fn path_of(place: &str) -> &str {
    place.split(':').next().unwrap_or_default()
}

/// The author's line at `PATH:LINE`, with a comma or colon behind it.
fn line_of(place: &str, author: Author<'_>) -> Option<Span> {
    let mut parts = place.trim_end_matches([',', ':']).split(':');
    author.c_line(author.c_file(parts.next()?)?, parts.next()?.parse().ok()?)
}

/// The word at `PATH:LINE:COLUMN`, with a comma or colon behind it.
fn place_of(place: &str, author: Author<'_>) -> Option<Span> {
    let mut parts = place.trim_end_matches([',', ':']).split(':');
    let (file, line) = (author.c_file(parts.next()?)?, parts.next()?.parse().ok()?);
    match parts.next().and_then(|column| column.parse().ok()) {
        Some(column) => author.c_word(file, line, column),
        None => author.c_line(file, line),
    }
}

// SPDX-License-Identifier: GPL-2.0
//! What clang does not tell of a text: its directives, and the tokens between declarations.

use std::ops::Range;

/// A text, and the same with spaces in place of comments and of what literals hold.
pub struct Text {
    bytes: Vec<u8>,
    bare: Vec<u8>,
}

/// A line that starts with `#`.
pub struct Directive {
    /// From the `#` to the end of the line or, behind a backslash, of the lines. Without comments
    /// at its end.
    pub range: Range<usize>,
    /// `define`, for example.
    pub keyword: String,
    /// The range of what follows.
    pub rest: Range<usize>,
}

impl Text {
    /// Of these bytes.
    pub fn new(bytes: Vec<u8>) -> Text {
        let bare = bare(&bytes);
        Text { bytes, bare }
    }

    /// Its length.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The number of a place's line.
    pub fn line(&self, at: usize) -> usize {
        let before = &self.bytes[..at.min(self.bytes.len())];
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    /// Some of it.
    pub fn slice(&self, range: &Range<usize>) -> String {
        let bytes = self.bytes.get(range.clone()).unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// The identifiers in a range, each with its place.
    pub fn words(&self, range: &Range<usize>) -> Vec<(String, usize)> {
        words(self.bare.get(range.clone()).unwrap_or_default())
            .into_iter()
            .map(|(word, at)| (word, at + range.start))
            .collect()
    }

    /// The identifier at a place; empty if there is none.
    pub fn word_at(&self, at: usize) -> &[u8] {
        let rest = self.bare.get(at..).unwrap_or_default();
        &rest[..rest.iter().take_while(|byte| is_of_word(**byte)).count()]
    }

    /// Whether there is nothing but white space and comments between two places.
    pub fn is_blank(&self, range: Range<usize>) -> bool {
        self.bare.get(range).is_some_and(|bytes| bytes.iter().all(u8::is_ascii_whitespace))
    }

    /// The end of a declaration that starts before `from` and ends with a `;`: behind it. What
    /// may stand between are attributes. `None` if something else comes first, or `limit`.
    pub fn semicolon(&self, from: usize, limit: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in from..limit.min(self.bare.len()) {
            match self.bare[at] {
                b';' if depth == 0 => return Some(at + 1),
                b'(' => depth += 1,
                b')' => depth = depth.checked_sub(1)?,
                b'{' | b'}' | b'=' | b'#' | b';' => return None,
                _ => {}
            }
        }
        None
    }

    /// All lines that start with `#`, inactive ones too.
    pub fn directives(&self) -> Vec<Directive> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.bare.len() {
            let end = self.end_of_line(at);
            let start =
                at + self.bare[at..end].iter().take_while(|b| b.is_ascii_whitespace()).count();
            if self.bare.get(start) == Some(&b'#') && start < end {
                found.push(self.directive(start, end));
            }
            at = end + 1;
        }
        found
    }

    /// The end of a line, which a backslash continues.
    fn end_of_line(&self, from: usize) -> usize {
        let mut at = from;
        while at < self.bare.len() {
            match self.bare[at] {
                b'\n'
                    if self.bare[from..at].ends_with(b"\\")
                        || self.bare[from..at].ends_with(b"\\\r") => {}
                b'\n' => return at,
                _ => {}
            }
            at += 1;
        }
        at
    }

    fn directive(&self, start: usize, end: usize) -> Directive {
        let is_space = |byte: &&u8| byte.is_ascii_whitespace() || **byte == b'\\';
        let spaces = |from: usize| self.bare[from..end].iter().take_while(is_space).count();
        let keyword = start + 1 + spaces(start + 1);
        let behind =
            keyword + self.bare[keyword..end].iter().take_while(|b| is_of_word(**b)).count();
        let rest = behind + spaces(behind);
        let blank =
            self.bare[rest..end].iter().rev().take_while(|b| b.is_ascii_whitespace()).count();
        let end = end - blank;
        Directive {
            range: start..end,
            keyword: String::from_utf8_lossy(&self.bare[keyword..behind]).into_owned(),
            rest: rest.min(end)..end,
        }
    }
}

/// The identifiers of bytes without comments, each with its place.
fn words(bytes: &[u8]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let len = bytes[at..].iter().take_while(|byte| is_of_word(**byte)).count();
        if len > 0 && !bytes[at].is_ascii_digit() {
            found.push((String::from_utf8_lossy(&bytes[at..at + len]).into_owned(), at));
        }
        at += len.max(1);
    }
    found
}

/// The identifiers of a definition in a header.
pub fn words_of(bytes: &[u8]) -> Vec<String> {
    let mut found: Vec<String> = words(&bare(bytes)).into_iter().map(|(word, _)| word).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'
}

/// The text with spaces in place of comments, with their line feeds, and of what literals hold.
fn bare(bytes: &[u8]) -> Vec<u8> {
    let mut bare = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let (behind, is_comment) = match bytes[at..] {
            [b'/', b'*', ..] => (behind_comment(bytes, at), true),
            [b'/', b'/', ..] => (behind_line(bytes, at), true),
            [b'"', ..] => (behind_literal(bytes, at, b'"'), false),
            [b'\'', ..] => (behind_literal(bytes, at, b'\''), false),
            _ => {
                at += 1;
                continue;
            }
        };
        // The quotes of a literal stay.
        let hidden = if is_comment { at..behind } else { at + 1..behind.max(at + 2) - 1 };
        let hidden = hidden.start..hidden.end.min(bytes.len());
        bare[hidden].fill(b' ');
        at = behind;
    }
    bare
}

fn behind_comment(bytes: &[u8], at: usize) -> usize {
    let end = bytes[at + 2..].windows(2).position(|two| two == b"*/");
    end.map_or(bytes.len(), |end| at + 2 + end + 2)
}

fn behind_line(bytes: &[u8], at: usize) -> usize {
    let continues = |end: usize| bytes[end - 1] == b'\\';
    (at + 2..bytes.len()).find(|&end| bytes[end] == b'\n' && !continues(end)).unwrap_or(bytes.len())
}

/// A literal ends on its line, or it is none: an apostrophe in inactive text.
fn behind_literal(bytes: &[u8], at: usize, quote: u8) -> usize {
    let mut end = at + 1;
    while end < bytes.len() {
        match bytes[end] {
            b'\\' => end += 1,
            b'\n' => return at + 1,
            byte if byte == quote => return end + 1,
            _ => {}
        }
        end += 1;
    }
    at + 1
}

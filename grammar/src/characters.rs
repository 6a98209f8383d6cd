// SPDX-License-Identifier: GPL-2.0
//! Characters that a spec must not contain, because people, terminals and compilers would read
//! different texts.

use crate::{ErrorKind, Span, SyntaxError};
use kps_ast::is_hidden;

/// The limit of reports for one file. A file with more of them has them everywhere.
const REPORTED: usize = 20;

/// Finds them, also in comments and strings: rustc reads those differently from people, too.
pub(crate) fn check(text: &str, errors: &mut Vec<SyntaxError>) {
    let misread = text.char_indices().filter(|&(_, c)| is_hidden(c));
    errors.extend(misread.take(REPORTED).map(|(start, character)| SyntaxError {
        kind: ErrorKind::Character { character },
        span: Span::new(start, start + character.len_utf8()),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<usize> {
        let mut errors = Vec::new();
        check(text, &mut errors);
        errors.iter().map(|error| error.span.start).collect()
    }

    #[test]
    fn what_every_reader_reads_alike_is_left_alone() {
        assert_eq!(places("patch \t fix {\n}\n // \u{e4}\u{4e2d}\u{1f427}"), []);
    }

    #[test]
    fn what_readers_read_differently_is_found_everywhere() {
        assert_eq!(places("a\0b\rc\u{202e}\"\u{85}\"//\u{2028}\u{7f}"), [1, 3, 5, 9, 14, 17]);
        // What shows nothing hides code in a comment, too.
        assert_eq!(places("a\u{200b}\"\u{e0061}\"//\u{3164}\n/*\u{fe0f}*/"), [1, 5, 12, 18]);
        assert_eq!(places(&"\0".repeat(1000)).len(), REPORTED);
    }
}

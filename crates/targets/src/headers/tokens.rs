// SPDX-License-Identifier: GPL-2.0
//! The words, marks and brackets of a header in C.

/// A part of a text in C.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A word or a number.
    Word(&'t str),
    /// A character between words.
    Mark(char),
    /// A bracket with what is in it.
    Group(char, Vec<Token<'t>>),
}

/// Deeper brackets than any header has.
const MAX_DEPTH: usize = 64;

/// The parts of a header without comments, strings and preprocessor lines. Of code that the
/// preprocessor chooses from, all is there.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut open: Vec<(char, Vec<Token<'_>>)> = Vec::new();
    let mut current = Vec::new();
    let mut rest = text;
    let mut starts_line = true;
    while let Some(c) = rest.chars().next() {
        if let Some(skipped) = skipped(rest, starts_line) {
            rest = &rest[skipped..];
            continue;
        }
        starts_line = c == '\n' || starts_line && c.is_whitespace();
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()).max(c.len_utf8());
        match c {
            c if is_word(c) => current.push(Token::Word(&rest[..end])),
            '(' | '[' | '{' if open.len() < MAX_DEPTH => {
                open.push((c, std::mem::take(&mut current)));
            }
            // A bracket that only one choice of the preprocessor opens or closes is passed over.
            ')' | ']' | '}' => close(c, &mut open, &mut current),
            c if !c.is_whitespace() => current.push(Token::Mark(c)),
            _ => {}
        }
        rest = &rest[end..];
    }
    while let Some((opened, outside)) = open.pop() {
        let inside = std::mem::replace(&mut current, outside);
        current.push(Token::Group(opened, inside));
    }
    current
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric()
}

/// Closes the last bracket of a kind, and those that were left open in it.
fn close<'t>(closed: char, open: &mut Vec<(char, Vec<Token<'t>>)>, current: &mut Vec<Token<'t>>) {
    let wanted = match closed {
        ')' => '(',
        ']' => '[',
        _ => '{',
    };
    let Some(at) = open.iter().rposition(|(opened, _)| *opened == wanted) else { return };
    while open.len() > at {
        let Some((opened, outside)) = open.pop() else { return };
        let inside = std::mem::replace(current, outside);
        current.push(Token::Group(opened, inside));
    }
}

/// The length of a comment, a literal or a preprocessor line.
fn skipped(text: &str, starts_line: bool) -> Option<usize> {
    let first = text.chars().next()?;
    match first {
        '/' if text.starts_with("//") => Some(text.find('\n').unwrap_or(text.len())),
        '/' if text.starts_with("/*") => {
            Some(text[2..].find("*/").map_or(text.len(), |end| end + 4))
        }
        '#' if starts_line => {
            let mut lines = text.match_indices('\n').map(|(at, _)| at);
            let end = lines.find(|&at| !text[..at].trim_end_matches('\r').ends_with('\\'));
            Some(end.unwrap_or(text.len()))
        }
        '"' | '\'' => {
            let mut escaped = false;
            let end = text.char_indices().skip(1).find(|(_, c)| {
                let ends = !escaped && (*c == first || *c == '\n');
                escaped = !escaped && *c == '\\';
                ends
            });
            Some(end.map_or(text.len(), |(at, _)| at + 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_literals_and_preprocessor_lines_are_left_out() {
        let text = "a /* ( */ \"}\" // {\n#define X \\\n (\nb('\\'') [2]";
        let group = |open, inside| Token::Group(open, inside);
        let brackets = [group('(', vec![]), group('[', vec![Token::Word("2")])];
        let words = [Token::Word("a"), Token::Word("b")];
        assert_eq!(tokens(text), words.into_iter().chain(brackets).collect::<Vec<_>>());
    }

    #[test]
    fn brackets_that_do_not_match_end_somewhere() {
        let group = |open, inside| Token::Group(open, inside);
        assert_eq!(tokens("} a"), [Token::Word("a")]);
        assert_eq!(tokens("{ ( }"), [group('{', vec![group('(', vec![])])]);
        assert_eq!(tokens("{ a"), [group('{', vec![Token::Word("a")])]);
        assert!(!tokens(&"(".repeat(1000)).is_empty());
    }
}

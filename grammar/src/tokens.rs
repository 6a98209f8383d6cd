// SPDX-License-Identifier: GPL-2.0
//! The tokens of Rust and C, as far as this crate needs them: strings, raw, byte and C strings,
//! characters as opposed to lifetimes, comments, and matching brackets.

use crate::Language;
use crate::{ErrorKind, Span, SyntaxError};

/// The limit of nesting. No real code is nested deeper, and recursive parsers in later stages need
/// a bound.
pub(crate) const MAX_DEPTH: usize = 128;

/// The first bracket without a match, or the unterminated token that hides its match.
pub(crate) fn unbalanced(text: &str) -> Option<SyntaxError> {
    let mut scanner = Scanner::of_rust(text, Span::new(0, text.len()));
    scanner.balanced().err()
}

/// The kinds of text in a source, for users that need all of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Piece {
    Space,
    LineComment,
    BlockComment,
    Token,
}

/// Cuts a range into pieces without gaps. Text that cannot be cut, which a spec without errors does
/// not contain, is one token.
pub(crate) fn pieces(text: &str, range: Span) -> impl Iterator<Item = (Piece, Span)> + '_ {
    let mut scanner = Scanner::of_rust(text, range);
    std::iter::from_fn(move || scanner.piece())
}

/// The tokens of a text with their byte offsets, without space and comments. An unterminated token
/// extends to the end of the text.
pub fn tokens(text: &str, language: Language) -> impl Iterator<Item = (usize, &str)> {
    let mut scanner =
        Scanner { text, at: 0, end: text.len(), comments_nest: language != Language::C };
    let pieces = std::iter::from_fn(move || scanner.piece());
    let tokens = pieces.filter(|(piece, _)| *piece == Piece::Token);
    tokens.map(|(_, span)| (span.start, &text[span.start..span.end]))
}

/// The identifiers of a text with their byte offsets, except those in comments, strings and
/// numbers.
pub fn identifiers(text: &str, language: Language) -> impl Iterator<Item = (usize, &str)> {
    let starts = |c: char| c.is_alphabetic() || c == '_';
    let goes_on = |c: char| c.is_alphanumeric() || c == '_';
    let is_name = move |token: &str| token.starts_with(starts) && token.chars().all(goes_on);
    // Letters after a digit belong to a number.
    let is_suffix = move |at: usize| text[..at].ends_with(goes_on);
    tokens(text, language).filter(move |&(at, token)| is_name(token) && !is_suffix(at))
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token {
    Word,
    Semicolon,
    Open(u8),
    Close(u8),
    Other,
}

/// A position in a text, and the end of the range to read.
pub(crate) struct Scanner<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
    pub(crate) end: usize,
    /// Whether comments nest, as in Rust.
    pub(crate) comments_nest: bool,
}

pub(crate) fn error<T>(kind: ErrorKind, start: usize, end: usize) -> Result<T, SyntaxError> {
    Err(SyntaxError { kind, span: Span::new(start, end) })
}

impl<'a> Scanner<'a> {
    /// A scanner at the start of a range of Rust.
    pub(crate) fn of_rust(text: &'a str, range: Span) -> Self {
        Scanner { text, at: range.start, end: range.end, comments_nest: true }
    }

    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..self.end]
    }

    /// Moves past the bracket that closes the one at `open`, which was just read, and returns its
    /// position.
    pub(crate) fn close(&mut self, open: usize) -> Result<usize, SyntaxError> {
        let bracket = |at: usize| self.text.as_bytes()[at];
        let mut open = vec![(open, bracket(open))];
        loop {
            self.trivia()?;
            let start = self.at;
            match self.token()? {
                Some(Token::Open(b)) => {
                    open.push((start, b));
                    if open.len() > MAX_DEPTH {
                        return error(ErrorKind::TooDeep, start, self.at);
                    }
                }
                Some(Token::Close(b)) => match open.pop() {
                    Some((_, opened)) if closes(b, opened) => {
                        if open.is_empty() {
                            return Ok(start);
                        }
                    }
                    Some((at, opened)) => {
                        let (bracket, opened, open) =
                            (b as char, opened as char, Span::new(at, at + 1));
                        return error(
                            ErrorKind::Mismatched { bracket, opened, open },
                            start,
                            self.at,
                        );
                    }
                    None => {
                        return error(ErrorKind::Unbalanced { bracket: b as char }, start, self.at)
                    }
                },
                Some(_) => {}
                None => {
                    let (at, opened) = open.pop().unwrap_or((start, b'{'));
                    return error(ErrorKind::Unbalanced { bracket: opened as char }, at, at + 1);
                }
            }
        }
    }

    /// Moves to the end, past matching brackets.
    pub(crate) fn balanced(&mut self) -> Result<(), SyntaxError> {
        loop {
            self.trivia()?;
            let start = self.at;
            match self.token()? {
                Some(Token::Open(_)) => drop(self.close(start)?),
                Some(Token::Close(bracket)) => {
                    let bracket = bracket as char;
                    return error(ErrorKind::Unbalanced { bracket }, start, self.at);
                }
                Some(_) => {}
                None => return Ok(()),
            }
        }
    }

    /// Skips space and comments; returns the lines of the last `///` comment.
    pub(crate) fn trivia(&mut self) -> Result<Vec<String>, SyntaxError> {
        let mut docs = Vec::new();
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                let line = trimmed.split('\n').next().unwrap_or_default();
                match line.strip_prefix("///") {
                    Some(doc) if !doc.starts_with('/') => {
                        docs.push(doc.strip_prefix(' ').unwrap_or(doc).trim_end().to_owned());
                    }
                    _ => {}
                }
                self.at += line.len();
            } else if trimmed.starts_with("/*") {
                self.block_comment()?;
            } else {
                return Ok(docs);
            }
        }
    }

    fn piece(&mut self) -> Option<(Piece, Span)> {
        let (start, rest) = (self.at, self.rest());
        let space = rest.len() - rest.trim_start().len();
        let piece = if rest.is_empty() {
            return None;
        } else if space > 0 {
            self.at += space;
            Ok(Piece::Space)
        } else if rest.starts_with("//") {
            self.at += rest.find('\n').unwrap_or(rest.len());
            Ok(Piece::LineComment)
        } else if rest.starts_with("/*") {
            self.block_comment().map(|()| Piece::BlockComment)
        } else {
            self.token().map(|_| Piece::Token)
        };
        let piece = piece.unwrap_or_else(|_| {
            self.at = self.end;
            Piece::Token
        });
        Some((piece, Span::new(start, self.at)))
    }

    fn block_comment(&mut self) -> Result<(), SyntaxError> {
        let start = self.at;
        let mut depth = 0usize;
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") && (depth == 0 || self.comments_nest) {
                depth += 1;
                self.at += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return Ok(());
                }
            } else if let Some(c) = rest.chars().next() {
                self.at += c.len_utf8();
            } else {
                return error(ErrorKind::Unterminated { what: "comment" }, start, start + 2);
            }
        }
    }

    pub(crate) fn token(&mut self) -> Result<Option<Token>, SyntaxError> {
        let start = self.at;
        let Some(c) = self.rest().chars().next() else { return Ok(None) };
        self.at += c.len_utf8();
        Ok(Some(match c {
            ';' => Token::Semicolon,
            '(' | '[' | '{' => Token::Open(c as u8),
            ')' | ']' | '}' => Token::Close(c as u8),
            '"' => self.string(start)?,
            '\'' => self.character(start)?,
            c if c.is_alphabetic() || c == '_' => self.word(start)?,
            // A number. Its letters and dots may become separate tokens.
            _ => Token::Other,
        }))
    }

    /// A word, or a literal with a letter as its prefix: `r"..`, `br#"..`, `b'x'`, `c"..`.
    fn word(&mut self, start: usize) -> Result<Token, SyntaxError> {
        let rest = self.rest();
        let len = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += len;
        let rest = self.rest();
        match &self.text[start..self.at] {
            "b" | "c" if rest.starts_with('"') => {
                self.at += 1;
                self.string(start)
            }
            "b" if rest.starts_with('\'') => {
                self.at += 1;
                self.character(start)
            }
            "r" | "br" | "cr" => {
                let hashes = rest.len() - rest.trim_start_matches('#').len();
                if !rest[hashes..].starts_with('"') {
                    return Ok(Token::Word);
                }
                self.at += hashes + 1;
                let end = format!("\"{}", "#".repeat(hashes));
                match self.rest().find(&end) {
                    Some(found) => self.at += found + end.len(),
                    None => {
                        return error(ErrorKind::Unterminated { what: "string" }, start, self.at)
                    }
                }
                Ok(Token::Other)
            }
            _ => Ok(Token::Word),
        }
    }

    /// The rest of a string after its opening quote.
    fn string(&mut self, start: usize) -> Result<Token, SyntaxError> {
        let mut chars = self.rest().char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => {
                    chars.next();
                }
                '"' => {
                    self.at += at + 1;
                    return Ok(Token::Other);
                }
                _ => {}
            }
        }
        error(ErrorKind::Unterminated { what: "string" }, start, start + 1)
    }

    /// The rest of a character literal or lifetime after its quote.
    fn character(&mut self, start: usize) -> Result<Token, SyntaxError> {
        let mut chars = self.rest().chars();
        match (chars.next(), chars.next()) {
            (Some('\\'), _) => {
                let rest = self.rest();
                // Skip the escaped character, which may be a quote itself.
                let escaped = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                match rest[escaped..].find(['\'', '\n']) {
                    Some(end) if rest[escaped + end..].starts_with('\'') => {
                        self.at += escaped + end + 1;
                    }
                    _ => {
                        return error(
                            ErrorKind::Unterminated { what: "character" },
                            start,
                            start + 1,
                        )
                    }
                }
            }
            (Some(c), Some('\'')) => self.at += c.len_utf8() + 1,
            // A lifetime: its name is the next token.
            _ => {}
        }
        Ok(Token::Other)
    }
}

fn closes(close: u8, open: u8) -> bool {
    matches!((open, close), (b'(', b')') | (b'[', b']') | (b'{', b'}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_leave_nothing_out() {
        let text = "fn f { // '\"'\n  r#\"/* \"#; /* \" */ '}' c\"\\\"//\"\n}";
        let all: Vec<_> = pieces(text, Span::new(0, text.len())).collect();
        let joined: String = all.iter().map(|(_, span)| &text[span.start..span.end]).collect();
        assert_eq!(joined, text);
        let comments = all
            .iter()
            .filter(|(piece, _)| matches!(piece, Piece::LineComment | Piece::BlockComment));
        let comments: Vec<_> = comments.map(|(_, span)| &text[span.start..span.end]).collect();
        assert_eq!(comments, ["// '\"'", "/* \" */"]);
    }

    #[test]
    fn comments_strings_and_characters_hold_no_names() {
        let text =
            "a /* b */ \"c \\\" d\" // e\n'f' '\\'' <'g> r#\"h\" i\"# cr\"j\" c\"k\" 5l m_1('\u{e4}', n)";
        for language in [Language::Rust, Language::C] {
            let found: Vec<_> = identifiers(text, language).map(|(_, word)| word).collect();
            assert_eq!(found, ["a", "g", "m_1", "n"]);
            assert!(identifiers(text, language).all(|(at, word)| text[at..].starts_with(word)));
        }
        for unfinished in ["\"", "'\\", "/*", "//", "r#\"", "r#", "\u{e4}\"\u{e4}"] {
            identifiers(unfinished, Language::C).for_each(drop);
        }
    }

    #[test]
    fn a_comment_of_c_ends_where_the_first_end_is() {
        let text = "/* a /* b */ c */ d";
        let names =
            |language| identifiers(text, language).map(|(_, word)| word).collect::<Vec<_>>();
        assert_eq!((names(Language::C), names(Language::Rust)), (vec!["c", "d"], vec!["d"]));
    }
}

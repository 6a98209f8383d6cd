//! The scanner: cuts text into items without understanding them.
//!
//! It knows just enough of Rust's tokens (strings, raw, byte and C strings, characters against lifetimes, nested
//! comments) to find the bracket that closes another, and the `;` or block that ends an item.

use crate::{ErrorKind, Span, SyntaxError};

/// Deeper nesting is nobody's writing, and recursive parsers further on need a bound.
pub(crate) const MAX_DEPTH: usize = 128;

/// An item, cut out.
#[derive(Debug)]
pub(crate) struct RawItem {
    /// The lines of the `///` comment before it.
    pub(crate) docs: Vec<String>,
    /// What stands before the `;` or the block.
    pub(crate) head: Span,
    /// What stands between the braces of its block.
    pub(crate) block: Option<Span>,
    /// All of it, for items that are Rust.
    pub(crate) whole: Span,
}

/// What the items of one level look like.
pub(crate) struct Level {
    /// Words of items that end with `;`.
    pub(crate) statements: &'static [&'static str],
    /// Words of items that end with a block.
    pub(crate) blocks: &'static [&'static str],
    /// Words of other items.
    pub(crate) others: &'static [&'static str],
}

impl Level {
    fn knows(&self, word: &str) -> bool {
        [self.statements, self.blocks, self.others].iter().any(|words| words.contains(&word))
    }
}

/// Cuts a range into items. An error ends the item it is in; the next one is tried all the same, unless the brackets no
/// longer fit together.
pub(crate) fn items(text: &str, range: Span, level: &Level, errors: &mut Vec<SyntaxError>) -> Vec<RawItem> {
    let mut scanner = Scanner { text, at: range.start, end: range.end };
    let mut items = Vec::new();
    loop {
        match scanner.item(level) {
            Ok(Some((item, error))) => {
                items.push(item);
                errors.extend(error);
            }
            Ok(None) => return items,
            Err(error) => {
                errors.push(error);
                return items;
            }
        }
    }
}

/// The first bracket of a text that does not fit with the others, or what hides where it ends.
pub(crate) fn unbalanced(text: &str) -> Option<SyntaxError> {
    let mut scanner = Scanner { text, at: 0, end: text.len() };
    scanner.balanced().err()
}

/// What a text is made of, for those who keep all of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Piece {
    Space,
    LineComment,
    BlockComment,
    Token,
}

/// Cuts a range into its pieces and leaves nothing out. What cannot be cut, which a spec without errors does not have, is one
/// token.
pub(crate) fn pieces(text: &str, range: Span) -> impl Iterator<Item = (Piece, Span)> + '_ {
    let mut scanner = Scanner { text, at: range.start, end: range.end };
    std::iter::from_fn(move || scanner.piece())
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token {
    Word,
    Semicolon,
    Open(u8),
    Close(u8),
    Other,
}

/// Whether a brace in the head of an item that starts with a word belongs to a value: to that of a shadow variable, `S { a: 1 }`, if
/// it is behind a name of the author's or what no value ends with. `last` is the token before it, of a group its first bracket.
fn is_in_value(first: &str, last: &str) -> bool {
    let is_name = last.starts_with(|c: char| c.is_alphabetic() || c == '_');
    first == "shadow" && last != "untied" && (is_name || matches!(last, "=" | ","))
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    end: usize,
}

fn error<T>(kind: ErrorKind, start: usize, end: usize) -> Result<T, SyntaxError> {
    Err(SyntaxError { kind, span: Span::new(start, end) })
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..self.end]
    }

    /// The next item, with the error that it ends without its `;`.
    fn item(&mut self, level: &Level) -> Result<Option<(RawItem, Option<SyntaxError>)>, SyntaxError> {
        let mut docs = self.trivia()?;
        // A `;` behind a block ends nothing, as in Rust.
        while self.rest().starts_with(';') {
            self.at += 1;
            docs = self.trivia()?;
        }
        let start = self.at;
        if self.rest().is_empty() {
            return Ok(None);
        }
        let (first, second) = self.first_words();
        let statement = level.statements.contains(&first);
        let until_semicolon = statement || is_rust_statement(first, second);
        let mut end = start;
        let mut last = "";
        loop {
            let before = self.at;
            self.trivia()?;
            let line_break = self.text[before..self.at].contains('\n');
            let token_start = self.at;
            let missing = |end| {
                let error = SyntaxError { kind: ErrorKind::MissingSemicolon, span: Span::new(end, end) };
                let head = Span::new(start, end);
                (RawItem { docs: docs.clone(), head, block: None, whole: head }, Some(error))
            };
            let Some(token) = self.token()? else {
                return Ok(Some(missing(end)));
            };
            let word = &self.text[token_start..self.at];
            match token {
                Token::Semicolon => {
                    let item = RawItem {
                        docs,
                        head: Span::new(start, end),
                        block: None,
                        whole: Span::new(start, self.at),
                    };
                    return Ok(Some((item, None)));
                }
                Token::Word if statement && line_break && level.knows(word) => {
                    self.at = token_start;
                    return Ok(Some(missing(end)));
                }
                Token::Open(b'{') if statement => {
                    self.close(token_start)?;
                    return Ok(Some(missing(end)));
                }
                Token::Open(b'{') if !until_semicolon && !is_in_value(first, last) => {
                    let close = self.close(token_start)?;
                    let item = RawItem {
                        docs,
                        head: Span::new(start, end),
                        block: Some(Span::new(token_start + 1, close)),
                        whole: Span::new(start, self.at),
                    };
                    return Ok(Some((item, None)));
                }
                Token::Open(_) => {
                    self.close(token_start)?;
                }
                Token::Close(bracket) => {
                    let bracket = bracket as char;
                    return error(ErrorKind::Unbalanced { bracket }, token_start, self.at);
                }
                Token::Word | Token::Other => {}
            }
            (end, last) = (self.at, word);
        }
    }

    /// The first two words of the item that starts here, past attributes and visibility. Where it has mistakes there are none;
    /// they are found when the item is cut out.
    fn first_words(&self) -> (&'a str, &'a str) {
        let mut ahead = Scanner { ..*self };
        ahead.words().unwrap_or_default()
    }

    fn words(&mut self) -> Result<(&'a str, &'a str), SyntaxError> {
        while self.rest().starts_with('#') {
            self.at += if self.rest().starts_with("#!") { 2 } else { 1 };
            self.trivia()?;
            if !self.group(b'[')? {
                return Ok(("", ""));
            }
        }
        let mut first = self.plain_word()?;
        if first == "pub" {
            self.group(b'(')?;
            first = self.plain_word()?;
        }
        Ok((first, self.plain_word()?))
    }

    /// Moves past a word, if one is next, and the space behind it.
    fn plain_word(&mut self) -> Result<&'a str, SyntaxError> {
        let rest = self.rest();
        let word = &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())];
        self.at += word.len();
        self.trivia()?;
        Ok(word)
    }

    /// Moves past a pair of brackets, if one is next, and the space behind it.
    fn group(&mut self, open: u8) -> Result<bool, SyntaxError> {
        let start = self.at;
        if self.rest().as_bytes().first() != Some(&open) {
            return Ok(false);
        }
        self.at += 1;
        self.close(start)?;
        self.trivia()?;
        Ok(true)
    }

    /// Moves past the bracket that closes the one at `open`, which has just been read, and returns its place.
    fn close(&mut self, open: usize) -> Result<usize, SyntaxError> {
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
                        let (bracket, opened, open) = (b as char, opened as char, Span::new(at, at + 1));
                        return error(ErrorKind::Mismatched { bracket, opened, open }, start, self.at);
                    }
                    None => return error(ErrorKind::Unbalanced { bracket: b as char }, start, self.at),
                },
                Some(_) => {}
                None => {
                    let (at, opened) = open.pop().unwrap_or((start, b'{'));
                    return error(ErrorKind::Unbalanced { bracket: opened as char }, at, at + 1);
                }
            }
        }
    }

    /// Moves past everything.
    fn balanced(&mut self) -> Result<(), SyntaxError> {
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
    fn trivia(&mut self) -> Result<Vec<String>, SyntaxError> {
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
            if rest.starts_with("/*") {
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

    fn token(&mut self) -> Result<Option<Token>, SyntaxError> {
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
            // A number; its letters and dots do no harm as separate tokens.
            _ => Token::Other,
        }))
    }

    /// A word, or a literal that starts like one: `r"..`, `br#"..`, `b'x'`, `c"..`.
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
                    None => return error(ErrorKind::Unterminated { what: "string" }, start, self.at),
                }
                Ok(Token::Other)
            }
            _ => Ok(Token::Word),
        }
    }

    /// The rest of a string whose quote has been read.
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

    /// The rest of a character literal or of a lifetime whose quote has been read.
    fn character(&mut self, start: usize) -> Result<Token, SyntaxError> {
        let mut chars = self.rest().chars();
        match (chars.next(), chars.next()) {
            (Some('\\'), _) => {
                let rest = self.rest();
                // Behind the escaped character, which may be a quote itself.
                let escaped = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                match rest[escaped..].find(['\'', '\n']) {
                    Some(end) if rest[escaped + end..].starts_with('\'') => self.at += escaped + end + 1,
                    _ => return error(ErrorKind::Unterminated { what: "character" }, start, start + 1),
                }
            }
            (Some(c), Some('\'')) => self.at += c.len_utf8() + 1,
            // A lifetime: its name is the next token.
            _ => {}
        }
        Ok(Token::Other)
    }
}

/// Rust items that end with `;` even when a block stands in them.
fn is_rust_statement(first: &str, second: &str) -> bool {
    match first {
        "static" | "use" | "type" => true,
        "const" => !matches!(second, "fn" | "unsafe" | "extern" | "async"),
        _ => false,
    }
}

fn closes(close: u8, open: u8) -> bool {
    matches!((open, close), (b'(', b')') | (b'[', b']') | (b'{', b'}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVEL: Level = Level { statements: &["license", "use"], blocks: &["fn", "pre"], others: &[] };

    /// The heads and blocks of the items in a text, and how many errors there are.
    fn cut(text: &str) -> (Vec<(&str, Option<&str>)>, usize) {
        let mut errors = Vec::new();
        let items = items(text, Span::new(0, text.len()), &LEVEL, &mut errors);
        let slice = |span: Span| &text[span.start..span.end];
        (items.iter().map(|item| (slice(item.head), item.block.map(slice))).collect(), errors.len())
    }

    #[test]
    fn a_bracket_in_a_literal_or_comment_is_none() {
        for body in [
            r#" "}" "#,
            r##" r#"}"}"# "##,
            r#" b"}" "#,
            r#" c"}" "#,
            r##" cr#"}"# "##,
            r##" br"}" "##,
            " '}' ",
            " b'}' ",
            r" '\'' ",
            r" '\u{7d}' ",
            r#" "\"}" "#,
            " // }\n ",
            " /* } /* } */ } */ ",
            " fn f<'a>(x: &'a str) {} ",
            " 'a: loop { break 'a } ",
            " r#type ",
            " 'static ",
        ] {
            let text = format!("pre {{{body}}} license \"GPL\";");
            assert_eq!(cut(&text), (vec![("pre", Some(body)), ("license \"GPL\"", None)], 0), "{body}");
        }
    }

    #[test]
    fn pieces_leave_nothing_out() {
        let text = "fn f { // '\"'\n  r#\"/* \"#; /* \" */ '}' c\"\\\"//\"\n}";
        let all: Vec<_> = pieces(text, Span::new(0, text.len())).collect();
        let joined: String = all.iter().map(|(_, span)| &text[span.start..span.end]).collect();
        assert_eq!(joined, text);
        let comments =
            all.iter().filter(|(piece, _)| matches!(piece, Piece::LineComment | Piece::BlockComment));
        let comments: Vec<_> = comments.map(|(_, span)| &text[span.start..span.end]).collect();
        assert_eq!(comments, ["// '\"'", "/* \" */"]);
    }

    #[test]
    fn brackets_that_do_not_fit_are_reported_once() {
        for text in ["pre { ( }", "pre { ] }", "pre {", "pre { \" }", "pre { /* }", "pre { '\\n }", ")"] {
            assert_eq!(cut(text).1, 1, "{text}");
            assert!(unbalanced(text).is_some(), "{text}");
        }
        assert_eq!(unbalanced("fn f() { g('}'); } // {"), None);
    }

    #[test]
    fn a_forgotten_semicolon_ends_at_the_next_known_word() {
        let text = "license \"GPL\"\nfn f { }";
        assert_eq!(cut(text), (vec![("license \"GPL\"", None), ("fn f", Some(" "))], 1));
    }

    #[test]
    fn rust_items_end_where_rust_ends_them() {
        let text = "const A: u8 = { 1 }; static B: [u8; 2] = [0; 2]; struct C { d: u8 } const fn e() {} #[f] fn g() {}";
        let heads: Vec<_> = cut(text).0.into_iter().map(|(head, _)| head).collect();
        let wanted =
            ["const A: u8 = { 1 }", "static B: [u8; 2] = [0; 2]", "struct C", "const fn e()", "#[f] fn g()"];
        assert_eq!(heads, wanted);
    }

    #[test]
    fn attributes_and_visibility_are_stepped_over_whole() {
        let text =
            "#[a(\"]\")] /* ] */ pub(in a::b) static A: B = B { c: 1 }; # [b] pub const C: u8 = { 1 };";
        let heads: Vec<_> = cut(text).0.into_iter().map(|(head, _)| head).collect();
        assert_eq!(heads.len(), 2, "{heads:?}");
    }

    #[test]
    fn only_the_comment_before_an_item_is_its_own() {
        let text = "/// One.\n/// Two.\nlicense \"GPL\"; // None.\nuse x;";
        let items = items(text, Span::new(0, text.len()), &LEVEL, &mut Vec::new());
        let docs: Vec<_> = items.iter().map(|item| item.docs.join(" ")).collect();
        assert_eq!(docs, ["One. Two.", ""]);
    }
}

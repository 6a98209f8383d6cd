// SPDX-License-Identifier: GPL-2.0
//! The scanner: cuts text into items without understanding them, by finding the `;` or block that
//! ends each item.

use crate::ast::{End, Level};
use crate::tokens::{error, Scanner, Token};
use crate::{ErrorKind, Span, SyntaxError};

/// An item as cut out of the text.
#[derive(Debug)]
pub(crate) struct RawItem {
    /// The lines of the `///` comment before it.
    pub(crate) docs: Vec<String>,
    /// The text before the `;` or the block.
    pub(crate) head: Span,
    /// The text between the braces of its block.
    pub(crate) block: Option<Span>,
    /// The whole item, for items in Rust.
    pub(crate) whole: Span,
}

/// The first words of Rust items.
pub const RUST: &[&str] = &[
    "const",
    "enum",
    "extern",
    "fn",
    "impl",
    "macro_rules",
    "mod",
    "pub",
    "static",
    "struct",
    "trait",
    "type",
    "union",
    "unsafe",
    "use",
];

/// Whether an item of a level starts with a word.
fn knows(level: Level, word: &str) -> bool {
    level.construct(word).is_some() || level == Level::Patch && RUST.contains(&word)
}

/// Cuts a range into items. An error ends its item; scanning continues with the next item, unless
/// brackets no longer match.
pub(crate) fn items(
    text: &str,
    range: Span,
    level: Level,
    errors: &mut Vec<SyntaxError>,
) -> Vec<RawItem> {
    let mut scanner = Scanner::of_rust(text, range);
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

/// Whether a brace in the head of an item belongs to a value. Only the value of a shadow variable
/// can contain one, `S { a: 1 }`: after one of the author's names, or after a token that cannot end
/// a value. `last` is the token before the brace; for a group it is the opening bracket.
pub(crate) fn is_in_value(first: &str, last: &str) -> bool {
    let is_name = last.starts_with(|c: char| c.is_alphabetic() || c == '_');
    first == "shadow" && last != "untied" && (is_name || matches!(last, "=" | ","))
}

impl<'a> Scanner<'a> {
    /// The next item, and an error if its `;` is missing.
    fn item(
        &mut self,
        level: Level,
    ) -> Result<Option<(RawItem, Option<SyntaxError>)>, SyntaxError> {
        let mut docs = self.trivia()?;
        // A `;` after a block does not end an item, as in Rust.
        while self.rest().starts_with(';') {
            self.at += 1;
            docs = self.trivia()?;
        }
        let start = self.at;
        if self.rest().is_empty() {
            return Ok(None);
        }
        let (first, second) = self.first_words();
        let statement =
            level.construct(first).is_some_and(|construct| construct.end == End::Statement);
        let until_semicolon = statement || is_rust_statement(first, second);
        let mut end = start;
        let mut last = "";
        loop {
            let before = self.at;
            self.trivia()?;
            let line_break = self.text[before..self.at].contains('\n');
            let token_start = self.at;
            let missing = |end| {
                let error =
                    SyntaxError { kind: ErrorKind::MissingSemicolon, span: Span::new(end, end) };
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
                Token::Word if statement && line_break && knows(level, word) => {
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

    /// The first two words of the item at this position, past attributes and visibility. They are
    /// empty if these have mistakes, which cutting out the item reports.
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

    /// Moves past a word, if one is next, and the space after it.
    fn plain_word(&mut self) -> Result<&'a str, SyntaxError> {
        let rest = self.rest();
        let word =
            &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())];
        self.at += word.len();
        self.trivia()?;
        Ok(word)
    }

    /// Moves past a pair of brackets, if one is next, and the space after it.
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
}

/// Rust items that end with `;` even if they contain a block.
fn is_rust_statement(first: &str, second: &str) -> bool {
    match first {
        "static" | "use" | "type" => true,
        "const" => !matches!(second, "fn" | "unsafe" | "extern" | "async"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::unbalanced;

    /// The heads and blocks of the items in a text, and the number of errors.
    fn cut(text: &str) -> (Vec<(&str, Option<&str>)>, usize) {
        let mut errors = Vec::new();
        let items = items(text, Span::new(0, text.len()), Level::Patch, &mut errors);
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
            assert_eq!(
                cut(&text),
                (vec![("pre", Some(body)), ("license \"GPL\"", None)], 0),
                "{body}"
            );
        }
    }

    #[test]
    fn brackets_that_do_not_fit_are_reported_once() {
        for text in
            ["pre { ( }", "pre { ] }", "pre {", "pre { \" }", "pre { /* }", "pre { '\\n }", ")"]
        {
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
        let wanted = [
            "const A: u8 = { 1 }",
            "static B: [u8; 2] = [0; 2]",
            "struct C",
            "const fn e()",
            "#[f] fn g()",
        ];
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
        let items = items(text, Span::new(0, text.len()), Level::Patch, &mut Vec::new());
        let docs: Vec<_> = items.iter().map(|item| item.docs.join(" ")).collect();
        assert_eq!(docs, ["One. Two.", ""]);
    }
}

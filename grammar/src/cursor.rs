// SPDX-License-Identifier: GPL-2.0
//! What surrounds a place in a spec that is being typed: its brackets need not match, and the item
//! at the place has no end yet. Editors ask this to offer what can stand there.

use crate::ast::{End, Level};
use crate::scan::is_in_value;
use crate::tokens::{pieces, Piece};
use crate::Span;

/// A place in a spec, outside of comments and strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor<'t> {
    /// The brackets around it, the outermost first. The first one stands for the file.
    pub blocks: Vec<Block<'t>>,
    /// The name at the place, perhaps empty.
    pub word: Span,
    /// The tokens of the item or statement before that name.
    pub head: Vec<&'t str>,
}

/// An open bracket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block<'t> {
    /// What it holds.
    pub holds: Holds,
    /// The tokens of the item in front of it, if it holds items or a body.
    pub head: Vec<&'t str>,
}

/// What a bracket holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Items of a level.
    Items(Level),
    /// The body of a construct with this keyword.
    Body(&'static str),
    /// Something else.
    Other,
}

impl<'t> Cursor<'t> {
    /// What surrounds a byte of a spec; `None` in a comment or a string.
    pub fn at(text: &'t str, byte: usize) -> Option<Cursor<'t>> {
        let word = word_at(text, byte);
        let mut blocks = vec![Block { holds: Holds::Items(Level::File), head: Vec::new() }];
        let mut heads: Vec<Vec<&str>> = vec![Vec::new()];
        for (piece, span) in pieces(text, Span::new(0, text.len())) {
            if span.start >= word.start && (span.end > byte || span.start >= byte) {
                break;
            }
            let token = &text[span.start..span.end];
            let is_literal = piece == Piece::Token && token.ends_with(['"', '\'']);
            let goes_on = match piece {
                Piece::LineComment => byte <= span.end,
                Piece::BlockComment | Piece::Token => byte < span.end,
                Piece::Space => false,
            };
            if span.start < byte && goes_on && (piece != Piece::Token || is_literal) {
                return None;
            }
            if piece == Piece::Token && span.start < word.start {
                step(token, &mut blocks, &mut heads);
            }
        }
        Some(Cursor { blocks, word, head: heads.pop().unwrap_or_default() })
    }

    /// The level whose items stand here.
    pub fn level(&self) -> Option<Level> {
        match self.blocks.last()?.holds {
            Holds::Items(level) => Some(level),
            _ => None,
        }
    }

    /// The keyword of the construct whose body this is in.
    pub fn body(&self) -> Option<&'static str> {
        self.blocks.iter().rev().find_map(|block| match block.holds {
            Holds::Body(keyword) => Some(keyword),
            _ => None,
        })
    }

    /// The name behind the keyword of the item around, such as that of an object.
    pub fn name_of(&self, level: Level) -> Option<String> {
        let block = self.blocks.iter().find(|block| block.holds == Holds::Items(level))?;
        let name = block.head.iter().skip(1);
        let name = name.take_while(|token| !matches!(**token, "(" | "from" | "when" | "@"));
        Some(name.copied().collect::<String>()).filter(|name| !name.is_empty())
    }
}

/// The name around a byte.
fn word_at(text: &str, byte: usize) -> Span {
    let goes_on = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let before = text[..byte].chars().rev().take_while(goes_on).count();
    let behind = text[byte..].chars().take_while(goes_on).count();
    Span::new(byte - before, byte + behind)
}

/// Moves past a token. `heads` has the tokens since the last item or statement, for each bracket.
fn step<'t>(token: &'t str, blocks: &mut Vec<Block<'t>>, heads: &mut Vec<Vec<&'t str>>) {
    let Some(head) = heads.last_mut() else { return };
    match token {
        "{" | "(" | "[" => {
            let outside = blocks.last().map_or(Holds::Other, |block| block.holds);
            let holds = if token == "{" { held(outside, head) } else { Holds::Other };
            // What another bracket belongs to may go on behind it.
            let head = if holds == Holds::Other { Vec::new() } else { std::mem::take(head) };
            blocks.push(Block { holds, head });
            heads.push(Vec::new());
        }
        "}" | ")" | "]" if blocks.len() > 1 => {
            blocks.pop();
            heads.pop();
            let outside = blocks.last().map_or(Holds::Other, |block| block.holds);
            let Some(head) = heads.last_mut() else { return };
            let is_value = is_value(outside, head);
            if token == "}" && !is_value {
                head.clear();
            }
        }
        ";" => head.clear(),
        token => head.push(token),
    }
}

/// Whether a brace at a level belongs to a value.
fn is_value(outside: Holds, head: &[&str]) -> bool {
    let ends = head.first().zip(head.last());
    matches!(outside, Holds::Items(_)) && ends.is_some_and(|(first, last)| is_in_value(first, last))
}

/// What a brace holds, behind this head.
fn held(outside: Holds, head: &[&str]) -> Holds {
    let Holds::Items(level) = outside else { return Holds::Other };
    if is_value(outside, head) {
        return Holds::Other;
    }
    let construct = head.first().and_then(|word| level.construct(word));
    match construct.map(|construct| (construct.end, construct.keyword)) {
        Some((End::Items(level), _)) => Holds::Items(level),
        Some((End::Body, keyword)) => Holds::Body(keyword),
        _ => Holds::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What surrounds the `|` of a text.
    fn at(text: &str) -> Option<(Option<Level>, Option<&'static str>, String)> {
        let byte = text.find('|').unwrap_or_else(|| panic!("no place in {text}"));
        let text = text.replacen('|', "", 1);
        let cursor = Cursor::at(&text, byte)?;
        Some((cursor.level(), cursor.body(), cursor.head.join(" ")))
    }

    #[test]
    fn a_place_is_known_while_it_is_typed() {
        for (text, level, body, head) in [
            ("|", Some(Level::File), None, ""),
            ("patch p { lic|", Some(Level::Patch), None, ""),
            ("patch p { license \"}\"; object vmlinux { fn cm|", Some(Level::Object), None, "fn"),
            ("patch p { object vmlinux { fn f { po|", Some(Level::Func), None, ""),
            ("patch p { object vmlinux { fn f { post { g(a, |", None, Some("post"), "a ,"),
            (
                "patch p { object vmlinux { fn f { post { if x { y| } } } } }",
                None,
                Some("post"),
                "",
            ),
            (
                "patch p { object vmlinux { fn f { post { let a = (*m).|",
                None,
                Some("post"),
                "let a = .",
            ),
            ("patch p { object m { pre_patch { 0 } use |fn", Some(Level::Object), None, "use"),
            ("patch p { fn own() { x| } }", None, None, ""),
            (
                "patch p { shadow s: S on t = S { a: 1 }, untied { ctor(p, d) { d| } } }",
                None,
                Some("ctor"),
                "",
            ),
            ("patch p { use static x: [u8; 4]; |", Some(Level::Patch), None, ""),
        ] {
            assert_eq!(at(text), Some((level, body, head.to_owned())), "{text}");
        }
        for text in ["// a| b", "patch p { license \"G|PL\"; }", "patch p { /* | */ }", "// a|"] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn a_place_knows_the_names_around_it() {
        let text =
            "patch p { object loop from \"a.ko\" { fn f.isra.0@2 when \"7\" { pre { x } } } }";
        let cursor = Cursor::at(text, text.find('x').unwrap_or_default());
        let names =
            cursor.map(|cursor| (cursor.name_of(Level::Object), cursor.name_of(Level::Func)));
        assert_eq!(names, Some((Some("loop".to_owned()), Some("f.isra.0".to_owned()))));
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Formats the head of an item: one space between tokens that need one.

use super::page::{fits, INDENT};
use crate::tokens::{pieces, Piece};
use crate::Span;

/// Tokens with several characters.
const JOINED: [&str; 8] = ["->", "=>", "::", "==", "..", "...", "..=", "&&"];
/// Words that may precede a bracket that does not belong to them.
const NO_NAMES: [&str; 6] = ["as", "const", "dyn", "impl", "in", "mut"];

/// A token or comment, and the white space that the author put before it.
struct Bit<'a> {
    text: &'a str,
    before: Before,
}

#[derive(Clone, Copy, PartialEq)]
enum Before {
    Nothing,
    Space,
    Break,
}

/// A formatted head.
pub(super) struct Head {
    pub(super) text: String,
    /// Whether a `//` comment takes the rest of its line.
    pub(super) ends_in_comment: bool,
    /// Whether it is on one line and has no comment.
    pub(super) is_plain: bool,
}

/// Formats a head that starts at an indentation and ends in a `;` or brace. It gets one line if it
/// fits, unless a comma before the closing bracket shows that the author wants several.
pub(super) fn lay(text: &str, head: Span, indent: usize) -> Head {
    let bits = bits(text, head);
    let is_line_comment = |bit: &Bit<'_>| bit.text.starts_with("//");
    let ends_in_comment = bits.last().is_some_and(is_line_comment);
    let joined = on_one_line(&bits);
    let ends_in_comma = bits.windows(2).any(|pair| pair[0].text == "," && closes(pair[1].text));
    let broken = bits.iter().any(|bit| bit.before == Before::Break)
        && (ends_in_comma
            || bits.iter().any(is_line_comment)
            || !fits(indent + " {".len(), &joined));
    let text = if broken { on_its_lines(&bits, indent) } else { joined };
    let is_plain =
        !broken && bits.iter().all(|bit| !is_line_comment(bit) && !bit.text.starts_with("/*"));
    Head { text, ends_in_comment, is_plain }
}

fn on_one_line(bits: &[Bit<'_>]) -> String {
    let mut text = String::new();
    for (n, bit) in bits.iter().enumerate() {
        if n > 0 && is_spaced(bits[n - 1].text, bit.text, bit.before) {
            text.push(' ');
        }
        text.push_str(bit.text);
    }
    text
}

/// Keeps the author's lines. Continuation lines are indented by their brackets.
fn on_its_lines(bits: &[Bit<'_>], indent: usize) -> String {
    let (mut text, mut depth) = (String::new(), 0usize);
    for (n, bit) in bits.iter().enumerate() {
        if closes(bit.text) {
            depth = depth.saturating_sub(1);
        }
        if n > 0 && bit.before == Before::Break {
            let levels = if closes(bit.text) { depth } else { depth.max(1) };
            text.push('\n');
            text.push_str(&" ".repeat(indent + levels * INDENT));
        } else if n > 0 && is_spaced(bits[n - 1].text, bit.text, bit.before) {
            text.push(' ');
        }
        text.push_str(bit.text);
        if matches!(bit.text, "(" | "[" | "{") {
            depth += 1;
        }
    }
    text
}

fn closes(token: &str) -> bool {
    matches!(token, ")" | "]" | "}")
}

/// Whether a space is between two tokens of a line. Where either is possible, the author's choice
/// stays; it also stays wherever two tokens would become one.
fn is_spaced(left: &str, right: &str, before: Before) -> bool {
    let is_name = |token: &str| {
        token.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && !NO_NAMES.contains(&token)
    };
    let is_word =
        |token: &str| token.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '"');
    match (left, right) {
        ("(" | "[", _) | (_, "," | ";" | ")" | "]") | ("@", _) | (_, "@") => false,
        ("," | ";" | ":" | "=" | "->", _) | (_, "=" | "->") => true,
        (name, ":" | "(") if is_name(name) => false,
        ("*" | "&", "const" | "mut") => false,
        (left, right) if left.ends_with('"') && is_word(right) => true,
        (left, right) if is_word(left) && right.starts_with('"') => true,
        _ => before != Before::Nothing || left.starts_with("/*") || right.starts_with("/*"),
    }
}

fn bits(text: &str, head: Span) -> Vec<Bit<'_>> {
    let (mut bits, mut before, mut start): (Vec<Bit<'_>>, _, _) =
        (Vec::new(), Before::Nothing, head.start);
    for (piece, span) in pieces(text, head) {
        let piece_text = &text[span.start..span.end];
        match piece {
            Piece::Space if piece_text.contains('\n') => before = Before::Break,
            Piece::Space => before = Before::Space,
            Piece::Token
                if before == Before::Nothing && JOINED.contains(&&text[start..span.end]) =>
            {
                if let Some(bit) = bits.last_mut() {
                    bit.text = &text[start..span.end];
                }
            }
            Piece::Token | Piece::LineComment | Piece::BlockComment => {
                start = span.start;
                bits.push(Bit { text: piece_text.trim_end(), before });
                before = Before::Nothing;
            }
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(text: &str) -> String {
        lay(text, Span::new(0, text.len()), 0).text
    }

    #[test]
    fn tokens_have_one_space_where_they_want_one() {
        for (text, wanted) in [
            (
                "fn  f @ 2 ( m:*mut  seq_file ,v :*mut c_void )->c_int",
                "fn f@2(m: *mut seq_file, v: *mut c_void) -> c_int",
            ),
            ("require CONFIG_HZ=\"250\"", "require CONFIG_HZ = \"250\""),
            ("license\"GPL\"", "license \"GPL\""),
            ("use static console_printk:[ c_int;4 ]", "use static console_printk: [c_int; 4]"),
            (
                "use fn f(a: * const (u8,u8), b: a::b, ...)",
                "use fn f(a: *const (u8, u8), b: a::b, ...)",
            ),
            ("fixes \"a\",\n\"b\"", "fixes \"a\", \"b\""),
            (
                "use static f: Option<unsafe extern\"C\" fn (c_int)->c_int>",
                "use static f: Option<unsafe extern \"C\" fn(c_int) -> c_int>",
            ),
            ("fn clone_me.isra.0", "fn clone_me.isra.0"),
            ("fn f(/*a*/a: u8/* b */)", "fn f(/*a*/ a: u8 /* b */)"),
        ] {
            assert_eq!(laid(text), wanted);
            assert_eq!(laid(wanted), wanted);
        }
    }

    #[test]
    fn a_head_that_needs_lines_keeps_its_own() {
        let long = "a".repeat(60);
        for (text, wanted) in [
            ("fixes \"a\", // first\n\"b\"", "fixes \"a\", // first\n    \"b\"".to_owned()),
            ("fn f(\na: u8,\n)\n-> u8", "fn f(\n    a: u8,\n)\n    -> u8".to_owned()),
            (
                &format!("fixes \"{long}\",\n\"{long}\""),
                format!("fixes \"{long}\",\n    \"{long}\""),
            ),
        ] {
            assert_eq!(laid(text), wanted);
            assert_eq!(laid(&wanted), wanted);
        }
    }
}

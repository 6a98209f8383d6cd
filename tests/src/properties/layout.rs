// SPDX-License-Identifier: GPL-2.0
//! The layout of specs: nothing but white space differs, and a second layout changes nothing.

use kps_grammar::{format, parse, Source};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::str::FromStr as _;

/// Lays a spec out, if it has no mistakes.
pub(super) fn layout(source: &Source) {
    let Ok(text) = format(source) else { return };
    let laid = Source::new("spec.kps", text);
    assert_eq!(
        format(&laid).as_deref(),
        Ok(laid.text.as_str()),
        "a second layout differs from the first"
    );
    assert!(laid.text.ends_with('\n') && !laid.text.ends_with("\n\n"), "{:?}", laid.text);
    // Comments are in this: every character is where it was among the others.
    assert_eq!(visible(&laid.text), visible(&source.text), "the layout is not of the same text");
    assert_eq!(meaning(&laid), meaning(source), "the layout means something else:\n{}", laid.text);
    if let Some(tokens) = tokens(&source.text) {
        assert_eq!(
            self::tokens(&laid.text),
            Some(tokens),
            "to Rust it is another text:\n{}",
            laid.text
        );
    }
}

/// What is no white space, and no `;`, of which those that end nothing go.
fn visible(text: &str) -> String {
    text.chars().filter(|&c| !c.is_whitespace() && c != ';').collect()
}

/// The syntax tree with what stands at each place instead of the place.
fn meaning(source: &Source) -> String {
    let tree = format!("{:?}", parse(source).0);
    let mut pieces = tree.split("Span { start: ");
    let mut meaning = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (span, rest) = piece.split_once(" }").unwrap_or((piece, ""));
        let ends =
            span.split_once(", end: ").map(|(start, end)| (start.parse().ok(), end.parse().ok()));
        let text = match ends {
            Some((Some(start), Some(end))) => source.text.get(start..end),
            _ => None,
        };
        let text = text.unwrap_or_default();
        match tokens(text) {
            Some(tokens) => meaning += &tokens.join(" "),
            None => meaning += &visible(text),
        }
        meaning += rest;
    }
    meaning
}

/// Rust's tokens, a `;` aside; nothing if it is not Rust.
fn tokens(text: &str) -> Option<Vec<String>> {
    let mut tokens = Vec::new();
    flatten(TokenStream::from_str(text).ok()?, &mut tokens);
    Some(tokens)
}

fn flatten(stream: TokenStream, tokens: &mut Vec<String>) {
    for tree in stream {
        match tree {
            TokenTree::Group(group) => {
                let is_comment = group.delimiter() == Delimiter::Bracket
                    && group
                        .stream()
                        .into_iter()
                        .next()
                        .is_some_and(|first| first.to_string() == "doc");
                if is_comment {
                    // Blanks at its end go; a tab is an escape here.
                    tokens.push(visible(&group.to_string().replace("\\t", "")));
                    continue;
                }
                tokens.push(format!("{:?}", group.delimiter()));
                flatten(group.stream(), tokens);
                tokens.push("end".to_owned());
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => {}
            other => tokens.push(other.to_string()),
        }
    }
}

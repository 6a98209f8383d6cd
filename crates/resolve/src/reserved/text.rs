// SPDX-License-Identifier: GPL-2.0
//! The strings in the author's tokens, as the assembler would read them.

use super::is_punct;
use proc_macro2::{Literal, TokenStream, TokenTree};
use syn::ext::IdentExt as _;

/// Directives of the assembler that read a file.
const READING: &[&str] = &[".incbin", ".include"];

/// Directives of the assembler with which a name can be made of parts.
const COMPOSING: &[&str] = &[".altmacro", ".irp", ".irpc", ".macro"];

/// The text of a macro's or an attribute's strings, with a line end after each argument. `concat!`
/// among them joins its arguments.
pub(super) fn text(tokens: TokenStream) -> String {
    // The assembler's separator of an argument and the text behind it.
    strings(tokens, "\n").replace("\\()", "")
}

/// Strings, with a text in place of each separator between arguments or rules. `stringify!` makes
/// one of its words.
fn strings(tokens: TokenStream, separator: &str) -> String {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = String::new();
    for (n, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Literal(literal) => found += &value(literal),
            TokenTree::Group(group) => {
                let before = |back| n.checked_sub(back).and_then(|n| trees.get(n));
                let is_words = matches!(before(2), Some(TokenTree::Ident(name)) if name.unraw() == "stringify");
                if is_words && is_punct(before(1), '!') {
                    found += &group.stream().to_string();
                } else if !is_punct(before(1), '#') || !is_doc(group.stream()) {
                    found += &strings(group.stream(), "");
                }
            }
            TokenTree::Punct(punct) if [',', ';', '>'].contains(&punct.as_char()) => {
                found += separator;
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
    found
}

/// Whether an attribute is a comment.
fn is_doc(attribute: TokenStream) -> bool {
    let mut trees = attribute.into_iter();
    let is_word = matches!(trees.next(), Some(TokenTree::Ident(word)) if word.unraw() == "doc");
    is_word && is_punct(trees.next().as_ref(), '=')
}

/// A directive that reads a file. The assembler does not tell capital letters from small ones.
pub(super) fn reading(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    READING.iter().find(|directive| text.contains(**directive)).copied()
}

/// A directive with which a name can be made of parts.
pub(super) fn composing(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    let words = || text.split(|c: char| c != '.' && c != '_' && !c.is_ascii_alphanumeric());
    COMPOSING.iter().find(|directive| words().any(|word| word == **directive)).copied()
}

/// A placeholder that is a part of a name with what is before or behind it.
pub(super) fn glued(text: &str) -> Option<String> {
    let is_part = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let text: Vec<char> = text.chars().collect();
    let mut n = 0;
    while let Some(&c) = text.get(n) {
        let is_twice = text.get(n + 1) == Some(&c);
        if c == '{' && !is_twice {
            let length = text.get(n..)?.iter().position(|&c| c == '}')?;
            let before = n.checked_sub(1).and_then(|n| text.get(n)).copied();
            let earlier = n.checked_sub(2).and_then(|n| text.get(n)).copied();
            // `$` is the sign of a number, and a part of a name only behind one.
            let is_behind_name = before.is_some_and(|c| is_part(c) || c == '.')
                || before == Some('$') && earlier.is_some_and(is_part);
            let (next, second) = (text.get(n + length + 1), text.get(n + length + 2));
            let is_before_name = next.is_some_and(|&c| is_part(c) || c == '$')
                || next == Some(&'.') && second.is_some_and(|&c| is_part(c))
                || next == Some(&'{') && second != Some(&'{');
            if is_behind_name || is_before_name {
                let from = n.saturating_sub(1);
                let to = n + length + 1 + usize::from(is_before_name);
                let shown = text.get(from..to)?;
                return Some(shown.iter().collect::<String>().trim().to_owned());
            }
            n += length;
        } else if c == '{' {
            n += 1;
        }
        n += 1;
    }
    None
}

/// Whether a `concat!` joins a parameter of a macro with something that may be a part of a name.
pub(super) fn has_open_concat(tokens: TokenStream) -> bool {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    trees.iter().enumerate().any(|(n, tree)| {
        let TokenTree::Group(group) = tree else { return false };
        let before = |back| n.checked_sub(back).and_then(|n| trees.get(n));
        let is_concat = is_punct(before(1), '!')
            && matches!(before(2), Some(TokenTree::Ident(name)) if name.unraw() == "concat");
        is_concat && is_open(group.stream()) || has_open_concat(group.stream())
    })
}

/// Whether the arguments of a `concat!` are one another's neighbours and are not known.
fn is_open(arguments: TokenStream) -> bool {
    let trees: Vec<TokenTree> = arguments.into_iter().collect();
    if !trees.iter().any(has_parameter) {
        return false;
    }
    let parts: Vec<&[TokenTree]> = trees.split(|tree| is_punct(Some(tree), ',')).collect();
    // `$(..)` stands for any number of them.
    let is_repeated = trees.windows(2).any(|pair| {
        is_punct(pair.first(), '$') && matches!(pair.get(1), Some(TokenTree::Group(_)))
    });
    let ends_name = |c: Option<char>| {
        c.is_none_or(|c| {
            c == '_' || c == '.' || c == '$' || c == '{' || c == '}' || c.is_ascii_alphanumeric()
        })
    };
    let text = |part: &[TokenTree]| match part {
        [TokenTree::Literal(literal)] => Some(value(literal)),
        _ => None,
    };
    let joins = |left: &[TokenTree], right: &[TokenTree]| match (text(left), text(right)) {
        (Some(_), Some(_)) => false,
        (Some(left), None) => ends_name(left.chars().next_back()),
        (None, Some(right)) => ends_name(right.chars().next()),
        (None, None) => !left.is_empty() && !right.is_empty(),
    };
    is_repeated || parts.windows(2).any(|pair| joins(pair[0], pair[1]))
}

fn has_parameter(tree: &TokenTree) -> bool {
    match tree {
        TokenTree::Punct(punct) => punct.as_char() == '$',
        TokenTree::Group(group) => group.stream().into_iter().any(|tree| has_parameter(&tree)),
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    }
}

fn value(literal: &Literal) -> String {
    match syn::parse_str::<syn::Lit>(&literal.to_string()) {
        Ok(syn::Lit::Str(text)) => text.value(),
        Ok(syn::Lit::Char(c)) => c.value().to_string(),
        Ok(syn::Lit::CStr(text)) => text.value().to_string_lossy().into_owned(),
        _ => literal.to_string(),
    }
}

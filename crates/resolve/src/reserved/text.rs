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

fn value(literal: &Literal) -> String {
    match syn::parse_str::<syn::Lit>(&literal.to_string()) {
        Ok(syn::Lit::Str(text)) => text.value(),
        Ok(syn::Lit::Char(c)) => c.value().to_string(),
        Ok(syn::Lit::CStr(text)) => text.value().to_string_lossy().into_owned(),
        _ => literal.to_string(),
    }
}

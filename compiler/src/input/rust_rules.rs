// SPDX-License-Identifier: GPL-2.0
//! What the Rust of a crate must not contain outside of its patch. Resolving searches the patch
//! itself, for a spec and in the macro too.

use crate::patch_crate::ROOT;
use crate::resolve::Search;
use kps_diag::Diagnostic;
use kps_grammar::{ast, File, Language, Sources, Span};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::str::FromStr as _;

/// The errors in the Rust files of a crate.
pub(super) fn check(sources: &Sources, patch: &ast::Patch) -> Vec<Diagnostic> {
    let in_rust = sources.files().filter(|file| file.language == Language::Rust);
    // Another check reports text that is not Rust.
    let tokens = |file: &File| TokenStream::from_str(&file.source.text).unwrap_or_default();
    let files: Vec<(&File, TokenStream)> = in_rust.map(|file| (file, tokens(file))).collect();
    let search = Search::new(patch, files.iter().map(|(_, tokens)| tokens));
    let found = |(file, tokens): (&File, TokenStream)| {
        let name = (file.path == ROOT).then_some(patch.name.value.as_str());
        let place = |span: proc_macro2::Span| {
            let range = span.byte_range();
            file.global(Span::new(range.start, range.end))
        };
        let refused = search.refused(outside(tokens, name));
        refused.iter().map(|refused| refused.diagnostic(place(refused.span))).collect::<Vec<_>>()
    };
    files.into_iter().flat_map(found).collect()
}

/// The tokens of a file without tests, which are not in the module, and without the inside of the
/// patch.
fn outside(tokens: TokenStream, patch: Option<&str>) -> TokenStream {
    let mut out = TokenStream::new();
    // Whether the next item is a test, or the patch.
    let (mut in_test, mut in_patch) = (false, false);
    let mut before: Option<TokenTree> = None;
    for tree in tokens {
        let new = match &tree {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let keep = !in_test && !in_patch;
                let inside = match keep {
                    true => outside(group.stream(), None),
                    false => TokenStream::new(),
                };
                (in_test, in_patch) = (false, false);
                let mut new = Group::new(Delimiter::Brace, inside);
                new.set_span(group.span());
                TokenTree::Group(new)
            }
            TokenTree::Group(group) => {
                let is_attribute =
                    matches!(&before, Some(TokenTree::Punct(p)) if p.as_char() == '#');
                in_test |=
                    is_attribute && group.stream().to_string().replace(' ', "") == "cfg(test)";
                tree.clone()
            }
            TokenTree::Ident(name) => {
                let is_mod = matches!(&before, Some(TokenTree::Ident(word)) if word == "mod");
                in_patch = is_mod && patch.is_some_and(|patch| name == patch);
                tree.clone()
            }
            TokenTree::Punct(punct) => {
                in_test &= punct.as_char() != ';';
                tree.clone()
            }
            TokenTree::Literal(_) => tree.clone(),
        };
        before = Some(tree);
        out.extend([new]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_the_patch_are_left_out() {
        let text = "#[cfg(test)] mod tests { env!(); } #[livepatch] mod fix { env!(); }\n\
            mod other { env!(); }";
        let tokens = TokenStream::from_str(text).unwrap_or_default();
        assert_eq!(outside(tokens, Some("fix")).to_string().matches("env").count(), 1);
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The tokens of macros: those that a macro takes, and those that one of the author's own expands
//! to.

use super::scopes::Walk;
use super::{Name, Role};
use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt as _;

impl Walk {
    /// The tokens of a macro that takes more than expressions.
    pub(super) fn macro_tokens(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(tree) = tokens.next() {
            match tree {
                TokenTree::Group(group) => self.macro_tokens(group.stream()),
                TokenTree::Ident(ident) => {
                    let called = matches!(tokens.peek(), Some(TokenTree::Group(_)));
                    if called {
                        self.calls(None, ident.unraw().to_string(), ident.span());
                    }
                    self.refer(&ident, if called { Role::Function } else { Role::Unclear });
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// The rules of a macro. Any name in them may be a flag.
    pub(super) fn rules(&mut self, tokens: TokenStream) {
        self.in_macro = true;
        self.idents(tokens.clone());
        self.macro_tokens(tokens);
    }

    fn idents(&mut self, tokens: TokenStream) {
        for tree in tokens {
            match tree {
                TokenTree::Group(group) => self.idents(group.stream()),
                TokenTree::Ident(ident) => self.refs.flags.push(Name {
                    name: ident.unraw().to_string(),
                    span: ident.span(),
                    role: Role::Value,
                    called: false,
                }),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

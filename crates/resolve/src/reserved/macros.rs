// SPDX-License-Identifier: GPL-2.0
//! What the author's tokens define: which macros end in assembly, which ones call a macro that is
//! their argument, and which names are the author's own.

use super::is_punct;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;
use syn::ext::IdentExt as _;

/// Where a text names symbols: macros of assembly, and attributes.
const SYMBOLS: &[&str] =
    &["asm", "export_name", "global_asm", "link_name", "link_section", "naked_asm"];

/// Keywords that the name of a definition follows.
const DEFINITIONS: &[&str] =
    &["const", "enum", "fn", "mod", "static", "struct", "trait", "type", "union"];

/// What is known of the author's macros and other names.
#[derive(Debug)]
pub(super) struct Known {
    /// The names behind which a text names symbols.
    pub(super) assembly: BTreeSet<String>,
    /// The author's macros whose own text may become a part of such a text.
    pub(super) texts: BTreeSet<String>,
    /// The author's macros that may call the macro which is their argument.
    pub(super) callers: BTreeSet<String>,
    /// All of the author's macros.
    pub(super) own: BTreeSet<String>,
    /// The names that the author defines.
    pub(super) defined: BTreeSet<String>,
    /// Those of modules.
    pub(super) modules: BTreeSet<String>,
}

/// Everything of interest in the author's tokens.
#[derive(Debug, Default)]
pub(super) struct Macros {
    rules: Vec<Rules>,
    calls: Vec<Call>,
    /// Imports under another name: the old one and the new one.
    renames: Vec<(String, String)>,
    defined: BTreeSet<String>,
    modules: BTreeSet<String>,
}

/// A `macro_rules!`.
#[derive(Debug)]
struct Rules {
    name: String,
    words: BTreeSet<String>,
    calls_a_parameter: bool,
}

/// A call of a macro.
#[derive(Debug)]
struct Call {
    name: String,
    words: BTreeSet<String>,
    /// The words that are no calls of macros.
    handed: BTreeSet<String>,
}

impl Macros {
    /// Reads the tokens of a group. `in_use` tells that they are of a `use` item.
    pub(super) fn read(&mut self, tokens: TokenStream, mut in_use: bool) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        for (n, tree) in trees.iter().enumerate() {
            let [next, second, third] = [1, 2, 3].map(|ahead| trees.get(n + ahead));
            match tree {
                TokenTree::Ident(ident) => {
                    in_use |= ident == "use" && !is_punct(next, '<');
                    let name = ident.unraw().to_string();
                    match (is_punct(next, '!'), second, third) {
                        (true, Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) => {
                            self.rules.push(Rules {
                                name: name.unraw().to_string(),
                                words: words(body.stream(), false),
                                calls_a_parameter: calls_a_parameter(body.stream()),
                            });
                        }
                        (true, Some(TokenTree::Group(body)), _) => self.calls.push(Call {
                            name,
                            words: words(body.stream(), false),
                            handed: words(body.stream(), true),
                        }),
                        _ => self.name(
                            n.checked_sub(1).and_then(|n| trees.get(n)),
                            &name,
                            next,
                            in_use,
                        ),
                    }
                }
                TokenTree::Punct(punct) => in_use &= punct.as_char() != ';',
                TokenTree::Group(group) => {
                    self.read(group.stream(), in_use);
                    in_use &= group.delimiter() == Delimiter::Brace && is_punct(next, ';');
                }
                TokenTree::Literal(_) => {}
            }
        }
    }

    /// A word that may be the keyword of a definition, or the `as` of an import.
    fn name(
        &mut self,
        before: Option<&TokenTree>,
        word: &str,
        next: Option<&TokenTree>,
        in_use: bool,
    ) {
        let Some(TokenTree::Ident(next)) = next else { return };
        let next = next.unraw().to_string();
        match before {
            Some(TokenTree::Ident(old)) if in_use && word == "as" => {
                self.renames.push((old.unraw().to_string(), next));
            }
            _ if word == "mod" => self.module(&next),
            _ if DEFINITIONS.contains(&word) => drop(self.defined.insert(next)),
            _ => {}
        }
    }

    /// Adds a module of the author's.
    pub(super) fn module(&mut self, name: &str) {
        self.modules.insert(name.to_owned());
        self.defined.insert(name.to_owned());
    }

    /// What all of that means.
    pub(super) fn known(self) -> Known {
        let own = self.with_users(self.rules.iter().map(|rules| rules.name.clone()));
        let assembly = self.with_users(SYMBOLS.iter().map(|&name| name.to_owned()));
        let callers = self.rules.iter().filter(|rules| rules.calls_a_parameter);
        let callers = self.with_users(callers.map(|rules| rules.name.clone()));
        let is_assembly =
            |call: &&Call| assembly.contains(&call.name) || !assembly.is_disjoint(&call.handed);
        let arguments = self.calls.iter().filter(is_assembly).flat_map(|call| &call.words);
        let mut texts: BTreeSet<String> = arguments.filter(|&w| own.contains(w)).cloned().collect();
        grow(&mut texts, |texts| {
            let used = self.rules.iter().filter(|rules| texts.contains(&rules.name));
            let used = used.flat_map(|rules| &rules.words).filter(|&word| own.contains(word));
            let renamed = self.renames.iter().filter(|(_, new)| texts.contains(new));
            used.chain(renamed.map(|(old, _)| old)).cloned().collect()
        });
        let (defined, modules) = (self.defined, self.modules);
        Known { assembly, texts, callers, own, defined, modules }
    }

    /// Names, their other names and the author's macros that contain one of them.
    fn with_users(&self, names: impl IntoIterator<Item = String>) -> BTreeSet<String> {
        let mut names = names.into_iter().collect();
        grow(&mut names, |names| {
            let users = self.rules.iter().filter(|rules| !rules.words.is_disjoint(names));
            let renamed = self.renames.iter().filter(|(old, _)| names.contains(old));
            users.map(|rules| &rules.name).chain(renamed.map(|(_, new)| new)).cloned().collect()
        });
        names
    }
}

/// Adds to a set what follows from it, until that is nothing new.
fn grow(names: &mut BTreeSet<String>, more: impl Fn(&BTreeSet<String>) -> Vec<String>) {
    let mut before = 0;
    while before != names.len() {
        before = names.len();
        let more = more(names);
        names.extend(more);
    }
}

/// The words of tokens, or only those that are handed to a macro: no names of macros that are
/// called, and none in attributes.
pub(super) fn words(tokens: TokenStream, handed: bool) -> BTreeSet<String> {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = BTreeSet::new();
    for (n, tree) in trees.iter().enumerate() {
        let before = n.checked_sub(1).and_then(|n| trees.get(n));
        match tree {
            TokenTree::Ident(ident) if !handed || !is_punct(trees.get(n + 1), '!') => {
                found.insert(ident.unraw().to_string());
            }
            TokenTree::Group(group) if !handed || !is_punct(before, '#') => {
                found.extend(words(group.stream(), handed));
            }
            _ => {}
        }
    }
    found
}

/// Whether a macro calls the macro that is its argument: `$name!`.
fn calls_a_parameter(tokens: TokenStream) -> bool {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let here = trees.windows(3).any(|trees| {
        is_punct(trees.first(), '$')
            && matches!(trees.get(1), Some(TokenTree::Ident(_)))
            && is_punct(trees.get(2), '!')
    });
    here || trees.into_iter().any(|tree| match tree {
        TokenTree::Group(group) => calls_a_parameter(group.stream()),
        _ => false,
    })
}

// SPDX-License-Identifier: GPL-2.0
//! What the author's tokens define: which macros end in assembly, which ones call a macro that is
//! their argument, and which names are the author's own.

use super::is_punct;
use super::rules::{Place, Shape};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
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
    /// The author's macros that can put the words of their arguments anywhere.
    pub(super) loose: BTreeSet<String>,
    /// Those that have a `!` which may get behind a word.
    pub(super) marked: BTreeSet<String>,
    /// Those that may separate a word from the parentheses behind it.
    pub(super) splitting: BTreeSet<String>,
    /// Those that may make an attribute of single words.
    pub(super) attributed: BTreeSet<String>,
    /// Those that make types of their arguments' names, and of which ones.
    pub(super) types: BTreeMap<String, BTreeSet<Place>>,
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
    shape: Shape,
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
                                shape: Shape::of(body.stream()),
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
        let loose = self.named(|shape| shape.is_loose);
        let marked = self.named(|shape| shape.has_mark);
        let marked = self.with_users(marked);
        let splitting = self.with_loose_users(|shape| shape.splits);
        let attributed = self.with_loose_users(|shape| shape.has_attribute);
        let types = self.types();
        let (defined, modules) = (self.defined, self.modules);
        Known {
            assembly,
            texts,
            callers,
            loose,
            marked,
            splitting,
            attributed,
            types,
            own,
            defined,
            modules,
        }
    }

    /// The author's macros of some shape, by all their names.
    fn named(&self, is: impl Fn(&Shape) -> bool) -> BTreeSet<String> {
        let rules = self.rules.iter().filter(|rules| is(&rules.shape));
        let mut names = rules.map(|rules| rules.name.clone()).collect();
        grow(&mut names, |names| self.renamed(names));
        names
    }

    /// These, and those that hand them single words of their own arguments.
    fn with_loose_users(&self, is: impl Fn(&Shape) -> bool) -> BTreeSet<String> {
        let mut names = self.named(is);
        grow(&mut names, |names| {
            let users = self.rules.iter().filter(|rules| rules.shape.is_loose);
            let users = users.filter(|rules| !rules.words.is_disjoint(names));
            users.map(|rules| rules.name.clone()).chain(self.renamed(names)).collect()
        });
        names
    }

    /// The other names of these.
    fn renamed(&self, names: &BTreeSet<String>) -> Vec<String> {
        let renamed = self.renames.iter().filter(|(old, _)| names.contains(old));
        renamed.map(|(_, new)| new.clone()).collect()
    }

    /// The macros that make types of their arguments' names.
    fn types(&self) -> BTreeMap<String, BTreeSet<Place>> {
        let mut types: BTreeMap<String, BTreeSet<Place>> = BTreeMap::new();
        for rules in self.rules.iter().filter(|rules| !rules.shape.types.is_empty()) {
            let mut names = BTreeSet::from([rules.name.clone()]);
            grow(&mut names, |names| self.renamed(names));
            for name in names {
                types.entry(name).or_default().extend(&rules.shape.types);
            }
        }
        types
    }

    /// Names, their other names and the author's macros that contain one of them.
    fn with_users(&self, names: impl IntoIterator<Item = String>) -> BTreeSet<String> {
        let mut names = names.into_iter().collect();
        grow(&mut names, |names| {
            let users = self.rules.iter().filter(|rules| !rules.words.is_disjoint(names));
            users.map(|rules| rules.name.clone()).chain(self.renamed(names)).collect()
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

// SPDX-License-Identifier: GPL-2.0
//! What macros of the author's may make of the words that they get.

use super::rules::Place;
use super::{is_punct, is_word, unraw, Context, Walk, What, PRIMITIVES};
use proc_macro2::{Delimiter, Ident, Spacing, TokenStream, TokenTree};

/// Attributes of the language. A name that `use` gives to another one would hide them.
const ATTRIBUTES: &[&str] = &[
    "allow",
    "automatically_derived",
    "cfg",
    "cfg_attr",
    "cold",
    "deny",
    "deprecated",
    "derive",
    "doc",
    "expect",
    "export_name",
    "forbid",
    "global_allocator",
    "ignore",
    "inline",
    "link",
    "link_name",
    "link_ordinal",
    "link_section",
    "macro_export",
    "macro_use",
    "must_use",
    "naked",
    "no_builtins",
    "no_core",
    "no_link",
    "no_main",
    "no_mangle",
    "no_std",
    "non_exhaustive",
    "panic_handler",
    "path",
    "proc_macro",
    "repr",
    "should_panic",
    "target_feature",
    "test",
    "track_caller",
    "used",
    "warn",
];

/// Words after which another one is the name of a variable.
const BINDING: &[&str] = &["const", "let", "mut", "ref", "static"];

impl Walk<'_> {
    /// The context of the tokens in a group: what they may become if a macro gets them.
    pub(super) fn handed(&self, trees: &[TokenTree], n: usize, context: Context) -> Context {
        let before = |back| n.checked_sub(back).and_then(|n| trees.get(n));
        let (Some(TokenTree::Group(group)), true) = (trees.get(n), is_punct(before(1), '!')) else {
            let is_rules = is_punct(before(2), '!')
                && before(3).is_some_and(|word| is_word(word, "macro_rules"));
            return match trees.get(n) {
                Some(TokenTree::Group(rules)) if is_rules => {
                    let may_be_value = !binds_original(rules.stream());
                    Context { of_macro: true, may_be_value, ..context }
                }
                _ => context,
            };
        };
        let Some(TokenTree::Ident(name)) = before(2) else { return context };
        let (name, known) = (unraw(name), &self.search.known);
        if name == "stringify" {
            return Context { of_macro: true, ..Context::default() };
        }
        let is_moved = || known.marked.contains(&name) || has_mark(group.stream());
        let may_be_called =
            known.callers.contains(&name) || known.loose.contains(&name) && is_moved();
        Context {
            import: context.import,
            of_macro: true,
            may_be_called: context.may_be_called || may_be_called,
            may_be_split: context.may_be_split || known.splitting.contains(&name),
            may_be_attribute: context.may_be_attribute || known.attributed.contains(&name),
            may_be_value: context.may_be_value,
            of_own: context.of_own || known.own.contains(&name),
        }
    }

    /// A word that a macro of the author's gets.
    pub(super) fn handed_word(
        &mut self,
        before: Option<&TokenTree>,
        word: &Ident,
        behind: &[TokenTree],
        context: Context,
    ) {
        let is_bound = || {
            is_punct(before, '.')
                || before.is_some_and(|tree| BINDING.iter().any(|word| is_word(tree, word)))
        };
        let is_called = matches!(behind.first(), Some(TokenTree::Group(group))
            if group.delimiter() == Delimiter::Parenthesis);
        let may_be_value = context.may_be_split || context.may_be_value && !is_called;
        if may_be_value && unraw(word) == "original" && !is_bound() {
            self.refuse(word.span(), What::Original);
        }
        if context.of_own && unraw(word) == "path" && !is_bound() {
            let is_attribute = is_punct(behind.first(), '=')
                && matches!(behind.get(1), Some(TokenTree::Literal(_)));
            if is_attribute || context.may_be_attribute {
                self.refuse(word.span(), What::Path);
            }
        }
    }

    /// An attribute that names the file of a module. Those directly above a module are checked
    /// where the files are known.
    pub(super) fn path(&mut self, first: &TokenTree, tokens: TokenStream, context: Context) {
        let TokenTree::Ident(name) = first else { return };
        let is_path = match unraw(name).as_str() {
            "path" => context.of_macro,
            "cfg_attr" => names_a_path(tokens),
            _ => false,
        };
        if is_path {
            self.refuse(name.span(), What::Path);
        }
    }

    /// The arguments of a macro that makes types of these names.
    pub(super) fn named_types(&mut self, name: &str, arguments: TokenStream) {
        let Some(places) = self.search.known.types.get(name) else { return };
        let mut words = Vec::new();
        for place in places {
            match place {
                Place::All => all_words(arguments.clone(), &mut words),
                Place::Token(n) => {
                    let token = without_attributes(arguments.clone()).nth(*n);
                    if let Some(TokenTree::Ident(word)) = token {
                        words.push(word);
                    }
                }
            }
        }
        for word in words {
            if PRIMITIVES.contains(&unraw(&word).as_str()) {
                self.refuse(word.span(), What::Language(unraw(&word)));
            }
        }
    }

    /// The new name in a `use` item. A module, a type or a function of this name hides no
    /// attribute.
    pub(super) fn hides_an_attribute(&mut self, old: Option<&TokenTree>, new: Option<&TokenTree>) {
        let (Some(TokenTree::Ident(old)), Some(TokenTree::Ident(new))) = (old, new) else { return };
        let is_own = self.search.known.defined.contains(&unraw(old));
        if !is_own && ATTRIBUTES.contains(&unraw(new).as_str()) {
            self.refuse(new.span(), What::Language(unraw(new)));
        }
    }
}

/// Whether tokens have a `!` that is not a part of `!=`, or a parameter that may be one.
fn has_mark(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Group(group) => has_mark(group.stream()),
        TokenTree::Punct(punct) => match punct.as_char() {
            '!' => punct.spacing() == Spacing::Alone,
            '$' => true,
            _ => false,
        },
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    })
}

/// Whether the rules of a macro give the name `original` to something of their own.
fn binds_original(rules: TokenStream) -> bool {
    let trees: Vec<TokenTree> = rules.into_iter().collect();
    trees.iter().enumerate().any(|(n, tree)| match tree {
        TokenTree::Group(group) => binds_original(group.stream()),
        TokenTree::Ident(word) if unraw(word) == "original" => {
            let before = n.checked_sub(1).and_then(|n| trees.get(n));
            let is_name = before.is_some_and(|tree| {
                BINDING.iter().chain(&["fn", "mod"]).any(|word| is_word(tree, word))
            });
            // `$original` is a parameter.
            is_name || is_punct(before, '$') || is_punct(trees.get(n + 1), ':')
        }
        _ => false,
    })
}

/// Whether the word `path` has a value in an attribute.
fn names_a_path(tokens: TokenStream) -> bool {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    trees.iter().enumerate().any(|(n, tree)| match tree {
        TokenTree::Group(group) => names_a_path(group.stream()),
        TokenTree::Ident(word) => unraw(word) == "path" && is_punct(trees.get(n + 1), '='),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

fn all_words(tokens: TokenStream, found: &mut Vec<Ident>) {
    for tree in tokens {
        match tree {
            TokenTree::Group(group) => all_words(group.stream(), found),
            TokenTree::Ident(word) => found.push(word),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

fn without_attributes(tokens: TokenStream) -> impl Iterator<Item = TokenTree> {
    let mut trees = tokens.into_iter().peekable();
    while trees.next_if(|tree| is_punct(Some(tree), '#')).is_some() {
        trees.next();
    }
    trees
}

// SPDX-License-Identifier: GPL-2.0
//! What the rules of a `macro_rules!` can do with the tokens that they get.
//!
//! Only rustc knows what a macro makes of its arguments. These are questions about the rules alone,
//! so that an ordinary macro may get any word, and only one that can put a word into another place
//! may not.

use super::is_punct;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;
use syn::ext::IdentExt as _;

/// Fragments whose tokens the rules can put anywhere, one by one.
const LOOSE: &[&str] = &["ident", "path", "tt"];

/// Keywords of definitions in the namespace of types.
const TYPES: &[&str] = &["enum", "mod", "struct", "trait", "type", "union"];

/// What the rules of a macro can do.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// They can put the words of their arguments anywhere.
    pub(super) is_loose: bool,
    /// They can separate a word from the parentheses behind it.
    pub(super) splits: bool,
    /// They have a `!` that may get behind a word which it does not follow in the text.
    pub(super) has_mark: bool,
    /// They make an attribute of single words of their arguments.
    pub(super) has_attribute: bool,
    /// Where the arguments are that become names of types.
    pub(super) types: BTreeSet<Place>,
}

/// Where a parameter is among the arguments of a macro.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The token of this number.
    Token(usize),
    /// Every one in a list.
    All,
}

/// A parameter of a rule: `$name:fragment`.
struct Parameter {
    name: String,
    fragment: String,
    /// Whether what follows it may be the parentheses behind a word.
    is_before_group: bool,
    /// Whether it is all that its repetition has, without a separator.
    is_forwarded: bool,
    place: Option<Place>,
}

impl Shape {
    /// The shape of the rules in the braces of a `macro_rules!`.
    pub(super) fn of(rules: TokenStream) -> Shape {
        let trees: Vec<TokenTree> = rules.into_iter().collect();
        let mut shape = Shape::default();
        for rule in trees.split(|tree| is_punct(Some(tree), ';')) {
            let [TokenTree::Group(matcher), .., TokenTree::Group(body)] = rule else { continue };
            let mut parameters = Vec::new();
            collect(&trees_of(matcher.stream()), Inside::Matcher, &mut parameters);
            shape.rule(&parameters, &trees_of(body.stream()));
        }
        shape
    }

    fn rule(&mut self, parameters: &[Parameter], body: &[TokenTree]) {
        let is_loose = |parameter: &&Parameter| LOOSE.contains(&parameter.fragment.as_str());
        self.is_loose |= parameters.iter().any(|parameter| is_loose(&parameter));
        for parameter in parameters.iter().filter(is_loose) {
            // A path cannot be followed by parentheses.
            let may_split = parameter.is_before_group && parameter.fragment != "path";
            self.splits |= may_split && is_split(parameter, body);
        }
        let singles = parameters.iter().filter(|parameter| parameter.fragment != "meta");
        let singles: BTreeSet<&str> = singles.map(|parameter| parameter.name.as_str()).collect();
        self.has_mark |= has_mark(body);
        self.has_attribute |= has_attribute(body, &singles);
        let mut types = BTreeSet::new();
        types_in(body, false, &mut types);
        let named = parameters.iter().filter(|parameter| types.contains(&parameter.name));
        self.types.extend(named.filter_map(|parameter| parameter.place));
    }
}

fn trees_of(tokens: TokenStream) -> Vec<TokenTree> {
    tokens.into_iter().collect()
}

/// Where parameters are collected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// In the outermost part of a matcher.
    Matcher,
    /// In a repetition there.
    Repetition,
    /// Deeper.
    Group,
}

/// Adds the parameters of a matcher.
fn collect(trees: &[TokenTree], inside: Inside, found: &mut Vec<Parameter>) {
    let mut n = 0;
    // The arguments are single tokens up to here.
    let mut place = (inside == Inside::Matcher).then_some(0);
    while let Some(tree) = trees.get(n) {
        match (tree, trees.get(n + 1), trees.get(n + 2), trees.get(n + 3)) {
            (
                TokenTree::Punct(dollar),
                Some(TokenTree::Ident(name)),
                Some(TokenTree::Punct(colon)),
                Some(TokenTree::Ident(fragment)),
            ) if dollar.as_char() == '$' && colon.as_char() == ':' => {
                let fragment = fragment.to_string();
                let is_only = inside == Inside::Repetition && trees.len() == 4;
                found.push(Parameter {
                    name: name.unraw().to_string(),
                    is_before_group: is_group_next(trees.get(n + 4), inside),
                    is_forwarded: is_only,
                    place: match is_only {
                        true => Some(Place::All),
                        false => place.map(Place::Token),
                    },
                    fragment: fragment.clone(),
                });
                let is_token = ["ident", "tt"].contains(&fragment.as_str());
                place = place.filter(|_| is_token).map(|place| place + 1);
                n += 4;
                continue;
            }
            (TokenTree::Punct(dollar), Some(TokenTree::Group(group)), ..)
                if dollar.as_char() == '$' =>
            {
                let inner = trees_of(group.stream());
                collect(&inner, Inside::Repetition, found);
                // Attributes are not counted.
                let is_attributes = is_punct(inner.first(), '#');
                place = place.filter(|_| is_attributes);
                // With the separator and the sign of the repetition.
                let rest = trees.get(n + 2..).unwrap_or_default();
                let is_sign = |tree: &TokenTree| "*+?".chars().any(|c| is_punct(Some(tree), c));
                let sign = rest.iter().take(2).position(is_sign);
                n += 2 + sign.map_or(0, |sign| sign + 1);
                continue;
            }
            (TokenTree::Group(group), ..) => {
                collect(&trees_of(group.stream()), Inside::Group, found);
            }
            _ => {}
        }
        place = place.map(|place| place + 1);
        n += 1;
    }
}

/// Whether what follows a parameter in a matcher may be the parentheses behind a word.
fn is_group_next(next: Option<&TokenTree>, inside: Inside) -> bool {
    match next {
        Some(TokenTree::Group(group)) => group.delimiter() == Delimiter::Parenthesis,
        // Another parameter or a repetition.
        Some(TokenTree::Punct(punct)) => punct.as_char() == '$',
        // The same one again.
        None => inside == Inside::Repetition,
        Some(_) => false,
    }
}

/// Whether the body of a rule uses a parameter without what follows it among the arguments.
fn is_split(parameter: &Parameter, body: &[TokenTree]) -> bool {
    body.iter().enumerate().any(|(n, tree)| match tree {
        TokenTree::Group(group) => {
            let inner = trees_of(group.stream());
            let is_repetition = n.checked_sub(1).is_some_and(|n| is_punct(body.get(n), '$'));
            let is_whole = parameter.is_forwarded && is_repetition && inner.len() == 2;
            // `$($name)*` has the tokens as they were, and with a separator it does not.
            let is_as_was = is_whole
                && [',', ';'].iter().all(|&separator| !is_punct(body.get(n + 1), separator));
            !is_as_was && is_split(parameter, &inner)
        }
        TokenTree::Ident(name) => {
            let is_called = matches!(body.get(n + 1), Some(TokenTree::Group(group))
                if group.delimiter() == Delimiter::Parenthesis);
            let is_parameter = n.checked_sub(1).is_some_and(|n| is_punct(body.get(n), '$'));
            is_parameter && name.unraw() == parameter.name.as_str() && !is_called
        }
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Whether tokens have a `!` that is neither that of a call nor of an operator before an
/// expression.
fn has_mark(trees: &[TokenTree]) -> bool {
    trees.iter().enumerate().any(|(n, tree)| match tree {
        TokenTree::Group(group) => has_mark(&trees_of(group.stream())),
        TokenTree::Punct(punct) if punct.as_char() == '!' => {
            let is_after_word =
                n.checked_sub(1).is_some_and(|n| matches!(trees.get(n), Some(TokenTree::Ident(_))));
            match trees.get(n + 1) {
                Some(TokenTree::Punct(next)) => !['=', '$', '!', '*'].contains(&next.as_char()),
                Some(TokenTree::Group(_) | TokenTree::Literal(_)) => false,
                Some(TokenTree::Ident(_)) => is_after_word && !is_macro_rules(trees, n),
                None => true,
            }
        }
        _ => false,
    })
}

fn is_macro_rules(trees: &[TokenTree], mark: usize) -> bool {
    let before = mark.checked_sub(1).and_then(|n| trees.get(n));
    matches!(before, Some(TokenTree::Ident(word)) if word == "macro_rules")
}

/// Whether tokens have an attribute with one of these parameters.
fn has_attribute(trees: &[TokenTree], parameters: &BTreeSet<&str>) -> bool {
    trees.iter().enumerate().any(|(n, tree)| {
        let TokenTree::Group(group) = tree else { return false };
        let inner = trees_of(group.stream());
        let is_attribute = n
            .checked_sub(1)
            .is_some_and(|n| is_punct(trees.get(n), '#') || is_punct(trees.get(n), '!'))
            && group.delimiter() == Delimiter::Bracket;
        is_attribute && starts_with_one(&inner, parameters) || has_attribute(&inner, parameters)
    })
}

/// Whether the name in an attribute is one of these parameters, or in a repetition of them.
fn starts_with_one(attribute: &[TokenTree], parameters: &BTreeSet<&str>) -> bool {
    match attribute {
        [TokenTree::Punct(dollar), TokenTree::Ident(name), ..] if dollar.as_char() == '$' => {
            parameters.contains(name.unraw().to_string().as_str())
        }
        [TokenTree::Punct(dollar), TokenTree::Group(group), ..] if dollar.as_char() == '$' => {
            starts_with_one(&trees_of(group.stream()), parameters)
        }
        [TokenTree::Ident(name), TokenTree::Group(group)] if name == "cfg_attr" => {
            let inner = trees_of(group.stream());
            inner.windows(2).any(|window| starts_with_one(window, parameters))
        }
        _ => false,
    }
}

/// Adds the parameters that become names of types: behind the keyword of a definition, behind the
/// `as` of an import, and in the braces of an `enum`.
fn types_in(trees: &[TokenTree], mut in_use: bool, found: &mut BTreeSet<String>) {
    for (n, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Group(group) => types_in(&trees_of(group.stream()), in_use, found),
            TokenTree::Punct(punct) => in_use &= punct.as_char() != ';',
            TokenTree::Ident(word) if word == "use" => in_use = true,
            TokenTree::Ident(word)
                if TYPES.iter().any(|keyword| word == keyword) || in_use && word == "as" =>
            {
                if let (true, Some(TokenTree::Ident(name))) =
                    (is_punct(trees.get(n + 1), '$'), trees.get(n + 2))
                {
                    found.insert(name.unraw().to_string());
                }
                if word == "enum" {
                    let body = trees.get(n..).unwrap_or_default().iter().find_map(braces);
                    super::variants(&body.unwrap_or_default(), &mut |variant| {
                        found.insert(variant.unraw().to_string());
                    });
                }
            }
            _ => {}
        }
    }
}

/// What a group in braces holds.
pub(super) fn braces(tree: &TokenTree) -> Option<Vec<TokenTree>> {
    match tree {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            Some(trees_of(group.stream()))
        }
        _ => None,
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The kernel's configuration in `#[cfg(CONFIG_X)]`, `#[cfg_attr(CONFIG_X, ..)]` and
//! `cfg!(CONFIG_X)`. Kbuild tells rustc the options of the kernel, and cargo does not, so in a
//! module with `#[livepatch]` each option is replaced by what it comes to.

use proc_macro2::{Delimiter, Group, Ident, Spacing, TokenStream, TokenTree};
use quote::quote_spanned;
use std::collections::{BTreeMap, BTreeSet};

/// What an option's name starts with.
const PREFIX: &str = "CONFIG_";

/// What stands behind the name of an option that is not set, as in `.config`.
const NOT_SET: &str = " is not set";

/// The options of a kernel, or those that a patch names.
#[derive(Debug, Default)]
pub struct Options {
    /// Whether an option that is not here is not set; else it is unknown.
    is_complete: bool,
    /// The value of each option, as `.config` has it; `None` if it is not set.
    values: BTreeMap<String, Option<String>>,
}

impl Options {
    /// Those of a kernel's configuration.
    pub fn of_kernel(config: &BTreeMap<String, String>) -> Options {
        let values = config.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
        Options { is_complete: true, values: values.collect() }
    }

    /// Of these, those that a text names.
    pub fn named_in(&self, texts: &[&str]) -> Options {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let words = texts.iter().flat_map(|text| text.split(move |c| !is_plain(c)));
        let named: BTreeSet<&str> = words.filter(|word| word.starts_with(PREFIX)).collect();
        let values = named.into_iter().filter_map(|name| Some((name.to_owned(), self.get(name)?)));
        let values = values.map(|(name, value)| (name, value.map(str::to_owned)));
        Options { is_complete: false, values: values.collect() }
    }

    /// The lines of a file of types that say these, for [`Options::written_in`].
    pub fn lines(&self) -> String {
        let line = |(name, value): (&String, &Option<String>)| match value {
            Some(value) => format!("//! {name}={value}\n"),
            None => format!("//! {name}{NOT_SET}\n"),
        };
        self.values.iter().map(line).collect()
    }

    /// Those that a file of types says.
    pub fn written_in(text: &str) -> Options {
        let lines = text.lines().take_while(|line| line.starts_with("//"));
        let lines = lines.filter_map(|line| line.strip_prefix("//!"));
        let options = lines.filter_map(|line| {
            let line = line.trim_start();
            let set = line.split_once('=').map(|(name, value)| (name, Some(value.to_owned())));
            let (name, value) = set.or_else(|| Some((line.strip_suffix(NOT_SET)?, None)))?;
            name.starts_with(PREFIX).then(|| (name.to_owned(), value))
        });
        Options { is_complete: false, values: options.collect() }
    }

    /// The value of an option, `None` inside if it is not set; nothing if that is unknown.
    fn get(&self, name: &str) -> Option<Option<&str>> {
        match self.values.get(name) {
            Some(value) => Some(value.as_deref()),
            None => self.is_complete.then_some(None),
        }
    }

    /// The tokens with every condition on a known option replaced.
    pub fn applied(&self, tokens: TokenStream) -> TokenStream {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let is = |n: usize, c: char| match trees.get(n) {
            Some(TokenTree::Punct(punct)) => punct.as_char() == c,
            _ => false,
        };
        let is_word = |tree: &TokenTree, word| matches!(tree, TokenTree::Ident(it) if it == word);
        let mut out = TokenStream::new();
        for (n, tree) in trees.iter().enumerate() {
            // A group that is made anew has lost the places of its brackets.
            let group = match tree {
                TokenTree::Group(group) if names_option(group.stream()) => group,
                tree => {
                    out.extend([tree.clone()]);
                    continue;
                }
            };
            let before = n.checked_sub(2).map(|n| &trees[n]);
            let is_macro =
                is(n.wrapping_sub(1), '!') && before.is_some_and(|it| is_word(it, "cfg"));
            let is_attribute = group.delimiter() == Delimiter::Bracket
                && (is(n.wrapping_sub(1), '#')
                    || (is(n.wrapping_sub(1), '!') && is(n.wrapping_sub(2), '#')));
            let starts_with_cfg = || {
                let first = group.stream().into_iter().next();
                first.is_some_and(|it| is_word(&it, "cfg") || is_word(&it, "cfg_attr"))
            };
            let inner = match is_macro || (is_attribute && starts_with_cfg()) {
                true => self.in_condition(group.stream()),
                false => self.applied(group.stream()),
            };
            let mut new = Group::new(group.delimiter(), inner);
            new.set_span(group.span());
            out.extend([TokenTree::Group(new)]);
        }
        out
    }

    /// A condition with its known options replaced by `all()`, which holds, and `any()`.
    fn in_condition(&self, tokens: TokenStream) -> TokenStream {
        let mut trees = tokens.into_iter().peekable();
        let mut out = TokenStream::new();
        while let Some(tree) = trees.next() {
            match tree {
                TokenTree::Ident(name) if name.to_string().starts_with(PREFIX) => {
                    let is_compared = matches!(trees.peek(), Some(TokenTree::Punct(punct))
                        if punct.as_char() == '=' && punct.spacing() == Spacing::Alone);
                    let compared = if is_compared { trees.next().zip(trees.next()) } else { None };
                    match self.holds(&name, compared.as_ref().map(|(_, value)| value)) {
                        Some(true) => out.extend(quote_spanned!(name.span()=> all())),
                        Some(false) => out.extend(quote_spanned!(name.span()=> any())),
                        None => {
                            out.extend([TokenTree::Ident(name)]);
                            out.extend(
                                compared.into_iter().flat_map(|(equal, value)| [equal, value]),
                            );
                        }
                    }
                }
                TokenTree::Group(group) => {
                    let mut new = Group::new(group.delimiter(), self.in_condition(group.stream()));
                    new.set_span(group.span());
                    out.extend([TokenTree::Group(new)]);
                }
                tree => out.extend([tree]),
            }
        }
        out
    }

    /// Whether an option is set, or has a value: as rustc is told, where one that is `y` or `m` is
    /// set and has that value, and any other has its value only (`print_symbol_for_rustccfg` in
    /// scripts/kconfig/confdata.c).
    fn holds(&self, name: &Ident, compared: Option<&TokenTree>) -> Option<bool> {
        let value = self.get(&name.to_string())?;
        match compared {
            None => Some(matches!(value, Some("y" | "m"))),
            Some(TokenTree::Literal(literal)) => {
                let wanted: syn::LitStr = syn::parse_str(&literal.to_string()).ok()?;
                Some(value == Some(&*wanted.value()))
            }
            Some(_) => None,
        }
    }
}

/// Whether an option is named anywhere in some tokens.
fn names_option(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Ident(name) => name.to_string().starts_with(PREFIX),
        TokenTree::Group(group) => names_option(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn kernel() -> Options {
        let set = [("CONFIG_SMP", "y"), ("CONFIG_EXT4_FS", "m"), ("CONFIG_HZ", "250")];
        Options::of_kernel(&set.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    #[test]
    fn conditions_are_what_kbuild_tells_rustc() {
        let written = quote! {
            #![cfg_attr(CONFIG_SMP, allow(x))]
            #[cfg(all(CONFIG_SMP, not(CONFIG_EXT4_FS = "y"), unix))]
            fn f() {
                if cfg!(any(CONFIG_EXT4_FS, CONFIG_NONE)) && cfg!(CONFIG_HZ = "250") && cfg!(CONFIG_HZ) {
                    CONFIG_SMP(other!(CONFIG_SMP));
                }
            }
        };
        let applied = quote! {
            #![cfg_attr(all(), allow(x))]
            #[cfg(all(all(), not(any()), unix))]
            fn f() {
                if cfg!(any(all(), any())) && cfg!(all()) && cfg!(any()) {
                    CONFIG_SMP(other!(CONFIG_SMP));
                }
            }
        };
        assert_eq!(kernel().applied(written).to_string(), applied.to_string());
    }

    #[test]
    fn a_file_of_types_says_the_options_that_a_patch_names() {
        let named = kernel().named_in(&["#[cfg(CONFIG_SMP)] x(CONFIG_NONE)", "CONFIG_HZ"]);
        let text = format!(
            "// License.\n//! Types.\n//!\n{}use x;\n//! CONFIG_EXT4_FS=y\n",
            named.lines()
        );
        let read = Options::written_in(&text);
        assert_eq!(read.values, named.values);
        let value = |name: &str| read.get(name);
        assert_eq!(value("CONFIG_SMP"), Some(Some("y")));
        assert_eq!(value("CONFIG_NONE"), Some(None));
        assert_eq!(value("CONFIG_EXT4_FS"), None);
        // What is unknown stays, for rustc to warn of.
        let unknown = quote!(
            #[cfg(any(CONFIG_EXT4_FS = "m", CONFIG_SMP))]
            struct X;
        );
        let applied = quote!(
            #[cfg(any(CONFIG_EXT4_FS = "m", all()))]
            struct X;
        );
        assert_eq!(read.applied(unknown).to_string(), applied.to_string());
    }
}

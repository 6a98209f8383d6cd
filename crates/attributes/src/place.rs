// SPDX-License-Identifier: GPL-2.0
//! The attributes of patch crates, and the errors for those on the wrong item.

use crate::{Reader, OUTER};
use kps_ast::On;
use kps_diag::{Diagnostic, MISPLACED_ATTRIBUTE, UNREAD_ATTRIBUTE};
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::parse::Parser as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Item, ItemMod, Meta, Visibility};

/// Whether an attribute has this name, alone or as a path through the crate `kps`.
pub fn is_called(attribute: &Attribute, name: &str) -> bool {
    let segments: Vec<String> =
        attribute.path().segments.iter().map(|segment| segment.ident.to_string()).collect();
    match segments.split_last() {
        Some((last, before)) => last == name && is_ours(before),
        None => false,
    }
}

/// Removes `#[livepatch]` from a module, as the compiler does, and returns its arguments.
pub fn take_livepatch(module: &mut ItemMod) -> Option<TokenStream> {
    let at = module.attrs.iter().position(|attribute| is_called(attribute, OUTER))?;
    match module.attrs.remove(at).meta {
        Meta::List(list) => Some(list.tokens),
        Meta::Path(_) | Meta::NameValue(_) => Some(TokenStream::new()),
    }
}

/// Whether these modules export our attributes.
fn is_ours(modules: &[String]) -> bool {
    let modules: Vec<&str> = modules.iter().map(String::as_str).collect();
    matches!(modules.as_slice(), [] | ["kps"] | ["kps", "prelude"])
}

/// Whether an attribute is a doc comment.
pub(crate) fn is_doc(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc")
}

/// The first attribute of ours.
pub(crate) fn ours(attributes: &[Attribute]) -> Option<(&'static str, &Attribute)> {
    attributes.iter().find_map(|attribute| {
        let ours = kps_ast::Attribute::of_items().find(|ours| is_called(attribute, ours.name))?;
        Some((ours.name, attribute))
    })
}

/// The attributes of an item.
pub(crate) fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Attributes of ours on items that are not ours, with their spans. They would have no effect.
pub(crate) fn strays(tokens: TokenStream) -> Vec<(&'static str, Span)> {
    let mut found = Vec::new();
    let mut after_pound = false;
    for tree in tokens {
        if let TokenTree::Group(group) = &tree {
            if after_pound && group.delimiter() == Delimiter::Bracket {
                found.extend(stray(group.stream()));
            } else {
                found.extend(strays(group.stream()));
            }
        }
        after_pound = matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == '#');
    }
    found
}

/// The attribute between these brackets, if it is one of ours.
fn stray(tokens: TokenStream) -> Option<(&'static str, Span)> {
    let attribute = TokenStream::from_iter([
        TokenTree::Punct(proc_macro2::Punct::new('#', proc_macro2::Spacing::Alone)),
        TokenTree::Group(proc_macro2::Group::new(Delimiter::Bracket, tokens)),
    ]);
    let attributes = Attribute::parse_outer.parse2(attribute).ok()?;
    ours(&attributes).map(|(name, attribute)| (name, attribute.path().span()))
}

/// The error for an attribute that is not directly in the module of a livepatch.
pub(crate) fn not_inside(name: &str) -> Diagnostic {
    Diagnostic::new(UNREAD_ATTRIBUTE, format!("`#[{name}]` is not directly in a `#[{OUTER}]` module"))
        .note("`#[livepatch]` reads the attributes of its module's items, but does not look into the items")
        .help(match name {
            "percpu" | "position" => "move it to an item of a `#[symbols(OBJECT)]` block in that module",
            _ => "move the item into the module, beside the others",
        })
}

/// The error for an attribute on an item that it does not apply to.
pub(crate) fn misplaced(name: &str) -> Diagnostic {
    let (on, form) = match kps_ast::Attribute::of_items().find(|attribute| attribute.name == name) {
        Some(attribute) => (attribute.on.title(), attribute.form),
        None => (On::Livepatch.title(), "#[livepatch(license = \"GPL\")] mod NAME { .. }"),
    };
    Diagnostic::new(MISPLACED_ATTRIBUTE, format!("`#[{name}]` belongs on {on}"))
        .help(format!("write `{form}`"))
}

impl Reader<'_> {
    /// Whether the reader uses everything that an item has: only its doc comment and the arguments
    /// of its attribute. The signature of a function is checked where it is read.
    pub(crate) fn is_plain(&mut self, name: &str, item: &Item, attribute: &Attribute) -> bool {
        let is_other = |other: &&Attribute| !is_doc(other) && !std::ptr::eq(*other, attribute);
        let other = attributes_of(item).iter().find(is_other).map(|other| other.path().span());
        let lost = match item {
            Item::Fn(function) => shown(&function.vis),
            Item::Static(item) => match &item.mutability {
                syn::StaticMutability::Mut(word) => Some(word.span),
                _ => shown(&item.vis),
            },
            Item::ForeignMod(block) => {
                block.abi.name.as_ref().filter(|abi| abi.value() != "C").map(|abi| abi.span())
            }
            _ => None,
        };
        let Some(place) = other.or(lost) else { return true };
        self.diagnostics.push(
            Diagnostic::new(MISPLACED_ATTRIBUTE, format!("an item with `#[{name}]` cannot have this"))
                .at(self.at(place), "")
                .note("the macro replaces the item, and the replacement would not have it")
                .help(match other {
                    Some(_) => "drop it; allow a lint at the statement that triggers it, or in the whole crate with `#![allow(..)]`",
                    None => "drop it",
                }),
        );
        false
    }
}

/// The span of a visibility.
fn shown(visibility: &Visibility) -> Option<Span> {
    match visibility {
        Visibility::Inherited => None,
        written => written.to_token_stream().into_iter().next().map(|tree| tree.span()),
    }
}

// SPDX-License-Identifier: GPL-2.0
//! `#[when(..)]` on hooks, kernel symbols and plain Rust items: the kernels that they are for.

use crate::args::Arguments;
use crate::place::{attributes_of, is_called};
use crate::{symbol, Reader};
use kps_ast::{Condition, Conditions, When};
use proc_macro2::TokenStream;
use std::collections::BTreeSet;
use syn::{Attribute, Item, LitStr};

/// Its name.
pub(crate) const WHEN: &str = "when";

/// The syntax of its arguments.
const FORM: &str = "a range of versions or what the kernel has: `#[when(\"7.0 ..\")]`, `#[when(has(NAME))]` or `#[when(lacks(NAME))]`";

impl Reader<'_> {
    /// The conditions among attributes. One that is not valid is reported, and left out.
    pub(crate) fn conditions(&mut self, attributes: &[Attribute]) -> Conditions {
        let all = attributes.iter().filter(|attribute| is_called(attribute, WHEN));
        all.filter_map(|attribute| self.arguments(WHEN, attribute, FORM, condition)).collect()
    }
}

fn condition(args: &mut Arguments<'_>) -> syn::Result<When> {
    if args.input.peek(LitStr) {
        let range = args.literal()?;
        return Ok(When { span: range.span, condition: Condition::Kernel(range) });
    }
    let word = args.name()?;
    let content;
    syn::parenthesized!(content in args.input);
    let name = symbol::name(&mut args.within(&content))?;
    if !content.is_empty() {
        return Err(content.error("expected one name"));
    }
    let span = word.span.to(name.span);
    match word.value.as_str() {
        "has" => Ok(When { span, condition: Condition::Has(name) }),
        "lacks" => Ok(When { span, condition: Condition::Lacks(name) }),
        _ => Err(args.input.error("expected `has(NAME)` or `lacks(NAME)`")),
    }
}

/// An item without its conditions; `None` if it has none.
pub(crate) fn without(item: &Item) -> Option<Item> {
    if !attributes_of(item).iter().any(|attribute| is_called(attribute, WHEN)) {
        return None;
    }
    let mut item = item.clone();
    let attributes = match &mut item {
        Item::Const(item) => &mut item.attrs,
        Item::Enum(item) => &mut item.attrs,
        Item::ExternCrate(item) => &mut item.attrs,
        Item::Fn(item) => &mut item.attrs,
        Item::ForeignMod(item) => &mut item.attrs,
        Item::Impl(item) => &mut item.attrs,
        Item::Macro(item) => &mut item.attrs,
        Item::Mod(item) => &mut item.attrs,
        Item::Static(item) => &mut item.attrs,
        Item::Struct(item) => &mut item.attrs,
        Item::Trait(item) => &mut item.attrs,
        Item::TraitAlias(item) => &mut item.attrs,
        Item::Type(item) => &mut item.attrs,
        Item::Union(item) => &mut item.attrs,
        Item::Use(item) => &mut item.attrs,
        _ => return None,
    };
    attributes.retain(|attribute| !is_called(attribute, WHEN));
    Some(item)
}

/// Whether two items have the same conditions.
pub(crate) fn are_alike(one: &[When], other: &[When]) -> bool {
    let texts = |when: &[When]| when.iter().map(When::arguments).collect::<BTreeSet<_>>();
    texts(one) == texts(other)
}

/// Leaves one of all alternatives of a declaration or a Rust item. Without a kernel it is not known
/// which are meant, and Rust allows one item of a name.
pub(crate) fn first_alternatives(
    patch: &mut kps_ast::Patch,
    text: impl Fn(kps_ast::Code) -> TokenStream,
) {
    let mut seen = BTreeSet::new();
    for object in &mut patch.objects {
        let mut is_first =
            |when: &[When], name: &str| when.is_empty() || seen.insert(name.to_owned());
        object.use_fns.retain(|item| is_first(&item.when, &item.symbol.name.value));
        object.use_statics.retain(|item| is_first(&item.when, &item.symbol.name.value));
        object.use_percpus.retain(|item| is_first(&item.when, &item.symbol.name.value));
    }
    let name = |item: &kps_ast::RustItem| {
        let words = [
            "const",
            "enum",
            "fn",
            "macro_rules",
            "mod",
            "static",
            "struct",
            "trait",
            "type",
            "union",
        ];
        let tokens = text(item.code)
            .into_iter()
            .filter(|tree| matches!(tree, proc_macro2::TokenTree::Ident(_)));
        let mut names =
            tokens.map(|tree| tree.to_string()).skip_while(|word| !words.contains(&word.as_str()));
        names.find(|word| !words.contains(&word.as_str()) && word != "mut" && word != "unsafe")
    };
    patch.items.retain(|item| {
        item.when.is_empty() || name(item).is_none_or(|name| seen.insert(format!("item {name}")))
    });
}

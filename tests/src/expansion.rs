// SPDX-License-Identifier: GPL-2.0
//! Patch crates that are expanded without a compiler, for the kernel of the tests.

use crate::fixture;
use kps_attributes::{is_called, livepatch, outside, take_livepatch, Context, Options};
use std::collections::BTreeMap;
use syn::{Attribute, Item};

/// A crate's root with its livepatch expanded. `c_files` are the texts of the files in C that it
/// names.
pub fn expanded(text: &str, c_files: &BTreeMap<String, String>) -> syn::Result<syn::File> {
    let mut file = syn::parse_file(text)?;
    let mut items = Vec::new();
    for item in file.items {
        match item {
            Item::Mod(mut module) => match take_livepatch(&mut module) {
                Some(arguments) => {
                    let around = Context {
                        bindings: String::new(),
                        options: Options::of_kernel(&fixture::facts().config),
                        facts: Some(fixture::facts()),
                        c_files: c_files.clone(),
                        files: c_files.keys().cloned().collect(),
                        digest: "0".repeat(64),
                        made_by: "a test".to_owned(),
                    };
                    let tokens = livepatch(arguments, quote::quote!(#module), |_| Ok(around));
                    items.extend(syn::parse2::<syn::File>(tokens)?.items);
                }
                None => items.push(Item::Mod(module)),
            },
            Item::Fn(function)
                if function.attrs.iter().any(|attribute| inner(attribute).is_some()) =>
            {
                let name = function.attrs.iter().find_map(inner).unwrap_or_default();
                items.extend(syn::parse2::<syn::File>(outside(name))?.items);
            }
            other => items.push(other),
        }
    }
    file.items = items;
    Ok(file)
}

/// The name of an attribute that means something inside of a livepatch only.
fn inner(attribute: &Attribute) -> Option<&'static str> {
    let ours = kps_grammar::ast::Attribute::of_items();
    ours.map(|ours| ours.name).find(|name| is_called(attribute, name))
}

/// What is said about a crate: the errors that it expands to, or nothing.
pub fn said(text: &str) -> String {
    let file = match expanded(text, &BTreeMap::new()) {
        Ok(file) => file,
        Err(error) => return error.to_string(),
    };
    let errors = file.items.iter().filter_map(|item| match item {
        Item::Macro(call)
            if call.mac.path.segments.last().is_some_and(|last| last.ident == "compile_error") =>
        {
            let text = syn::parse2::<syn::LitStr>(call.mac.tokens.clone());
            Some(text.map_or_else(|error| error.to_string(), |text| text.value()))
        }
        _ => None,
    });
    errors.collect::<Vec<_>>().join("\n")
}

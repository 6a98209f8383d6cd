// SPDX-License-Identifier: GPL-2.0
//! Modules of patch crates: every text that is one expands to Rust, or to errors at places in it.

use crate::fixture;
use kps_attributes::{livepatch, take_livepatch, Context};
use kps_facts::Facts;
use proc_macro2::TokenStream;
use std::str::FromStr as _;
use syn::{Item, ItemMod};

/// Expands every livepatch in a text, for a kernel and without one.
pub fn attributes(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    // As deep as a compiler would go.
    super::spec::on_a_large_stack(move || expand(&text));
}

fn expand(text: &str) {
    let parsed =
        TokenStream::from_str(text).map_err(syn::Error::from).and_then(syn::parse2::<syn::File>);
    let Ok(file) = parsed else { return };
    for item in file.items {
        let Item::Mod(mut module) = item else { continue };
        let Some(arguments) = take_livepatch(&mut module) else { continue };
        for facts in [None, Some(fixture::facts())] {
            expand_for(&arguments, &module, facts);
        }
    }
}

fn expand_for(arguments: &TokenStream, module: &ItemMod, facts: Option<Facts>) {
    let item = quote::quote!(#module);
    let around = Context { facts, ..Context::default() };
    let expanded = livepatch(arguments.clone(), item, |_| Ok(around));
    assert!(!expanded.is_empty(), "the module is lost without an error");
    let text = expanded.to_string();
    assert!(syn::parse2::<syn::File>(expanded).is_ok(), "this is not Rust:\n{text}");
}

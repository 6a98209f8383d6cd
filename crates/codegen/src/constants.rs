// SPDX-License-Identifier: GPL-2.0
//! The constants of C for the crate `kernel` of core mode, as bindgen writes them for the real one.

use crate::names::ident;
use kps_plan::Patch;
use proc_macro2::{Literal, TokenStream};
use quote::quote;

/// The file of all constants. A constant has the smallest of the types `u32`, `i32`, `u64` and
/// `i64` that holds it.
pub fn constants<B>(patch: &Patch<B>) -> TokenStream {
    let constants = patch.target.constants.iter().map(|(name, value)| {
        let name = ident(name);
        let (ty, value) = typed(*value);
        quote!(pub const #name: #ty = #value;)
    });
    quote! {
        //! What the headers of the target have as macros.
        #(#constants)*
    }
}

fn typed(value: i64) -> (TokenStream, Literal) {
    if let Ok(value) = u32::try_from(value) {
        return (quote!(u32), Literal::u32_unsuffixed(value));
    }
    match i32::try_from(value) {
        Ok(value) => (quote!(i32), Literal::i32_unsuffixed(value)),
        Err(_) if value > 0 => (quote!(u64), Literal::i64_unsuffixed(value)),
        Err(_) => (quote!(i64), Literal::i64_unsuffixed(value)),
    }
}

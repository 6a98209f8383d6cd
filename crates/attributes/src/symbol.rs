// SPDX-License-Identifier: GPL-2.0
//! `OBJECT::FUNCTION`: how attributes name a function. A name that is not unique has a position.

use crate::args::Arguments;
use kps_ast::{At, Name, Symbol};
use proc_macro2::Literal;
use syn::ext::IdentExt as _;
use syn::{Ident, LitInt, Token};

/// The syntax of the arguments of `#[pre(..)]` and similar attributes.
pub(crate) const FORM: &str =
    "the object and the function: `vmlinux::FUNCTION`, `MODULE::FUNCTION` or `vmlinux::FUNCTION@2`";

/// Reads `OBJECT::NAME` or `OBJECT::NAME@POSITION`. Kernel names may contain dots and start with
/// digits. Rust splits such a name into several tokens, which are joined here.
pub(crate) fn read(args: &mut Arguments<'_>) -> syn::Result<(Name, Symbol)> {
    let object = args.object()?;
    args.input.parse::<Token![::]>()?;
    let name = name(args)?;
    let position = if args.input.parse::<Option<Token![@]>>()?.is_some() {
        let literal = args.input.parse::<LitInt>()?;
        Some(At { value: literal.base10_parse()?, span: args.places().place(literal.span()) })
    } else {
        None
    };
    Ok((object, Symbol { name, position }))
}

/// Reads `NAME`, with dots or without.
pub(crate) fn name(args: &mut Arguments<'_>) -> syn::Result<Name> {
    let mut name = part(args)?;
    while args.input.parse::<Option<Token![.]>>()?.is_some() {
        let part = part(args)?;
        name.value = format!("{}.{}", name.value, part.value);
        name.span = name.span.to(part.span);
    }
    Ok(name)
}

/// The part of a name up to a dot. It is one token: Rust reads it as a number if it starts with a
/// digit, and as a float in the middle of `f.part.0.0`.
fn part(args: &mut Arguments<'_>) -> syn::Result<Name> {
    const EXPECTED: &str = "expected the name of a function";
    if !args.input.peek(syn::Lit) {
        let ident = args
            .input
            .call(Ident::parse_any)
            .map_err(|error| syn::Error::new(error.span(), EXPECTED))?;
        return Ok(At {
            value: ident.unraw().to_string(),
            span: args.places().place(ident.span()),
        });
    }
    let literal = args.input.parse::<Literal>()?;
    let value = literal.to_string();
    match value.chars().all(|c| matches!(c, '_' | '.') || c.is_ascii_alphanumeric()) {
        true => Ok(At { value, span: args.places().place(literal.span()) }),
        false => Err(syn::Error::new(literal.span(), EXPECTED)),
    }
}

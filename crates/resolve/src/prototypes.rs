// SPDX-License-Identifier: GPL-2.0
//! Prototypes of functions that authors write in Rust, in files of a spec or in a crate.

use kps_ast::{At, Code, Param, Prototype, Span};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{AttrStyle, Attribute, FnArg, Pat, ReturnType, Signature};

/// The first part that a function cannot have if C calls it by a prototype from BTF.
pub fn odd_part(attributes: &[Attribute], sig: &Signature) -> Option<proc_macro2::Span> {
    let is_comment = |attribute: &&Attribute| {
        attribute.path().is_ident("doc") && matches!(attribute.style, AttrStyle::Outer)
    };
    let attribute = attributes.iter().find(|attribute| !is_comment(attribute)).map(|a| a.span());
    let constant = sig.constness.map(|word| word.span());
    let asynchronous = sig.asyncness.map(|word| word.span());
    let abi = sig.abi.iter().find(|abi| abi.name.as_ref().is_some_and(|name| name.value() != "C"));
    let generics = (!sig.generics.params.is_empty()).then(|| sig.generics.span());
    let clause = sig.generics.where_clause.as_ref().map(|clause| clause.span());
    let param = sig.inputs.iter().find(|input| name_of(input).is_none()).map(|input| input.span());
    [attribute, constant, asynchronous, abi.map(|abi| abi.span()), generics, clause, param]
        .into_iter()
        .flatten()
        .next()
}

/// The name of a parameter whose pattern is a plain name.
pub fn name_of(input: &FnArg) -> Option<&syn::Ident> {
    match input {
        FnArg::Typed(param) if param.attrs.is_empty() => match &*param.pat {
            Pat::Ident(name)
                if name.by_ref.is_none() && name.subpat.is_none() && name.attrs.is_empty() =>
            {
                Some(&name.ident)
            }
            _ => None,
        },
        _ => None,
    }
}

/// The prototype as in a spec. `place` gives the span of a token, and `piece` the snippet of a
/// type.
pub fn prototype(
    sig: &Signature,
    place: &dyn Fn(proc_macro2::Span) -> Span,
    piece: &dyn Fn(&syn::Type) -> Code,
) -> Prototype {
    let param = |input: &FnArg| {
        let (FnArg::Typed(typed), Some(name)) = (input, name_of(input)) else { return None };
        let name = At { value: name.unraw().to_string(), span: place(name.span()) };
        Some(Param { name, ty: piece(&typed.ty) })
    };
    let brackets = sig.paren_token.span;
    let list = place(brackets.open()).to(place(brackets.close()));
    let ret = match &sig.output {
        ReturnType::Default => None,
        ReturnType::Type(_, result) => Some(piece(result)),
    };
    Prototype {
        params: sig.inputs.iter().filter_map(param).collect(),
        variadic: sig.variadic.is_some(),
        span: ret.map_or(list, |ret| list.to(ret.span)),
        ret,
    }
}

// SPDX-License-Identifier: GPL-2.0
//! `#[shadow(on = STRUCT, ..)] static NAME: Shadow<TYPE> = ..;`: data attached to kernel objects.

use crate::args::unknown;
use crate::{symbol, Reader};
use kps_ast::{At, BodyWithParams, FreedBy, Lifetime, Name, Shadow};
use kps_diag::{Diagnostic, INVALID_STATIC};
use kps_plan::ObjectName;
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprClosure, ItemStatic, Pat, PatIdent, ReturnType, Type};

const FORM: &str =
    "`#[shadow(on = STRUCT, freed_by = OBJECT::FUNCTION(PARENT))]` or `#[shadow(on = STRUCT, untied)]`";
const VALUE: &str =
    "write `Shadow::new(VALUE)`, or `Shadow { init: VALUE, ctor: |parent, data| { .. }, dtor: |data| { .. } }`";

impl Reader<'_> {
    pub(crate) fn shadow(&mut self, attribute: &Attribute, item: &ItemStatic) {
        let places = self.places;
        let arguments = self.arguments("shadow", attribute, FORM, |args| {
            let (mut parent, mut lifetime) = (None, None);
            args.each(
                |_| false,
                |args, word| {
                    match word.to_string().as_str() {
                        "on" => parent = Some(args.named()?),
                        "untied" => lifetime = Some(Lifetime::Untied),
                        "freed_by" => {
                            args.input.parse::<syn::Token![=]>()?;
                            let (object, symbol) = symbol::read(args)?;
                            let content;
                            syn::parenthesized!(content in args.input);
                            let parent = places.piece(&content.parse::<TokenStream>()?);
                            lifetime = Some(Lifetime::FreedBy(FreedBy {
                                object: of_module(object),
                                symbol,
                                parent,
                            }));
                        }
                        _ => return Err(unknown(word)),
                    }
                    Ok(())
                },
            )?;
            let parent = parent.ok_or_else(|| args.input.error("`on = STRUCT` is missing"))?;
            Ok((parent, lifetime))
        });
        let Some((parent, lifetime)) = arguments else { return };
        let Some(ty) = self.inner_type("Shadow", item) else { return };
        let Some([init, ctor, dtor]) = self.fields("Shadow", item, ["init", "ctor", "dtor"], VALUE)
        else {
            return;
        };
        let Some(init) = init else {
            self.refuse_value(&item.expr, "`init` is missing", VALUE);
            return;
        };
        let init = self.places.piece(init);
        let ctor = ctor.map(|value| self.closure("ctor", value, 2, VALUE));
        let dtor = dtor.map(|value| self.closure("dtor", value, 1, VALUE));
        if ctor.as_ref().is_some_and(Option::is_none) || dtor.as_ref().is_some_and(Option::is_none)
        {
            return;
        }
        if let Some(Lifetime::FreedBy(tie)) = &lifetime {
            // The free hook belongs to this object, which may have no other entry.
            let image = Name { value: ObjectName::IMAGE.to_owned(), span: tie.symbol.name.span };
            self.object(tie.object.as_ref().unwrap_or(&image));
        }
        let name = self.name(&item.ident);
        let (ctor, dtor) = (ctor.flatten(), dtor.flatten());
        self.patch.shadows.push(Shadow { name, ty, parent, init, lifetime, ctor, dtor });
    }

    /// `T` of `static NAME: Shadow<T>`.
    pub(crate) fn inner_type(&mut self, wrapper: &str, item: &ItemStatic) -> Option<kps_ast::Code> {
        let inner = match &*item.ty {
            Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
            _ => None,
        };
        let arguments = match inner {
            Some(segment) if segment.ident == wrapper => match &segment.arguments {
                syn::PathArguments::AngleBracketed(arguments) => arguments.args.first(),
                _ => None,
            },
            _ => None,
        };
        if let Some(syn::GenericArgument::Type(ty)) = arguments {
            return Some(self.places.piece(ty));
        }
        let help = format!("write `static {}: {wrapper}<TYPE> = ..;`", item.ident);
        self.refuse_value(
            &item.ty,
            &format!("the type of this static must be `{wrapper}<TYPE>`"),
            &help,
        );
        None
    }

    /// The members of `NAME { member: value, .. }`, in the order of `names`; `NAME::new(value)`
    /// sets only the first one.
    pub(crate) fn fields<'i, const N: usize>(
        &mut self,
        wrapper: &str,
        item: &'i ItemStatic,
        names: [&str; N],
        form: &str,
    ) -> Option<[Option<&'i Expr>; N]> {
        let mut values = [None; N];
        let ends_with = |path: &syn::Path, name: &str| {
            path.segments.last().is_some_and(|last| last.ident == name)
        };
        match &*item.expr {
            Expr::Struct(value) if ends_with(&value.path, wrapper) && value.rest.is_none() => {
                for field in &value.fields {
                    let at = names.iter().position(|name| match &field.member {
                        syn::Member::Named(member) => member == name,
                        syn::Member::Unnamed(_) => false,
                    });
                    let problem = match at {
                        None => Some("unknown member"),
                        Some(at) if values[at].is_some() => Some("duplicate member"),
                        Some(_) => None,
                    };
                    if let Some(problem) = problem {
                        self.refuse_value(&field.member, problem, form);
                    }
                    let at = at.filter(|_| problem.is_none())?;
                    values[at] = Some(&field.expr);
                }
                Some(values)
            }
            Expr::Call(call) if wrapper == "Shadow" && call.args.len() == 1 => match &*call.func {
                Expr::Path(path) if ends_with(&path.path, "new") => {
                    values[0] = call.args.first();
                    Some(values)
                }
                other => {
                    self.refuse_value(other, "unsupported initial value", form);
                    None
                }
            },
            other => {
                self.refuse_value(other, "unsupported initial value", form);
                None
            }
        }
    }

    /// `|NAME, ..| { .. }`: a body with the names of its arguments.
    pub(crate) fn closure(
        &mut self,
        word: &str,
        value: &Expr,
        params: usize,
        form: &str,
    ) -> Option<BodyWithParams> {
        let body = match value {
            Expr::Closure(closure) if closure.inputs.len() == params && is_plain(closure) => {
                Some((&closure.inputs, &closure.body))
            }
            _ => None,
        };
        let Some((inputs, body)) = body else {
            let number = ["no parameter", "one parameter", "two parameters"][params];
            let problem = format!("`{word}` must be a plain closure with {number}");
            self.refuse_value(value, &problem, form);
            return None;
        };
        let mut names = Vec::new();
        for input in inputs {
            match input {
                Pat::Ident(PatIdent {
                    by_ref: None,
                    mutability: None,
                    subpat: None,
                    attrs,
                    ident,
                }) if attrs.is_empty() => {
                    names.push(self.name(ident));
                }
                Pat::Wild(wild) => {
                    names.push(At { value: "_".to_owned(), span: self.at(wild.span()) });
                }
                other => {
                    self.refuse_value(other, "a parameter must be a plain name", form);
                    return None;
                }
            }
        }
        let code = match &**body {
            Expr::Block(block) if block.attrs.is_empty() && block.label.is_none() => {
                self.places.body(&block.block)
            }
            other => self.places.piece(other),
        };
        Some(BodyWithParams { word: self.at(value.span()), names, code })
    }

    pub(crate) fn refuse_value(&mut self, value: &dyn ToTokens, problem: &str, help: &str) {
        let place = self.places.piece(value).span;
        self.diagnostics.push(Diagnostic::new(INVALID_STATIC, problem).at(place, "").help(help));
    }
}

/// Whether a closure consists only of parameters and a body. Only such a closure can become a
/// function.
fn is_plain(closure: &ExprClosure) -> bool {
    let ExprClosure { attrs, lifetimes, constness, movability, asyncness, capture, output, .. } =
        closure;
    let words =
        constness.is_some() || movability.is_some() || asyncness.is_some() || capture.is_some();
    !words && attrs.is_empty() && lifetimes.is_none() && matches!(output, ReturnType::Default)
}

/// The image is not a module.
fn of_module(object: Name) -> Option<Name> {
    (object.value != ObjectName::IMAGE).then_some(object)
}

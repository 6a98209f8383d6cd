// SPDX-License-Identifier: GPL-2.0
//! `#[param] static NAME: TYPE = DEFAULT;`: a parameter of the module.

use crate::{docs, Reader};
use kps_ast::{At, ModuleParam, Name, ParamDefault, ParamValue};
use kps_diag::{Diagnostic, INVALID_STATIC};
use quote::ToTokens;
use syn::{Attribute, Expr, ItemStatic, Lit, Type};

const FORM: &str = "`#[param]` or `#[param(mode = 0o644)]`";

impl Reader<'_> {
    pub(crate) fn param(&mut self, attribute: &Attribute, item: &ItemStatic) {
        let mode = self.arguments("param", attribute, FORM, |args| {
            let mut mode = None;
            args.each(
                |_| false,
                |args, word| {
                    match word == "mode" {
                        true => mode = Some(args.digits()?),
                        false => return Err(crate::args::unknown(word)),
                    }
                    Ok(())
                },
            )?;
            Ok(mode)
        });
        let Some(mode) = mode else { return };
        let (of, len) = match &*item.ty {
            Type::Array(array) => (&*array.elem, Some(self.words(&array.len))),
            ty => (ty, None),
        };
        let ty = self.words(of);
        let Some(default) = self.default(&item.expr) else { return };
        let text = docs(&item.attrs).iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        let text = text.trim().to_owned();
        let name = self.name(&item.ident);
        let description = (!text.is_empty()).then_some(At { value: text, span: name.span });
        self.patch.params.push(ModuleParam { name, mode, ty, len, default, description });
    }

    /// The source text of some tokens as one word.
    fn words(&self, tokens: &dyn ToTokens) -> Name {
        let text = tokens.to_token_stream().to_string();
        At { value: text, span: self.places.piece(tokens).span }
    }

    fn default(&mut self, expr: &Expr) -> Option<ParamDefault> {
        let span = self.places.piece(expr).span;
        let list = match expr {
            Expr::Array(array) => Some(array.elems.iter().collect::<Vec<_>>()),
            _ => None,
        };
        let of = list.clone().unwrap_or_else(|| vec![expr]);
        let values = of.into_iter().map(|value| self.value(value)).collect::<Option<Vec<_>>>()?;
        Some(ParamDefault { values, list: list.is_some(), span })
    }

    fn value(&mut self, expr: &Expr) -> Option<ParamValue> {
        let at = |value: String, span| At { value, span };
        let span = self.places.piece(expr).span;
        match expr {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Int(number) => return Some(ParamValue::Number(at(number.to_string(), span))),
                // No parameter has such a type; the error for the type says so.
                Lit::Float(number) => {
                    return Some(ParamValue::Number(at(number.to_string(), span)))
                }
                Lit::Str(text) => return Some(ParamValue::Text(at(text.value(), span))),
                Lit::Bool(word) => return Some(ParamValue::Word(at(word.value.to_string(), span))),
                _ => {}
            },
            Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)) => {
                if let Expr::Lit(syn::ExprLit { lit: Lit::Int(number), .. }) = &*unary.expr {
                    return Some(ParamValue::Number(at(format!("-{number}"), span)));
                }
            }
            _ => {}
        }
        self.diagnostics.push(
            Diagnostic::new(INVALID_STATIC, "the default of a parameter must be a literal")
                .at(span, "")
                .note("the module stores it before any code can run")
                .help("write `true`, `-5`, `\"text\"` or a list of these, `[1, 2]`"),
        );
        None
    }
}

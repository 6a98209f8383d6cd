// SPDX-License-Identifier: GPL-2.0
//! `#[pre_patch(OBJECT)]` and the other callbacks on functions: the kernel calls them when it
//! patches an object.

use crate::Reader;
use kps_ast::{Callback, CallbackBody};
use kps_diag::{Diagnostic, UNSUPPORTED_SIGNATURE};
use kps_resolve::prototypes;
use quote::ToTokens;
use syn::spanned::Spanned as _;
use syn::{Attribute, ItemFn};

impl Reader<'_> {
    pub(crate) fn callback(
        &mut self,
        callback: Callback,
        attribute: &Attribute,
        function: &ItemFn,
    ) {
        let word = callback.name();
        let form = format!("the object: `#[{word}(vmlinux)]`");
        let Some(object) = self.arguments(word, attribute, &form, |args| args.object()) else {
            return;
        };
        let others: Vec<Attribute> = function
            .attrs
            .iter()
            .filter(|other| !std::ptr::eq(*other, attribute))
            .cloned()
            .collect();
        let sig = &function.sig;
        let result = if callback.returns() { " -> c_int" } else { "" };
        let returns = !matches!(sig.output, syn::ReturnType::Default);
        let param = sig.inputs.iter().find(|input| {
            let name = prototypes::name_of(input).map(ToString::to_string);
            !matches!(name.as_deref(), Some("obj" | "_obj"))
        });
        let piece = |tokens: &dyn ToTokens| self.places.piece(tokens).span;
        let problem = match prototypes::odd_part(&others, sig) {
            Some(odd) => Some((self.at(odd), "a function that the kernel calls cannot have this")),
            None if sig.unsafety.is_none() => {
                Some((self.at(sig.fn_token.span), "the function is not `unsafe`"))
            }
            None if sig.inputs.len() > 1 => {
                Some((piece(&sig.inputs), "a callback has one parameter or none"))
            }
            None => {
                param.map(|param| (piece(param), "the parameter of a callback must be named `obj`"))
            }
        };
        let problem = problem.or_else(|| match (callback.returns(), returns) {
            (true, false) => Some((
                self.at(sig.ident.span()),
                "`pre_patch` must return whether the object may be patched",
            )),
            (true, true) | (false, false) => None,
            (false, true) => Some((piece(&sig.output), "only `pre_patch` can return a value")),
        });
        if let Some((place, message)) = problem {
            self.diagnostics.push(
                Diagnostic::new(UNSUPPORTED_SIGNATURE, message).at(place, "").help(format!(
                    "write `unsafe fn {}(obj: *mut klp_object){result} {{ .. }}`",
                    sig.ident
                )),
            );
            return;
        }
        let place = self.at(attribute.path().span());
        let first = self.object(&object).callbacks.iter().find(|other| other.callback == callback);
        if let Some(first) = first.map(|first| first.word) {
            return self.second(word, &object.value, place, first);
        }
        let code = self.places.body(&function.block);
        self.object(&object).callbacks.push(CallbackBody { callback, word: place, code });
    }
}

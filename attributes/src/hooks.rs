//! `#[replace(..)]`, `#[pre(..)]` and `#[post(..)]` on functions: what runs in the place of a function of the kernel, before or after it.

use crate::{symbol, Reader};
use kps_ast::{Body, Func, Name, Prototype, Symbol, Text};
use kps_resolve::diag::{Diagnostic, KPS1203, KPS1204, KPS1205};
use kps_resolve::written;
use syn::spanned::Spanned as _;
use syn::{Attribute, ItemFn};

impl Reader<'_> {
    pub(crate) fn hook(&mut self, word: &str, attribute: &Attribute, function: &ItemFn) {
        let Some((object, symbol)) = self.arguments(word, attribute, symbol::FORM, symbol::read) else {
            return;
        };
        let Some(mut prototype) = self.prototype(word, attribute, function) else { return };
        if word == "post" && !self.take_ret(&mut prototype, function) {
            return;
        }
        let body = Body { word: self.at(attribute.path().span()), code: self.places.body(&function.block) };
        let place = body.word;
        let func = self.func(&object, &symbol);
        let slot = match word {
            "pre" => &mut func.pre,
            "post" => &mut func.post,
            _ => &mut func.replace,
        };
        if let Some(first) = slot.replace(body) {
            self.diagnostics.push(
                Diagnostic::error(KPS1205, format!("`{}` has a second `#[{word}]`", symbol.name.value))
                    .at(place, "")
                    .at(first.word, "here is the first")
                    .help("write both into one function"),
            );
            return;
        }
        if let Some(first) = func.prototype.replace(prototype.clone()) {
            self.check_alike(&symbol.name, &first, &prototype);
        }
    }

    /// The entry of a function, which is added if it has not been mentioned.
    pub(crate) fn func(&mut self, object: &Name, symbol: &Symbol) -> &mut Func {
        let position = |symbol: &Symbol| symbol.position.as_ref().map(|at| at.value);
        let is_it = |func: &Func| {
            func.symbol.name.value == symbol.name.value && position(&func.symbol) == position(symbol)
        };
        let funcs = &mut self.object(object).funcs;
        let at = funcs.iter().position(is_it).unwrap_or(funcs.len());
        if at == funcs.len() {
            funcs.push(Func {
                symbol: symbol.clone(),
                prototype: None,
                replace: None,
                replace_c: None,
                replace_from: None,
                pre: None,
                post: None,
            });
        }
        &mut funcs[at]
    }

    /// The prototype of a function that the kernel calls.
    pub(crate) fn prototype(
        &mut self,
        word: &str,
        attribute: &Attribute,
        function: &ItemFn,
    ) -> Option<Prototype> {
        let others: Vec<Attribute> =
            function.attrs.iter().filter(|other| !std::ptr::eq(*other, attribute)).cloned().collect();
        let sig = &function.sig;
        let example = format!("write `unsafe fn {}(NAME: TYPE, ..) -> TYPE {{ .. }}`", sig.ident);
        let problem = match (written::odd_part(&others, sig), sig.unsafety) {
            (Some(odd), _) => Some((odd, "a function that the kernel calls cannot have this")),
            (None, None) => Some((sig.fn_token.span, "the function is not `unsafe`")),
            (None, Some(_)) => None,
        };
        if let Some((span, message)) = problem {
            self.diagnostics.push(
                Diagnostic::error(KPS1203, message)
                    .at(self.at(span), "")
                    .note(format!("the body of `#[{word}]` uses pointers of the kernel's as they come; nobody checks them"))
                    .help(example),
            );
            return None;
        }
        let places = self.places;
        let prototype =
            written::prototype(sig, &|span| places.place(span), &|ty: &syn::Type| places.piece(ty));
        Some(prototype)
    }

    /// Takes the result of the old function, which is the last parameter of a hook behind it, out of the parameters.
    fn take_ret(&mut self, prototype: &mut Prototype, function: &ItemFn) -> bool {
        let error = match &function.sig.output {
            syn::ReturnType::Type(_, ty) => {
                Some(("what runs after a function returns nothing", self.at(ty.span())))
            }
            syn::ReturnType::Default => None,
        };
        if let Some((message, place)) = error {
            self.diagnostics.push(
                Diagnostic::error(KPS1203, message)
                    .at(place, "")
                    .note("the result of the old function is the last parameter, and goes to the caller as the hook leaves it")
                    .help("write `mut ret: TYPE` as the last parameter, and no `->`"),
            );
            return false;
        }
        let has_ret = prototype.params.last().is_some_and(|param| param.name.value == "ret");
        prototype.ret = if has_ret { prototype.params.pop().map(|param| param.ty) } else { None };
        true
    }

    /// Hooks around one function are one body in the end, so they must call its parameters alike.
    fn check_alike(&mut self, name: &Name, first: &Prototype, second: &Prototype) {
        let differs = first.params.len() != second.params.len()
            || first.params.iter().zip(&second.params).any(|(a, b)| a.name.value != b.name.value);
        if differs {
            self.diagnostics.push(
                Diagnostic::error(
                    KPS1204,
                    format!("the hooks of `{}` name its parameters differently", name.value),
                )
                .at(second.span, "")
                .at(first.span, "here they have other names")
                .note("both run around one call, and what the first changes the second one sees")
                .help("give the parameters the same names; `#[post]` has `ret` behind them"),
            );
        }
    }

    /// The entry of a function that a file in C has the new body of.
    pub(crate) fn in_c(&mut self, object: &Name, symbol: &Symbol, file: &Text, prototype: Prototype) {
        let func = self.func(object, symbol);
        func.replace_c = Some(file.clone());
        func.prototype = Some(prototype);
    }
}

// SPDX-License-Identifier: GPL-2.0
//! `#[replace(..)]`, `#[pre(..)]` and `#[post(..)]` on functions: code that runs in place of a
//! kernel function, before it or after it.

use crate::args::Arguments;
use crate::when::are_alike;
use crate::{symbol, Reader};
use kps_ast::{Body, Conditions, Func, FuncItem, Hook, Name, Prototype, Span, Symbol, Text};
use kps_diag::{Diagnostic, DIFFERENT_PARAMETERS, REPEATED_HOOK, UNSUPPORTED_SIGNATURE};
use kps_resolve::prototypes;
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, BinOp, Expr, FnArg, ItemFn, ReturnType, Token};

/// The signature of a hook, without spans.
pub(crate) struct HookSignature {
    object: String,
    name: String,
    position: Option<u32>,
    when: Conditions,
    /// The names of its parameters, their types, and the return type.
    parts: Vec<String>,
    place: Span,
}

impl Reader<'_> {
    pub(crate) fn hook(&mut self, hook: Hook, attribute: &Attribute, function: &ItemFn) {
        let word = hook.keyword();
        let read = |args: &mut Arguments<'_>| Ok((symbol::read(args)?, told(args)?));
        let Some(((object, symbol), told)) = self.arguments(word, attribute, symbol::FORM, read)
        else {
            return;
        };
        let Some(mut prototype) = self.prototype(word, attribute, function) else { return };
        let fits = match hook {
            Hook::Replace => true,
            Hook::Pre => self.has_no_tail(function),
            Hook::Post => self.take_ret(&mut prototype, function),
        };
        if !fits {
            return;
        }
        let body = Body {
            word: self.at(attribute.path().span()),
            code: self.places.body(&function.block),
        };
        let place = body.word;
        let func = self.func(&object, &symbol);
        let first = func.hook_mut(hook).replace(body).map(|first| first.word);
        func.prototype.get_or_insert(prototype.clone());
        func.arguments = func.arguments.take().or(told);
        if let Some(first) = first {
            self.second(word, &symbol.name.value, place, first);
            return;
        }
        self.check_alike(&object, &symbol, written(function, hook), prototype.span);
    }

    /// Rejects a second hook of the same kind.
    pub(crate) fn second(&mut self, word: &str, name: &str, place: Span, first: Span) {
        self.diagnostics.push(
            Diagnostic::new(REPEATED_HOOK, format!("`{name}` has a second `#[{word}]`"))
                .at(place, "")
                .at(first, "the first one is here")
                .help("merge both into one function"),
        );
    }

    /// The final value of a body has no effect if the old function runs next.
    fn has_no_tail(&mut self, function: &ItemFn) -> bool {
        let returns = !matches!(function.sig.output, syn::ReturnType::Default);
        let tail = match function.block.stmts.last() {
            Some(syn::Stmt::Expr(tail, None)) if returns && is_value(tail) => tail,
            _ => return true,
        };
        let place = self.places.piece(tail).span;
        self.diagnostics.push(
            Diagnostic::new(UNSUPPORTED_SIGNATURE, "the final value of a `#[pre]` is unused")
                .at(place, "")
                .note("the old function runs next, and the caller gets its result")
                .help(
                    "write `return VALUE;` to give the caller a value in its place, or end with a statement",
                ),
        );
        false
    }

    /// The entry of a function; a new one if the function is not in the patch yet with the
    /// conditions of the item.
    pub(crate) fn func(&mut self, object: &Name, symbol: &Symbol) -> &mut Func {
        let when = self.when.clone();
        let position = |symbol: &Symbol| symbol.position.as_ref().map(|at| at.value);
        let is_it = |func: &Func| {
            func.symbol.name.value == symbol.name.value
                && position(&func.symbol) == position(symbol)
                && are_alike(&func.when, &when)
        };
        let funcs = &mut self.object(object).funcs;
        let at = funcs.iter().position(is_it).unwrap_or(funcs.len());
        if at == funcs.len() {
            funcs.push(Func { when, ..Func::new(symbol.clone(), None) });
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
        let others: Vec<Attribute> = function
            .attrs
            .iter()
            .filter(|other| !std::ptr::eq(*other, attribute))
            .cloned()
            .collect();
        let sig = &function.sig;
        let example = format!("write `unsafe fn {}(NAME: TYPE, ..) -> TYPE {{ .. }}`", sig.ident);
        let problem = match (prototypes::odd_part(&others, sig), sig.unsafety) {
            (Some(odd), _) => {
                let error = Diagnostic::new(
                    UNSUPPORTED_SIGNATURE,
                    "a function that the kernel calls cannot have this",
                );
                Some(error.at(self.at(odd), ""))
            }
            (None, None) => {
                let error = Diagnostic::new(UNSUPPORTED_SIGNATURE, "the function is not `unsafe`");
                let error = error.at(self.at(sig.fn_token.span), "");
                Some(error.note(format!(
                    "the body of `#[{word}]` uses unchecked pointers from the kernel"
                )))
            }
            (None, Some(_)) => None,
        };
        if let Some(error) = problem {
            self.diagnostics.push(error.help(example));
            return None;
        }
        let places = self.places;
        let prototype =
            prototypes::prototype(sig, &|span| places.place(span), &|ty: &syn::Type| {
                places.piece(ty)
            });
        Some(prototype)
    }

    /// Removes the result of the old function, the last parameter of a `post` hook, from the
    /// parameters.
    fn take_ret(&mut self, prototype: &mut Prototype, function: &ItemFn) -> bool {
        let error = match &function.sig.output {
            syn::ReturnType::Type(_, ty) => {
                Some(("a `#[post]` cannot return a value", self.places.piece(ty).span))
            }
            syn::ReturnType::Default => None,
        };
        if let Some((message, place)) = error {
            self.diagnostics.push(
                Diagnostic::new(UNSUPPORTED_SIGNATURE, message)
                    .at(place, "")
                    .note("the last parameter is the old function's result; the caller gets the value that the hook leaves in it")
                    .help("write `mut ret: TYPE` as the last parameter, and no `->`"),
            );
            return false;
        }
        let has_ret = prototype.params.last().is_some_and(|param| param.name.value == "ret");
        prototype.ret = if has_ret { prototype.params.pop().map(|param| param.ty) } else { None };
        true
    }

    /// The hooks around one function end up in one body, so they must have the same prototype.
    fn check_alike(&mut self, object: &Name, symbol: &Symbol, parts: Vec<String>, place: Span) {
        let position = symbol.position.as_ref().map(|at| at.value);
        let name = &symbol.name.value;
        let is_it = |other: &&HookSignature| {
            other.object == object.value
                && other.name == *name
                && other.position == position
                && are_alike(&other.when, &self.when)
        };
        let first = self.signatures.iter().find(is_it);
        if let Some(first) = first.filter(|first| first.parts != parts) {
            self.diagnostics.push(
                Diagnostic::new(DIFFERENT_PARAMETERS, format!("the hooks of `{name}` have different prototypes"))
                    .at(place, "")
                    .at(first.place, "the other prototype is here")
                    .note("both run around the same call, and the second sees changes that the first makes to the parameters")
                    .help("give the parameters the same names and types; in `#[post]`, the result follows them as `ret`"),
            );
        }
        let (object, name) = (object.value.clone(), name.clone());
        let when = self.when.clone();
        self.signatures.push(HookSignature { object, name, position, when, parts, place });
    }

    /// The entry of a function whose new body is in a C file.
    pub(crate) fn in_c(
        &mut self,
        object: &Name,
        symbol: &Symbol,
        file: &Text,
        prototype: Prototype,
    ) {
        let func = self.func(object, symbol);
        let first = func.replace_c.replace(file.clone());
        func.prototype.get_or_insert(prototype);
        if let Some(first) = first {
            self.second(Hook::Replace.keyword(), &symbol.name.value, symbol.name.span, first.span);
        }
    }
}

/// `, arguments = ".."`, if it follows.
fn told(args: &mut Arguments<'_>) -> syn::Result<Option<Text>> {
    if args.input.parse::<Option<Token![,]>>()?.is_none() || args.input.is_empty() {
        return Ok(None);
    }
    let word = args.name()?;
    match FuncItem::of(&word.value) {
        Some(FuncItem::Arguments) => args.text().map(Some),
        None => Err(args.input.error("expected `arguments = \"..\"`")),
    }
}

/// The parts of a prototype as text; the result of the old function is the last parameter of a
/// `post`.
fn written(function: &ItemFn, hook: Hook) -> Vec<String> {
    let sig = &function.sig;
    let mut parts: Vec<(String, String)> = sig
        .inputs
        .iter()
        .filter_map(|input| match input {
            FnArg::Typed(param) => {
                let name = prototypes::name_of(input)?.unraw().to_string();
                Some((name, param.ty.to_token_stream().to_string()))
            }
            FnArg::Receiver(_) => None,
        })
        .collect();
    let result = match &sig.output {
        ReturnType::Type(_, ty) => Some(ty.to_token_stream().to_string()),
        ReturnType::Default
            if hook == Hook::Post && parts.last().is_some_and(|(name, _)| name == "ret") =>
        {
            parts.pop().map(|(_, ty)| ty)
        }
        ReturnType::Default => None,
    };
    let variadic = sig.variadic.as_ref().map(|_| "...".to_owned());
    let parts = parts.into_iter().map(|(name, ty)| format!("{name}: {ty}"));
    parts.chain(variadic).chain(result.map(|ty| format!("-> {ty}"))).collect()
}

/// Whether an expression is only a value. A call is not: its function may return nothing.
fn is_value(tail: &Expr) -> bool {
    match tail {
        Expr::Lit(_) | Expr::Path(_) | Expr::Unary(_) | Expr::Cast(_) | Expr::Field(_) => true,
        Expr::Paren(inner) => is_value(&inner.expr),
        Expr::Binary(binary) => {
            // An assignment is not a value.
            matches!(
                binary.op,
                BinOp::Add(_)
                    | BinOp::Sub(_)
                    | BinOp::Mul(_)
                    | BinOp::Div(_)
                    | BinOp::Rem(_)
                    | BinOp::And(_)
                    | BinOp::Or(_)
                    | BinOp::BitXor(_)
                    | BinOp::BitAnd(_)
                    | BinOp::BitOr(_)
                    | BinOp::Shl(_)
                    | BinOp::Shr(_)
                    | BinOp::Eq(_)
                    | BinOp::Lt(_)
                    | BinOp::Le(_)
                    | BinOp::Ne(_)
                    | BinOp::Ge(_)
                    | BinOp::Gt(_)
            )
        }
        _ => false,
    }
}

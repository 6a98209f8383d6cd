// SPDX-License-Identifier: GPL-2.0
//! Calls of functions and methods, and values of structs: the types of their parts.

use super::formats::{arguments, placeholders};
use super::infer::{Infer, Member};
use super::ty::{integer, Ty};
use super::{Fault, Kind, Notation, Part, Place, Prototype};
use kps_plan::{Field, Record, RecordKind, TypeDef};
use std::ops::RangeInclusive;
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::visit;
use syn::{Expr, Lit, Token};

impl Infer<'_> {
    pub(super) fn call(&mut self, expr: &Expr, call: &syn::ExprCall) -> Ty {
        if let Some(ty) = self.cast_of_c(call) {
            self.fault(expr, Kind::Notation(Notation::Cast { ty }));
            return Ty::Unknown;
        }
        let name = match &*call.func {
            Expr::Path(path) if path.qself.is_none() => path.path.segments.last(),
            _ => None,
        };
        let is_short = matches!(&*call.func, Expr::Path(path) if path.path.segments.len() == 1);
        let name = name.map(|name| name.ident.unraw().to_string()).filter(|_| is_short);
        let Some(name) = name.filter(|name| self.local(name).is_none()) else {
            visit::visit_expr_call(self, call);
            return Ty::Unknown;
        };
        let prototype = match (name.as_str(), self.context.functions.get(name.as_str())) {
            ("original", _) => self.original.clone(),
            (_, Some(signature)) => Some(Prototype::of(self.context.types, signature)),
            (name, None) => self.context.own.get(name).cloned(),
        };
        if let Some(prototype) = prototype {
            self.arguments(expr, call, &name, &prototype);
            return prototype.ret;
        }
        let arguments: Vec<Ty> = call.args.iter().map(|arg| self.expr(arg)).collect();
        if self.context.own_names.contains(&name) {
            return Ty::Unknown;
        }
        let pointer = |mutable| Ty::Pointer { to: Box::new(Ty::Unknown), mutable };
        match (name.as_str(), arguments.as_slice()) {
            ("size_of" | "size_of_val" | "align_of", _) => Ty::Int("usize"),
            ("null_mut" | "ERR_PTR", _) => pointer(true),
            ("null", _) => pointer(false),
            ("IS_ERR" | "IS_ERR_OR_NULL", _) => Ty::Bool,
            ("PTR_ERR", _) => Ty::Int("i64"),
            _ => Ty::Unknown,
        }
    }

    /// The type in `(u32)(x)`, which Rust takes for a call.
    fn cast_of_c(&self, call: &syn::ExprCall) -> Option<Part> {
        let Expr::Paren(ty) = &*call.func else { return None };
        let Expr::Path(path) = &*ty.expr else { return None };
        let name = path.path.get_ident()?.unraw().to_string();
        let is_own = self.local(&name).is_some() || self.context.own_names.contains(&name);
        (call.args.len() == 1 && !is_own && integer(&name).is_some()).then(|| Part::of(&ty.expr))
    }

    fn arguments(
        &mut self,
        expr: &Expr,
        call: &syn::ExprCall,
        function: &str,
        prototype: &Prototype,
    ) {
        let (wanted, given) = (prototype.params.len(), call.args.len());
        if given < wanted || (given > wanted && !prototype.variadic) {
            call.args.iter().for_each(|arg| drop(self.expr(arg)));
            let (function, prototype) = (function.to_owned(), prototype.text.clone());
            self.fault(expr, Kind::Arguments { function, wanted, given, prototype });
            return;
        }
        for (n, arg) in call.args.iter().enumerate() {
            match prototype.params.get(n) {
                // Strings have a message of their own.
                Some(Ty::Pointer { .. }) if is_text(arg) => {}
                Some(ty) => {
                    let place = Place::Argument { function: function.to_owned(), n };
                    self.want(arg, ty, &place);
                }
                None => drop(self.expr(arg)),
            }
        }
    }

    pub(super) fn method(&mut self, call: &syn::ExprMethodCall) -> Ty {
        let receiver = self.expr(&call.receiver);
        let arguments: Vec<Ty> = call.args.iter().map(|arg| self.expr(arg)).collect();
        let name = call.method.unraw().to_string();
        match (receiver.behind_references(), name.as_str()) {
            (Ty::Pointer { to, mutable }, method) => {
                let generic =
                    call.turbofish.as_ref().and_then(|generic| match generic.args.first() {
                        Some(syn::GenericArgument::Type(ty)) => Some(ty),
                        _ => None,
                    });
                let to_type = |ty| Ty::written(ty, &self.context.kernel);
                let pointer = |to: Ty, mutable| Ty::Pointer { to: Box::new(to), mutable };
                match method {
                    "is_null" => Ty::Bool,
                    "cast" => pointer(generic.map_or(Ty::Unknown, to_type), *mutable),
                    "cast_mut" => pointer((**to).clone(), true),
                    "cast_const" => pointer((**to).clone(), false),
                    "add" | "sub" | "offset" | "byte_add" | "byte_sub" | "wrapping_add" => {
                        pointer((**to).clone(), *mutable)
                    }
                    "read" | "read_volatile" | "read_unaligned" => (**to).clone(),
                    "offset_from" => Ty::Int("isize"),
                    "addr" => Ty::Int("usize"),
                    _ => Ty::Unknown,
                }
            }
            (found @ Ty::Int(_), method) if keeps_type(method) => found.clone(),
            (
                Ty::Int(_),
                "count_ones" | "count_zeros" | "leading_zeros" | "trailing_zeros" | "ilog2",
            ) => Ty::Int("u32"),
            (Ty::Int(_), "is_power_of_two" | "is_negative" | "is_positive") => Ty::Bool,
            (Ty::Record(id), method) => match self.member(*id, method) {
                Member::Bitfield(ty) if arguments.is_empty() => ty,
                Member::Is(Ty::Function) => self.called_member(call, name),
                _ => Ty::Unknown,
            },
            (Ty::Function, "is_null") => {
                let part = Part::of(&call.receiver);
                let notation = Notation::NoFunction { part, is_equal: true };
                self.faults.push(Fault { at: call.method.span(), kind: Kind::Notation(notation) });
                Ty::Bool
            }
            (Ty::Array(_), "len") => Ty::Int("usize"),
            (Ty::Array(of), "as_ptr") => Ty::Pointer { to: of.clone(), mutable: false },
            (Ty::Array(of), "as_mut_ptr") => Ty::Pointer { to: of.clone(), mutable: true },
            (Ty::CStr, "as_ptr") => Ty::Pointer { to: Box::new(Ty::Int("i8")), mutable: false },
            (Ty::Str, "as_ptr") => Ty::Pointer { to: Box::new(Ty::Int("u8")), mutable: false },
            _ => Ty::Unknown,
        }
    }

    fn called_member(&mut self, call: &syn::ExprMethodCall, member: String) -> Ty {
        let part = Part::of(&call.receiver);
        let at = call.method.span();
        self.faults.push(Fault { at, kind: Kind::CalledMember { part, member } });
        Ty::Unknown
    }

    /// A value of a struct, `name { member: value, .. }`.
    pub(super) fn record(&mut self, expr: &Expr, literal: &syn::ExprStruct) -> Ty {
        let name = literal.path.get_ident().map(|name| name.unraw().to_string());
        let ty = name.and_then(|name| self.context.kernel.get(name.as_str())).cloned();
        let Some(Ty::Record(id)) = ty else {
            visit::visit_expr_struct(self, literal);
            return Ty::Unknown;
        };
        for field in &literal.fields {
            let syn::Member::Named(name) = &field.member else { continue };
            let member = name.unraw().to_string();
            match self.member(id, &member) {
                Member::Is(ty) => self.want(&field.expr, &ty, &Place::Member(member)),
                Member::None => {
                    let kind = Kind::NoMember { record: id, member };
                    self.faults.push(Fault { at: name.span(), kind });
                    self.expr(&field.expr);
                }
                Member::Bitfield(_) | Member::Unknown => drop(self.expr(&field.expr)),
            }
        }
        if let Some(rest) = &literal.rest {
            self.expr(rest);
        } else if let TypeDef::Record(record) = self.context.types.get(id) {
            if literal.dot2_token.is_none() && !is_whole(record, literal) {
                self.fault(expr, Kind::WithoutRest { record: id });
            }
        }
        Ty::Record(id)
    }

    /// Messages and assertions take expressions; what other macros take is not known.
    pub(super) fn macro_(&mut self, called: &syn::Macro) -> Ty {
        let name = called.path.segments.last().map(|last| last.ident.to_string());
        let name = name.unwrap_or_default();
        if name.starts_with("pr_") || name == "assert" {
            let parse = Punctuated::<Expr, Token![,]>::parse_terminated;
            let args = parse.parse2(called.tokens.clone()).unwrap_or_default();
            if let (Some(Expr::Lit(text)), true) = (args.first(), args.len() > 1) {
                self.conversions(&text.lit);
            }
            if let Some(Expr::Lit(text)) = args.first().filter(|_| name.starts_with("pr_")) {
                self.placeholders(&text.lit, arguments(args.iter()));
            }
            for arg in args {
                match arg {
                    // `name = value`, for the text.
                    Expr::Assign(named) => drop(self.expr(&named.right)),
                    arg => drop(self.expr(&arg)),
                }
            }
        }
        Ty::Unknown
    }

    /// A message takes as many values as it has places for.
    fn placeholders(&mut self, text: &Lit, arguments: RangeInclusive<usize>) {
        let Lit::Str(text) = text else { return };
        let value = text.value();
        let Some(placeholders) = placeholders(&value) else { return };
        // Conversions of C have a message of their own.
        if arguments.contains(&placeholders) || (placeholders == 0 && value.contains('%')) {
            return;
        }
        let arguments = *arguments.start();
        let notation = Notation::Placeholders { placeholders, arguments };
        self.faults.push(Fault { at: text.span(), kind: Kind::Notation(notation) });
    }

    /// A message whose arguments go where C has `%d`.
    fn conversions(&mut self, text: &Lit) {
        let Lit::Str(text) = text else { return };
        let value = text.value();
        if value.contains('{') || !value.contains('%') {
            return;
        }
        let text_of_rust = in_braces(&value);
        if text_of_rust.contains('{') {
            let notation = Notation::Conversions { text: format!("{text_of_rust:?}") };
            self.faults.push(Fault { at: text.span(), kind: Kind::Notation(notation) });
        }
    }
}

/// A format of C's as one of Rust's.
fn in_braces(format: &str) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some((before, conversion)) = rest.split_once('%') {
        text += before;
        let flags = conversion.trim_start_matches(['-', '+', ' ', '#']);
        let kind = flags.trim_start_matches(|c: char| c.is_ascii_digit() || ".*".contains(c));
        let width = flags[..flags.len() - kind.len()].split('.').next().unwrap_or_default();
        let width = if width == "*" { "" } else { width };
        let kind = kind.trim_start_matches(['l', 'h', 'z', 'j', 't']);
        // `%pd`, `%pK` and the like print what the pointer leads to.
        let after = kind
            .strip_prefix('p')
            .map(|kind| kind.trim_start_matches(|c: char| c.is_ascii_alphanumeric()));
        let (letter, after) = match (kind.chars().next(), after) {
            (Some('p'), Some(after)) => ("p", after),
            (Some('d' | 'i' | 'u'), _) => ("", &kind[1..]),
            (Some('s' | 'c'), _) => ("?", &kind[1..]),
            (Some('x'), _) => ("x", &kind[1..]),
            (Some('X'), _) => ("X", &kind[1..]),
            (Some('o'), _) => ("o", &kind[1..]),
            (first, _) => {
                let percents = if first == Some('%') { 1 } else { 0 };
                text.push('%');
                rest = &conversion[percents..];
                continue;
            }
        };
        text += &match width.is_empty() && letter.is_empty() {
            true => "{}".to_owned(),
            false => format!("{{:{width}{letter}}}"),
        };
        rest = after;
    }
    text + rest
}

/// Whether an argument is a string literal.
fn is_text(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(lit) => matches!(lit.lit, Lit::Str(_) | Lit::CStr(_) | Lit::ByteStr(_)),
        _ => false,
    }
}

/// Whether a method of integers yields the type that it is called on.
fn keeps_type(method: &str) -> bool {
    const PREFIXES: [&str; 3] = ["wrapping_", "saturating_", "rotate_"];
    const METHODS: [&str; 11] = [
        "abs",
        "clamp",
        "div_ceil",
        "max",
        "min",
        "next_multiple_of",
        "pow",
        "rem_euclid",
        "swap_bytes",
        "to_be",
        "to_le",
    ];
    PREFIXES.iter().any(|prefix| method.starts_with(prefix)) || METHODS.contains(&method)
}

/// Whether a value names every member of a struct that has no padding.
fn is_whole(record: &Record, literal: &syn::ExprStruct) -> bool {
    let covered: u64 = record.fields.iter().map(|field| field.size).sum();
    let named = |field: &Field| {
        literal.fields.iter().any(|value| match &value.member {
            syn::Member::Named(name) => name.unraw() == field.name.as_str(),
            syn::Member::Unnamed(_) => false,
        })
    };
    record.kind == RecordKind::Union || (covered == record.size && record.fields.iter().all(named))
}

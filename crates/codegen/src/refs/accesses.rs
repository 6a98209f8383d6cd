// SPDX-License-Identifier: GPL-2.0
//! Accesses of memory through pointers that `as_ptr()` has returned. For a program's memory such a
//! pointer is an address to hand on, and no more.

use super::scopes::Walk;
use super::{Access, Owner};
use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::visit::Visit as _;
use syn::{Expr, Member};

/// Methods of pointers that lead to another pointer into the same memory.
const MOVES: &[&str] = &[
    "add",
    "byte_add",
    "byte_sub",
    "cast",
    "cast_const",
    "cast_mut",
    "offset",
    "sub",
    "wrapping_add",
    "wrapping_offset",
    "wrapping_sub",
];

/// Methods of pointers that access what they point to.
const ACCESSES: &[&str] = &[
    "as_mut",
    "as_ref",
    "copy_from",
    "copy_from_nonoverlapping",
    "copy_to",
    "copy_to_nonoverlapping",
    "read",
    "read_unaligned",
    "read_volatile",
    "replace",
    "write",
    "write_bytes",
    "write_unaligned",
    "write_volatile",
];

/// Functions that access what an argument points to: the last two names of their paths.
const FUNCTIONS: &[(&str, &[&str])] = &[
    ("CStr", &["from_ptr"]),
    (
        "ptr",
        &[
            "copy",
            "copy_nonoverlapping",
            "read",
            "read_unaligned",
            "read_volatile",
            "replace",
            "write",
            "write_bytes",
            "write_unaligned",
            "write_volatile",
        ],
    ),
    ("slice", &["from_raw_parts", "from_raw_parts_mut"]),
];

impl Walk {
    /// What a pointer was taken from with `as_ptr()`, perhaps through a variable.
    pub(super) fn owner_of_pointer(&self, expr: &Expr) -> Option<Owner> {
        match expr {
            Expr::Paren(inner) => self.owner_of_pointer(&inner.expr),
            Expr::Group(inner) => self.owner_of_pointer(&inner.expr),
            Expr::Cast(cast) if matches!(*cast.ty, syn::Type::Ptr(_)) => {
                self.owner_of_pointer(&cast.expr)
            }
            Expr::MethodCall(call) if call.method == "as_ptr" => self.owner(&call.receiver),
            Expr::MethodCall(call) if MOVES.iter().any(|name| call.method == name) => {
                self.owner_of_pointer(&call.receiver)
            }
            Expr::Path(path) => {
                self.pointers.get(&path.path.get_ident()?.unraw().to_string()).cloned()
            }
            _ => None,
        }
    }

    /// What the receiver of `as_ptr()` is, or was made of.
    fn owner(&self, receiver: &Expr) -> Option<Owner> {
        match receiver {
            Expr::Paren(inner) => self.owner(&inner.expr),
            Expr::Group(inner) => self.owner(&inner.expr),
            Expr::MethodCall(call) if call.method == "add" || call.method == "cast" => {
                self.owner(&call.receiver)
            }
            Expr::Field(syn::ExprField { member: Member::Named(name), .. }) => {
                Some(Owner::Member(name.unraw().to_string()))
            }
            receiver => Some(Owner::Name(self.outward(receiver)?.name)),
        }
    }

    /// Notes an access. To find the span of an expression takes as long as it is, so nothing else
    /// has one.
    fn access(&mut self, pointer: &Expr, span: impl FnOnce() -> Span) {
        if let Some(of) = self.owner_of_pointer(pointer) {
            self.refs.accesses.push(Access { of, span: span() });
        }
    }

    /// A `*` in front of a pointer.
    pub(super) fn dereference(&mut self, unary: &syn::ExprUnary) {
        if matches!(unary.op, syn::UnOp::Deref(_)) {
            self.access(&unary.expr, || unary.span());
        }
    }

    /// A method that may access what its receiver points to.
    pub(super) fn method_access(&mut self, call: &syn::ExprMethodCall) {
        if ACCESSES.iter().any(|name| call.method == name) {
            self.access(&call.receiver, || call.method.span());
        }
    }

    /// A function that may access what its arguments point to.
    pub(super) fn function_access(&mut self, path: &syn::Path, call: &syn::ExprCall) {
        let mut names = path.segments.iter().rev().map(|segment| segment.ident.unraw().to_string());
        let (Some(function), Some(of)) = (names.next(), names.next()) else { return };
        let is_known = |(known, functions): &(&str, &[&str])| {
            *known == of && functions.contains(&function.as_str())
        };
        if FUNCTIONS.iter().any(is_known) {
            call.args.iter().for_each(|arg| self.access(arg, || arg.span()));
        }
    }

    /// Walks a place whose address is taken: nothing is read or written there.
    pub(super) fn address_of(&mut self, place: &Expr) {
        match place {
            Expr::Field(field) => self.address_of(&field.base),
            Expr::Paren(inner) => self.address_of(&inner.expr),
            Expr::Group(inner) => self.address_of(&inner.expr),
            Expr::Index(index) => {
                self.address_of(&index.expr);
                self.visit_expr(&index.index);
            }
            Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Deref(_)) => {
                self.visit_expr(&unary.expr);
            }
            place => self.visit_expr(place),
        }
    }
}

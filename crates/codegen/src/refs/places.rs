// SPDX-License-Identifier: GPL-2.0
//! The names behind expressions: places that are written, and flags.

use super::aliases::path_of;
use super::scopes::Walk;
use super::{Event, Name, Passed, Role};
use syn::ext::IdentExt as _;
use syn::Expr;

impl Walk {
    /// A place that is written. Behind a `*` it is not the variable that is written.
    pub(super) fn write(&mut self, place: &Expr) {
        match place {
            Expr::Field(field) => self.write(&field.base),
            Expr::Index(index) => self.write(&index.expr),
            Expr::Paren(inner) => self.write(&inner.expr),
            Expr::Group(inner) => self.write(&inner.expr),
            Expr::Tuple(tuple) => tuple.elems.iter().for_each(|place| self.write(place)),
            place => {
                if let Some(name) = self.outward(place) {
                    self.refs.writes.push(name);
                }
            }
        }
    }

    /// A pointer that is made writable: the place that it points to.
    pub(super) fn write_through(&mut self, pointer: &Expr) {
        match pointer {
            Expr::RawAddr(address) => self.write(&address.expr),
            Expr::Reference(reference) => self.write(&reference.expr),
            Expr::Paren(inner) => self.write_through(&inner.expr),
            Expr::Group(inner) => self.write_through(&inner.expr),
            Expr::Cast(cast) => self.write_through(&cast.expr),
            Expr::MethodCall(call) => self.write_through(&call.receiver),
            Expr::Macro(syn::ExprMacro { mac, .. }) if mac.path.is_ident("addr_of") => {
                if let Ok(place) = mac.parse_body::<Expr>() {
                    self.write(&place);
                }
            }
            _ => {}
        }
    }

    /// The constants that an expression combines with `|`, such as the flags of an allocation.
    pub(super) fn flags(&mut self, expr: &Expr) {
        match expr {
            Expr::Paren(inner) => self.flags(&inner.expr),
            Expr::Group(inner) => self.flags(&inner.expr),
            Expr::Cast(cast) => self.flags(&cast.expr),
            Expr::Binary(binary) if matches!(binary.op, syn::BinOp::BitOr(_)) => {
                self.flags(&binary.left);
                self.flags(&binary.right);
            }
            Expr::Path(syn::ExprPath { qself: None, path, .. }) => {
                let (Some(first), Some(last)) = (path.segments.first(), path.segments.last())
                else {
                    return;
                };
                if !self.is_bound(&first.ident.unraw().to_string()) {
                    let (name, span) = (last.ident.unraw().to_string(), last.ident.span());
                    self.refs.sequence.push(Event::Flag(name.clone(), span));
                    self.refs.flags.push(Name { name, span, role: Role::Value, called: false });
                }
            }
            _ => {}
        }
    }

    /// The names that a call passes to a function.
    pub(super) fn passes(&mut self, function: &str, call: &syn::ExprCall) {
        let passed = call.args.iter().enumerate().filter_map(|(argument, value)| {
            let path = path_of(value)?;
            let is_outward = path.first != path.last || !self.is_bound(&path.first);
            let function = function.to_owned();
            is_outward.then_some(Passed { function, argument, name: path.last, span: path.span })
        });
        let passed: Vec<Passed> = passed.collect();
        self.refs.passed.extend(passed);
    }

    /// An expression that is one name from outside.
    pub(super) fn outward(&self, expr: &Expr) -> Option<Name> {
        let Expr::Path(syn::ExprPath { qself: None, path, .. }) = expr else { return None };
        let ident = path.get_ident()?;
        let name = ident.unraw().to_string();
        let is_outward = !self.is_bound(&name) && name != "self";
        is_outward.then(|| Name { name, span: ident.span(), role: Role::Value, called: false })
    }
}

/// An expression without the parentheses around it.
pub(super) fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(inner) => bare(&inner.expr),
        Expr::Group(inner) => bare(&inner.expr),
        expr => expr,
    }
}

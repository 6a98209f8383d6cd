// SPDX-License-Identifier: GPL-2.0
//! Where values go: a function of the patch that is an argument may be called later.

use super::aliases::path_of;
use super::places::bare;
use super::scopes::Walk;
use super::{To, Value, ValueKind};
use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit as _};
use syn::{Expr, Pat};

/// Functions whose result stands for their argument.
const WRAPPERS: &[&str] = &[
    "Ok",
    "Some",
    "addr_of",
    "addr_of_mut",
    "black_box",
    "from",
    "from_mut",
    "from_ref",
    "new",
    "new_unchecked",
    "transmute",
    "transmute_copy",
    "transmute_unchecked",
];

/// Methods that store their argument behind a pointer.
const STORES: &[&str] = &["replace", "store", "swap", "write", "write_unaligned", "write_volatile"];

/// A place that is assigned to.
enum Place {
    /// Behind a pointer.
    Memory,
    /// A variable, or a member of it.
    Variable(String),
    Other,
}

fn place_of(place: &Expr) -> Place {
    match bare(place) {
        Expr::Field(field) => place_of(&field.base),
        Expr::Index(index) => place_of(&index.expr),
        Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Deref(_)) => Place::Memory,
        Expr::MethodCall(_) | Expr::Call(_) => Place::Memory,
        Expr::Path(path) => match path.path.segments.last() {
            Some(last) => Place::Variable(last.ident.unraw().to_string()),
            None => Place::Other,
        },
        _ => Place::Other,
    }
}

/// Methods that make a pointer of what they are called on.
const POINTERS: &[&str] =
    &["as_mut_ptr", "as_ptr", "cast", "cast_const", "cast_mut", "clone", "get", "into"];

/// Whether a name is that of a type or a variant.
fn is_type(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && !name.contains('_')
}

impl Walk {
    /// Walks code whose value goes somewhere.
    pub(super) fn going(&mut self, to: To, inside: impl FnOnce(&mut Self)) {
        let outside = std::mem::replace(&mut self.to, to);
        inside(self);
        self.to = outside;
    }

    /// Where the arguments of a function go.
    pub(super) fn to_function(&self, function: &Expr) -> To {
        let Some(path) = path_of(function) else { return To::Here };
        match path.last.as_str() {
            // A variant or a struct of one member.
            wrapper if WRAPPERS.contains(&wrapper) || is_type(wrapper) => self.to.clone(),
            store if STORES.contains(&store) && path.first != path.last => To::Memory,
            _ => {
                let alias = self.alias_of(&path.first).filter(|_| path.first == path.last);
                let path = alias.cloned().unwrap_or(path);
                let of = Some(path.first).filter(|of| *of != path.last && path.owner != "bindings");
                To::Call(of, path.last)
            }
        }
    }

    /// Where the arguments of a method go.
    pub(super) fn to_method(&self, receiver: &Expr, method: &str) -> To {
        match (STORES.contains(&method), self.outward(receiver)) {
            (true, Some(variable)) => To::Static(variable.name),
            (true, None) => To::Memory,
            (false, _) => To::Here,
        }
    }

    /// An assignment of a value to a place.
    pub(super) fn assigned(&mut self, place: &Expr, value: &Expr) {
        match place_of(place) {
            Place::Memory => self.going(To::Memory, |walk| walk.visit_expr(value)),
            Place::Variable(name) if self.is_bound(&name) => {
                let held = self.holding(|walk| walk.visit_expr(value));
                self.holders.entry(name).or_default().extend(held);
            }
            Place::Variable(name) => self.going(To::Static(name), |walk| walk.visit_expr(value)),
            Place::Other => self.going(To::Variable, |walk| walk.visit_expr(value)),
        }
    }

    /// Walks what a local variable is made of. Returns what it then holds.
    pub(super) fn holding(&mut self, inside: impl FnOnce(&mut Self)) -> Vec<(ValueKind, Span)> {
        let before = self.refs.values.len();
        self.going(To::Variable, inside);
        let values = self.refs.values.split_off(before);
        let (held, gone): (Vec<Value>, Vec<Value>) =
            values.into_iter().partition(|value| value.to == To::Variable);
        self.refs.values.extend(gone);
        // A variable holds something once, however often it is made of it.
        let mut once: Vec<(ValueKind, Span)> = Vec::new();
        for Value { what, span, .. } in held {
            if !once.iter().any(|(known, _)| *known == what) {
                once.push((what, span));
            }
        }
        once
    }

    /// What a new variable holds.
    pub(super) fn holds(&mut self, pat: &Pat, held: Vec<(ValueKind, Span)>) {
        match pat {
            Pat::Type(typed) => self.holds(&typed.pat, held),
            Pat::Ident(ident) => {
                self.holders.insert(ident.ident.unraw().to_string(), held);
            }
            // Which part has it is not known.
            _ => self.refs.values.extend(held.into_iter().map(|(what, span)| Value {
                what,
                span,
                to: To::Variable,
            })),
        }
    }

    /// A path that is a value.
    pub(super) fn value(&mut self, path: &syn::Path) {
        let (Some(first), Some(last)) = (path.segments.first(), path.segments.last()) else {
            return;
        };
        let text = |segment: &syn::PathSegment| segment.ident.unraw().to_string();
        let (first, name, span) = (text(first), text(last), last.ident.span());
        let is_short = path.segments.len() == 1;
        if !self.is_bound(&first) {
            let of = Some(first).filter(|_| !is_short);
            self.add_value(ValueKind::Outward(of, name), span);
        } else if is_short && self.inner.contains(&name) {
            self.add_value(ValueKind::Inner(name), span);
        } else if let Some(held) = self.holders.get(&name).filter(|_| is_short).cloned() {
            held.into_iter().for_each(|(what, span)| self.add_value(what, span));
        }
    }

    /// A closure.
    pub(super) fn closure(&mut self, closure: &syn::ExprClosure) {
        if matches!(self.to, To::Call(..)) {
            self.add_value(ValueKind::Closure, closure.or1_token.span);
        }
        self.going(To::Variable, |walk| visit::visit_expr_closure(walk, closure));
    }

    fn add_value(&mut self, what: ValueKind, span: Span) {
        self.refs.values.push(Value { what, span, to: self.to.clone() });
    }

    /// What a method is called on, which stays what it is if the method only makes a pointer of it.
    pub(super) fn receiver(&mut self, call: &syn::ExprMethodCall) {
        match POINTERS.iter().any(|pointer| call.method == pointer) {
            true => self.visit_expr(&call.receiver),
            false => self.read(&call.receiver),
        }
    }

    /// Something that only reads what it is made of, unless its address is taken.
    pub(super) fn read(&mut self, inside: &Expr) {
        self.going(To::Here, |walk| walk.visit_expr(inside));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refs::Refs;
    use proc_macro2::TokenStream;
    use syn::parse::Parser as _;

    /// The values of a body, in its order, with where each one goes.
    fn values(body: &str) -> Vec<String> {
        let tokens: TokenStream = body.parse().unwrap_or_else(|error| panic!("{body}: {error}"));
        let stmts = syn::Block::parse_within.parse2(tokens.clone());
        let stmts = stmts.unwrap_or_else(|error| panic!("{body}: {error}"));
        let values = Refs::of_block(&stmts, tokens, &["p".to_owned(), "q".to_owned()]).values;
        let text = |value: Value| {
            let what = match value.what {
                ValueKind::Outward(_, name) | ValueKind::Inner(name) => name,
                ValueKind::Closure => "closure".to_owned(),
            };
            Some(match value.to {
                To::Call(_, function) => format!("{what}: {function}()"),
                To::Memory => format!("{what}: memory"),
                To::Static(variable) => format!("{what}: {variable}"),
                To::Variable => format!("{what}: variable"),
                To::Here => return None,
            })
        };
        values.into_iter().filter_map(text).collect()
    }

    #[test]
    fn a_value_is_followed_to_what_gets_it() {
        for body in [
            "keep(Some(run))",
            "keep(transmute(run as *const ()))",
            "a::keep(1, &raw mut run)",
            "keep(addr_of!(run).cast())",
            "let f = run; keep(Some(f))",
            "let address = run as usize; let again = address; keep(transmute(again))",
            "let mut block = Block { call: Some(run), ..z() }; keep(&mut block)",
            "let mut block = z(); block.call = Some(run); keep(addr_of_mut!(block))",
            "let k = keep; k(run)",
            "fn run() {} sort(1); extern \"C\" fn run() {} keep(run)",
        ] {
            assert_eq!(values(body), ["run: keep()"], "{body}");
        }
        for body in ["(*p).f = Some(run)", "(*p).a.b[1] = run", "p.cast().write(run)"] {
            assert_eq!(values(body), ["run: memory"], "{body}");
        }
        assert_eq!(values("TIMER.f = Some(run)"), ["run: TIMER"]);
        assert_eq!(values("HELD.store(run as usize, R)"), ["run: HELD", "R: HELD"]);
        assert_eq!(values("keep(|| 1); run"), ["closure: keep()", "run: variable"]);
    }

    #[test]
    fn what_is_only_read_goes_nowhere() {
        for body in [
            "COUNT.fetch_add(1, q)",
            "if (*p).f == Some(run) { run(); }",
            "let f = run; f(1);",
            "p.for_each(run)",
            "let block = Block { call: Some(run) };",
        ] {
            assert_eq!(values(body), [] as [&str; 0], "{body}");
        }
    }
}

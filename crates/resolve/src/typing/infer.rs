// SPDX-License-Identifier: GPL-2.0
//! The types of a body's expressions, from those of its parameters and of the kernel's names. What
//! is not known fits everything, so no fault is found where there is none.

use super::operators::width;
use super::ty::{integer, Ty};
use super::{Context, Fault, Kind, Misuse, Notation, Part, Place, Prototype};
use std::collections::{HashMap, HashSet};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{BinOp, Block, Expr, Lit, Pat, Stmt};

/// The most faults that are reported of one body.
const MOST: usize = 50;

/// The variables of a block.
#[derive(Default)]
pub(super) struct Scope {
    pub(super) types: HashMap<String, Ty>,
    /// Those that keep their first value.
    pub(super) fixed: HashSet<String>,
}

/// The walk over one body.
pub(super) struct Infer<'a> {
    pub(super) context: &'a Context<'a>,
    /// What `original` calls.
    pub(super) original: Option<Prototype>,
    /// What `return` takes.
    result: Ty,
    pub(super) scopes: Vec<Scope>,
    /// Whether names may come from elsewhere, by glob imports and macros.
    pub(super) has_other_names: bool,
    pub(super) faults: Vec<Fault>,
}

impl<'a> Infer<'a> {
    /// Finds the faults of a body. `bound` are its parameters, `result` is what `return` takes, and
    /// `falls` is what its end yields.
    pub(super) fn faults(
        context: &'a Context<'a>,
        original: Option<Prototype>,
        bound: impl IntoIterator<Item = (String, Ty)>,
        (result, falls): (Ty, Ty),
        stmts: &[Stmt],
    ) -> Vec<Fault> {
        let scopes = vec![Scope { types: bound.into_iter().collect(), ..Scope::default() }];
        let (has_other_names, faults) = (context.has_other_names, Vec::new());
        let mut infer = Infer { context, original, result, scopes, has_other_names, faults };
        infer.wanted_of_block(stmts, &falls, &Place::End);
        infer.faults
    }

    /// A fault of an expression. After many of them the first ones are enough, and looking for
    /// the text of all would take time by the square of the body.
    pub(super) fn fault(&mut self, at: &Expr, kind: Kind) {
        if self.faults.len() < MOST {
            self.faults.push(Fault { at: at.span(), kind });
        }
    }

    pub(super) fn scoped<T>(&mut self, inside: impl FnOnce(&mut Self) -> T) -> T {
        self.scopes.push(Scope::default());
        let found = inside(self);
        self.scopes.pop();
        found
    }

    pub(super) fn bind(&mut self, name: &syn::Ident, ty: Ty) {
        if let Some(scope) = self.scopes.last_mut() {
            let name = name.unraw().to_string();
            scope.fixed.remove(&name);
            scope.types.insert(name, ty);
        }
    }

    pub(super) fn local(&self, name: &str) -> Option<&Ty> {
        self.scopes.iter().rev().find_map(|scope| scope.types.get(name))
    }

    /// An expression whose value has to be of a type. A branch that has another is the fault.
    pub(super) fn want(&mut self, expr: &Expr, wanted: &Ty, place: &Place) {
        match expr {
            Expr::Block(block) if block.label.is_none() => {
                self.wanted_of_block(&block.block.stmts, wanted, place);
            }
            Expr::Unsafe(block) => self.wanted_of_block(&block.block.stmts, wanted, place),
            Expr::If(branches) if branches.else_branch.is_some() => self.scoped(|infer| {
                infer.condition(&branches.cond);
                infer.wanted_of_block(&branches.then_branch.stmts, wanted, place);
                if let Some((_, otherwise)) = &branches.else_branch {
                    infer.want(otherwise, wanted, place);
                }
            }),
            Expr::Match(arms) => {
                self.expr(&arms.expr);
                for arm in &arms.arms {
                    self.arm(arm, |infer, body| infer.want(body, wanted, place));
                }
            }
            expr => {
                let found = self.expr(expr);
                let fits = found.fits(wanted) && is_in_range(expr, wanted);
                if !fits && self.faults.len() < MOST {
                    let part = Part::of(expr);
                    let (wanted, place) = (wanted.clone(), place.clone());
                    self.fault(expr, Kind::Value { part, found, wanted, place });
                }
            }
        }
    }

    fn arm<T>(&mut self, arm: &syn::Arm, body: impl FnOnce(&mut Self, &Expr) -> T) -> T {
        self.scoped(|infer| {
            infer.bind_pattern_of_value(&arm.pat);
            if let Some((_, guard)) = &arm.guard {
                infer.condition(guard);
            }
            body(infer, &arm.body)
        })
    }

    /// What `if`, `while` and `&&` take. Names that it binds are in the scope around it.
    pub(super) fn condition(&mut self, expr: &Expr) {
        match expr {
            Expr::Let(binding) => {
                let of = self.expr(&binding.expr);
                if of.is_pointer() && is_option(&binding.pat) {
                    let part = Part::of(&binding.expr);
                    self.fault(&binding.expr, Kind::Pointer { part, misuse: Misuse::Matched });
                }
                self.bind_pattern_of_value(&binding.pat);
            }
            Expr::Binary(binary) if matches!(binary.op, BinOp::And(_) | BinOp::Or(_)) => {
                self.condition(&binary.left);
                self.condition(&binary.right);
            }
            Expr::Paren(inner) => self.condition(&inner.expr),
            Expr::Assign(assign) => self.fault(
                expr,
                Kind::Notation(Notation::AssignedInCondition {
                    left: Part::of(&assign.left),
                    right: Part::of(&assign.right),
                }),
            ),
            expr => self.want(expr, &Ty::Bool, &Place::Condition),
        }
    }

    /// The type of an expression.
    pub(super) fn expr(&mut self, expr: &Expr) -> Ty {
        match expr {
            Expr::Paren(inner) => self.expr(&inner.expr),
            Expr::Group(inner) => self.expr(&inner.expr),
            Expr::Lit(lit) => {
                self.number_of_c(&lit.lit);
                literal(&lit.lit)
            }
            Expr::Path(path) if path.qself.is_none() => self.path(&path.path),
            Expr::Unary(unary) => self.unary(unary),
            Expr::Binary(binary) => self.binary(expr, binary),
            Expr::Assign(assign) => {
                if let Expr::Binary(product) = &*assign.left {
                    let (ty, name) = (Part::of(&product.left), Part::of(&product.right));
                    self.fault(&assign.left, Kind::Notation(Notation::Declaration { ty, name }));
                    return Ty::Unit;
                }
                self.assigned(&assign.left);
                let place = self.expr(&assign.left);
                self.want(&assign.right, &place, &Place::Assigned);
                Ty::Unit
            }
            Expr::Field(field) => self.field(expr, field),
            Expr::Index(index) => self.index(expr, index),
            Expr::Call(call) => self.call(expr, call),
            Expr::MethodCall(call) => self.method(call),
            Expr::Cast(cast) => {
                self.expr(&cast.expr);
                Ty::written(&cast.ty, &self.context.kernel)
            }
            Expr::Reference(reference) => match self.expr(&reference.expr) {
                Ty::Unknown | Ty::Literal | Ty::Never => Ty::Unknown,
                to => Ty::Reference { to: Box::new(to), mutable: reference.mutability.is_some() },
            },
            Expr::RawAddr(address) => Ty::Pointer {
                to: Box::new(self.expr(&address.expr)),
                mutable: matches!(address.mutability, syn::PointerMutability::Mut(_)),
            },
            Expr::Struct(literal) => self.record(expr, literal),
            Expr::Block(block) if block.label.is_none() => self.block(&block.block),
            Expr::Unsafe(block) => self.block(&block.block),
            Expr::If(branches) => self.branches(branches),
            Expr::Match(arms) => {
                self.expr(&arms.expr);
                let types = arms.arms.iter().map(|arm| self.arm(arm, Infer::expr));
                common(types.collect())
            }
            Expr::While(_) | Expr::ForLoop(_) => {
                self.repeated(expr);
                Ty::Unit
            }
            Expr::Closure(closure) => self.closure(closure),
            Expr::Return(ret) => {
                self.returns(expr, ret);
                Ty::Never
            }
            Expr::Break(_) | Expr::Continue(_) => {
                visit::visit_expr(self, expr);
                Ty::Never
            }
            Expr::Macro(called) => self.macro_(&called.mac),
            Expr::Let(_) => {
                self.condition(expr);
                Ty::Bool
            }
            expr => {
                self.scoped(|infer| visit::visit_expr(infer, expr));
                Ty::Unknown
            }
        }
    }

    fn branches(&mut self, branches: &syn::ExprIf) -> Ty {
        self.scoped(|infer| {
            infer.condition(&branches.cond);
            let Some((_, otherwise)) = &branches.else_branch else {
                infer.wanted_of_block(&branches.then_branch.stmts, &Ty::Unit, &Place::End);
                return Ty::Unit;
            };
            let then = infer.block(&branches.then_branch);
            common(vec![then, infer.expr(otherwise)])
        })
    }

    fn repeated(&mut self, expr: &Expr) {
        self.scoped(|infer| match expr {
            Expr::While(repeated) => {
                infer.condition(&repeated.cond);
                infer.wanted_of_block(&repeated.body.stmts, &Ty::Unit, &Place::End);
            }
            Expr::ForLoop(repeated) => {
                infer.expr(&repeated.expr);
                infer.bind_pattern(&repeated.pat, Ty::Unknown);
                infer.wanted_of_block(&repeated.body.stmts, &Ty::Unit, &Place::End);
            }
            _ => {}
        });
    }

    fn returns(&mut self, expr: &Expr, ret: &syn::ExprReturn) {
        let result = self.result.clone();
        match &ret.expr {
            Some(value) => self.want(value, &result, &Place::Result),
            None if result.is_known() && result != Ty::Unit => {
                self.fault(expr, Kind::NoResult { wanted: result });
            }
            None => {}
        }
    }

    fn closure(&mut self, closure: &syn::ExprClosure) -> Ty {
        let outside = std::mem::replace(&mut self.result, Ty::Unknown);
        self.scoped(|infer| {
            closure.inputs.iter().for_each(|pat| infer.bind_pattern(pat, Ty::Unknown));
            infer.expr(&closure.body);
        });
        self.result = outside;
        Ty::Unknown
    }

    /// A number as C writes it: `0644` is decimal in Rust, and `10UL` is none.
    fn number_of_c(&mut self, lit: &Lit) {
        let Lit::Int(int) = lit else { return };
        let suffix = int.suffix();
        let text = int.to_string();
        let digits = text.strip_suffix(suffix).unwrap_or(&text).to_owned();
        let is_octal = digits.len() > 1
            && digits.chars().all(|c| c.is_ascii_digit())
            && digits.starts_with('0');
        let notation = match is_octal {
            true => Notation::Octal { digits: digits.trim_start_matches('0').to_owned() },
            false
                if ["u", "l", "ul", "lu", "ll", "ull"]
                    .contains(&suffix.to_lowercase().as_str()) =>
            {
                Notation::Suffix { digits, suffix: suffix.to_owned() }
            }
            false => return,
        };
        self.faults.push(Fault { at: lit.span(), kind: Kind::Notation(notation) });
    }

    fn path(&self, path: &syn::Path) -> Ty {
        let names: Vec<String> =
            path.segments.iter().map(|s| s.ident.unraw().to_string()).collect();
        match names.as_slice() {
            [name] => match self.local(name) {
                Some(ty) => ty.clone(),
                None => self.context.values.get(name).cloned().unwrap_or(Ty::Unknown),
            },
            [of, limit] if limit == "MAX" || limit == "MIN" => {
                integer(of).map_or(Ty::Unknown, Ty::Int)
            }
            _ => Ty::Unknown,
        }
    }
}

impl<'b> Visit<'b> for Infer<'_> {
    fn visit_expr(&mut self, expr: &'b Expr) {
        self.expr(expr);
    }

    fn visit_block(&mut self, block: &'b Block) {
        self.block(block);
    }

    // Functions in a body have parameters of their own.
    fn visit_item(&mut self, _: &'b syn::Item) {}
    fn visit_type(&mut self, _: &'b syn::Type) {}
}

/// Whether a pattern is one of `Option`.
fn is_option(pat: &Pat) -> bool {
    match pat {
        Pat::TupleStruct(some) => some.path.is_ident("Some"),
        Pat::Ident(none) => none.ident == "None" && none.subpat.is_none(),
        _ => false,
    }
}

/// What a record has by a name.
pub(super) enum Member {
    Is(Ty),
    Bitfield(Ty),
    /// C cannot lay it out, and only the compiler knows what a body may do.
    Unknown,
    None,
}

fn literal(lit: &Lit) -> Ty {
    match lit {
        Lit::Int(int) if int.suffix().is_empty() => Ty::Literal,
        Lit::Int(int) => integer(int.suffix()).map_or(Ty::Unknown, Ty::Int),
        Lit::Bool(_) => Ty::Bool,
        Lit::Byte(_) => Ty::Int("u8"),
        Lit::Char(_) => Ty::Char,
        Lit::Str(_) => Ty::Str,
        Lit::CStr(_) => Ty::CStr,
        _ => Ty::Unknown,
    }
}

/// Whether a literal, perhaps with a sign, is one that an integer can have. What is no literal is.
pub(super) fn is_in_range(expr: &Expr, wanted: &Ty) -> bool {
    let Ty::Int(int) = wanted else { return true };
    let Some(value) = number(expr) else { return true };
    let bits = width(int);
    match int.starts_with('u') {
        true => value >= 0 && (bits >= 127 || value < 1 << bits),
        false => bits > 127 || (-(1 << (bits - 1))..1 << (bits - 1)).contains(&value),
    }
}

/// The number that a literal without a suffix is.
fn number(expr: &Expr) -> Option<i128> {
    match expr {
        Expr::Lit(syn::ExprLit { lit: Lit::Int(int), .. }) if int.suffix().is_empty() => {
            int.base10_parse().ok()
        }
        Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)) => Some(-number(&unary.expr)?),
        Expr::Paren(inner) => number(&inner.expr),
        _ => None,
    }
}

/// The type of several branches: the first that is known, unless none is reached.
fn common(types: Vec<Ty>) -> Ty {
    if types.iter().all(|ty| *ty == Ty::Never) {
        return Ty::Never;
    }
    let known = |ty: &Ty| !matches!(ty, Ty::Never | Ty::Literal | Ty::Unknown);
    types.into_iter().find(known).unwrap_or(Ty::Unknown)
}

impl Ty {
    /// The type if something holds of it.
    pub(super) fn or_unknown(self, holds: impl FnOnce(&Ty) -> bool) -> Ty {
        if holds(&self) {
            self
        } else {
            Ty::Unknown
        }
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Operators, members and indices: the types of their operands.

use super::infer::{is_in_range, Infer, Member};
use super::ty::Ty;
use super::{Fault, Kind, Misuse, Notation, Part, Place};
use kps_codegen::refs::is_assignment;
use kps_plan::{Field, TypeDef, TypeId};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{BinOp, Expr, UnOp};

impl Infer<'_> {
    pub(super) fn unary(&mut self, unary: &syn::ExprUnary) -> Ty {
        let of = self.expr(&unary.expr);
        let part = || Part::of(&unary.expr);
        match (&unary.op, of.behind_references()) {
            (UnOp::Deref(_), Ty::Pointer { to, .. }) => (**to).clone(),
            (UnOp::Deref(_), _) => match of {
                Ty::Reference { to, .. } => *to,
                Ty::Int(_) | Ty::Bool | Ty::Record(_) => {
                    let kind = Kind::NoPointer { part: part(), found: of };
                    self.faults.push(Fault { at: unary.span(), kind });
                    Ty::Unknown
                }
                _ => Ty::Unknown,
            },
            (UnOp::Not(_), Ty::Pointer { .. }) => {
                let kind = Kind::Pointer { part: part(), misuse: Misuse::Negated };
                self.faults.push(Fault { at: unary.span(), kind });
                Ty::Bool
            }
            (UnOp::Not(_), Ty::Function) => {
                let (part, found, wanted) = (part(), of, Ty::Bool);
                let kind = Kind::Value { part, found, wanted, place: Place::Condition };
                self.faults.push(Fault { at: unary.span(), kind });
                Ty::Bool
            }
            (UnOp::Not(_) | UnOp::Neg(_), found @ (Ty::Int(_) | Ty::Bool | Ty::Literal)) => {
                found.clone()
            }
            _ => Ty::Unknown,
        }
    }

    pub(super) fn binary(&mut self, expr: &Expr, binary: &syn::ExprBinary) -> Ty {
        let op = &binary.op;
        if matches!(op, BinOp::And(_) | BinOp::Or(_)) {
            self.condition(expr);
            return Ty::Bool;
        }
        let (left, right) = (self.expr(&binary.left), self.expr(&binary.right));
        let compares = matches!(
            op,
            BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_)
        );
        let assigns = is_assignment(op);
        if assigns {
            self.assigned(&binary.left);
        }
        let is_wrong = !is_shift(op) && self.operands(expr, binary, (&left, &right), compares);
        match (left, right) {
            _ if compares => Ty::Bool,
            _ if assigns => Ty::Unit,
            // One message is enough.
            _ if is_wrong => Ty::Unknown,
            (Ty::Literal, right @ (Ty::Int(_) | Ty::Literal)) if !is_shift(op) => right,
            (left @ (Ty::Int(_) | Ty::Bool), _) => left,
            (Ty::Literal, _) if is_shift(op) => Ty::Literal,
            _ => Ty::Unknown,
        }
    }

    /// The types on both sides of an operator have to be one. Returns whether they are at fault.
    fn operands(
        &mut self,
        expr: &Expr,
        binary: &syn::ExprBinary,
        sides: (&Ty, &Ty),
        compares: bool,
    ) -> bool {
        let (left, right) = (&*binary.left, &*binary.right);
        let (at, kind) = match sides {
            (Ty::Function, Ty::Pointer { .. }) | (Ty::Pointer { .. }, Ty::Function) if compares => {
                let function = if *sides.0 == Ty::Function { left } else { right };
                let (part, is_equal) = (Part::of(function), matches!(binary.op, BinOp::Eq(_)));
                (expr, Kind::Notation(Notation::NoFunction { part, is_equal }))
            }
            (Ty::Pointer { to, .. }, Ty::Int(_) | Ty::Literal) if compares => {
                (expr, as_number((left, to), right, &binary.op))
            }
            (Ty::Int(_) | Ty::Literal, Ty::Pointer { to, .. }) if compares => {
                (expr, as_number((right, to), left, &binary.op))
            }
            (Ty::Pointer { .. }, Ty::Int(_) | Ty::Literal | Ty::Pointer { .. }) if !compares => {
                let is_like = !sides.1.is_pointer() || sides.1.fits(sides.0);
                let method = method_of(&binary.op, sides.1.is_pointer()).filter(|_| is_like);
                let Some(method) = method else { return false };
                let (part, other, assigns) =
                    (Part::of(left), Part::of(right), is_assignment(&binary.op));
                let is_size = !matches!(sides.1, Ty::Int(int) if *int != "usize");
                let misuse = Misuse::Arithmetic { other, method, assigns, is_size };
                (expr, Kind::Pointer { part, misuse })
            }
            (Ty::Int(a), Ty::Int(b)) if a != b => {
                // The wider type holds the values of both.
                let is_left = !is_assignment(&binary.op) && width(a) < width(b);
                let (part, found, wanted) = if is_left { (left, a, b) } else { (right, b, a) };
                (part, Kind::OtherIntegers { part: Part::of(part), found, wanted, is_left })
            }
            (Ty::Int(_), Ty::Literal) if !is_in_range(right, sides.0) => {
                let (found, wanted) = (Ty::Literal, sides.0.clone());
                let (part, place) = (Part::of(right), Place::Operand);
                (right, Kind::Value { part, found, wanted, place })
            }
            (Ty::Record(id), Ty::Int(_) | Ty::Literal) => {
                (expr, Kind::RecordAsNumber { part: Part::of(left), record: *id })
            }
            (Ty::Int(_) | Ty::Literal, Ty::Record(id)) => {
                (expr, Kind::RecordAsNumber { part: Part::of(right), record: *id })
            }
            (Ty::Bool, Ty::Int(_) | Ty::Literal)
            | (Ty::Int(_) | Ty::Literal, Ty::Bool | Ty::Char)
            | (Ty::Pointer { .. }, Ty::Pointer { .. })
                if !sides.1.fits(sides.0) && !sides.0.fits(sides.1) =>
            {
                let (found, wanted) = (sides.1.clone(), sides.0.clone());
                let (part, place) = (Part::of(right), Place::Operand);
                (right, Kind::Value { part, found, wanted, place })
            }
            _ => return false,
        };
        self.fault(at, kind);
        true
    }

    pub(super) fn field(&mut self, expr: &Expr, field: &syn::ExprField) -> Ty {
        let base = self.expr(&field.base);
        let syn::Member::Named(name) = &field.member else { return Ty::Unknown };
        let member = name.unraw().to_string();
        let part = || Part::of(&field.base);
        match base.behind_references() {
            Ty::Record(id) => match self.member(*id, &member) {
                Member::Is(ty) => ty,
                Member::Bitfield(_) => {
                    let kind = Kind::Bitfield { part: part(), member };
                    self.faults.push(Fault { at: name.span(), kind });
                    Ty::Unknown
                }
                Member::None => {
                    let kind = Kind::NoMember { record: *id, member };
                    self.faults.push(Fault { at: name.span(), kind });
                    Ty::Unknown
                }
                Member::Unknown => Ty::Unknown,
            },
            Ty::Pointer { to, .. } => {
                let ty = match &**to {
                    Ty::Record(id) => match self.member(*id, &member) {
                        Member::Is(ty) => ty,
                        _ => Ty::Unknown,
                    },
                    _ => Ty::Unknown,
                };
                let is_referred = matches!(base, Ty::Reference { .. });
                let misuse = Misuse::Member { member, is_referred };
                self.fault(expr, Kind::Pointer { part: part(), misuse });
                ty
            }
            Ty::Void => {
                self.faults.push(Fault { at: name.span(), kind: Kind::MemberOfVoid { member } });
                Ty::Unknown
            }
            _ => Ty::Unknown,
        }
    }

    pub(super) fn member(&self, id: TypeId, name: &str) -> Member {
        let types = self.context.types;
        let TypeDef::Record(record) = types.get(id) else { return Member::None };
        if let Some(Field { ty, .. }) = record.fields.iter().find(|field| field.name == name) {
            return Member::Is(Ty::of(types, ty));
        }
        if let Some(bitfield) = record.bitfields.iter().find(|bitfield| bitfield.name == name) {
            return Member::Bitfield(Ty::of(types, &bitfield.ty));
        }
        match record.overlapping {
            Some(other) => self.member(other, name),
            None if record.unreachable.iter().any(|known| known == name) => Member::Unknown,
            None => Member::None,
        }
    }

    pub(super) fn index(&mut self, expr: &Expr, index: &syn::ExprIndex) -> Ty {
        let base = self.expr(&index.expr);
        match base.behind_references() {
            Ty::Pointer { to, .. } => {
                self.expr(&index.index);
                let misuse = Misuse::Index(Part::of(&index.index));
                self.fault(expr, Kind::Pointer { part: Part::of(&index.expr), misuse });
                (**to).clone()
            }
            Ty::Array(of) => {
                let of = (**of).clone();
                match &*index.index {
                    // A slice of it.
                    Expr::Range(range) => {
                        self.expr(&Expr::Range(range.clone()));
                        Ty::Unknown
                    }
                    position => {
                        self.want(position, &Ty::Int("usize"), &Place::Index);
                        of
                    }
                }
            }
            _ => {
                self.expr(&index.index);
                Ty::Unknown
            }
        }
    }
}

/// A comparison of a pointer with a number.
fn as_number((pointer, to): (&Expr, &Ty), number: &Expr, op: &BinOp) -> Kind {
    let is_equal = matches!(op, BinOp::Eq(_));
    let compares_sizes = !is_equal && !matches!(op, BinOp::Ne(_));
    let to_number = compares_sizes && matches!(to, Ty::Int(_));
    let misuse = Misuse::AsNumber { number: Part::of(number), is_equal, to_number };
    Kind::Pointer { part: Part::of(pointer), misuse }
}

/// The method of pointers that does what C's operator does.
fn method_of(op: &BinOp, with_pointer: bool) -> Option<&'static str> {
    match op {
        BinOp::Sub(_) if with_pointer => Some("offset_from"),
        _ if with_pointer => None,
        BinOp::Sub(_) | BinOp::SubAssign(_) => Some("sub"),
        BinOp::Add(_) | BinOp::AddAssign(_) => Some("add"),
        _ => None,
    }
}

fn is_shift(op: &BinOp) -> bool {
    matches!(op, BinOp::Shl(_) | BinOp::Shr(_) | BinOp::ShlAssign(_) | BinOp::ShrAssign(_))
}

/// The width of an integer in bits.
pub(super) fn width(int: &str) -> u32 {
    let digits = int.trim_start_matches(|c: char| c.is_alphabetic());
    digits.parse().unwrap_or(64)
}

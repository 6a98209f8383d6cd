// SPDX-License-Identifier: GPL-2.0
//! Types of expressions, as far as they are known without a compiler.

use kps_plan::{CInt, Type, TypeDef, TypeId, Types};
use std::collections::HashMap;

/// The type of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ty {
    /// Not known. It fits everything.
    Unknown,
    /// The expression has no value: it returns, breaks or never ends.
    Never,
    /// `()`.
    Unit,
    /// `c_void`, behind a pointer.
    Void,
    Bool,
    /// An integer, by its name in Rust.
    Int(&'static str),
    /// An integer literal, which may become any integer.
    Literal,
    /// A character, which no integer of C is in Rust.
    Char,
    /// An optional pointer to a function.
    Function,
    /// `&str`.
    Str,
    /// `&CStr`.
    CStr,
    Pointer {
        to: Box<Ty>,
        mutable: bool,
    },
    Reference {
        to: Box<Ty>,
        mutable: bool,
    },
    /// `UserPtr<T>`.
    User,
    /// A struct or union of the kernel.
    Record(TypeId),
    Array(Box<Ty>),
}

/// Integers by their names in bodies. C's are aliases of Rust's on LP64 architectures.
const INTEGERS: &[(&str, &str)] = &[
    ("i8", "i8"),
    ("u8", "u8"),
    ("i16", "i16"),
    ("u16", "u16"),
    ("i32", "i32"),
    ("u32", "u32"),
    ("i64", "i64"),
    ("u64", "u64"),
    ("i128", "i128"),
    ("u128", "u128"),
    ("isize", "isize"),
    ("usize", "usize"),
    ("c_char", "i8"),
    ("c_schar", "i8"),
    ("c_uchar", "u8"),
    ("c_short", "i16"),
    ("c_ushort", "u16"),
    ("c_int", "i32"),
    ("c_uint", "u32"),
    ("c_long", "i64"),
    ("c_ulong", "u64"),
    ("c_longlong", "i64"),
    ("c_ulonglong", "u64"),
    ("size_t", "usize"),
    ("ssize_t", "isize"),
];

/// An integer by one of its names.
pub(super) fn integer(name: &str) -> Option<&'static str> {
    INTEGERS.iter().find(|(known, _)| *known == name).map(|(_, rust)| *rust)
}

impl Ty {
    /// What a type of C is in Rust.
    pub(super) fn of(types: &Types, ty: &Type) -> Ty {
        match types.resolve(ty) {
            Type::Void => Ty::Void,
            Type::Bool => Ty::Bool,
            Type::Int(int) => Ty::Int(rust_int(*int)),
            Type::Pointer { to, constant } => {
                Ty::Pointer { to: Box::new(Ty::of(types, to)), mutable: !constant }
            }
            Type::User(_) => Ty::User,
            Type::Function(_) => Ty::Function,
            // An array without a length has methods of its own.
            Type::Array { len: 0, .. } => Ty::Unknown,
            Type::Array { of, .. } => Ty::Array(Box::new(Ty::of(types, of))),
            Type::Named(id) => match types.get(*id) {
                TypeDef::Enum { int, .. } => Ty::Int(rust_int(*int)),
                TypeDef::Record(_) | TypeDef::Opaque { .. } => Ty::Record(*id),
                TypeDef::Alias { .. } => Ty::Unknown,
            },
        }
    }

    /// The result of a function.
    pub(super) fn returned(types: &Types, ty: &Type) -> Ty {
        match Ty::of(types, ty) {
            Ty::Void => Ty::Unit,
            ty => ty,
        }
    }

    /// A type as an author writes it. `kernel` are the kernel's types by their names.
    pub(super) fn written(ty: &syn::Type, kernel: &HashMap<&str, Ty>) -> Ty {
        match ty {
            syn::Type::Paren(ty) => Ty::written(&ty.elem, kernel),
            syn::Type::Group(ty) => Ty::written(&ty.elem, kernel),
            syn::Type::Never(_) => Ty::Never,
            syn::Type::Tuple(ty) if ty.elems.is_empty() => Ty::Unit,
            syn::Type::Ptr(ty) => Ty::Pointer {
                to: Box::new(Ty::written(&ty.elem, kernel)),
                mutable: ty.mutability.is_some(),
            },
            syn::Type::Reference(ty) => match Ty::written(&ty.elem, kernel) {
                Ty::Unknown => Ty::Unknown,
                to => Ty::Reference { to: Box::new(to), mutable: ty.mutability.is_some() },
            },
            syn::Type::Array(ty) => Ty::Array(Box::new(Ty::written(&ty.elem, kernel))),
            syn::Type::Path(path) if path.qself.is_none() => {
                let Some(name) = path.path.get_ident().map(ToString::to_string) else {
                    return Ty::Unknown;
                };
                match kernel.get(name.as_str()) {
                    Some(ty) => ty.clone(),
                    None if name == "bool" => Ty::Bool,
                    None if name == "c_void" => Ty::Void,
                    None => integer(&name).map_or(Ty::Unknown, Ty::Int),
                }
            }
            _ => Ty::Unknown,
        }
    }

    pub(super) fn is_known(&self) -> bool {
        *self != Ty::Unknown
    }

    pub(super) fn is_pointer(&self) -> bool {
        matches!(self, Ty::Pointer { .. })
    }

    /// What a place of this type is read through: a reference reaches as far as what it refers to.
    pub(super) fn behind_references(&self) -> &Ty {
        match self {
            Ty::Reference { to, .. } => to.behind_references(),
            ty => ty,
        }
    }

    /// Whether Rust takes a value of this type where it wants one of another.
    pub(super) fn fits(&self, wanted: &Ty) -> bool {
        match (self, wanted) {
            (Ty::Unknown | Ty::Never, _) | (_, Ty::Unknown) => true,
            (Ty::Literal, Ty::Int(_)) => true,
            (Ty::Pointer { to, mutable }, Ty::Pointer { to: wanted_to, mutable: wanted }) => {
                (*mutable || !wanted) && to.is_like(wanted_to)
            }
            (Ty::Reference { to, mutable }, Ty::Pointer { to: wanted_to, mutable: wanted })
            | (Ty::Reference { to, mutable }, Ty::Reference { to: wanted_to, mutable: wanted }) => {
                (*mutable || !wanted) && to.is_like(wanted_to)
            }
            (found, wanted) => found.is_like(wanted),
        }
    }

    /// Whether two types are one, as far as they are known.
    fn is_like(&self, other: &Ty) -> bool {
        match (self, other) {
            (Ty::Unknown, _) | (_, Ty::Unknown) => true,
            (Ty::Literal, Ty::Int(_)) | (Ty::Int(_), Ty::Literal) => true,
            (Ty::Pointer { to: a, mutable: x }, Ty::Pointer { to: b, mutable: y })
            | (Ty::Reference { to: a, mutable: x }, Ty::Reference { to: b, mutable: y }) => {
                x == y && a.is_like(b)
            }
            (Ty::Array(a), Ty::Array(b)) => a.is_like(b),
            (a, b) => a == b,
        }
    }

    /// The type as an author writes it.
    pub(super) fn text(&self, types: &Types) -> String {
        match self {
            Ty::Unknown => "_".to_owned(),
            Ty::Never => "!".to_owned(),
            Ty::Unit => "()".to_owned(),
            Ty::Void => "c_void".to_owned(),
            Ty::Bool => "bool".to_owned(),
            Ty::Int(name) => (*name).to_owned(),
            Ty::Literal => "an integer".to_owned(),
            Ty::Char => "char".to_owned(),
            Ty::Function => "Option<fn>".to_owned(),
            Ty::Str => "&str".to_owned(),
            Ty::CStr => "&CStr".to_owned(),
            Ty::Pointer { to, mutable } => {
                format!("*{} {}", if *mutable { "mut" } else { "const" }, to.text(types))
            }
            Ty::Reference { to, mutable } => {
                format!("&{}{}", if *mutable { "mut " } else { "" }, to.text(types))
            }
            Ty::User => "UserPtr<_>".to_owned(),
            Ty::Record(id) => types.get(*id).name().to_owned(),
            Ty::Array(of) => format!("[{}; _]", of.text(types)),
        }
    }
}

fn rust_int(int: CInt) -> &'static str {
    match int {
        CInt::Char | CInt::I8 => "i8",
        CInt::U8 => "u8",
        CInt::I16 => "i16",
        CInt::U16 => "u16",
        CInt::Int | CInt::I32 => "i32",
        CInt::UInt | CInt::U32 => "u32",
        CInt::Long | CInt::I64 => "i64",
        CInt::ULong | CInt::U64 => "u64",
        CInt::I128 => "i128",
        CInt::U128 => "u128",
        CInt::ISize => "isize",
        CInt::USize => "usize",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(to: Ty, mutable: bool) -> Ty {
        Ty::Pointer { to: Box::new(to), mutable }
    }

    #[test]
    fn what_fits_is_what_rust_converts() {
        let int = Ty::Int("i32");
        assert!(Ty::Literal.fits(&int) && !Ty::Literal.fits(&Ty::Bool));
        assert!(!int.fits(&Ty::Int("u32")) && !Ty::Bool.fits(&int) && Ty::Unknown.fits(&int));
        let (mutable, constant) = (pointer(int.clone(), true), pointer(int.clone(), false));
        assert!(mutable.fits(&constant) && !constant.fits(&mutable));
        assert!(!mutable.fits(&pointer(Ty::Void, true)));
        assert!(mutable.fits(&pointer(Ty::Unknown, true)));
        let reference = Ty::Reference { to: Box::new(int), mutable: false };
        assert!(reference.fits(&constant) && !reference.fits(&mutable));
        // Behind a pointer nothing is converted.
        assert!(!pointer(mutable, true).fits(&pointer(constant, true)));
    }
}

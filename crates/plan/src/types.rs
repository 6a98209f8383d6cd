// SPDX-License-Identifier: GPL-2.0
//! C types in a plan: complete, with every size and offset taken from the target kernel.

use crate::{Arch, ByValue};

/// A C type where it is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// `void`, as a return type or behind a pointer.
    Void,
    /// `_Bool`.
    Bool,
    /// An integer.
    Int(CInt),
    /// An object pointer.
    Pointer {
        /// The type that it points to.
        to: Box<Type>,
        /// Whether the pointee is `const`.
        constant: bool,
    },
    /// A pointer to the memory of a program (`__user`), which code must not dereference.
    User(Box<Type>),
    /// A function pointer.
    Function(Box<Signature>),
    /// An array held by value.
    Array {
        /// Its elements.
        of: Box<Type>,
        /// The number of elements.
        len: u64,
    },
    /// A type with a definition of its own.
    Named(TypeId),
}

/// The integers of C on the kernel's LP64 architectures, and the kernel's integers of fixed width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CInt {
    /// `char` behind a pointer or in an array.
    Char,
    /// `signed char` and `s8`.
    I8,
    /// `unsigned char` and `u8`.
    U8,
    /// `short` and `s16`.
    I16,
    /// `unsigned short` and `u16`.
    U16,
    /// `int`.
    Int,
    /// `unsigned int`.
    UInt,
    /// `s32`.
    I32,
    /// `u32`.
    U32,
    /// `long`.
    Long,
    /// `unsigned long`.
    ULong,
    /// `long long` and `s64`.
    I64,
    /// `unsigned long long` and `u64`.
    U64,
    /// `__int128`.
    I128,
    /// `unsigned __int128`.
    U128,
    /// `ssize_t`.
    ISize,
    /// `size_t`.
    USize,
}

impl CInt {
    /// Size and alignment in bytes.
    pub fn size(self) -> u64 {
        match self {
            CInt::Char | CInt::I8 | CInt::U8 => 1,
            CInt::I16 | CInt::U16 => 2,
            CInt::Int | CInt::UInt | CInt::I32 | CInt::U32 => 4,
            CInt::Long | CInt::ULong | CInt::I64 | CInt::U64 | CInt::ISize | CInt::USize => 8,
            CInt::I128 | CInt::U128 => 16,
        }
    }

    /// Whether negative values exist.
    pub fn signed(self) -> bool {
        use CInt::*;
        matches!(self, Char | I8 | I16 | Int | I32 | Long | I64 | I128 | ISize)
    }
}

/// A C function prototype.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Signature {
    /// The named parameters.
    pub params: Vec<Param>,
    /// The return type.
    pub ret: Type,
    /// Whether more arguments may follow (`...`).
    pub variadic: bool,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Param {
    /// Its name as a Rust identifier, without `r#`; no two of one function are equal.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// A definition among a patch's [`Types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub usize);

/// The definitions that a patch needs, numbered.
#[derive(Debug, Clone)]
pub struct Types {
    arch: &'static Arch,
    defs: Vec<TypeDef>,
}

impl Types {
    /// No definitions yet, for a target of this architecture.
    pub fn new(arch: &'static Arch) -> Types {
        Types { arch, defs: Vec::new() }
    }

    /// The architecture of the target.
    pub fn arch(&self) -> &'static Arch {
        self.arch
    }

    /// Adds a definition.
    pub fn add(&mut self, def: TypeDef) -> TypeId {
        self.defs.push(def);
        TypeId(self.defs.len() - 1)
    }

    /// Completes a definition that was added before its members were known.
    pub fn set(&mut self, id: TypeId, def: TypeDef) {
        self.defs[id.0] = def;
    }

    /// A definition.
    pub fn get(&self, id: TypeId) -> &TypeDef {
        &self.defs[id.0]
    }

    /// Alignment in bytes, as Rust lays out the type without alignment attributes.
    pub fn align(&self, ty: &Type) -> u64 {
        match ty {
            Type::Void | Type::Bool => 1,
            Type::Int(int) => int.size(),
            Type::Pointer { .. } | Type::User(_) | Type::Function(_) => 8,
            Type::Array { of, .. } => self.align(of),
            Type::Named(id) => match self.get(*id) {
                TypeDef::Record(record) => record.align,
                TypeDef::Opaque { .. } => 1,
                TypeDef::Enum { int, .. } => int.size(),
                TypeDef::Alias { to, .. } => self.align(to),
            },
        }
    }

    /// Size in bytes, or None for a type without a size.
    pub fn size(&self, ty: &Type) -> Option<u64> {
        match ty {
            Type::Void => None,
            Type::Bool => Some(1),
            Type::Int(int) => Some(int.size()),
            Type::Pointer { .. } | Type::User(_) | Type::Function(_) => Some(8),
            Type::Array { of, len } => self.size(of)?.checked_mul(*len),
            Type::Named(id) => match self.get(*id) {
                TypeDef::Record(record) => Some(record.size),
                TypeDef::Opaque { .. } => None,
                TypeDef::Enum { int, .. } => Some(int.size()),
                TypeDef::Alias { to, .. } => self.size(to),
            },
        }
    }

    /// Whether a C compiler treats two types as the same. Typedefs are resolved and `const` is
    /// ignored.
    pub fn same(&self, a: &Type, b: &Type) -> bool {
        let both = (self.resolve(a), self.resolve(b));
        match both {
            // Authors write `char` for a byte of either sign.
            (Type::Int(CInt::Char), Type::Int(int)) | (Type::Int(int), Type::Int(CInt::Char)) => {
                int.size() == 1
            }
            (Type::Int(a), Type::Int(b)) => (a.size(), a.signed()) == (b.size(), b.signed()),
            // Compilers ignore `__user`.
            (
                Type::Pointer { to: a, .. } | Type::User(a),
                Type::Pointer { to: b, .. } | Type::User(b),
            ) => self.same(a, b),
            (Type::Array { of: a, len: n }, Type::Array { of: b, len: m }) => {
                n == m && self.same(a, b)
            }
            (Type::Function(a), Type::Function(b)) => self.same_signature(a, b),
            // To its callers, a C enumeration is an integer.
            (Type::Named(a), Type::Int(int)) | (Type::Int(int), Type::Named(a)) => {
                match self.get(*a) {
                    TypeDef::Enum { int: held, .. } => held.size() == int.size(),
                    _ => false,
                }
            }
            (a, b) => a == b,
        }
    }

    /// Whether a C compiler treats two prototypes as the same. Names are ignored.
    pub fn same_signature(&self, a: &Signature, b: &Signature) -> bool {
        a.variadic == b.variadic
            && a.params.len() == b.params.len()
            && a.params.iter().zip(&b.params).all(|(a, b)| self.same(&a.ty, &b.ty))
            && self.same(&a.ret, &b.ret)
    }

    /// The type behind all typedefs.
    pub fn resolve<'a>(&'a self, mut ty: &'a Type) -> &'a Type {
        while let Type::Named(id) = ty {
            match self.get(*id) {
                TypeDef::Alias { to, .. } => ty = to,
                _ => break,
            }
        }
        ty
    }

    /// All definitions with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (TypeId, &TypeDef)> {
        self.defs.iter().enumerate().map(|(n, def)| (TypeId(n), def))
    }
}

/// A named type.
#[derive(Debug, Clone)]
pub enum TypeDef {
    /// A struct or union, complete in size and with the members that bodies use.
    Record(Record),
    /// A struct or union that the kernel declares but does not define in this BTF. Code can only
    /// point to it.
    Opaque {
        /// Its name in Rust.
        name: String,
    },
    /// An enumeration: its constants are [`Constant`](crate::Constant)s.
    Enum {
        /// Its name in Rust.
        name: String,
        /// Its underlying integer.
        int: CInt,
    },
    /// A typedef.
    Alias {
        /// Its name in Rust.
        name: String,
        /// The type that it names.
        to: Type,
    },
}

impl TypeDef {
    /// The type's name in Rust.
    pub fn name(&self) -> &str {
        match self {
            TypeDef::Record(Record { name, .. })
            | TypeDef::Opaque { name }
            | TypeDef::Enum { name, .. }
            | TypeDef::Alias { name, .. } => name,
        }
    }
}

/// Struct or union.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// `struct`.
    Struct,
    /// `union`.
    Union,
}

/// The layout of a struct or union, in bytes.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its name in Rust.
    pub name: String,
    /// Struct or union.
    pub kind: RecordKind,
    /// `sizeof`.
    pub size: u64,
    /// `_Alignof`, as far as BTF tells: at least that of every member.
    pub align: u64,
    /// The members that the patch may use, by offset. Between them is padding.
    pub fields: Vec<Field>,
    /// The bitfields that the patch may use. They lie in the padding.
    pub bitfields: Vec<Bitfield>,
    /// A record of the same size and alignment, with members that overlap some of these.
    pub overlapping: Option<TypeId>,
    /// Whether a body constructs a value of it, which starts as all zeros.
    pub literal: bool,
    /// Members that the bodies name but whose layout no C compiler could produce.
    pub unreachable: Vec<String>,
    /// How C passes a value of it.
    pub by_value: ByValue,
}

/// A member of a struct or union.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name as a Rust identifier, without `r#`.
    pub name: String,
    /// Its offset in bytes.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Its type.
    pub ty: Type,
}

/// A bitfield of a struct or union.
#[derive(Debug, Clone)]
pub struct Bitfield {
    /// Its name as a Rust identifier, without `r#`.
    pub name: String,
    /// Its offset in bits, the lowest bit of a byte first.
    pub bit: u64,
    /// Its width in bits, at most [`Bitfield::MAX_WIDTH`].
    pub width: u32,
    /// The declared type: `bool`, an integer or an enumeration.
    pub ty: Type,
}

impl Bitfield {
    /// The largest width: no C type of a bitfield is larger.
    pub const MAX_WIDTH: u32 = 64;
}

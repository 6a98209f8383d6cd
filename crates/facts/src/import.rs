// SPDX-License-Identifier: GPL-2.0
//! From BTF to the types of a plan: only the types that a patch uses, with the kernel's offsets.
//!
//! Kernel structs are large and contain each other, and a patch uses a handful of members. So a
//! struct is imported with only the members that some body names, and padding in between. Every
//! word in a body counts: a word that is a member's name by accident costs a line of generated code
//! and nothing else.

mod debug;
mod members;

use crate::btf::{Btf, BtfId, Kind, Prototype};
use crate::by_value::by_value;
use crate::UserDeclarations;
use kps_arch::Arch;
use kps_plan::{CInt, Param, Record, RecordKind, Signature, Type, TypeDef, TypeId, Types};
use std::collections::{BTreeSet, HashMap, HashSet};

/// The parts of structs that a patch uses.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Every word of its bodies: a member of that name is imported from every struct.
    pub words: BTreeSet<String>,
    /// Structs of which it constructs values.
    pub literals: BTreeSet<String>,
    /// Members of particular structs that the generated code needs.
    pub members: Vec<(&'static str, &'static [&'static str])>,
}

impl Wanted {
    fn wants(&self, record: &str, member: &str) -> bool {
        self.words.contains(member) || self.needs(record, member)
    }

    /// A body may name a bitfield only through its setter.
    fn wants_bitfield(&self, record: &str, member: &str) -> bool {
        self.wants(record, member) || self.words.contains(&format!("set_{member}"))
    }

    /// Whether the generated code itself names a member.
    fn needs(&self, record: &str, member: &str) -> bool {
        self.members.iter().any(|(name, members)| *name == record && members.contains(&member))
    }
}

/// Imports types and collects the definitions that they need.
pub struct Importer<'a> {
    btf: &'a Btf,
    wanted: &'a Wanted,
    user: Option<&'a UserDeclarations>,
    types: Types,
    known: HashMap<BtfId, TypeId>,
    /// The names given so far, each with the number at which the search for the next free name
    /// starts.
    names: HashMap<String, u32>,
    /// Records whose members are still to be imported.
    pending: Vec<(BtfId, TypeId)>,
    /// The number of types in the one being imported, so far.
    parts: usize,
}

/// More types than any real prototype or member has, without counting those behind a name. Forged
/// functions take themselves, or one another in numbers that grow with every step.
const MAX_PARTS: usize = 256;

impl<'a> Importer<'a> {
    /// An importer for a target of an architecture, which makes the `wanted` members reachable.
    pub fn new(arch: &'static Arch, btf: &'a Btf, wanted: &'a Wanted) -> Self {
        Importer {
            btf,
            wanted,
            user: None,
            types: Types::new(arch),
            known: HashMap::new(),
            names: HashMap::new(),
            pending: Vec::new(),
            parts: 0,
        }
    }

    /// The same, in which the members that headers declare `__user` are pointers to the memory of
    /// a program.
    pub fn with_user_members(self, user: &'a UserDeclarations) -> Self {
        Importer { user: Some(user), ..self }
    }

    /// The definitions collected so far.
    pub fn types(&self) -> &Types {
        &self.types
    }

    /// All definitions.
    pub fn finish(self) -> Types {
        self.types
    }

    /// The prototype of a function, with names for all parameters. None if it is larger than any
    /// real one.
    pub fn signature(&mut self, function: BtfId) -> Option<Signature> {
        let proto = match self.btf.get(function).kind {
            Kind::Function(proto) => self.btf.get(proto).kind,
            kind => kind,
        };
        let Kind::Prototype(proto) = proto else { return None };
        self.parts = 0;
        let signature = self.prototype(proto);
        let whole = self.parts < MAX_PARTS;
        self.settle();
        whole.then_some(signature)
    }

    /// The types that a name may mean: one, unless translation units define different types of that
    /// name. A type that the patch already uses, in a prototype, takes precedence.
    pub fn candidates(&self, name: &str) -> Vec<BtfId> {
        let mut all = self.btf.types(name);
        let defines =
            |id: &BtfId| matches!(self.btf.get(*id).kind, Kind::Record(_) | Kind::Enum(_));
        if all.iter().any(defines) {
            all.retain(defines);
        }
        let met: Vec<BtfId> =
            all.iter().copied().filter(|id| self.known.contains_key(id)).collect();
        let mut distinct: Vec<BtfId> = Vec::new();
        for id in if met.is_empty() { all } else { met } {
            if !distinct.iter().any(|&known| self.same_layout(known, id)) {
                distinct.push(id);
            }
        }
        distinct
    }

    /// Whether two types look the same to bodies.
    fn same_layout(&self, a: BtfId, b: BtfId) -> bool {
        let btf = self.btf;
        match (btf.get(a).kind, btf.get(b).kind) {
            (Kind::Record(x), Kind::Record(y)) => {
                let member =
                    |m: crate::btf::Member<'a>| (m.name, m.bit_offset, m.bitfield, btf.size(m.ty));
                btf.size(a) == btf.size(b) && x.members().map(member).eq(y.members().map(member))
            }
            (Kind::Enum(x), Kind::Enum(y)) => (x.size, x.signed) == (y.size, y.signed),
            (Kind::Typedef(x), Kind::Typedef(y)) => {
                let (x, y) = (btf.strip(x), btf.strip(y));
                x == y || self.same_layout(x, y)
            }
            (Kind::Forward { .. }, Kind::Forward { .. }) => true,
            (Kind::Int(x), Kind::Int(y)) => (x.size, x.signed) == (y.size, y.signed),
            _ => false,
        }
    }

    /// The same record, if it was imported before. The BTF of a module may repeat a record of
    /// vmlinux.
    fn twin(&self, id: BtfId) -> Option<TypeId> {
        let name = self.btf.get(id).name;
        if name.is_empty() || !self.names.contains_key(name) {
            return None;
        }
        let met = self.btf.types(name).into_iter().filter(|&other| self.same_layout(other, id));
        met.filter_map(|other| self.known.get(&other).copied()).next()
    }

    /// The first type that a name may mean.
    pub fn named(&mut self, name: &str) -> Option<Type> {
        let &id = self.candidates(name).first()?;
        Some(self.ty(id))
    }

    /// A type.
    pub fn ty(&mut self, id: BtfId) -> Type {
        self.parts = 0;
        let ty = self.import(id, "");
        self.settle();
        ty
    }

    /// Imports the members of the records found so far. It uses a queue instead of recursion,
    /// because lists link records into chains of any length.
    fn settle(&mut self) {
        while let Some((id, known)) = self.pending.pop() {
            self.lay_out(id, known);
        }
    }

    fn prototype(&mut self, proto: Prototype<'_>) -> Signature {
        let mut params: Vec<Param> = Vec::new();
        let mut names = HashSet::new();
        for (n, (name, ty)) in proto.params().enumerate() {
            if self.parts == MAX_PARTS {
                break;
            }
            let mut name = param_name(name, n);
            if names.contains(&name) {
                name = format!("arg{n}");
            }
            while !names.insert(name.clone()) {
                name.push('_');
            }
            params.push(Param { name, ty: passed(self.import(ty, "")) });
        }
        Signature { params, ret: passed(self.import(proto.ret, "")), variadic: proto.variadic() }
    }

    /// `hint` names the type if it has no name of its own.
    fn import(&mut self, id: BtfId, hint: &str) -> Type {
        if self.parts == MAX_PARTS {
            return Type::Void;
        }
        self.parts += 1;
        let ty = self.btf.get(id);
        match ty.kind {
            Kind::Void => Type::Void,
            Kind::Int(int) if int.boolean => Type::Bool,
            Kind::Int(int) => Type::Int(c_int(ty.name, int.size, int.signed)),
            Kind::Const(of) | Kind::Volatile(of) | Kind::Qualified(of) | Kind::Variable(of) => {
                self.import(of, hint)
            }
            Kind::Pointer(to) => self.pointer(to, hint),
            Kind::Array { of, len } => {
                Type::Array { of: Box::new(self.import(of, hint)), len: len.into() }
            }
            Kind::Typedef(_) => self.typedef(id, ty.name),
            Kind::Enum(e) if ty.name.is_empty() => Type::Int(enum_int(e.size, e.signed)),
            Kind::Enum(e) => {
                let int = enum_int(e.size, e.signed);
                self.define(id, ty.name, |name| TypeDef::Enum { name, int })
            }
            Kind::Record(_) => self.record(id, hint),
            Kind::Forward { .. } => self.define(id, ty.name, |name| TypeDef::Opaque { name }),
            Kind::Float { size } => {
                Type::Array { of: Box::new(Type::Int(CInt::U8)), len: size.into() }
            }
            // These types have no values.
            Kind::Function(_) | Kind::Prototype(_) | Kind::Other => Type::Void,
        }
    }

    fn pointer(&mut self, to: BtfId, hint: &str) -> Type {
        if let Kind::Prototype(proto) = self.btf.get(self.btf.strip(to)).kind {
            return Type::Function(Box::new(self.prototype(proto)));
        }
        // A type tag, which BTF has for few pointers.
        if matches!(self.btf.get(to).kind, Kind::Qualified(_)) && self.btf.get(to).name == "user" {
            return Type::User(Box::new(self.import(to, hint)));
        }
        let constant = self.is_const(to);
        Type::Pointer { to: Box::new(self.import(to, hint)), constant }
    }

    fn is_const(&self, mut id: BtfId) -> bool {
        loop {
            match self.btf.get(id).kind {
                Kind::Const(_) => return true,
                Kind::Volatile(of) | Kind::Qualified(of) => id = of,
                _ => return false,
            }
        }
    }

    fn typedef(&mut self, id: BtfId, name: &str) -> Type {
        if let Some(ty) = primitive(name) {
            return ty;
        }
        let target = self.btf.strip(id);
        match self.btf.get(target) {
            // `typedef struct { .. } name;`: the typedef's name is the struct's.
            t if t.name.is_empty() && matches!(t.kind, Kind::Record(_)) => {
                let ty = self.record(target, name);
                match &ty {
                    // Another typedef of the same struct was imported before.
                    Type::Named(known) if self.types.get(*known).name() != name => {
                        self.define(id, name, |name| TypeDef::Alias { name, to: ty })
                    }
                    _ => ty,
                }
            }
            t if t.name == name => self.import(target, name),
            _ => match self.known.get(&id) {
                Some(&known) => Type::Named(known),
                None => {
                    let to = self.import(target, name);
                    self.define(id, name, |name| TypeDef::Alias { name, to })
                }
            },
        }
    }

    fn record(&mut self, id: BtfId, hint: &str) -> Type {
        let name = match self.btf.get(id).name {
            "" if hint.is_empty() => "anonymous",
            "" => hint,
            name => name,
        };
        if let Some(&known) = self.known.get(&id) {
            return Type::Named(known);
        }
        if let Some(twin) = self.twin(id) {
            self.known.insert(id, twin);
            return Type::Named(twin);
        }
        let record = self.without_members(id, name);
        let ty = self.define(id, name, |name| TypeDef::Record(Record { name, ..record }));
        if let Type::Named(known) = ty {
            self.pending.push((id, known));
        }
        ty
    }

    fn is_literal(&self, name: &str) -> bool {
        self.wanted.literals.contains(name)
            || self.wanted.members.iter().any(|(record, _)| *record == name)
    }

    /// `name` is the name of its typedef if it has no name itself.
    fn without_members(&self, id: BtfId, name: &str) -> Record {
        let union = matches!(self.btf.get(id).kind, Kind::Record(record) if record.union);
        Record {
            name: String::new(),
            kind: if union { RecordKind::Union } else { RecordKind::Struct },
            size: self.btf.size(id).unwrap_or(0),
            align: self.btf.align(id),
            fields: Vec::new(),
            bitfields: Vec::new(),
            overlapping: None,
            literal: self.is_literal(name),
            unreachable: Vec::new(),
            by_value: by_value(self.types.arch(), self.btf, id),
        }
    }

    fn define(&mut self, id: BtfId, name: &str, def: impl FnOnce(String) -> TypeDef) -> Type {
        if let Some(&known) = self.known.get(&id) {
            return Type::Named(known);
        }
        let name = self.unique(name);
        let known = self.types.add(def(name));
        self.known.insert(id, known);
        Type::Named(known)
    }

    /// A name that no type has yet: translation units may define different types of the same name.
    fn unique(&mut self, name: &str) -> String {
        let mut unique = name.to_owned();
        if let Some(mut n) = self.names.get(name).copied() {
            while self.names.contains_key(&unique) {
                unique = format!("{name}_{n}");
                n += 1;
            }
            self.names.insert(name.to_owned(), n);
        }
        self.names.insert(unique.clone(), 2);
        unique
    }
}

/// The name of a parameter in bodies: `arg0` and so on if C has no name. An underscore is added if
/// the name is no valid Rust name or already has a meaning in bodies.
pub fn param_name(name: &str, n: usize) -> String {
    match name {
        "" => format!("arg{n}"),
        "self" | "Self" | "super" | "crate" | "ret" | "original" | "_" => format!("{name}_"),
        name => name.to_owned(),
    }
}

/// A type as passed and returned by value. The kernel is built with `-funsigned-char`, so a `char`
/// that is a number is a `u8`. Behind pointers and in arrays it is a `c_char`, the type of C
/// strings in Rust.
pub fn passed(ty: Type) -> Type {
    match ty {
        Type::Int(CInt::Char) => Type::Int(CInt::U8),
        ty => ty,
    }
}

/// The typedefs for which Rust has a name.
fn primitive(name: &str) -> Option<Type> {
    Some(Type::Int(match name {
        "bool" => return Some(Type::Bool),
        "u8" | "__u8" | "uint8_t" => CInt::U8,
        "s8" | "__s8" | "int8_t" => CInt::I8,
        "u16" | "__u16" | "uint16_t" => CInt::U16,
        "s16" | "__s16" | "int16_t" => CInt::I16,
        "u32" | "__u32" | "uint32_t" => CInt::U32,
        "s32" | "__s32" | "int32_t" => CInt::I32,
        "u64" | "__u64" | "uint64_t" => CInt::U64,
        "s64" | "__s64" | "int64_t" => CInt::I64,
        "size_t" | "__kernel_size_t" | "uintptr_t" => CInt::USize,
        "ssize_t" | "__kernel_ssize_t" | "intptr_t" => CInt::ISize,
        _ => return None,
    }))
}

fn c_int(name: &str, size: u32, signed: bool) -> CInt {
    match (name, size, signed) {
        ("char", _, _) => CInt::Char,
        ("long int" | "long", 8, _) => CInt::Long,
        ("long unsigned int" | "unsigned long", 8, _) => CInt::ULong,
        (_, 1, true) => CInt::I8,
        (_, 1, false) => CInt::U8,
        (_, 2, true) => CInt::I16,
        (_, 2, false) => CInt::U16,
        (_, 4, true) => CInt::Int,
        (_, 4, false) => CInt::UInt,
        (_, 16, true) => CInt::I128,
        (_, 16, false) => CInt::U128,
        (_, _, true) => CInt::I64,
        (_, _, false) => CInt::U64,
    }
}

fn enum_int(size: u32, signed: bool) -> CInt {
    c_int("", size, signed)
}

//! The kernel's types, functions and variables that a patch uses, with proof of every layout.

use crate::names::{c_symbol, ident, placeholder};
use kps_plan::{
    CInt, Constant, Field, Function, Imports, Link, Record, RecordKind, Signature, Static, Type, TypeDef,
    TypeId, Types,
};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};
use std::collections::BTreeSet;

/// The file `types.rs` of a module.
pub(crate) fn module(imports: &Imports) -> TokenStream {
    let types = &imports.types;
    let defs = types.iter().map(|(_, def)| definition(types, def));
    let constants = imports.constants.iter().map(constant);
    let externs = externs(types, &imports.functions, &imports.statics);
    quote! {
        //! What the patch uses of the kernel, as its BTF says it.
        #![allow(non_camel_case_types, non_upper_case_globals, improper_ctypes, missing_docs, dead_code)]

        use core::ffi::*;

        #(#defs)*
        #(#constants)*
        #externs
    }
}

/// A type in the place where it is used.
pub(crate) fn ty(types: &Types, t: &Type) -> TokenStream {
    match t {
        Type::Void => quote!(c_void),
        Type::Bool => quote!(bool),
        Type::Int(int) => c_int(*int),
        Type::Pointer { to, constant } => {
            let to = ty(types, to);
            if *constant {
                quote!(*const #to)
            } else {
                quote!(*mut #to)
            }
        }
        Type::Function(signature) => {
            let params = signature.params.iter().map(|p| ty(types, &p.ty));
            let dots = signature.variadic.then(|| quote!(...));
            let ret = ret(types, signature);
            quote!(Option<unsafe extern "C" fn(#(#params,)* #dots) #ret>)
        }
        Type::Array { of, len } => {
            let (of, len) = (ty(types, of), Literal::u64_unsuffixed(*len));
            quote!([#of; #len])
        }
        Type::Named(id) => {
            let name = ident(types.get(*id).name());
            quote!(#name)
        }
    }
}

/// `-> T`, or nothing for `void`.
pub(crate) fn ret(types: &Types, signature: &Signature) -> Option<TokenStream> {
    (signature.ret != Type::Void).then(|| {
        let ret = ty(types, &signature.ret);
        quote!(-> #ret)
    })
}

/// The declaration of a function in an `extern` block, its parameters named as the kernel names them.
pub(crate) fn declaration(types: &Types, name: &Ident, signature: &Signature) -> TokenStream {
    let params = signature.params.iter().map(|p| {
        let (name, ty) = (ident(&p.name), ty(types, &p.ty));
        quote!(#name: #ty)
    });
    let dots = signature.variadic.then(|| quote!(...));
    let ret = ret(types, signature);
    quote!(fn #name(#(#params,)* #dots) #ret;)
}

/// The names that the types of some prototypes and parameters are written with, to be imported one by one.
///
/// An import by name wins over every glob, so what an author's `use crate::*` brings in cannot make them ambiguous.
#[derive(Default)]
pub(crate) struct Names {
    /// Those of `core::ffi`.
    ffi: BTreeSet<Ident>,
    /// Those of the module `types`.
    kernel: BTreeSet<Ident>,
}

impl Names {
    /// Adds what a prototype is written with.
    pub(crate) fn add(&mut self, types: &Types, signature: &Signature) {
        let all = signature.params.iter().map(|param| &param.ty).chain([&signature.ret]);
        all.for_each(|t| self.add_type(types, t));
    }

    /// Adds a definition.
    pub(crate) fn add_named(&mut self, types: &Types, id: TypeId) {
        self.kernel.insert(ident(types.get(id).name()));
    }

    /// Adds a type.
    pub(crate) fn add_type(&mut self, types: &Types, t: &Type) {
        match t {
            Type::Void => drop(self.ffi.insert(ident("c_void"))),
            Type::Bool => {}
            Type::Int(int) => {
                let name = c_int(*int).to_string();
                if name.starts_with("c_") {
                    self.ffi.insert(ident(&name));
                }
            }
            Type::Pointer { to, .. } => self.add_type(types, to),
            Type::Function(signature) => self.add(types, signature),
            Type::Array { of, .. } => self.add_type(types, of),
            Type::Named(id) => self.add_named(types, *id),
        }
    }

    /// The imports, for a module below the crate root.
    pub(crate) fn imports(&self) -> TokenStream {
        let (ffi, kernel) = (self.ffi.iter(), self.kernel.iter());
        let ffi = (!self.ffi.is_empty()).then(|| quote!(use core::ffi::{#(#ffi),*};));
        let kernel = (!self.kernel.is_empty()).then(|| quote!(use super::types::{#(#kernel),*};));
        quote!(#kernel #ffi)
    }
}

pub(crate) fn c_int(int: CInt) -> TokenStream {
    match int {
        CInt::Char => quote!(c_char),
        CInt::I8 => quote!(i8),
        CInt::U8 => quote!(u8),
        CInt::I16 => quote!(i16),
        CInt::U16 => quote!(u16),
        CInt::Int => quote!(c_int),
        CInt::UInt => quote!(c_uint),
        CInt::I32 => quote!(i32),
        CInt::U32 => quote!(u32),
        CInt::Long => quote!(c_long),
        CInt::ULong => quote!(c_ulong),
        CInt::I64 => quote!(i64),
        CInt::U64 => quote!(u64),
        CInt::I128 => quote!(i128),
        CInt::U128 => quote!(u128),
        CInt::ISize => quote!(isize),
        CInt::USize => quote!(usize),
    }
}

fn definition(types: &Types, def: &TypeDef) -> TokenStream {
    match def {
        TypeDef::Record(record) => record_(types, record),
        TypeDef::Opaque { name } => {
            let name = ident(name);
            quote! {
                #[repr(C)]
                pub struct #name {
                    _opaque: [u8; 0],
                }
            }
        }
        TypeDef::Enum { name, int } => {
            let (name, int) = (ident(name), c_int(*int));
            quote!(pub type #name = #int;)
        }
        TypeDef::Alias { name, to } => {
            let (name, to) = (ident(name), ty(types, to));
            quote!(pub type #name = #to;)
        }
    }
}

fn record_(types: &Types, record: &Record) -> TokenStream {
    let name = ident(&record.name);
    let (keyword, members) = match record.kind {
        RecordKind::Struct => (quote!(struct), struct_members(types, record)),
        RecordKind::Union => (quote!(union), union_members(types, record)),
    };
    let alignment = alignment(types, record).into_iter();
    let repr = repr(types, record);
    let docs = docs(record);
    let zero = zero(record);
    let proof = proof(record);
    quote! {
        #docs
        #repr
        #[derive(Clone, Copy)]
        pub #keyword #name {
            #(#members,)*
            #(#alignment,)*
        }
        #zero
        #proof
    }
}

/// The members of a struct with the padding around them.
fn struct_members(types: &Types, record: &Record) -> Vec<TokenStream> {
    let mut members = Vec::new();
    let mut end = 0;
    let pad = |from: u64, to: u64, members: &mut Vec<TokenStream>| {
        if to > from {
            let name = format_ident!("_pad{}", members.len());
            let len = Literal::u64_unsuffixed(to - from);
            members.push(quote!(pub #name: [u8; #len]));
        }
    };
    for field in &record.fields {
        pad(end, field.offset, &mut members);
        members.push(member(types, field));
        end = field.offset + field.size;
    }
    pad(end, record.size, &mut members);
    members
}

/// The members of a union, and one that is as large as the whole.
fn union_members(types: &Types, record: &Record) -> Vec<TokenStream> {
    let size = Literal::u64_unsuffixed(record.size);
    let members = record.fields.iter().map(|field| member(types, field));
    members.chain([quote!(pub _size: [u8; #size])]).collect()
}

fn member(types: &Types, field: &Field) -> TokenStream {
    let (name, ty) = (ident(&field.name), ty(types, &field.ty));
    quote!(pub #name: #ty)
}

fn docs(record: &Record) -> Option<TokenStream> {
    (!record.unreachable.is_empty()).then(|| {
        let text =
            format!(" Not reachable by name: {} (bitfields or overlapping).", record.unreachable.join(", "));
        quote!(#[doc = #text])
    })
}

/// The layout attribute: members stand where C has them. A packed record has all its padding written out.
fn repr(types: &Types, record: &Record) -> TokenStream {
    if is_natural(types, record) {
        quote!(#[repr(C)])
    } else {
        let align = Literal::u64_unsuffixed(record.align);
        quote!(#[repr(C, packed(#align))])
    }
}

/// Whether C's rules put every member where it is.
fn is_natural(types: &Types, record: &Record) -> bool {
    let natural = |field: &Field| {
        let align = types.align(&field.ty);
        field.offset % align == 0 && align <= record.align
    };
    record.fields.iter().all(natural)
}

/// A member without size that gives the record C's alignment where the others do not. An attribute would too, but a
/// packed record could then not hold this one.
fn alignment(types: &Types, record: &Record) -> Option<TokenStream> {
    let given = record.fields.iter().map(|field| types.align(&field.ty)).max().unwrap_or(1);
    let of = match record.align {
        _ if given >= record.align || !is_natural(types, record) => return None,
        2 => quote!(u16),
        4 => quote!(u32),
        8 => quote!(u64),
        _ => quote!(u128),
    };
    Some(quote!(pub _align: [#of; 0]))
}

fn zero(record: &Record) -> Option<TokenStream> {
    record.literal.then(|| {
        let name = ident(&record.name);
        quote! {
            impl #name {
                /// All members zero, as C leaves those that an initialiser does not mention.
                /// SAFETY: zero is a value of every C type that a kernel struct is made of.
                pub const ZERO: Self = unsafe { core::mem::zeroed() };
            }
        }
    })
}

/// Compile-time proof that the layout is the one that BTF says.
fn proof(record: &Record) -> TokenStream {
    let name = ident(&record.name);
    let (size, align) = (Literal::u64_unsuffixed(record.size), Literal::u64_unsuffixed(record.align));
    let offsets = record.fields.iter().filter(|_| record.kind == RecordKind::Struct).map(|field| {
        let (member, offset) = (ident(&field.name), Literal::u64_unsuffixed(field.offset));
        quote!(assert!(core::mem::offset_of!(#name, #member) == #offset);)
    });
    quote! {
        const _: () = {
            let size = core::mem::size_of::<#name>();
            assert!(size == #size);
            let align = core::mem::align_of::<#name>();
            assert!(align == #align);
            #(#offsets)*
        };
    }
}

fn constant(Constant { name, ty, value }: &Constant) -> TokenStream {
    let (name, ty) = (ident(name), c_int(*ty));
    let value = match *value {
        value @ ..0 => {
            let value = Literal::i128_unsuffixed(-value);
            quote!(-#value)
        }
        value => {
            let value = Literal::i128_unsuffixed(value);
            quote!(#value)
        }
    };
    quote!(pub const #name: #ty = #value;)
}

/// The declarations of functions and variables of the kernel.
pub(crate) fn externs<'a>(
    types: &Types,
    functions: impl IntoIterator<Item = &'a Function>,
    statics: impl IntoIterator<Item = &'a Static>,
) -> Option<TokenStream> {
    let functions = functions.into_iter().map(|f| function(types, f));
    let statics = statics.into_iter().map(|s| static_(types, s));
    let all: Vec<_> = functions.chain(statics).collect();
    (!all.is_empty()).then(|| quote!(extern "C" { #(#all)* }))
}

fn function(types: &Types, Function { name, signature, link }: &Function) -> TokenStream {
    let link = link_name(name, link);
    let declaration = declaration(types, &ident(name), signature);
    quote!(#link pub #declaration)
}

fn static_(types: &Types, Static { name, ty: t, link }: &Static) -> TokenStream {
    let link = link_name(name, link);
    let (name, ty) = (ident(name), ty(types, t));
    quote!(#link pub static mut #name: #ty;)
}

fn link_name(name: &str, link: &Link) -> Option<TokenStream> {
    let symbol = match link {
        Link::Export { .. } => return None,
        Link::Livepatch(symbol) => placeholder(symbol),
        Link::Own => c_symbol(name),
    };
    Some(quote!(#[link_name = #symbol]))
}

// SPDX-License-Identifier: GPL-2.0
//! The kernel's types, functions and variables that a patch uses, with proof of every layout.

use crate::names::{c_symbol, header_symbol, ident};
use crate::records;
use kps_plan::{
    CInt, Constant, Function, Imports, Link, Signature, Static, StaticKind, Type, TypeDef, TypeId,
    Types,
};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;
use std::collections::BTreeSet;

/// The contents of the module `types`.
pub(crate) fn module(imports: &Imports) -> TokenStream {
    let types = &imports.types;
    let defs = types.iter().map(|(_, def)| definition(types, def));
    let constants = imports.constants.iter().map(constant);
    let externs = externs(types, &imports.functions, &imports.statics);
    quote! {
        //! What the patch uses of the kernel, as its BTF says it.
        #![allow(
            non_camel_case_types, non_upper_case_globals, improper_ctypes, missing_docs, dead_code
        )]

        use ::core::ffi::*;

        #(#defs)*
        #(#constants)*
        #externs
    }
}

/// A type as named in a module next to `kps`. Its other names are those that [`Names`] imports.
pub(crate) fn ty(types: &Types, t: &Type) -> TokenStream {
    spelled(types, t, &quote!(::core::option::Option))
}

/// A type with this name of `Option`, which the author's items may hide.
pub(crate) fn spelled(types: &Types, t: &Type, option: &TokenStream) -> TokenStream {
    let ty = |t| spelled(types, t, option);
    match t {
        Type::Void => quote!(c_void),
        Type::Bool => quote!(bool),
        Type::Int(int) => c_int(*int),
        Type::Pointer { to, constant } => {
            let to = ty(to);
            if *constant {
                quote!(*const #to)
            } else {
                quote!(*mut #to)
            }
        }
        Type::User(to) => {
            let to = ty(to);
            quote!(super::kps::user::UserPtr<#to>)
        }
        Type::Function(signature) => {
            let params = signature.params.iter().map(|p| ty(&p.ty));
            let dots = signature.variadic.then(|| quote!(...));
            let ret = (signature.ret != Type::Void).then(|| ty(&signature.ret));
            let ret = ret.map(|ret| quote!(-> #ret));
            quote!(#option<unsafe extern "C" fn(#(#params,)* #dots) #ret>)
        }
        // The kernel decides the number of elements, so Rust must not rely on any.
        Type::Array { of, len: 0 } => {
            let of = ty(of);
            quote!(super::kps::flexible_array::FlexibleArray<#of>)
        }
        Type::Array { of, len } => {
            let (of, len) = (ty(of), Literal::u64_unsuffixed(*len));
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

/// The declaration of a function in an `extern` block, with the kernel's names of its parameters.
pub(crate) fn declaration(types: &Types, name: &Ident, signature: &Signature) -> TokenStream {
    let params = signature.params.iter().map(|p| {
        let (name, ty) = (ident(&p.name), ty(types, &p.ty));
        quote!(#name: #ty)
    });
    let dots = signature.variadic.then(|| quote!(...));
    let ret = ret(types, signature);
    quote!(fn #name(#(#params,)* #dots) #ret;)
}

/// The names in the types of some prototypes and parameters, to be imported one by one.
///
/// An import by name wins over every glob, so the author's `use crate::*` cannot make them
/// ambiguous.
#[derive(Default)]
pub(crate) struct Names {
    /// Names from `core::ffi`.
    ffi: BTreeSet<Ident>,
    /// Names from `core::primitive`.
    primitive: BTreeSet<Ident>,
    /// Names from the module `types`.
    kernel: BTreeSet<Ident>,
}

impl Names {
    /// Adds the names in a prototype.
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
            Type::Bool => drop(self.primitive.insert(ident("bool"))),
            Type::Int(int) => {
                let name = c_int(*int).to_string();
                let names =
                    if name.starts_with("c_") { &mut self.ffi } else { &mut self.primitive };
                names.insert(ident(&name));
            }
            Type::Pointer { to, .. } | Type::User(to) => self.add_type(types, to),
            Type::Function(signature) => self.add(types, signature),
            Type::Array { of, .. } => self.add_type(types, of),
            Type::Named(id) => self.add_named(types, *id),
        }
    }

    /// The imports, for a module next to `types`.
    pub(crate) fn imports(&self) -> TokenStream {
        let import = |names: &BTreeSet<Ident>, from: TokenStream| {
            let each = names.iter();
            (!names.is_empty()).then(|| quote!(use #from::{#(#each),*};))
        };
        let kernel = import(&self.kernel, quote!(super::types));
        let ffi = import(&self.ffi, quote!(::core::ffi));
        let primitive = import(&self.primitive, quote!(::core::primitive));
        quote!(#kernel #ffi #primitive)
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
        TypeDef::Record(record) => records::definition(types, record),
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

fn static_(types: &Types, Static { name, ty: t, kind, link }: &Static) -> TokenStream {
    let link = link_name(name, link);
    let (name, ty) = (ident(name), ty(types, t));
    match kind {
        StaticKind::Plain => quote!(#link pub static mut #name: #ty;),
        StaticKind::ReadOnly => quote!(#link pub static #name: #ty;),
        StaticKind::PerCpu => quote!(#link pub static #name: super::kps::percpu::PerCpu<#ty>;),
    }
}

fn link_name(name: &str, link: &Link) -> Option<TokenStream> {
    let symbol = match link {
        Link::Export { .. } => return None,
        Link::Livepatch(symbol) => symbol.placeholder(),
        Link::Own => c_symbol(name),
        Link::Header { .. } => header_symbol(name),
    };
    Some(quote!(#[link_name = #symbol]))
}

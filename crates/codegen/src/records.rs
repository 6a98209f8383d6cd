// SPDX-License-Identifier: GPL-2.0
//! Structs and unions of the kernel: their members at the offsets in BTF, and the proof of the
//! layout.

use crate::names::ident;
use crate::types::ty;
use kps_plan::{Bitfield, CInt, Field, Record, RecordKind, Type, TypeDef, TypeId, Types};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

/// The definition of a struct or union.
pub(crate) fn definition(types: &Types, record: &Record) -> TokenStream {
    let name = ident(&record.name);
    let (keyword, members) = match record.kind {
        RecordKind::Struct => (quote!(struct), struct_members(types, record)),
        RecordKind::Union => (quote!(union), union_members(types, record)),
    };
    let alignment = alignment(types, record).into_iter();
    let repr = repr(types, record);
    let docs = docs(record);
    let zero = zero(record);
    let bitfields = bitfields(types, record);
    let overlapping = record.overlapping.map(|id| overlapping(types, record, id));
    let proof = proof(record);
    quote! {
        #docs
        #repr
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub #keyword #name {
            #(#members,)*
            #(#alignment,)*
        }
        #zero
        #bitfields
        #overlapping
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

/// The members of a union, and one of the union's full size.
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
        let text = format!(" Not reachable by name: {}.", record.unreachable.join(", "));
        quote!(#[doc = #text])
    })
}

/// The layout attribute: members are at the same offsets as in C. A packed record has explicit
/// padding.
fn repr(types: &Types, record: &Record) -> TokenStream {
    if is_natural(types, record) {
        quote!(#[repr(C)])
    } else {
        let align = Literal::u64_unsuffixed(record.align);
        quote!(#[repr(C, packed(#align))])
    }
}

/// Whether C's layout rules put every member at its offset.
fn is_natural(types: &Types, record: &Record) -> bool {
    let natural = |field: &Field| {
        let align = types.align(&field.ty);
        field.offset % align == 0 && align <= record.align
    };
    record.fields.iter().all(natural)
}

/// A zero-sized member that gives the record C's alignment if the other members do not. An
/// attribute would too, but then a packed record could not contain this one.
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
                pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
            }
        }
    })
}

/// Two methods for each bitfield, named as bindgen names them: a Rust place is at least one byte.
fn bitfields(types: &Types, record: &Record) -> Option<TokenStream> {
    let name = ident(&record.name);
    let methods = record.bitfields.iter().map(|bitfield| {
        let is_taken = |setter: &String| record.bitfields.iter().any(|other| other.name == *setter);
        let setter = Some(format!("set_{}", bitfield.name)).filter(|setter| !is_taken(setter));
        let (get, set) =
            (getter(types, bitfield), setter.map(|name| self::setter(types, bitfield, &name)));
        quote!(#get #set)
    });
    (!record.bitfields.is_empty()).then(|| quote!(impl #name { #(#methods)* }))
}

fn getter(types: &Types, bitfield: &Bitfield) -> TokenStream {
    let (name, ty) = (ident(&bitfield.name), ty(types, &bitfield.ty));
    let text = format!(" The bitfield `{}`.", bitfield.name);
    let (bit, width) =
        (Literal::u64_unsuffixed(bitfield.bit), Literal::u32_unsuffixed(bitfield.width));
    let read = match number(types, &bitfield.ty) {
        None => quote!(super::kps::bitfield::read(self, #bit, #width) != 0),
        Some(int) if int.signed() => {
            quote!(super::kps::bitfield::read_signed(self, #bit, #width) as #ty)
        }
        Some(_) => quote!(super::kps::bitfield::read(self, #bit, #width) as #ty),
    };
    quote! {
        #[doc = #text]
        #[inline(always)]
        pub fn #name(&self) -> #ty {
            /// SAFETY: the bits are in the struct of the one kernel that the patch can be loaded
            /// into.
            unsafe { #read }
        }
    }
}

fn setter(types: &Types, bitfield: &Bitfield, name: &str) -> TokenStream {
    let (name, ty) = (ident(name), ty(types, &bitfield.ty));
    let text = format!(" Sets `{}` to the low bits of a value.", bitfield.name);
    let (bit, width) =
        (Literal::u64_unsuffixed(bitfield.bit), Literal::u32_unsuffixed(bitfield.width));
    quote! {
        #[doc = #text]
        #[inline(always)]
        pub fn #name(&mut self, kps_value: #ty) {
            /// SAFETY: the bits are in the struct of the one kernel that the patch can be loaded
            /// into, and what shares their bytes are other bitfields.
            unsafe { super::kps::bitfield::write(self, #bit, #width, kps_value as u64) }
        }
    }
}

/// The integer that a bitfield holds; None for `bool`.
fn number(types: &Types, ty: &Type) -> Option<CInt> {
    match types.resolve(ty) {
        Type::Int(int) => Some(*int),
        Type::Named(id) => match types.get(*id) {
            TypeDef::Enum { int, .. } => Some(*int),
            _ => None,
        },
        _ => None,
    }
}

/// Makes the members of the second record accessible through the first one: Rust looks behind
/// `Deref` for a name that a struct does not have.
fn overlapping(types: &Types, record: &Record, id: TypeId) -> TokenStream {
    let (name, target) = (ident(&record.name), ident(types.get(id).name()));
    let text = format!(" What overlaps members of `{}` is reached as a member of it.", record.name);
    quote! {
        #[doc = #text]
        impl ::core::ops::Deref for #name {
            type Target = #target;

            #[inline(always)]
            fn deref(&self) -> &#target {
                /// SAFETY: both are the one struct of the kernel, with its size and alignment.
                unsafe { &*::core::ptr::from_ref(self).cast() }
            }
        }

        impl ::core::ops::DerefMut for #name {
            #[inline(always)]
            fn deref_mut(&mut self) -> &mut #target {
                /// SAFETY: both are the one struct of the kernel, with its size and alignment.
                unsafe { &mut *::core::ptr::from_mut(self).cast() }
            }
        }
    }
}

/// Compile-time proof that the layout equals that in BTF.
fn proof(record: &Record) -> TokenStream {
    let name = ident(&record.name);
    let (size, align) =
        (Literal::u64_unsuffixed(record.size), Literal::u64_unsuffixed(record.align));
    let offsets = record.fields.iter().map(|field| {
        let (member, offset) = (ident(&field.name), Literal::u64_unsuffixed(field.offset));
        quote!(::core::assert!(::core::mem::offset_of!(#name, #member) == #offset);)
    });
    let bitfields = record.bitfields.iter().map(|bitfield| {
        let (bit, width) =
            (Literal::u64_unsuffixed(bitfield.bit), Literal::u32_unsuffixed(bitfield.width));
        quote!(::core::assert!(#bit + #width <= 8 * #size);)
    });
    quote! {
        const _: () = {
            ::core::assert!(::core::mem::size_of::<#name>() == #size);
            ::core::assert!(::core::mem::align_of::<#name>() == #align);
            #(#offsets)*
            #(#bitfields)*
        };
    }
}

// SPDX-License-Identifier: GPL-2.0
//! One changed function: its symbols, its entry and its body.

use crate::body::{body, calls_original};
use crate::c::passing;
use crate::names::{ident, FuncNames};
use crate::syscall;
use crate::types::declaration;
use crate::Body;
use kps_plan::{Change, Convention, Func, ObjectName, Passing, Signature, Types};
use proc_macro2::{Literal, TokenStream};
use quote::quote;
use std::borrow::Cow;

/// The code for one function in the module of its object.
pub(crate) fn func<B: Body>(types: &Types, func: &Func<B>, names: &FuncNames) -> TokenStream {
    let symbols = symbols(types, func, names);
    let assembly = assembly(types, func, names);
    let body = body(types, func, names);
    quote! {
        #symbols
        #assembly
        #body
    }
}

fn symbols<B>(types: &Types, func: &Func<B>, names: &FuncNames) -> TokenStream {
    let (entry, old) = (ident(&names.entry), ident(&names.old));
    let called = calls_original(&func.change) && !matches!(func.change, Change::C { .. });
    let original = called.then(|| {
        let declaration = declaration(types, &ident(&names.original), &entry_signature(func));
        quote! {
            /// The old function, entered behind its ftrace site.
            #declaration
        }
    });
    // The gate of a module compares the first bytes of its functions, and the kernel tells the gate
    // their addresses.
    let old = (func.old.object == ObjectName::Vmlinux).then(|| {
        let symbol = func.old.placeholder();
        quote! {
            /// The old function, for its address alone.
            #[allow(clashing_extern_declarations)]
            #[link_name = #symbol]
            pub(super) fn #old();
        }
    });
    quote! {
        extern "C" {
            /// What ftrace sends callers to.
            pub(super) fn #entry();
            #old
            #original
        }
    }
}

fn assembly<B>(types: &Types, func: &Func<B>, names: &FuncNames) -> TokenStream {
    let stem = &names.stem;
    let old = func.old.placeholder();
    let skip = Literal::u32_unsuffixed(func.entry.skip);
    let Passing { stack, hidden, .. } = passing(types, &entry_signature(func));
    if let Change::Pre(_) = func.change {
        let entry = if hidden { quote!(pre_entry_in_memory) } else { quote!(pre_entry) };
        return quote! {
            super::kps::shim::#entry!(#stem, old = #old, skip = #skip);
        };
    }
    let words = Literal::usize_unsuffixed(stack);
    let entry = quote! {
        super::kps::shim::entry!(#stem, stack_words = #words);
    };
    let original = calls_original(&func.change).then(|| {
        quote! {
            super::kps::shim::original!(#stem, old = #old, skip = #skip);
        }
    });
    quote!(#entry #original)
}

/// The prototype by which the kernel calls the function.
pub(crate) fn entry_signature<B>(func: &Func<B>) -> Cow<'_, Signature> {
    match func.convention {
        Convention::C => Cow::Borrowed(&func.signature),
        Convention::Syscall { regs } => Cow::Owned(syscall::entered(regs, &func.signature)),
    }
}

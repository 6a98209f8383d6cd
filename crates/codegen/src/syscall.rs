// SPDX-License-Identifier: GPL-2.0
//! A system call: its arguments are in its caller's registers, to which the kernel passes a
//! pointer.

use crate::body::{calls_original, from_word, to_word, Frame, Way};
use crate::names::{ident, FuncNames};
use crate::types::ty;
use kps_plan::{Func, Param, Signature, Type, TypeId, Types};
use proc_macro2::TokenStream;
use quote::quote;

/// The prototype by which the kernel calls a system call.
pub(crate) fn entered(regs: TypeId, signature: &Signature) -> Signature {
    let ty = Type::Pointer { to: Box::new(Type::Named(regs)), constant: true };
    Signature {
        params: vec![Param { name: "regs".to_owned(), ty }],
        ret: signature.ret.clone(),
        variadic: false,
    }
}

/// The body gets a copy of the caller's registers.
pub(crate) fn way<B>(types: &Types, func: &Func<B>, names: &FuncNames, regs: TypeId) -> Way {
    let regs = ident(types.get(regs).name());
    let take = take(types, func, &quote!(mut));
    let args = func.signature.params.iter().map(|param| ident(&param.name));
    let enter = quote! {
        /// SAFETY: the kernel passes the registers of the caller, which stay in memory for as long
        /// as the call lasts. What is changed is a copy: the caller gets its own ones back.
        let kps_regs = unsafe { *kps_regs };
        #(#take)*
    };
    Way {
        params: quote!(kps_regs: *const #regs),
        enter,
        original: calls_original(&func.change).then(|| original(types, func, names, &regs)),
        call: (quote!(), quote!(original(#(#args),*))),
    }
}

/// A `pre`-only hook sees the caller's registers and does not change them.
pub(crate) fn frame<B>(types: &Types, func: &Func<B>, regs: TypeId) -> Frame {
    let regs = ident(types.get(regs).name());
    let take = take(types, func, &quote!());
    let enter = quote! {
        /// SAFETY: the entry passes the frame that it has just built on this task's own stack. The
        /// first argument in it is the address of the caller's registers, which stay in memory for
        /// as long as the call lasts. They are the caller's own and not to be changed.
        let (kps_frame, kps_regs) = unsafe {
            let kps_frame = &mut *kps_frame;
            let kps_regs = &*(kps_frame.args[0] as *const #regs);
            (kps_frame, kps_regs)
        };
        #(#take)*
    };
    Frame { words: quote!(0), enter, leave: quote!() }
}

/// The author's parameters, each from its register.
fn take<B>(types: &Types, func: &Func<B>, changeable: &TokenStream) -> Vec<TokenStream> {
    let take = |(param, register): (&Param, &&str)| {
        let (name, register, ty) = (ident(&param.name), ident(register), ty(types, &param.ty));
        let value = from_word(types, &param.ty, &quote!(kps_regs.#register));
        let safety = matches!(types.resolve(&param.ty), Type::Function(_)).then(|| {
            quote! {
                /// SAFETY: C passes a function pointer or NULL, and None is NULL.
            }
        });
        quote!(#safety let #changeable #name: #ty = #value;)
    };
    func.signature.params.iter().zip(types.arch().syscalls.members).map(take).collect()
}

/// `original`, which calls the old system call with other arguments than the caller's.
fn original<B>(
    types: &Types,
    func: &Func<B>,
    names: &FuncNames,
    regs: &proc_macro2::Ident,
) -> TokenStream {
    let original = ident(&names.original);
    let params = func.signature.params.iter().zip(types.arch().syscalls.members);
    let typed = func.signature.params.iter().map(|param| {
        let (name, ty) = (ident(&param.name), ty(types, &param.ty));
        quote!(#name: #ty)
    });
    let registers = params.map(|(param, register)| {
        let word = to_word(types, &param.ty, &{
            let name = ident(&param.name);
            quote!(#name)
        });
        let register = ident(register);
        quote!(#register: #word)
    });
    quote! {
        let original = |#(#typed),*| {
            let kps_regs = #regs { #(#registers,)* ..kps_regs };
            /// SAFETY: the old system call gets the registers that its caller had, but for these
            /// arguments. It is entered behind its ftrace site, so the call does not come back
            /// here.
            unsafe { #original(&kps_regs) }
        };
    }
}

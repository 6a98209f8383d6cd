//! A changed system call: its arguments are in the registers of its caller, which the kernel passes a pointer to.

use crate::func::{attributes, block, calls_original, frees, from_word, to_word, IN_PLACE};
use crate::names::{ident, FuncNames};
use crate::types::{ret, ty};
use crate::Body;
use kps_plan::{Change, Func, Param, Signature, Type, TypeId, Types};
use proc_macro2::TokenStream;
use quote::quote;

/// The prototype that the kernel calls a system call by.
pub(crate) fn entered(regs: TypeId, signature: &Signature) -> Signature {
    let ty = Type::Pointer { to: Box::new(Type::Named(regs)), constant: true };
    Signature {
        params: vec![Param { name: "regs".to_owned(), ty }],
        ret: signature.ret.clone(),
        variadic: false,
    }
}

/// The body of a changed system call.
pub(crate) fn body<B: Body>(types: &Types, func: &Func<B>, names: &FuncNames, regs: TypeId) -> TokenStream {
    let (name, regs) = (ident(&names.body), ident(types.get(regs).name()));
    let ret = ret(types, &func.signature);
    let attributes = attributes(func);
    let params = func.signature.params.iter().zip(types.arch().syscalls.members);
    let take = |changeable: TokenStream| -> Vec<TokenStream> {
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
        params.clone().map(take).collect()
    };
    if let Change::Pre(pre) = &func.change {
        let take = take(quote!());
        let block = pre.as_ref().map(|pre| block(pre, IN_PLACE));
        let frees = frees(func);
        return quote! {
            #attributes
            unsafe extern "C" fn #name(kps_frame: *mut kps::frame::Frame<0>) #ret {
                /// SAFETY: the entry passes the frame that it has just built on this task's own stack. The first argument in
                /// it is the address of the caller's registers, which stay in memory for as long as the call lasts. They are
                /// the caller's own and not to be changed.
                let (kps_frame, kps_regs) = unsafe {
                    let kps_frame = &mut *kps_frame;
                    let kps_regs = &*(kps_frame.args[0] as *const #regs);
                    (kps_frame, kps_regs)
                };
                #(#take)*
                #block
                #frees
                kps_frame.go_on = 1;
                /// SAFETY: every C return type has the value zero, and the entry discards this one.
                unsafe { kps::frame::unread() }
            }
        };
    }
    let take = take(quote!(mut));
    let original = calls_original(&func.change).then(|| original(types, func, names, &regs));
    let args = func.signature.params.iter().map(|param| ident(&param.name));
    let change = match &func.change {
        Change::Replace { body, .. } => block(body, IN_PLACE),
        Change::Around { pre, post } => {
            let pre = pre.as_ref().map(|pre| block(pre, IN_PLACE));
            let post = block(post, IN_PLACE);
            let frees = frees(func);
            quote! {
                #pre
                #frees
                let mut ret = original(#(#args),*);
                #post
                ret
            }
        }
        Change::C { .. } | Change::Pre(_) => quote!(),
    };
    quote! {
        #attributes
        unsafe extern "C" fn #name(kps_regs: *const #regs) #ret {
            /// SAFETY: the kernel passes the registers of the caller, which stay in memory for as long as the call lasts. What
            /// is changed is a copy: the caller gets its own ones back.
            let kps_regs = unsafe { *kps_regs };
            #(#take)*
            #original
            #change
        }
    }
}

/// `original`, which enters the old system call with other arguments than the caller's.
fn original<B>(types: &Types, func: &Func<B>, names: &FuncNames, regs: &proc_macro2::Ident) -> TokenStream {
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
            /// SAFETY: the old system call gets the registers that its caller had, but for these arguments. It is entered
            /// behind its ftrace site, so the call does not come back here.
            unsafe { #original(&kps_regs) }
        };
    }
}

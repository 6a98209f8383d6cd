// SPDX-License-Identifier: GPL-2.0
//! The Rust functions that contain the author's code: new bodies, hooks and callbacks.

use crate::names::{self, ident, FuncNames};
use crate::types::{ret, ty};
use crate::{c, syscall, Body};
use kps_plan::{Callback, Change, Convention, Func, Type, Types};
use proc_macro2::TokenStream;
use quote::quote;

/// How a body receives its arguments and calls the old function. It depends on the calling
/// convention.
pub(crate) struct Way {
    /// The parameters of the Rust function.
    pub(crate) params: TokenStream,
    /// Binds the author's parameters to their values.
    pub(crate) enter: TokenStream,
    /// Binds `original` to the old function, if the author's code calls it.
    pub(crate) original: Option<TokenStream>,
    /// For a hook that runs after the old function: why it may be called, and the call.
    pub(crate) call: (TokenStream, TokenStream),
}

/// How a `pre`-only hook receives its arguments.
pub(crate) struct Frame {
    /// The words of the frame that the caller has put on the stack.
    pub(crate) words: TokenStream,
    /// Binds the author's parameters to their values.
    pub(crate) enter: TokenStream,
    /// Passes them on to the old function.
    pub(crate) leave: TokenStream,
}

/// The function that the entry calls. For a body in C, the C compiler makes it.
pub(crate) fn body<B: Body>(types: &Types, func: &Func<B>, names: &FuncNames) -> TokenStream {
    let (name, ret, attributes) =
        (ident(&names.body), ret(types, &func.signature), attributes(func));
    let way = || match func.convention {
        Convention::C => c::way(types, func, names),
        Convention::Syscall { regs } => syscall::way(types, func, names, regs),
    };
    match &func.change {
        Change::C { .. } => quote!(),
        Change::Replace { body, .. } => {
            let Way { params, enter, original, .. } = way();
            let block = block(body, IN_PLACE);
            quote! {
                #attributes
                unsafe extern "C" fn #name(#params) #ret {
                    #enter
                    #original
                    #block
                }
            }
        }
        Change::Around { pre, post } => {
            let Way { params, enter, original, call: (safety, call) } = way();
            let pre = pre.as_ref().map(|pre| block(pre, IN_PLACE));
            let (frees, post) = (frees(func), block(post, IN_PLACE));
            let (keep, give) = match ret {
                Some(_) => (quote!(let mut ret =), quote!(ret)),
                None => (quote!(), quote!()),
            };
            quote! {
                #attributes
                unsafe extern "C" fn #name(#params) #ret {
                    #enter
                    #original
                    #pre
                    #frees
                    #safety
                    #keep #call;
                    #post
                    #give
                }
            }
        }
        Change::Pre(pre) => {
            let Frame { words, enter, leave } = match func.convention {
                Convention::C => c::frame(types, func),
                Convention::Syscall { regs } => syscall::frame(types, func, regs),
            };
            let (block, frees) = (pre.as_ref().map(|pre| block(pre, IN_PLACE)), frees(func));
            let unread = ret.is_some().then(|| {
                quote! {
                    /// SAFETY: every C return type has the value zero, and the entry discards this
                    /// one.
                    unsafe { super::kps::frame::unread() }
                }
            });
            quote! {
                #attributes
                unsafe extern "C" fn #name(kps_frame: *mut super::kps::frame::Frame<#words>) #ret {
                    #enter
                    #block
                    #frees
                    #leave
                    kps_frame.go_on = 1;
                    #unread
                }
            }
        }
    }
}

/// Whether code of the module calls the old function.
pub(crate) fn calls_original<B>(change: &Change<B>) -> bool {
    match change {
        Change::Replace { calls_original, .. } | Change::C { calls_original, .. } => {
            *calls_original
        }
        // The entry's assembly jumps there itself.
        Change::Pre(_) => false,
        Change::Around { .. } => true,
    }
}

/// The documentation of a function that contains the author's code, and its symbol name.
fn attributes<B>(func: &Func<B>) -> TokenStream {
    let old = &func.old.name;
    let title = match func.change {
        Change::Replace { .. } | Change::C { .. } => format!(" Runs in the place of `{old}`."),
        Change::Pre(Some(_)) => format!(" Runs before `{old}`."),
        Change::Pre(None) => format!(" Frees shadow data before `{old}` frees its object."),
        Change::Around { pre: None, .. } => format!(" Runs `{old}` and then the hook."),
        Change::Around { pre: Some(_), .. } => format!(" Runs a hook, `{old}` and another hook."),
    };
    quote! {
        #[doc = #title]
        #[no_mangle]
    }
}

/// `{ body }`, in the context of an unsafe function.
pub(crate) fn block<B: Body>(body: &B, reason: &str) -> TokenStream {
    let tokens = body.tokens();
    let safety =
        format!(" SAFETY: the author of {} answers for this text. {reason}", body.origin());
    quote! {
        #[doc = #safety]
        unsafe {
            #tokens
        }
    }
}

/// Removes an object's shadow data before the old function frees the object.
fn frees<B: Body>(func: &Func<B>) -> Option<TokenStream> {
    let removals = func.frees.iter().map(|free| {
        let (shadow, parent) = (ident(&free.shadow), free.parent.inline());
        let safety = format!(
            " SAFETY: the author of {} answers for this being the object that `{}` frees. Nobody uses its data any more.",
            free.parent.origin(),
            func.old.name
        );
        quote! {
            #[doc = #safety]
            unsafe { super::kps::shadow::Shadow::remove(&super::#shadow, #parent) };
        }
    });
    (!func.frees.is_empty()).then(|| quote!(#(#removals)*))
}

const IN_PLACE: &str =
    "ftrace calls it in the place of the old function, with that function's arguments, and \
    the frame of the entry keeps the module loaded until it has returned.";

/// A parameter from the register or stack word that carries it. For a function pointer the
/// conversion is unsafe, and the caller gives the reason why it is right.
pub(crate) fn from_word(types: &Types, t: &Type, word: &TokenStream) -> TokenStream {
    let ty = ty(types, t);
    match types.resolve(t) {
        Type::Bool => quote!((#word as ::core::primitive::u8) != 0),
        Type::Function(_) => {
            quote!(unsafe { ::core::mem::transmute::<::core::primitive::u64, #ty>(#word) })
        }
        Type::User(to) => {
            let to = crate::types::ty(types, to);
            quote!(super::kps::user::UserPtr::new(#word as *mut #to))
        }
        _ => quote!(#word as #ty),
    }
}

/// The word that carries a parameter. Casts extend by the sign of the type, as compilers expect.
pub(crate) fn to_word(types: &Types, t: &Type, name: &TokenStream) -> TokenStream {
    let (usize, u64) = (quote!(::core::primitive::usize), quote!(::core::primitive::u64));
    match types.resolve(t) {
        Type::Function(_) => quote!(#name.map_or(0, |kps_function| kps_function as #usize as #u64)),
        Type::Pointer { .. } => quote!(#name as #usize as #u64),
        Type::User(_) => quote!(#name.as_ptr() as #usize as #u64),
        _ => quote!(#name as #u64),
    }
}

/// The function of a callback.
pub(crate) fn callback<B: Body>(callback: Callback, body: &B) -> TokenStream {
    let safety = format!(
        " SAFETY: the author of {} answers for this text. The kernel calls it under `klp_mutex`, while the module is loaded.",
        body.origin()
    );
    let ident = names::callback(callback);
    let ret = callback.returns().then(|| quote!(-> c_int));
    let tokens = body.tokens();
    quote! {
        pub(super) unsafe extern "C" fn #ident(obj: *mut klp_object) #ret {
            #[doc = #safety]
            unsafe {
                #tokens
            }
        }
    }
}

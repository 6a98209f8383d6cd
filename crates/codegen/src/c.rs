// SPDX-License-Identifier: GPL-2.0
//! A function with the C calling convention: its arguments are in registers and on the stack.

use crate::body::{calls_original, from_word, to_word, Frame, Way};
use crate::names::{ident, FuncNames};
use crate::types::ty;
use kps_plan::{Change, Func, Location, Param, Passing, Signature, Type, Types};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

/// The body has the function's own prototype.
pub(crate) fn way<B>(types: &Types, func: &Func<B>, names: &FuncNames) -> Way {
    let original = ident(&names.original);
    let param = |param: &Param| {
        let (name, ty) = (ident(&param.name), ty(types, &param.ty));
        quote!(mut #name: #ty)
    };
    let params = func.signature.params.iter().map(param);
    let args = func.signature.params.iter().map(|param| ident(&param.name));
    let is_replaced = matches!(func.change, Change::Replace { .. });
    let named = is_replaced && calls_original(&func.change);
    let safety = quote! {
        /// SAFETY: the old function gets the arguments that its caller passed or that the hook
        /// before it chose. It is entered behind its ftrace site, so the call does not come back
        /// here.
    };
    Way {
        params: quote!(#(#params),*),
        enter: quote!(),
        original: named.then(|| quote!(use #original as original;)),
        call: (safety, quote!(unsafe { #original(#(#args),*) })),
    }
}

/// The entry saves the arguments in a frame and restores them from it.
pub(crate) fn frame<B>(types: &Types, func: &Func<B>) -> Frame {
    let Passing { places, stack, .. } = passing(types, &func.signature);
    let (mut take, mut put) = (Vec::new(), Vec::new());
    for (param, place) in func.signature.params.iter().zip(&places) {
        let (name, kept) = (ident(&param.name), Saved::at(place));
        let ty = ty(types, &param.ty);
        let (safety, value, back) = if types.is_record(&param.ty) {
            let safety = quote! {
                /// SAFETY: the caller passes a value of this type, in these words.
            };
            let words = kept.words();
            (
                Some(safety),
                quote!(unsafe { super::kps::frame::take(&#words) }),
                quote!(super::kps::frame::put(&mut #words, #name);),
            )
        } else {
            let slot = kept.word();
            let word = to_word(types, &param.ty, &quote!(#name));
            let safety = matches!(types.resolve(&param.ty), Type::Function(_)).then(|| {
                quote! {
                    /// SAFETY: C passes a function pointer or NULL, and None is NULL.
                }
            });
            (safety, from_word(types, &param.ty, &slot), quote!(#slot = #word;))
        };
        take.push(quote!(#safety let mut #name: #ty = #value;));
        put.push(back);
    }
    let words = Literal::usize_unsuffixed(stack);
    let enter = quote! {
        /// SAFETY: the entry passes the frame that it has just built on this task's own stack.
        let kps_frame = unsafe { &mut *kps_frame };
        #(#take)*
    };
    Frame { words: quote!(#words), enter, leave: quote!(#(#put)*) }
}

/// The locations of the arguments. The check has refused arguments that are passed in other ways.
pub(crate) fn passing(types: &Types, signature: &Signature) -> Passing {
    types.passing(signature).unwrap_or(Passing { places: Vec::new(), stack: 0, hidden: false })
}

/// The location of an argument in a hook's frame.
struct Saved {
    list: TokenStream,
    first: usize,
    end: usize,
}

impl Saved {
    fn at(place: &Location) -> Saved {
        let (list, range) = match place {
            Location::Registers(range) => (quote!(kps_frame.args), range),
            Location::Stack(range) => (quote!(kps_frame.stack), range),
        };
        Saved { list, first: range.start, end: range.end }
    }

    fn word(&self) -> TokenStream {
        let (list, first) = (&self.list, Literal::usize_unsuffixed(self.first));
        quote!(#list[#first])
    }

    fn words(&self) -> TokenStream {
        let (list, first) = (&self.list, Literal::usize_unsuffixed(self.first));
        let end = Literal::usize_unsuffixed(self.end);
        quote!(#list[#first..#end])
    }
}

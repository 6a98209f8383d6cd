//! One changed function: its entry, its body, and the way to the old function.

use crate::names::{ident, placeholder, FuncNames};
use crate::syscall;
use crate::types::{declaration, ret, ty};
use crate::Body;
use kps_plan::{Change, Convention, Func, ObjectName, Param, Passing, Place, Signature, Type, Types};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use std::borrow::Cow;

/// Everything that one function needs in the module of its object.
pub(crate) fn func<B: Body>(types: &Types, func: &Func<B>, names: &FuncNames) -> TokenStream {
    let symbols = symbols(types, func, names);
    let assembly = assembly(types, func, names);
    let body = match (func.convention, &func.change) {
        (_, Change::C { .. }) => quote!(),
        (Convention::Syscall { regs }, _) => syscall::body(types, func, names, regs),
        (_, Change::Replace { body, calls_original }) => replace(types, func, names, body, *calls_original),
        (_, Change::Pre(pre)) => pre_only(types, func, names, pre.as_ref()),
        (_, Change::Around { pre, post }) => around(types, func, names, pre.as_ref(), post),
    };
    quote! {
        #symbols
        #assembly
        #body
    }
}

/// Whether code of the module calls the old function.
pub(crate) fn calls_original<B>(change: &Change<B>) -> bool {
    match change {
        Change::Replace { calls_original, .. } | Change::C { calls_original, .. } => *calls_original,
        // The entry's assembly jumps there by itself.
        Change::Pre(_) => false,
        Change::Around { .. } => true,
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
    // What a module's functions start with is compared by its gate, which the kernel tells where they are.
    let old = (func.old.object == ObjectName::Vmlinux).then(|| {
        let symbol = placeholder(&func.old);
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
    let old = placeholder(&func.old);
    let skip = Literal::u32_unsuffixed(func.entry.skip);
    let Passing { stack, hidden, .. } = passing(types, &entry_signature(func));
    if let Change::Pre(_) = func.change {
        let entry = if hidden { quote!(pre_entry_in_memory) } else { quote!(pre_entry) };
        return quote! {
            kps::shim::#entry!(#stem, old = #old, skip = #skip);
        };
    }
    let words = Literal::usize_unsuffixed(stack);
    let entry = quote! {
        kps::shim::entry!(#stem, stack_words = #words);
    };
    let original = calls_original(&func.change).then(|| {
        quote! {
            kps::shim::original!(#stem, old = #old, skip = #skip);
        }
    });
    quote!(#entry #original)
}

/// The prototype that the function is called by.
pub(crate) fn entry_signature<B>(func: &Func<B>) -> Cow<'_, Signature> {
    match func.convention {
        Convention::C => Cow::Borrowed(&func.signature),
        Convention::Syscall { regs } => Cow::Owned(syscall::entered(regs, &func.signature)),
    }
}

/// Where the arguments are. The check has refused what travels in another way.
fn passing(types: &Types, signature: &Signature) -> Passing {
    types.passing(signature).unwrap_or(Passing { places: Vec::new(), stack: 0, hidden: false })
}

fn params(types: &Types, signature: &Signature) -> Vec<TokenStream> {
    let param = |p: &Param| {
        let (name, ty) = (ident(&p.name), ty(types, &p.ty));
        quote!(mut #name: #ty)
    };
    signature.params.iter().map(param).collect()
}

fn args(signature: &Signature) -> Vec<proc_macro2::Ident> {
    signature.params.iter().map(|p| ident(&p.name)).collect()
}

/// What a function that holds an author's text does, and its name among the symbols.
pub(crate) fn attributes<B>(func: &Func<B>) -> TokenStream {
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
    let safety = format!(" SAFETY: the author of {} answers for this text. {reason}", body.origin());
    quote! {
        #[doc = #safety]
        unsafe {
            #tokens
        }
    }
}

/// Removes the shadow data of an object before the old function frees the object.
pub(crate) fn frees<B: Body>(func: &Func<B>) -> Option<TokenStream> {
    let removals = func.frees.iter().map(|free| {
        let (shadow, parent) = (ident(&free.shadow), free.parent.inline());
        let safety = format!(
            " SAFETY: the author of {} answers for this being the object that `{}` frees. Nobody uses its data any more.",
            free.parent.origin(),
            func.old.name
        );
        quote! {
            #[doc = #safety]
            unsafe { #shadow.remove(#parent) };
        }
    });
    (!func.frees.is_empty()).then(|| quote!(#(#removals)*))
}

pub(crate) const IN_PLACE: &str =
    "ftrace calls it in the place of the old function, with that function's arguments, and \
    the frame of the entry keeps the module loaded until it has returned.";

fn replace<B: Body>(
    types: &Types,
    func: &Func<B>,
    names: &FuncNames,
    body: &B,
    calls_original: bool,
) -> TokenStream {
    let name = ident(&names.body);
    let params = params(types, &func.signature);
    let ret = ret(types, &func.signature);
    let attributes = attributes(func);
    let original = calls_original.then(|| {
        let original = ident(&names.original);
        quote!(use #original as original;)
    });
    let block = block(body, IN_PLACE);
    quote! {
        #attributes
        unsafe extern "C" fn #name(#(#params),*) #ret {
            #original
            #block
        }
    }
}

fn around<B: Body>(
    types: &Types,
    func: &Func<B>,
    names: &FuncNames,
    pre: Option<&B>,
    post: &B,
) -> TokenStream {
    let (name, original) = (ident(&names.body), ident(&names.original));
    let params = params(types, &func.signature);
    let args = args(&func.signature);
    let ret = ret(types, &func.signature);
    let attributes = attributes(func);
    let pre = pre.map(|pre| {
        let block = block(pre, IN_PLACE);
        quote!(#block)
    });
    let post = block(post, IN_PLACE);
    let frees = frees(func);
    let (keep, give) = match ret {
        Some(_) => (quote!(let mut ret =), quote!(ret)),
        None => (quote!(), quote!()),
    };
    quote! {
        #attributes
        unsafe extern "C" fn #name(#(#params),*) #ret {
            #pre
            #frees
            /// SAFETY: the old function gets the arguments that its caller passed or that the hook before it chose. It
            /// is entered behind its ftrace site, so the call does not come back here.
            #keep unsafe { #original(#(#args),*) };
            #post
            #give
        }
    }
}

fn pre_only<B: Body>(types: &Types, func: &Func<B>, names: &FuncNames, pre: Option<&B>) -> TokenStream {
    let name = ident(&names.body);
    let ret = ret(types, &func.signature);
    let attributes = attributes(func);
    let Passing { places, stack, .. } = passing(types, &func.signature);
    let words = Literal::usize_unsuffixed(stack);
    let (mut take, mut put) = (Vec::new(), Vec::new());
    for (param, place) in func.signature.params.iter().zip(&places) {
        let (name, kept) = (ident(&param.name), Kept::at(place));
        let ty = ty(types, &param.ty);
        let (safety, value, back) = if types.is_record(&param.ty) {
            let safety = quote! {
                /// SAFETY: the caller passes a value of this type, in these words.
            };
            let words = kept.words();
            (
                Some(safety),
                quote!(unsafe { kps::frame::take(&#words) }),
                quote!(kps::frame::put(&mut #words, #name);),
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
    let block = pre.map(|pre| block(pre, IN_PLACE));
    let frees = frees(func);
    let unread = ret.is_some().then(|| {
        quote! {
            /// SAFETY: every C return type has the value zero, and the entry discards this one.
            unsafe { kps::frame::unread() }
        }
    });
    quote! {
        #attributes
        unsafe extern "C" fn #name(kps_frame: *mut kps::frame::Frame<#words>) #ret {
            /// SAFETY: the entry passes the frame that it has just built on this task's own stack.
            let kps_frame = unsafe { &mut *kps_frame };
            #(#take)*
            #block
            #frees
            #(#put)*
            kps_frame.go_on = 1;
            #unread
        }
    }
}

/// Where the frame of a hook keeps an argument.
struct Kept {
    list: TokenStream,
    first: usize,
    end: usize,
}

impl Kept {
    fn at(place: &Place) -> Kept {
        let (list, range) = match place {
            Place::Registers(range) => (quote!(kps_frame.args), range),
            Place::Stack(range) => (quote!(kps_frame.stack), range),
        };
        Kept { list, first: range.start, end: range.end }
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

/// A parameter from the register or stack word that carries it. For a function pointer that is unsafe, and the caller says why
/// it is right.
pub(crate) fn from_word(types: &Types, t: &Type, word: &TokenStream) -> TokenStream {
    let ty = ty(types, t);
    match types.resolve(t) {
        Type::Bool => quote!((#word as u8) != 0),
        Type::Function(_) => quote!(unsafe { core::mem::transmute::<u64, #ty>(#word) }),
        _ => quote!(#word as #ty),
    }
}

/// The word that carries a parameter. Casts extend by the sign of the type, as compilers expect of each other.
pub(crate) fn to_word(types: &Types, t: &Type, name: &TokenStream) -> TokenStream {
    match types.resolve(t) {
        Type::Function(_) => quote!(#name.map_or(0, |function| function as usize as u64)),
        Type::Pointer { .. } => quote!(#name as usize as u64),
        _ => quote!(#name as u64),
    }
}

/// The function of a callback.
pub(crate) fn callback<B: Body>(name: &str, body: &B) -> TokenStream {
    let safety = format!(
        " SAFETY: the author of {} answers for this text. The kernel calls it under `klp_mutex`, while the module is loaded.",
        body.origin()
    );
    let ident = format_ident!("kps_{name}");
    let ret = (name == "pre_patch").then(|| quote!(-> c_int));
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

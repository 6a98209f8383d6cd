// SPDX-License-Identifier: GPL-2.0
//! The gate of a module object: checks whether the loaded module is the one that the patch was made
//! for.
//!
//! A module can be loaded at any time, and may be another one of the same name. A callback that
//! refuses would prevent the module from loading, which can cost a machine more than the bug that
//! the patch fixes. So the gate lets the module load unpatched: its functions are redirected to
//! themselves, behind their ftrace sites, and none of the author's callbacks run.

use crate::message;
use crate::names::{self, ident, object_ident, FuncNames};
use crate::Body;
use kps_plan::{Callback, Object, Patch, Rodata};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};

/// The Rust module of an object's gate, inside `livepatch`.
pub(crate) fn gate_ident<B>(object: &Object<B>) -> Ident {
    format_ident!("gate_{}", object.name.as_str())
}

/// The callbacks of a module object: those of its gate, which calls the author's.
pub(crate) fn callbacks<B>(object: &Object<B>) -> impl Iterator<Item = Callback> + '_ {
    Callback::ALL.into_iter().filter(|callback| match callback {
        Callback::PrePatch | Callback::PostUnpatch => true,
        Callback::PostPatch | Callback::PreUnpatch => object.callbacks.get(*callback).is_some(),
    })
}

/// The gate of a module object.
pub(crate) fn gate<B: Body>(
    patch: &Patch<B>,
    object: &Object<B>,
    names: &[FuncNames],
) -> TokenStream {
    let (gate, module) = (gate_ident(object), object_ident(&object.name));
    let klp_object = ident(patch.kernel.types.get(patch.klp.object).name());
    let title = format!(
        " Lets the patch into the `{}` that it was made for, and into no other.",
        object.name.as_str()
    );
    let id = object.build_id.iter().flatten();
    let id = id.map(|byte| syn::LitInt::new(&format!("{byte:#04x}"), Span::call_site()));
    let funcs: Vec<_> = object
        .funcs
        .iter()
        .zip(names)
        .map(|(func, names)| {
            let (entry, landing_pad) = (ident(&names.entry), func.entry.landing_pad);
            quote!(Func { entry: #module::#entry, landing_pad: #landing_pad })
        })
        .collect();
    let count = Literal::usize_unsuffixed(funcs.len());
    let errno = object.callbacks.get(Callback::PrePatch).map(|_| {
        quote!(
            use super::super::kps::errno::EINVAL;
        )
    });
    let pre_patch = pre_patch(patch, object, &klp_object);
    let between = [Callback::PostPatch, Callback::PreUnpatch];
    let between = between.into_iter().filter_map(|callback| {
        let (call, callback) = (author(object, callback)?, format_ident!("{}", callback.name()));
        Some(quote! {
            pub(super) unsafe extern "C" fn #callback(obj: *mut #klp_object) {
                #call
            }
        })
    });
    let post_unpatch = post_unpatch(object, &klp_object);
    quote! {
        #[doc = #title]
        mod #gate {
            #errno
            use super::super::kps::gate::{self, Func};
            use super::super::kps::message;
            use super::super::types::#klp_object;
            use super::super::#module;
            use ::core::ffi::{c_int, c_ulong, c_void};
            use ::core::primitive::{bool, u8, usize};
            use ::core::sync::atomic::{AtomicBool, Ordering};

            /// The build-id of the module in the target kernel.
            const BUILD_ID: &[u8] = &[#(#id),*];

            /// The functions that change, as they stand in the object's table.
            const FUNCS: [Func; #count] = [#(#funcs),*];

            /// Whether the module that is there is that one.
            static OPEN: AtomicBool = AtomicBool::new(false);

            #pre_patch

            #(#between)*

            #post_unpatch
        }
    }
}

/// The call of an author's callback, if the gate is open.
fn author<B>(object: &Object<B>, callback: Callback) -> Option<TokenStream> {
    let call = call(object, callback)?;
    Some(quote! {
        if OPEN.load(Ordering::Relaxed) {
            /// SAFETY: the kernel has called this with the object.
            unsafe { #call }
        }
    })
}

fn call<B>(object: &Object<B>, callback: Callback) -> Option<TokenStream> {
    let (module, function) = (object_ident(&object.name), names::callback(callback));
    object.callbacks.get(callback).map(|_| quote!(#module::#function(obj)))
}

/// Opens the gate, or closes it and redirects every function to itself.
fn pre_patch<B>(patch: &Patch<B>, object: &Object<B>, klp_object: &Ident) -> TokenStream {
    let [rodata, start, size] = rodata(patch.klp.rodata);
    let made_for = match &object.from {
        Some(file) => format!("the file {file}"),
        None => format!("that of {}", patch.target.release),
    };
    let refusal = format!(
        "{} is not the module that this patch was made for, {}: it stays unpatched",
        message::verbatim(object.name.as_str()),
        message::verbatim(&made_for)
    );
    let log = message::error(&patch.name, &refusal);
    let status = match call(object, Callback::PrePatch) {
        // The module loader takes any number but 0 as a refusal and returns it: a positive one
        // would look like success.
        Some(call) => quote! {
            /// SAFETY: the kernel has called this with the object.
            let status = unsafe { #call };
            if status > 0 { -EINVAL } else { status }
        },
        None => quote!(0),
    };
    quote! {
        pub(super) unsafe extern "C" fn pre_patch(obj: *mut #klp_object) -> c_int {
            /// SAFETY: the kernel calls this under `klp_mutex` while the module is there, its
            /// functions found and its symbols relocated. Nobody runs the table's functions before
            /// this has returned.
            let open = unsafe {
                #rodata
                let funcs = (*obj).funcs;
                let same = gate::has_build_id(#start, #size, BUILD_ID)
                    && FUNCS.iter().enumerate().all(|(n, func)| {
                        gate::starts_as((*funcs.add(n)).old_func.cast(), func.landing_pad)
                    });
                if !same {
                    for n in 0..FUNCS.len() {
                        let func = funcs.add(n);
                        let behind = gate::behind_site((*func).old_func.cast());
                        (*func).new_func = behind.cast_mut().cast();
                        // A later patch of the function looks here for tasks that are still in it.
                        let site = behind.offset_from((*func).old_func.cast()) as c_ulong;
                        (*func).new_size = (*func).old_size.saturating_sub(site);
                    }
                }
                same
            };
            OPEN.store(open, Ordering::Relaxed);
            if !open {
                #log
                return 0;
            }
            #status
        }
    }
}

/// The module's read-only memory: a variable, and from it the start and the size.
fn rodata(rodata: Rodata) -> [TokenStream; 3] {
    match rodata {
        Rodata::Memory(index) => {
            let index = Literal::usize_unsuffixed(index);
            [
                quote!(let rodata = (*(*obj).r#mod).mem[#index];),
                quote!(rodata.base.cast()),
                quote!(rodata.size as usize),
            ]
        }
        Rodata::CoreLayout => [
            quote!(let core = (*(*obj).r#mod).core_layout;),
            quote!(core.base.cast::<u8>().add(core.text_size as usize)),
            quote!(core.ro_size.saturating_sub(core.text_size) as usize),
        ],
    }
}

/// Points the table at the new functions again.
fn post_unpatch<B>(object: &Object<B>, klp_object: &Ident) -> TokenStream {
    let author = author(object, Callback::PostUnpatch);
    quote! {
        pub(super) unsafe extern "C" fn post_unpatch(obj: *mut #klp_object) {
            #author
            /// SAFETY: the kernel calls this under `klp_mutex`, when no task uses the table any
            /// more. It looks the entries up again when the module is loaded the next time.
            unsafe {
                let funcs = (*obj).funcs;
                for (n, func) in FUNCS.iter().enumerate() {
                    (*funcs.add(n)).new_func = func.entry as *mut c_void;
                }
            }
        }
    }
}

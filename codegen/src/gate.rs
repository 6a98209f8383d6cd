//! The gate of a module object: whether the module that is there is the one that the patch was made for.
//!
//! A module is loaded whenever somebody wants it, and may be another one of the same name. A callback that refuses would keep
//! it from being loaded, which can cost a machine more than what the patch mends. So the gate lets it in unpatched: its
//! functions are redirected to themselves, behind their ftrace sites, and no callback of the author's runs.

use crate::kernel_crate;
use crate::names::{ident, object_ident, FuncNames};
use crate::Body;
use kps_plan::{Object, Patch};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};

/// The module that holds an object's gate, inside of `livepatch`.
pub(crate) fn gate_ident<B>(object: &Object<B>) -> Ident {
    format_ident!("gate_{}", object.name.as_str())
}

/// The callbacks of a module object, by their names in `struct klp_callbacks`: those of its gate. The gate calls the author's.
pub(crate) fn callbacks<B>(object: &Object<B>) -> Vec<&'static str> {
    let author = |name: &&str| object.callbacks.each().any(|(known, _)| known == *name);
    let all = ["pre_patch", "post_patch", "pre_unpatch", "post_unpatch"];
    all.into_iter().filter(|name| matches!(*name, "pre_patch" | "post_unpatch") || author(name)).collect()
}

/// The gate of a module object.
pub(crate) fn gate<B: Body>(patch: &Patch<B>, object: &Object<B>, names: &[FuncNames]) -> TokenStream {
    let (gate, module) = (gate_ident(object), object_ident(&object.name));
    let name = object.name.as_str();
    let klp_object = ident(patch.kernel.types.get(patch.klp.object).name());
    let title = format!(" Lets the patch into the `{name}` that it was made for, and into no other.");
    let refusal = format!(
        "{name} is not the module that this patch was made for, that of {}: it stays unpatched\n",
        patch.target.release
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
    let rodata = Literal::usize_unsuffixed(patch.klp.rodata);
    let author = |callback: &str| {
        let function = format_ident!("kps_{callback}");
        let there = object.callbacks.each().any(|(known, _)| known == callback);
        there.then(|| quote!(#module::#function(obj)))
    };
    let pre_patch = match author("pre_patch") {
        // The loader takes any number but 0 for a refusal, and hands it on: a positive one would look like success.
        Some(call) => quote! {
            /// SAFETY: the kernel has called this with the object.
            let status = unsafe { #call };
            if status > 0 { -EINVAL } else { status }
        },
        None => quote!(0),
    };
    let errno = author("pre_patch").map(|_| {
        quote!(
            use super::super::kps::errno::EINVAL;
        )
    });
    let between = ["post_patch", "pre_unpatch"].into_iter().filter_map(|callback| {
        let (call, callback) = (author(callback)?, format_ident!("{callback}"));
        Some(quote! {
            pub(super) unsafe extern "C" fn #callback(obj: *mut #klp_object) {
                if OPEN.load(Ordering::Relaxed) {
                    /// SAFETY: the kernel has called this with the object.
                    unsafe { #call }
                }
            }
        })
    });
    let post_unpatch = author("post_unpatch").map(|call| {
        quote! {
            if OPEN.load(Ordering::Relaxed) {
                /// SAFETY: the kernel has called this with the object.
                unsafe { #call }
            }
        }
    });
    let log = kernel_crate::log_error(&quote!(#refusal));
    quote! {
        #[doc = #title]
        mod #gate {
            #errno
            use super::super::kps::gate::{self, Func};
            use super::super::types::#klp_object;
            use super::super::#module;
            use core::ffi::c_int;
            use core::sync::atomic::{AtomicBool, Ordering};

            /// The build-id of the module in the target kernel.
            const BUILD_ID: &[u8] = &[#(#id),*];

            /// The functions that change, as they stand in the object's table.
            const FUNCS: [Func; #count] = [#(#funcs),*];

            /// Whether the module that is there is that one.
            static OPEN: AtomicBool = AtomicBool::new(false);

            pub(super) unsafe extern "C" fn pre_patch(obj: *mut #klp_object) -> c_int {
                /// SAFETY: the kernel calls this under `klp_mutex` while the module is there, its functions found and its
                /// symbols relocated. Nobody runs the table's functions before this has returned.
                let open = unsafe {
                    let rodata = (*(*obj).r#mod).mem[#rodata];
                    let funcs = (*obj).funcs;
                    let same = gate::has_build_id(rodata.base.cast(), rodata.size as usize, BUILD_ID)
                        && FUNCS.iter().enumerate().all(|(n, func)| {
                            gate::starts_as((*funcs.add(n)).old_func.cast(), func.landing_pad)
                        });
                    if !same {
                        for n in 0..FUNCS.len() {
                            let func = funcs.add(n);
                            let behind = gate::behind_site((*func).old_func.cast());
                            (*func).new_func = behind.cast_mut().cast();
                            // A later patch of the function looks here for tasks that are still in it.
                            let site = behind.offset_from((*func).old_func.cast()) as core::ffi::c_ulong;
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
                #pre_patch
            }

            #(#between)*

            pub(super) unsafe extern "C" fn post_unpatch(obj: *mut #klp_object) {
                #post_unpatch
                /// SAFETY: the kernel calls this under `klp_mutex`, when no task uses the table any more. It looks the
                /// entries up again when the module is loaded the next time.
                unsafe {
                    let funcs = (*obj).funcs;
                    for (n, func) in FUNCS.iter().enumerate() {
                        (*funcs.add(n)).new_func = func.entry as *mut core::ffi::c_void;
                    }
                }
            }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0
//! States, shadow variables and resources: the statics that bodies name, and the callbacks that
//! maintain their records.

use crate::body::block;
use crate::message;
use crate::names::{self, ident, object_ident};
use crate::{resources, Body};
use kps_plan::{Callback, DataId, ObjectName, Parent, Patch, Shadow, State, Types};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

/// The statics that bodies name.
pub(crate) fn statics<B: Body>(patch: &Patch<B>) -> TokenStream {
    let states = patch.states.iter().map(state);
    let shadows = patch.shadows.iter().map(|item| shadow(&patch.kernel.types, item));
    let resources = patch.resources.iter().map(resources::resource);
    quote! {
        #(#states)*
        #(#shadows)*
        #(#resources)*
    }
}

const OF_A_STATE: &str = "The callbacks of the image call it, under `klp_mutex`.";

fn state<B: Body>(state: &State<B>) -> TokenStream {
    let (name, text) = (ident(&state.name), &state.name);
    let title = format!(" The state `{text}`, number {}.", state.id);
    let (id, shape) = (number(DataId::of_state(state.id).number()), number(state.ty.shape));
    let ty = state.ty.text.inline();
    let save = block(&state.save, OF_A_STATE);
    let (applied, apply) = (bound(&state.apply.0), block(&state.apply.1, OF_A_STATE));
    let (restored, restore) = (bound(&state.restore.0), block(&state.restore.1, OF_A_STATE));
    quote! {
        #[doc = #title]
        #[allow(
            non_upper_case_globals, unused_unsafe, unused_variables, unreachable_code, clippy::all
        )]
        static #name: self::kps::state::State<#ty> = self::kps::state::State::new(
            #text,
            #id,
            #shape,
            || { #save },
            |#applied| { #apply },
            |#restored| { #restore },
        );
    }
}

/// The name of the struct that shadow data belongs to, and its path in generated code.
pub(crate) fn parent<B: Body>(types: &Types, shadow: &Shadow<B>) -> (Ident, TokenStream) {
    match &shadow.parent {
        Parent::Kernel(id) => {
            let name = ident(types.get(*id).name());
            (name.clone(), quote!(self::types::#name))
        }
        Parent::Item(name) => {
            let name = ident(name);
            (name.clone(), quote!(self::#name))
        }
    }
}

fn shadow<B: Body>(types: &Types, shadow: &Shadow<B>) -> TokenStream {
    const UNDER_LOCK: &str = "The kernel calls it under its shadow lock, with interrupts off.";
    let (name, text) = (ident(&shadow.name), &shadow.name);
    let (struct_name, parent) = parent(types, shadow);
    let title = format!(" The shadow variable `{text}` of `{struct_name}`.");
    let (id, shape) = (number(shadow.id.number()), number(shadow.ty.shape));
    let ty = shadow.ty.text.inline();
    let init = block(&shadow.init, "It is the value of new data.");
    let ctor = match &shadow.ctor {
        Some((parent, data, body)) => {
            let (parent, data) = (bound(parent), bound(data));
            let block = block(body, UNDER_LOCK);
            quote!(::core::option::Option::Some(|#parent, #data| { #block }))
        }
        None => quote!(::core::option::Option::None),
    };
    let (dtor, destroy) = match &shadow.dtor {
        Some((data, body)) => {
            let function = format_ident!("kps_destroy_{text}");
            let data = bound(data);
            let block = block(body, UNDER_LOCK);
            let title = format!(" Runs on data of `{text}` that goes. The object may be gone.");
            let destroy = quote! {
                #[doc = #title]
                #[allow(unused_unsafe, unused_variables, unreachable_code, clippy::all)]
                unsafe extern "C" fn #function(
                    _: *mut ::core::ffi::c_void, kps_data: *mut ::core::ffi::c_void
                ) {
                    let #data = self::kps::shadow::Shadow::data(&self::#name, kps_data);
                    #block
                }
            };
            (quote!(::core::option::Option::Some(#function)), Some(destroy))
        }
        None => (quote!(::core::option::Option::None), None),
    };
    let allowed = quote! {
        #[allow(
            non_upper_case_globals, unused_unsafe, unused_variables, unused_parens,
            unreachable_code,
            clippy::all
        )]
    };
    quote! {
        #[doc = #title]
        #allowed
        static #name: self::kps::shadow::Shadow<#ty, #parent> = self::kps::shadow::Shadow::new(
            #text,
            #id,
            #shape,
            || { #init },
            #ctor,
            #dtor,
        );
        #destroy
    }
}

/// The name that a body gives to one of its arguments; `_` gives none.
pub(crate) fn bound(name: &str) -> TokenStream {
    match name {
        "_" => quote!(_),
        name => {
            let name = ident(name);
            quote!(#name)
        }
    }
}

pub(crate) fn number(number: u64) -> TokenStream {
    let literal = syn::LitInt::new(&format!("{number:#018x}"), proc_macro2::Span::call_site());
    quote!(#literal)
}

/// What the module `livepatch` has for states, shadow variables and resources.
#[derive(Default)]
pub(crate) struct Tables {
    /// Its imports.
    pub(crate) imports: TokenStream,
    /// The member of the `klp_patch`.
    pub(crate) states: TokenStream,
    /// The tables and the callbacks.
    pub(crate) items: TokenStream,
    /// Symbols of the kernel.
    pub(crate) externs: TokenStream,
    /// What runs when the module is removed.
    pub(crate) exit: Option<TokenStream>,
}

pub(crate) fn tables<B: Body>(patch: &Patch<B>) -> Tables {
    let mut tables = Tables::default();
    if !patch.has_data() {
        return tables;
    }
    let name = |id| ident(patch.kernel.types.get(id).name());
    tables.imports.extend(quote!(
        use super::kps::persistent::Persistent;
    ));
    if let Some(klp_state) = patch.klp.state.map(name) {
        tables.imports.extend(quote!(use super::types::#klp_state;));
        tables.states = quote!(states: ::core::ptr::addr_of_mut!(STATES).cast(),);
        tables.items.extend(states(patch, &klp_state));
    }
    tables.items.extend(list(patch));
    tables.items.extend(callbacks(patch));
    if let Some(kobject) = patch.klp.kobject {
        let (kobject, ktype) = (name(kobject.object), name(kobject.ktype));
        tables.imports.extend(quote! {
            use super::kps::persistent::Trouble;
            use super::kps::resource;
            use super::types::{#ktype, #kobject};
        });
        tables.items.extend(resources::ends(patch, &kobject, &ktype));
        tables.externs = quote! {
            #[link_name = "kps.sym.vmlinux.klp_mutex,0"]
            static mut kps_klp_mutex: u8;
        };
        tables.exit = Some(resources::exit());
    }
    tables
}

/// The table of states that the kernel compares.
fn states<B>(patch: &Patch<B>, klp_state: &Ident) -> TokenStream {
    let states = patch.states.iter().map(|state| {
        let (id, version) =
            (Literal::u32_unsuffixed(state.id), Literal::u32_unsuffixed(state.version));
        quote!(#klp_state { id: #id, version: #version, ..#klp_state::ZERO })
    });
    // A shadow variable has one version only: every patch that has it must have it unchanged.
    let shadows = patch.shadows.iter().map(|shadow| {
        let id = number(shadow.id.number());
        quote!(#klp_state { id: #id, version: 1, ..#klp_state::ZERO })
    });
    let len = Literal::usize_unsuffixed(patch.states.len() + patch.shadows.len() + 1);
    quote! {
        /// The states and shadow variables, as the kernel knows them: a patch that takes the place
        /// of this one must have them.
        static mut STATES: [#klp_state; #len] = [#(#states,)* #(#shadows,)* #klp_state::ZERO];
    }
}

/// The list that the callbacks iterate over.
fn list<B>(patch: &Patch<B>) -> TokenStream {
    let states = patch.states.iter().map(|state| &state.name);
    let shadows = patch.shadows.iter().map(|shadow| &shadow.name);
    let resources = patch.resources.iter().map(|resource| &resource.name);
    let names: Vec<Ident> =
        states.chain(shadows).chain(resources).map(|name| ident(name)).collect();
    let count = Literal::usize_unsuffixed(names.len());
    quote! {
        /// The states, shadow variables and resources, in the order in which they begin.
        static DATA: [&dyn Persistent; #count] = [#(&super::#names),*];
    }
}

/// Calls the author's `pre_patch`, which may refuse.
fn agreed(call: TokenStream) -> TokenStream {
    quote! {
        /// SAFETY: the kernel has called this with the object.
        let status = unsafe { #call };
        if status != 0 {
            /// SAFETY: the kernel calls no `post_unpatch` of an object that refuses.
            unsafe { persistent::release(&DATA, false, |_| {}) };
            return status;
        }
    }
}

/// The callbacks of vmlinux: the author's, with the handling of persistent data around them.
fn callbacks<B: Body>(patch: &Patch<B>) -> TokenStream {
    let klp_object = ident(patch.kernel.types.get(patch.klp.object).name());
    let image = patch.objects.iter().find(|object| object.name == ObjectName::Vmlinux);
    let module = object_ident(&ObjectName::Vmlinux);
    let author = |callback: Callback| {
        let function = names::callback(callback);
        image?.callbacks.get(callback).map(|_| quote!(#module::#function(obj)))
    };
    let agreed = author(Callback::PrePatch).map(agreed);
    let call = |callback| {
        author(callback).map(|call| {
            quote! {
                /// SAFETY: the kernel has called this with the object.
                unsafe { #call };
            }
        })
    };
    // Without an author's callback, the object is unused.
    let obj =
        |callback| format_ident!("{}", if author(callback).is_some() { "obj" } else { "_obj" });
    let [pre_patch_obj, post_patch_obj, pre_unpatch_obj, post_unpatch_obj] = Callback::ALL.map(obj);
    let [_, post_patch, pre_unpatch, post_unpatch] = Callback::ALL.map(call);
    let has_resources = !patch.resources.is_empty();
    let watch = has_resources.then(resources::watch);
    let report = if has_resources { quote!(report) } else { quote!(|_| {}) };
    let refused = refused(&patch.name, has_resources);
    quote! {
        /// The callbacks of the image, which keep what is in `DATA`.
        mod data {
            use super::super::kps::persistent::{self, Refusal};
            use super::super::types::#klp_object;
            use super::*;

            pub(super) unsafe extern "C" fn pre_patch(#pre_patch_obj: *mut #klp_object) -> c_int {
                #watch
                /// SAFETY: this is `pre_patch`, under `klp_mutex`.
                if let Err(refusal) = unsafe { persistent::acquire(&DATA) } {
                    return refused(refusal);
                }
                #agreed
                /// SAFETY: all have joined.
                match unsafe { persistent::begin(&DATA, (*::core::ptr::addr_of!(PATCH)).replace) } {
                    Ok(()) => 0,
                    Err(refusal) => refused(refusal),
                }
            }

            #refused

            pub(super) unsafe extern "C" fn post_patch(#post_patch_obj: *mut #klp_object) {
                #post_patch
                /// SAFETY: the kernel calls this when every task runs the new code, and has taken
                /// the replaced patches away.
                unsafe {
                    let (replace, forced) = (
                        (*::core::ptr::addr_of!(PATCH)).replace,
                        (*::core::ptr::addr_of!(PATCH)).forced,
                    );
                    persistent::commit(&DATA, replace, forced, #report);
                }
            }

            pub(super) unsafe extern "C" fn pre_unpatch(#pre_unpatch_obj: *mut #klp_object) {
                #pre_unpatch
                /// SAFETY: the kernel calls this before the first task leaves the new code.
                unsafe { persistent::withdraw(&DATA) };
            }

            pub(super) unsafe extern "C" fn post_unpatch(#post_unpatch_obj: *mut #klp_object) {
                #post_unpatch
                /// SAFETY: the kernel calls this when no task runs the new code, or has been forced
                /// to think so.
                unsafe {
                    persistent::release(&DATA, (*::core::ptr::addr_of!(PATCH)).forced, #report)
                };
            }
        }
    }
}

/// The function that logs why the patch is refused.
fn refused(module: &str, has_resources: bool) -> TokenStream {
    let text = "refused: `%.*s` is there with another name or type";
    let other_type = message::error_about(module, text, &quote!(name));
    let others = if has_resources { resources::refusals(module) } else { quote!(_ => {}) };
    quote! {
        /// Logs why the patch is refused, and returns the error number.
        fn refused(refusal: Refusal) -> c_int {
            match refusal {
                Refusal::OtherType(name) => { #other_type }
                #others
            }
            refusal.errno()
        }
    }
}

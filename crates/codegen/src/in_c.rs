// SPDX-License-Identifier: GPL-2.0
//! The functions through which files in C reach the patch's shadow variables, states and resources.
//! They are the methods that bodies in Rust call, so data has the same lifetime in both languages.

use crate::data::parent;
use crate::names::{data_symbol, ident};
use crate::Body;
use kps_plan::{CDatum, CDatumKind, DataFunction, Patch, Shadow, Types};
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use std::collections::{BTreeMap, BTreeSet};

/// The parameters that files in C read.
pub(crate) fn params<B>(patch: &Patch<B>) -> BTreeSet<&str> {
    patch.c_files.iter().flat_map(|file| &file.data.params).map(String::as_str).collect()
}

/// The functions that files in C call.
pub(crate) fn functions<B: Body>(patch: &Patch<B>) -> TokenStream {
    let data = patch.c_files.iter().flat_map(|file| &file.data.data);
    let functions: BTreeMap<(&str, DataFunction), &CDatum> = data
        .flat_map(|datum| datum.functions.iter().map(move |f| ((datum.name.as_str(), *f), datum)))
        .collect();
    let functions = functions.into_iter().map(|((name, function), datum)| {
        let symbol = ident(&data_symbol(name, function));
        let body = match datum.kind {
            CDatumKind::Shadow { .. } => {
                let shadow = patch.shadows.iter().find(|shadow| shadow.name == name);
                shadow.map(|shadow| of_shadow(&patch.kernel.types, shadow, function, &symbol))
            }
            CDatumKind::State => Some(of_state(name, function, &symbol)),
            CDatumKind::Resource => Some(of_resource(name, &symbol)),
        };
        let title = format!(" `{name}_{}` of files in C.", function.name());
        quote! {
            #[doc = #title]
            #[no_mangle]
            #[allow(clippy::all)]
            #body
        }
    });
    functions.collect()
}

fn of_shadow<B: Body>(
    types: &Types,
    shadow: &Shadow<B>,
    function: DataFunction,
    symbol: &Ident,
) -> TokenStream {
    let (name, (_, parent)) = (ident(&shadow.name), parent(types, shadow));
    let of = quote!(self::kps::shadow::Shadow);
    match function {
        DataFunction::Remove => quote! {
            unsafe extern "C" fn #symbol(kps_parent: *const #parent) {
                /// SAFETY: the author of the file answers for nobody using the data any more.
                unsafe { #of::remove(&self::#name, kps_parent) };
            }
        },
        DataFunction::GetOrInit => {
            let pointer = pointer(&quote!(#of::get_or_init(&self::#name, kps_parent, kps_flags)));
            quote! {
                unsafe extern "C" fn #symbol(
                    kps_parent: *const #parent, kps_flags: ::core::primitive::u32
                ) -> *const ::core::ffi::c_void {
                    #pointer
                }
            }
        }
        _ => {
            let pointer = pointer(&quote!(#of::get(&self::#name, kps_parent)));
            quote! {
                unsafe extern "C" fn #symbol(
                    kps_parent: *const #parent
                ) -> *const ::core::ffi::c_void {
                    #pointer
                }
            }
        }
    }
}

fn of_resource(name: &str, symbol: &Ident) -> TokenStream {
    let name = ident(name);
    let pointer = pointer(&quote!(self::kps::resource::Resource::get(&self::#name)));
    quote! {
        unsafe extern "C" fn #symbol() -> *const ::core::ffi::c_void {
            #pointer
        }
    }
}

/// The address of a datum, or NULL.
fn pointer(get: &TokenStream) -> TokenStream {
    quote! {
        /// SAFETY: the author of the file answers for the object being there while the data is
        /// used.
        match unsafe { #get } {
            ::core::option::Option::Some(kps_data) => {
                let kps_data: *const _ = kps_data;
                kps_data.cast()
            }
            ::core::option::Option::None => ::core::ptr::null(),
        }
    }
}

fn of_state(name: &str, function: DataFunction, symbol: &Ident) -> TokenStream {
    let name = ident(name);
    let of = quote!(self::kps::state::State);
    match function {
        DataFunction::TakenOver => quote! {
            extern "C" fn #symbol() -> ::core::primitive::bool {
                #of::taken_over(&self::#name)
            }
        },
        DataFunction::IsShared => quote! {
            extern "C" fn #symbol() -> ::core::primitive::bool {
                #of::is_shared(&self::#name)
            }
        },
        _ => quote! {
            unsafe extern "C" fn #symbol(
                kps_value: *mut ::core::ffi::c_void
            ) -> ::core::primitive::bool {
                match #of::get(&self::#name) {
                    ::core::option::Option::Some(kps_saved) => {
                        /// SAFETY: the file gives the address of a variable of this type.
                        unsafe { ::core::ptr::write(kps_value.cast(), kps_saved) };
                        true
                    }
                    ::core::option::Option::None => false,
                }
            }
        },
    }
}

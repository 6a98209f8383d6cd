// SPDX-License-Identifier: GPL-2.0
//! The part of a module that names the crate `kernel`: its declaration to the module loader. The
//! crate is the kernel's own, or in core mode kpsc's (`crates/runtime/kernel/`), which has what is
//! named here.

use kps_plan::{AuthorsKey, Link, Metadata, Patch};
use proc_macro2::TokenStream;
use quote::quote;
use std::collections::BTreeSet;

/// The invocation of `module!`. `module` is the path of the module's type.
pub(crate) fn declaration<B>(patch: &Patch<B>, module: &TokenStream) -> TokenStream {
    let Metadata { license, authors, description, .. } = &patch.metadata;
    let name = &patch.name;
    let authors = match patch.target.authors {
        _ if authors.is_empty() => None,
        AuthorsKey::Authors => Some(quote!(authors: [#(#authors),*],)),
        AuthorsKey::Author => {
            let all = authors.join(", ");
            Some(quote!(author: #all,))
        }
    };
    let description = description.as_ref().map(|text| quote!(description: #text,));
    let functions = patch.kernel.functions.iter().map(|f| &f.link);
    let namespaces: BTreeSet<&String> = functions
        .chain(patch.kernel.statics.iter().map(|s| &s.link))
        .chain(patch.kernel.of_c.iter().map(|symbol| &symbol.link))
        .filter_map(|link| match link {
            Link::Export { namespace } => namespace.as_ref(),
            Link::Livepatch(_) | Link::Own | Link::Header { .. } => None,
        })
        .collect();
    let imports = (!namespaces.is_empty()).then(|| {
        let namespaces = namespaces.iter();
        quote!(imports_ns: [#(#namespaces),*],)
    });
    quote! {
        ::kernel::prelude::module! {
            type: #module,
            name: #name,
            #authors
            #description
            license: #license,
            #imports
        }
    }
}

/// The type of the module. Its `init` runs `enable`: statements that set `status` to the result of
/// `klp_enable_patch()`. They name the module's `struct module` through [`this_module`] and refuse
/// through [`refuse`]. The kernel runs `exit` when it removes the module, if `init` has succeeded.
pub(crate) fn module(enable: &TokenStream, exit: Option<&TokenStream>) -> TokenStream {
    let drop = exit.map(|exit| {
        quote! {
            impl ::core::ops::Drop for Module {
                fn drop(&mut self) {
                    #exit
                }
            }
        }
    });
    quote! {
        pub(crate) struct Module;

        #drop

        impl ::kernel::Module for Module {
            fn init(module: &'static ::kernel::ThisModule) -> ::kernel::error::Result<Self> {
                #enable
                ::kernel::error::to_result(status)?;
                Ok(Module)
            }
        }
    }
}

/// The address of the module's `struct module`, inside `enable`.
pub(crate) fn this_module() -> TokenStream {
    quote!(module.as_ptr().cast())
}

/// Returns from `enable`, so that the module is not loaded.
pub(crate) fn refuse() -> TokenStream {
    quote!(return Err(::kernel::error::code::ENOEXEC);)
}

// SPDX-License-Identifier: GPL-2.0
//! Resources: the statics that bodies name, and the two ends of a patch without a callback.

use crate::body::block;
use crate::data::{bound, number};
use crate::message;
use crate::names::ident;
use crate::Body;
use kps_plan::{Patch, Resource};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

/// The static of a resource.
pub(crate) fn resource<B: Body>(resource: &Resource<B>) -> TokenStream {
    const UNDER_MUTEX: &str = "It runs under `klp_mutex`, in process context.";
    let (name, text) = (ident(&resource.name), &resource.name);
    let title = format!(" The resource `{text}`.");
    let (id, shape) = (number(resource.id.number()), number(resource.ty.shape));
    let ty = resource.ty.text.inline();
    let stays = match resource.is_named {
        true => quote!(self::livepatch::is_forced),
        false => quote!(self::kps::resource::never_stays),
    };
    let acquire = block(&resource.acquire, UNDER_MUTEX);
    let (released, release) = (bound(&resource.release.0), block(&resource.release.1, UNDER_MUTEX));
    let adopt = match &resource.adopt {
        Some((adopted, body)) => {
            let (adopted, body) = (bound(adopted), block(body, UNDER_MUTEX));
            quote!(::core::option::Option::Some(|#adopted| { #body }))
        }
        None => quote!(::core::option::Option::None),
    };
    quote! {
        #[doc = #title]
        #[allow(
            non_upper_case_globals, unused_unsafe, unused_variables, unreachable_code, clippy::all
        )]
        static #name: self::kps::resource::Resource<#ty> = self::kps::resource::Resource::new(
            #text,
            #id,
            #shape,
            #stays,
            || { #acquire },
            |#released| { #release },
            #adopt,
        );
    }
}

/// The reasons to refuse a patch that only resources have, as arms of a `match`.
pub(crate) fn refusals(module: &str) -> TokenStream {
    let (name, errno) = (&quote!(name), &quote!(errno));
    let text = "refused: a patch that this one does not replace has the resource `%.*s`";
    let held = message::error_about(module, text, name);
    let text = "refused: the resource `%.*s` cannot be acquired, error %d";
    let not_acquired = message::error_with(module, text, name, errno);
    quote! {
        Refusal::Held(name) => { #held }
        Refusal::NotAcquired(name, errno) => { #not_acquired }
        Refusal::NoMemory => {}
    }
}

/// Lets the patch know of its end, as the first thing in `pre_patch`.
pub(crate) fn watch() -> TokenStream {
    quote! {
        /// SAFETY: the kernel has initialised the kobject of the patch before it calls this, and
        /// releases it once, after the patch.
        unsafe { watch() };
    }
}

/// The ends that no callback tells: the kernel's release of the patch, and the module's exit. The
/// types are those of the patch's kobject.
pub(crate) fn ends<B>(patch: &Patch<B>, kobject: &Ident, ktype: &Ident) -> TokenStream {
    let names: Vec<Ident> = patch.resources.iter().map(|resource| ident(&resource.name)).collect();
    let count = Literal::usize_unsuffixed(names.len());
    let report = report(&patch.name);
    let is_forced = patch.resources.iter().any(|resource| resource.is_named).then(|| {
        quote! {
            /// Whether the kernel was forced to end the patch although tasks may run its code.
            pub(super) extern "C" fn is_forced() -> bool {
                /// SAFETY: the kernel sets it before it calls anything that asks for it.
                unsafe { (*::core::ptr::addr_of!(PATCH)).forced }
            }
        }
    });
    quote! {
        /// The resources, which must be gone when the patch is.
        static RESOURCES: [&dyn Persistent; #count] = [#(&super::#names),*];

        /// The type of the patch's kobject: the kernel's, with another release.
        static mut TYPE: #ktype = #ktype::ZERO;

        /// The kernel's own type of it.
        static mut TYPE_OF_THE_KERNEL: *const #ktype = null();

        /// Makes the kernel call `gone` on every end of the patch. It calls no callback when
        /// another patch replaces this one, but it releases the kobject then too
        /// (`klp_free_patch_finish()` in `kernel/livepatch/core.c`), and waits for that before it
        /// lets the module go. The kobject is internal to the kernel. Without it the exit of the
        /// module would release what is left, later.
        unsafe fn watch() {
            /// SAFETY: the caller is `pre_patch`, before the kobject can be released.
            unsafe {
                let kobject = ::core::ptr::addr_of_mut!(PATCH.kobj);
                TYPE_OF_THE_KERNEL = (*kobject).ktype;
                TYPE = *TYPE_OF_THE_KERNEL;
                TYPE.release = Some(gone);
                (*kobject).ktype = ::core::ptr::addr_of!(TYPE);
            }
        }

        unsafe extern "C" fn gone(kobject: *mut #kobject) {
            /// SAFETY: the patch has left the kernel's list, and `klp_mutex` is not held. The last
            /// reference is dropped in `klp_free_patch_finish()`, which lets the module go after
            /// this has returned.
            unsafe {
                resource::end(::core::ptr::addr_of_mut!(kps_klp_mutex).cast(), &RESOURCES, report);
                if let Some(release) = (*TYPE_OF_THE_KERNEL).release {
                    release(kobject);
                }
            }
        }

        #report
        #is_forced
    }
}

/// What runs when the module is removed.
pub(crate) fn exit() -> TokenStream {
    quote! {
        /// SAFETY: the kernel removes the module after the patch, and does not hold `klp_mutex`.
        unsafe {
            resource::end(::core::ptr::addr_of_mut!(kps_klp_mutex).cast(), &RESOURCES, report);
        }
    }
}

/// Logs what went wrong when it was too late to refuse.
fn report(module: &str) -> TokenStream {
    let (name, errno) = (&quote!(name), &quote!(errno));
    let text = "the resource `%.*s` could not be taken over, error %d: the patch runs without it";
    let missing = message::error_with(module, text, name, errno);
    let text = "the resource `%.*s` stays: the transition was forced, and some task may use it";
    let stays = message::error_about(module, text, name);
    quote! {
        fn report(trouble: Trouble) {
            match trouble {
                Trouble::Missing(name, errno) => { #missing }
                Trouble::Stays(name) => { #stays }
            }
        }
    }
}

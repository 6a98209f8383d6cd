// SPDX-License-Identifier: GPL-2.0
//! The attributes of hand-written patch crates.
//!
//! A patch crate depends on `kps` alone, which re-exports what is here. `docs/crates.md` shows such
//! crates as a whole; each item here says what an attribute becomes, and by which rules.
//! [`livepatch`] stands on a module; all others stand on items of that module, which it reads.
//! Anywhere else they are errors: `kpsc explain KPS1209`.
//!
//! # Where code runs
//!
//! | code | context | under | may sleep |
//! |---|---|---|---|
//! | [`pre`], [`post`], [`replace`] | that of the old function's caller | whatever the caller holds | where the old function may |
//! | [`pre_patch`], [`post_patch`], [`pre_unpatch`], [`post_unpatch`] | process | `klp_mutex` | yes |
//! | `save`, `apply`, `restore` of a [`state`] | process, inside of those callbacks | `klp_mutex` | yes |
//! | `acquire`, `release`, `adopt` of a [`resource`] | process | `klp_mutex` | yes |
//! | `ctor`, `dtor` of a [`shadow`] | atomic, interrupts off | `klp_shadow_lock`, a spin lock | no |
//!
//! None of it may panic, and none of it is in a place where the kernel lets go of the module: a
//! transition waits until no task's stack has an address of a function that changes
//! (`klp_check_stack()` in `kernel/livepatch/transition.c`).
//!
//! # Names
//!
//! Inside of the module the types, constants, exported functions and variables of the target kernel
//! have their own names, as they do in a spec. [`symbols`] declares what the kernel does not
//! export. An object is `vmlinux`, the kernel image, or the name that `lsmod` shows for a module.
//!
//! The examples have the few names of a kernel that are in `src/bindings.rs`, as any patch crate
//! has on the host.
#![deny(missing_docs, rustdoc::broken_intra_doc_links)]

mod context;

use proc_macro::TokenStream;

#[doc = include_str!("docs/livepatch.md")]
#[proc_macro_attribute]
pub fn livepatch(arguments: TokenStream, item: TokenStream) -> TokenStream {
    kps_attributes::livepatch(arguments.into(), item.into(), context::read).into()
}

/// Attributes that `#[livepatch]` reads, each with its page in `docs/`. Where the compiler gets to
/// see one, nothing has read it.
macro_rules! inner {
    ($($name:ident)*) => {
        $(
            #[doc = include_str!(concat!("docs/", stringify!($name), ".md"))]
            #[proc_macro_attribute]
            pub fn $name(_: TokenStream, _: TokenStream) -> TokenStream {
                kps_attributes::outside(stringify!($name)).into()
            }
        )*
    };
}

inner! {
    pre post replace
    pre_patch post_patch pre_unpatch post_unpatch
    param shadow state resource
    symbols position percpu c when
}

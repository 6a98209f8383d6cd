// SPDX-License-Identifier: GPL-2.0
//! Generates the Rust of a livepatch module from a plan.
//!
//! Both front ends of kpsc end here: a spec and a patch crate become the same code. The crate
//! depends only on the plan, and needs nothing but syn, quote and proc-macro2, because the target's
//! own rustc compiles it for the macros.

mod body;
mod c;
mod constants;
mod data;
mod func;
mod gate;
mod in_c;
mod kernel_crate;
mod message;
mod module;
pub mod names;
mod params;
mod records;
pub mod refs;
mod resources;
mod syscall;
mod types;

use kps_plan::{Patch, Type, Types};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

pub use constants::constants;

/// A body from a front end, as tokens.
pub trait Body {
    /// The contents of a function's braces, or an item.
    fn tokens(&self) -> TokenStream;

    /// An expression or a type, among other tokens.
    fn inline(&self) -> TokenStream;

    /// Its source location, for a comment, for example `net.kps:12`.
    fn origin(&self) -> String;
}

/// The Rust of one module, as a complete crate.
#[derive(Debug)]
pub struct Module {
    /// The crate root.
    pub root: TokenStream,
    /// Its module `types`.
    pub types: TokenStream,
}

/// Generates a module.
pub fn module<B: Body>(patch: &Patch<B>) -> Module {
    let contents = contents(patch, &quote!(livepatch::Module));
    Module { root: module::root(patch, &contents), types: contents.types }
}

/// The Rust of one patch in parts, for a crate that contains other code too.
///
/// All but `declaration` belong into one module, at any path: their paths do not leave it, except
/// to name crates. The module needs the runtime under the name `kps`, a module `types`, and the
/// contents of `kps::prelude` and `types`.
#[derive(Debug)]
pub struct Contents {
    /// The lints that the code violates, for an `allow` around it.
    pub allowed: TokenStream,
    /// `module!`, which must be at the crate root: the kernel's macros look there for what they
    /// print before each message.
    pub declaration: TokenStream,
    /// The data that the loader reads: `.modinfo` and the records of parameters. Nothing else names
    /// it.
    pub loader: TokenStream,
    /// The code that bodies are part of: parameters, data and the changed functions. It compiles
    /// without a kernel too.
    pub items: TokenStream,
    /// The module `livepatch`: the tables, and the `init` that hands them to the kernel. Nothing
    /// else names it.
    pub livepatch: TokenStream,
    /// The contents of the module `types`.
    pub types: TokenStream,
}

impl Contents {
    /// All but the declaration as a module of this name, in a crate that depends on `kps`. The type
    /// of the kernel module is `NAME::livepatch::Module`.
    pub fn within(&self, name: &Ident) -> TokenStream {
        let Contents { allowed, loader, items, livepatch, types, .. } = self;
        quote! {
            #[allow(#allowed)]
            mod #name {
                use ::kps;
                mod types {
                    #types
                }
                #[allow(unused_imports)]
                use self::{kps::prelude::*, types::*};

                #loader
                #items
                #livepatch
            }
        }
    }
}

/// Generates the parts of a module. `module` is the path from the crate root to the type `Module`
/// of its module `livepatch`, which [`Contents::within`] puts at `NAME::livepatch::Module`.
pub fn contents<B: Body>(patch: &Patch<B>, module: &TokenStream) -> Contents {
    Contents {
        allowed: module::allowed(),
        declaration: kernel_crate::declaration(patch, module),
        loader: module::loader(patch),
        items: module::items(patch),
        livepatch: module::livepatch(patch),
        types: types::module(&patch.kernel),
    }
}

/// A type as bodies name it.
pub fn rust_type(types: &Types, ty: &Type) -> TokenStream {
    match ty {
        Type::User(to) => {
            let to = rust_type(types, to);
            quote!(UserPtr<#to>)
        }
        Type::Array { of, len: 0 } => {
            let of = rust_type(types, of);
            quote!(FlexibleArray<#of>)
        }
        ty => types::spelled(types, ty, &quote!(Option)),
    }
}

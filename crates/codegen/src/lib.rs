// SPDX-License-Identifier: GPL-2.0
//! From a plan to the Rust of a livepatch module.
//!
//! Both front doors of kpsc end here: what a spec and what a macro says becomes the same code. The
//! crate sees nothing but the plan, and needs nothing but syn, quote and proc-macro2, because the
//! target's own rustc compiles it for the macros.

mod body;
mod c;
mod data;
mod func;
mod gate;
mod kernel_crate;
mod module;
pub mod names;
mod params;
mod records;
pub mod refs;
mod syscall;
mod types;

use kps_plan::{Mode, Patch, Type, Types};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

/// A body of some front door, as tokens.
pub trait Body {
    /// What stands between the braces of a function, or an item.
    fn tokens(&self) -> TokenStream;

    /// An expression or a type, among other tokens.
    fn inline(&self) -> TokenStream;

    /// Where it was written, for a comment, for example `net.kps:12`.
    fn origin(&self) -> String;
}

/// The Rust of one module, as a crate that nobody adds anything to.
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

/// The Rust of one patch in pieces, for a crate that has more in it.
///
/// All but `declaration` belong into one module, wherever that is: no path in them leads out of it
/// but those to crates. The module needs the runtime under the name `kps`, a module `types`, and
/// what is in `kps::prelude` and `types`.
#[derive(Debug)]
pub struct Contents {
    /// The lints that it does not keep, for an `allow` around it.
    pub allowed: TokenStream,
    /// `module!`, which must be at the crate root: the kernel's macros look there for what they
    /// print before each message.
    pub declaration: TokenStream,
    /// What the loader reads: `.modinfo` and the records of parameters. Nothing else names it.
    pub loader: TokenStream,
    /// What bodies are written in: parameters, data and the changed functions. It compiles without
    /// a kernel too.
    pub items: TokenStream,
    /// The module `livepatch`: the tables, and the `init` that hands them to the kernel. Nothing
    /// else names it.
    pub livepatch: TokenStream,
    /// What is in the module `types`.
    pub types: TokenStream,
}

impl Contents {
    /// All but the declaration as a module of this name, in a crate that depends on `kps`. The type
    /// of the kernel module is `NAME::Module`.
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
                use {kps::prelude::*, types::*};

                #loader
                #items
                #livepatch
                pub(crate) use livepatch::Module;
            }
        }
    }
}

/// Generates the pieces of a module. `module` is the path from the crate root to the type `Module`
/// of its module `livepatch`, which [`Contents::within`] puts at `NAME::Module`.
pub fn contents<B: Body>(patch: &Patch<B>, module: &TokenStream) -> Contents {
    let declaration = match patch.target.mode {
        Mode::KernelCrate { authors } => kernel_crate::declaration(patch, module, authors),
    };
    Contents {
        allowed: module::allowed(),
        declaration,
        loader: module::loader(patch),
        items: module::items(patch),
        livepatch: module::livepatch(patch),
        types: types::module(&patch.kernel),
    }
}

/// A type as bodies write it.
pub fn rust_type(types: &Types, ty: &Type) -> TokenStream {
    types::ty(types, ty)
}

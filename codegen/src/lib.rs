//! From a plan to the Rust of a livepatch module.
//!
//! Both front doors of kpsc end here: what a spec and what a macro says becomes the same code. The crate sees nothing but
//! the plan, and needs nothing but syn, quote and proc-macro2, because the target's own rustc compiles it for the macros.

mod data;
mod func;
mod gate;
mod module;
pub mod names;
mod params;
mod records;
pub mod refs;
mod syscall;
mod types;

use kps_plan::{Patch, Type, Types};
use proc_macro2::TokenStream;

/// A body of some front door, as tokens.
pub trait Body {
    /// What stands between the braces of a function, or an item.
    fn tokens(&self) -> TokenStream;

    /// An expression or a type, among other tokens.
    fn inline(&self) -> TokenStream;

    /// Where it was written, for a comment, for example `net.kps:12`.
    fn origin(&self) -> String;
}

/// The Rust of one module.
#[derive(Debug)]
pub struct Module {
    /// The crate root.
    pub root: TokenStream,
    /// Its module `types`.
    pub types: TokenStream,
}

/// What the note of a module says: one `key=value` a line.
pub fn note_text<B>(patch: &Patch<B>) -> String {
    module::note_text(patch)
}

/// Generates a module.
pub fn module<B: Body>(patch: &Patch<B>) -> Module {
    Module { root: module::root(patch), types: types::module(&patch.kernel) }
}

/// A type as bodies write it.
pub fn rust_type(types: &Types, ty: &Type) -> TokenStream {
    types::ty(types, ty)
}

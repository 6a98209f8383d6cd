//! The attributes of hand-written patch crates.
//!
//! A patch crate depends on `kps` alone, which re-exports what is here. `docs/crates.md` shows such crates as a whole; each item here says
//! what an attribute becomes, and by which rules.

mod expand;
mod outline;
mod refuse;
mod surroundings;
mod tokens;

use proc_macro::TokenStream;

/// Makes a module the livepatch of its crate.
#[proc_macro_attribute]
pub fn livepatch(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::livepatch(arguments.into(), item.into()).into()
}

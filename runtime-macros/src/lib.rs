//! The attributes of hand-written patch crates.
//!
//! A patch crate depends on `kps` alone, which re-exports what is here. `docs/crates.md` shows such crates as a whole; each item here says
//! what an attribute becomes, and by which rules.

mod surroundings;

use proc_macro::TokenStream;

/// Makes a module the livepatch of its crate.
#[proc_macro_attribute]
pub fn livepatch(arguments: TokenStream, item: TokenStream) -> TokenStream {
    kps_attributes::livepatch(arguments.into(), item.into(), surroundings::read).into()
}

/// Attributes that `#[livepatch]` reads. Where the compiler gets to see one, nothing has read it.
macro_rules! inner {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[proc_macro_attribute]
            pub fn $name(_: TokenStream, _: TokenStream) -> TokenStream {
                kps_attributes::outside(stringify!($name)).into()
            }
        )*
    };
}

inner! {
    /// x
    c;
    /// x
    param;
    /// x
    percpu;
    /// x
    position;
    /// x
    post;
    /// x
    post_patch;
    /// x
    post_unpatch;
    /// x
    pre;
    /// x
    pre_patch;
    /// x
    pre_unpatch;
    /// x
    replace;
    /// x
    shadow;
    /// x
    state;
    /// x
    symbols;
}

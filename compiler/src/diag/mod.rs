//! What kpsc tells its user: structured where it is found, rendered here.

mod format;
mod human;
mod machine;
mod plain;
mod syntax;

pub use format::{render, Format};
pub use kps_resolve::diag::*;
pub use plain::{line, plain};
pub use syntax::{syntax, too_large};

// SPDX-License-Identifier: GPL-2.0
//! From a fix of the kernel's source to a patch.
//!
//! A fix is a source diff ([`fix`]). Its files are read twice, as they were and as they will be: by
//! clang, which tells what they define and what each definition uses ([`unit`]), and by the
//! kernel's own compiler, whose code tells which functions change. [`changes`] compares the texts,
//! [`roots`] finds the functions to replace, [`selection`] what these need, and [`c_file`] writes
//! it. New members of structs are kept beside the objects ([`shadow`]), and [`follow`] finds who
//! has code of a changed header. What cannot be in a patch is [`refused`]. Everything here maps
//! values to values; who calls it runs the compilers.

pub mod c_file;
mod c_type;
pub mod changes;
mod declared;
pub mod find;
pub mod fix;
#[cfg(test)]
mod fixture;
pub mod follow;
pub mod header;
mod import;
pub mod kernel;
pub mod lines;
pub mod objects;
mod outline;
pub mod refused;
pub mod roots;
pub mod selection;
pub mod shadow;
mod spec;
#[cfg(test)]
mod tests;
pub mod text;
pub mod unit;

pub use import::{import, Contents, Headers, Import, Source};
pub use outline::Hunk;
pub use spec::{name_of, Function, Object, Spec};

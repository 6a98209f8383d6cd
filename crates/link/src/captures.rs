// SPDX-License-Identifier: GPL-2.0
//! Definitions that take the place of the kernel's: generated code or a compiler names a function
//! of the kernel, and the linker finds the patch's.

use super::object_file::{Address, ObjectFile};
use std::collections::BTreeMap;

/// Calls of generated code that no definition of a patch is for.
const CALLED: &[&str] = &["klp_enable_patch"];

/// The prefix of Rust's own names. The compiler copies a short function of a library into a patch
/// under its name.
const RUST: &str = "_R";

/// A symbol that a patch defines in place of the kernel's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// The symbol.
    pub name: String,
    /// Its address, if it is in a loaded section.
    pub at: Option<Address>,
}

/// Those of an object, in the order of their names. `is_export` tells what the kernel exports.
///
/// A function or variable that only its own C file sees is the author's: a `static` with the name
/// of an export takes nothing from anybody else. What the compilers call is theirs in any file.
pub fn captures(object: &ObjectFile<'_>, is_export: &dyn Fn(&str) -> bool) -> Vec<Capture> {
    let is_captured = |meaning: &super::object_file::Meaning<'_>| {
        let is_plain = !meaning.is_global && meaning.is_item;
        let is_own = is_plain && (!meaning.of_rust || meaning.name.starts_with(RUST));
        CALLED.contains(&meaning.name)
            || object.is_implied(meaning.name)
            || !is_own && is_export(meaning.name)
    };
    let found = object.meanings().into_iter().filter(is_captured);
    let found: BTreeMap<&str, Option<Address>> = found.map(|it| (it.name, it.at)).collect();
    found.into_iter().map(|(name, at)| Capture { name: name.to_owned(), at }).collect()
}

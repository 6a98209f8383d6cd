// SPDX-License-Identifier: GPL-2.0
//! Addresses of old functions that are used for more than a call.
//!
//! The address is behind an ftrace site, so the function there has no landing pad, and a call
//! through a pointer faults. The text of a patch is searched for the name, but the assembler and
//! the preprocessor join names of parts. The relocations have the whole name, whatever made it.

use super::object_file::{Address, ObjectFile};
use kps_plan::ORIGINAL;
use std::collections::BTreeMap;

/// The address of an old function as a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The symbol of the old function.
    pub original: String,
    /// The code or the data that takes the address.
    pub at: Address,
    /// Whether that is code.
    pub in_code: bool,
}

/// The table of the unwinder, which has an entry for each function. objtool writes it.
const UNWINDER: &str = ".orc_unwind_ip";

/// The addresses that an object takes, in the order of its sections.
pub fn taken_originals(object: &ObjectFile<'_>) -> Vec<Taken> {
    let originals: BTreeMap<Address, (&str, u64)> = object
        .symbols()
        .filter(|symbol| symbol.name.starts_with(ORIGINAL))
        .map(|symbol| (symbol.at, (symbol.name, symbol.size)))
        .collect();
    // A symbol of another name, or a section and an offset, may stand for the same address.
    let at = |target: Address| {
        let (start, (name, size)) = originals.range(..=target).next_back()?;
        (target - start < (*size).max(1)).then_some(*name)
    };
    let named = |used: &super::Use<'_>| used.target.and_then(at);
    let taken = object.uses().filter(|used| used.section != UNWINDER).filter_map(|used| {
        let is_named = used.symbol.starts_with(ORIGINAL);
        let original = if is_named { used.symbol.to_owned() } else { named(used)?.to_owned() };
        let (at, in_code) = (used.at, used.in_code);
        (!object.is_branch(used)).then_some(Taken { original, at, in_code })
    });
    taken.collect()
}

// SPDX-License-Identifier: GPL-2.0
//! Instructions that write to variables outside of an object.

use super::object_file::{Address, ObjectFile, Use};
use super::KlpName;
use kps_plan::PLACEHOLDER;

/// An instruction that writes to a variable of another object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The symbol of the variable.
    pub symbol: String,
    /// The object that has it, as far as the object file tells.
    pub object: Option<String>,
    /// Its rank among the symbols of its name; 0 if it is the only one.
    pub position: u64,
    /// A place in the instruction.
    pub at: Address,
}

/// The writes of an object's code to variables that it does not define.
pub fn writes(object: &ObjectFile<'_>) -> Vec<Write> {
    let is_outward = |used: &&Use<'_>| used.in_code && used.target.is_none();
    let writes = object.uses().filter(is_outward).filter(|used| object.is_written(used.at));
    let write = |used: &Use<'_>| match used.symbol.strip_prefix(PLACEHOLDER).map(KlpName::parse) {
        None => Write { symbol: used.symbol.to_owned(), object: None, position: 0, at: used.at },
        Some(klp) => Write {
            symbol: klp.as_ref().map(|klp| klp.name.to_owned()).unwrap_or_default(),
            object: klp.as_ref().map(|klp| klp.object.to_owned()),
            position: klp.map(|klp| klp.position).unwrap_or_default(),
            at: used.at,
        },
    };
    writes.map(write).collect()
}

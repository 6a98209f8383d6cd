// SPDX-License-Identifier: GPL-2.0
//! Landing pads: every function of a finished module that is reached through a pointer has one, and
//! the kernel leaves it there.
//!
//! No machine that tests patches may tell: QEMU's emulation knows no landing pads, and a real
//! processor faults only when the call comes. So the module itself is read. What takes the address
//! of a function is a relocation to its start: in code all but a call or a jump, and in data all
//! but the tables about code. This holds for whatever the kernel is given: the module's `init` and
//! `exit`, callbacks, operations of parameters, releases of kobjects, constructors of shadow data,
//! and the author's own functions. ftrace itself needs no pad at the entries of a patch, because it
//! returns to them; but the table of the patch holds their addresses, so they are like the others.
//!
//! An address within a section that an assembler computes has no relocation. objtool decodes that
//! instruction, and lists no such function either.

use super::object_file::{Address, ObjectFile, Use};
use kps_arch::Pads;
use std::collections::BTreeSet;

/// Why a landing pad is wrong.
const MISSING: &str = "its address is taken, and it has no landing pad";
const SEALED: &str = "its address is taken, and the kernel would overwrite its landing pad";
const NONE_TO_SEAL: &str = "the kernel would overwrite a landing pad that it has not";

/// A function without a landing pad whose address is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bare {
    /// Its symbol.
    pub function: String,
    /// The code or the data that takes its address.
    pub at: Address,
    /// The instruction that it lacks.
    pub pad: &'static str,
}

/// Those of an object, in the order of what takes their addresses. An object without the list is
/// for a kernel without landing pads.
pub fn bare_functions(object: &ObjectFile<'_>) -> Vec<Bare> {
    let Some((pads, sealed)) = sealed(object) else { return Vec::new() };
    if sealed.is_empty() {
        return Vec::new();
    }
    let found = taken(object, pads).into_iter().filter(|(_, start)| !has_pad(object, pads, *start));
    let bare = |(at, start)| Bare { function: name(object, start), at, pad: pads.instruction };
    found.map(bare).collect()
}

/// The first function with a wrong landing pad, and what is wrong.
pub(super) fn wrong(object: &ObjectFile<'_>) -> Option<(String, &'static str)> {
    let (pads, sealed) = sealed(object)?;
    if let Some(&at) = sealed.iter().find(|&&at| !has_pad(object, pads, at)) {
        return Some((name(object, at), NONE_TO_SEAL));
    }
    if let Some(bare) = bare_functions(object).into_iter().next() {
        return Some((bare.function, MISSING));
    }
    let taken = taken(object, pads).into_iter().find(|(_, start)| sealed.contains(start));
    taken.map(|(_, start)| (name(object, start), SEALED))
}

/// How the object has landing pads, and the functions whose pads the kernel overwrites.
fn sealed(object: &ObjectFile<'_>) -> Option<(&'static Pads, BTreeSet<Address>)> {
    let pads = object.pads()?;
    let listed = object.uses().filter(|used| used.section == pads.sealed);
    Some((pads, listed.filter_map(|used| used.target).collect()))
}

/// What takes the address of a function, and the start of that.
fn taken(object: &ObjectFile<'_>, pads: &Pads) -> Vec<(Address, Address)> {
    let starts: BTreeSet<Address> =
        object.symbols().filter(|symbol| symbol.is_function).map(|symbol| symbol.at).collect();
    let uses = object.uses().filter(|used| takes(object, pads, used));
    let found = uses.filter_map(|used| Some((used.at, used.target?)));
    found.filter(|(_, target)| starts.contains(target)).collect()
}

fn has_pad(object: &ObjectFile<'_>, pads: &Pads, at: Address) -> bool {
    object.bytes_at(at).is_some_and(|bytes| bytes.starts_with(pads.bytes))
}

fn name(object: &ObjectFile<'_>, at: Address) -> String {
    object.function_at(at).unwrap_or("a function").to_owned()
}

/// Whether a relocation takes an address for an indirect branch, perhaps.
fn takes(object: &ObjectFile<'_>, pads: &Pads, used: &Use<'_>) -> bool {
    match used.in_code {
        true => !object.is_branch(used),
        false => !pads.tables.contains(&used.section),
    }
}

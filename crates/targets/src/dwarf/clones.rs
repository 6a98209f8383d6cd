// SPDX-License-Identifier: GPL-2.0
//! The arguments of clones: DWARF tells where the parameters of the source are, and the code of the
//! clone and of its callers whether that is all.
//!
//! DWARF has no entry for an argument that the compiler made up: a member that is passed in place
//! of the struct. But the clone's code reads the argument's register, or calls something that does.
//! Without a struct that is gone there is no such argument.

use super::super::code::{calls_of, functions, Fate, Follower, Reads};
use super::super::image::{ImageError, Vmlinux};
use super::super::kallsyms::Kallsym;
use kps_facts::{may_lack_result, may_take_members, CloneArguments, CloneParam, DebugType, Place};
use object::{Object as _, ObjectSymbol as _};
use std::collections::{HashMap, HashSet};

/// A clone as DWARF describes it.
pub(super) struct Described {
    /// The parameters of the source.
    pub(super) params: Vec<CloneParam>,
    /// The type of its result.
    pub(super) ret: Option<DebugType>,
    /// Its symbol's name.
    pub(super) name: String,
}

/// Completes what DWARF says of clones from the code of their kernel. `returns` holds the functions
/// that have a result.
pub(super) fn completed(
    elf: &[u8],
    clones: HashMap<u64, Described>,
    returns: &HashSet<u64>,
) -> Result<Vec<(u64, CloneArguments)>, ImageError> {
    let file = object::read::elf::ElfFile64::<object::LittleEndian>::parse(elf)?;
    let vmlinux = Vmlinux::parse(elf)?;
    let mut symbols: Vec<(u64, &str)> =
        file.symbols().filter_map(|symbol| Some((symbol.address(), symbol.name().ok()?))).collect();
    symbols.sort_unstable();
    let mut follower = Follower::new(&vmlinux, &symbols);
    let taken = taken(&vmlinux, &symbols, &mut follower, &clones, returns);
    let complete = |(address, described): (u64, Described)| {
        let Described { params, ret, name } = described;
        let is_named =
            |register: u32| params.iter().any(|param| param.place == Place::Register(register));
        let lost = |param: &CloneParam| param.place == Place::Gone && param.ty.has_members();
        let read = match may_take_members(&name) && params.iter().any(lost) {
            true => Reads::Possible,
            false => Reads::Own,
        };
        let mut unnamed = follower.arguments(address, read);
        unnamed.retain(|register| !is_named(*register));
        let returns = !may_lack_result(&name) || ret.is_none() || taken.contains(&address);
        (address, CloneArguments { params, unnamed, ret, returns })
    };
    Ok(clones.into_iter().map(complete).collect())
}

/// The clones whose result a caller takes, or passes on to a caller of its own.
fn taken(
    vmlinux: &Vmlinux<'_>,
    symbols: &[(u64, &str)],
    follower: &mut Follower<'_>,
    clones: &HashMap<u64, Described>,
    returns: &HashSet<u64>,
) -> HashSet<u64> {
    let symbols: Vec<Kallsym> = symbols
        .iter()
        .map(|&(address, name)| Kallsym { address, kind: b't', name: name.to_owned() })
        .collect();
    let mut taken = HashSet::new();
    for code in functions(vmlinux.code(), &symbols) {
        for call in calls_of(&code, |target| clones.contains_key(&target)) {
            let fate = call.behind.map_or(Fate::Returned, |behind| follower.result(behind));
            // A clone may have lost its result like the one that it calls.
            let passes_on = || returns.contains(&call.caller) && !clones.contains_key(&call.caller);
            if fate == Fate::Taken || fate == Fate::Returned && passes_on() {
                taken.insert(call.target);
            }
        }
    }
    taken
}

// SPDX-License-Identifier: GPL-2.0
//! The machine code of a kernel or a module, as far as facts follow from it: calls, jumps, returns,
//! and the addresses and arguments that a call passes on.
//!
//! Only decoding depends on the architecture. Each has a file of its own.

mod x86_64;

use super::image::Vmlinux;
use super::kallsyms::Kallsym;
use std::collections::{HashMap, HashSet};

pub(super) use x86_64::{calls_of, constants, Decoder, Follower};

/// An instruction that a fact can follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A call of a known address.
    Call {
        /// The function, or the address inside of one.
        target: u64,
        /// The addresses in the argument registers, as far as the code before the call sets them.
        args: [Option<u64>; ARGS],
    },
    /// A jump to a known address.
    Jump {
        /// Where it stands.
        from: u64,
        /// Where it leads.
        target: u64,
        /// As in a call: a compiler makes a jump of a function's last call.
        args: [Option<u64>; ARGS],
    },
    /// A store of a constant to a known address.
    Store {
        /// Where to.
        address: u64,
        /// The constant.
        value: u64,
    },
    /// A return, or a jump that may lead anywhere.
    Leave,
}

/// A call of a function, or a jump to it, which returns to the caller's caller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// The called function.
    pub(super) target: u64,
    /// The function that calls it.
    pub(super) caller: u64,
    /// The address behind a call.
    pub(super) behind: Option<u64>,
}

/// Which reads of argument registers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// Those of the function's own instructions.
    Own,
    /// All that cannot be excluded, also in the functions that it calls.
    Possible,
}

/// What a caller does with the result of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It reads it.
    Taken,
    /// It has not changed it when it returns itself.
    Returned,
    /// It overwrites it.
    Dropped,
}

/// An instruction after which the next one does not always run, or that calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    /// Where it stands.
    pub(super) at: u64,
    /// Where it leads.
    pub(super) way: Way,
}

/// Where an instruction leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To a function, and back.
    Call(u64),
    /// To an address.
    Jump(u64),
    /// To an address, or to the next instruction. The kernel may turn a NOP into such a jump while
    /// it runs (`static_branch_likely()`).
    Branch(u64),
    /// To the caller, or anywhere.
    Leave,
}

/// The argument registers that matter: no function that registers another takes it later.
pub(super) const ARGS: usize = 5;

/// The registers that carry arguments.
pub(super) const WORDS: usize = 6;

/// Where a function has a value from that it hands on unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// It is the argument in this register, counted from 0.
    Argument(usize),
    /// It was read so many bytes behind the address that is the first argument.
    Behind(i64),
}

/// A call, or a jump out of a function, and what it hands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handed {
    /// Where it leads.
    pub(super) target: u64,
    /// For each register that carries an argument, where its value is from. None if the function
    /// has made it itself, or if it depends on the way through it.
    pub(super) args: [Option<Origin>; WORDS],
}

/// The instructions of one function.
#[derive(Debug)]
pub(super) struct Function {
    /// What it does, in the order of addresses.
    pub(super) steps: Vec<Step>,
    /// Where its paths part and end, in the order of addresses.
    pub(super) turns: Vec<Turn>,
    /// Whether its last instruction may continue behind it.
    pub(super) falls_through: bool,
}

/// A function's code.
pub(super) struct Code<'a> {
    /// Its address.
    pub(super) address: u64,
    /// Its bytes, up to the next symbol.
    pub(super) bytes: &'a [u8],
}

/// All code of an object, cut at its symbols, which are in the order of their addresses.
pub(super) fn functions<'a>(sections: Vec<(u64, &'a [u8])>, symbols: &[Kallsym]) -> Vec<Code<'a>> {
    let mut functions = Vec::new();
    for (start, bytes) in sections {
        let end = start + bytes.len() as u64;
        let first = symbols.partition_point(|sym| sym.address < start);
        let mut starts: Vec<u64> = symbols[first..].iter().map(|sym| sym.address).collect();
        starts.truncate(starts.partition_point(|address| *address < end));
        starts.dedup();
        let ends = starts.iter().skip(1).copied().chain([end]);
        functions.extend(starts.iter().zip(ends).map(|(&address, end)| Code {
            address,
            bytes: &bytes[(address - start) as usize..(end - start) as usize],
        }));
    }
    functions.sort_by_key(|code| code.address);
    functions
}

/// The jumps that the kernel switches on and off while it runs, each with its target (`struct
/// jump_entry` of include/linux/jump_label.h, with relative addresses).
pub(super) fn switched_jumps(vmlinux: &Vmlinux<'_>, symbols: &[Kallsym]) -> HashMap<u64, u64> {
    const ENTRY: usize = 16;
    let bound = |name| symbols.iter().find(|sym| sym.name == name).map(|sym| sym.address);
    let (Some(start), Some(stop)) = (bound("__start___jump_table"), bound("__stop___jump_table"))
    else {
        return HashMap::new();
    };
    let len = usize::try_from(stop.saturating_sub(start)).unwrap_or_default();
    let table = vmlinux.memory(start).and_then(|bytes| bytes.get(..len)).unwrap_or_default();
    let entry = |(n, bytes): (usize, &[u8])| {
        let at = start + (ENTRY * n) as u64;
        let relative = |at: u64, bytes: &[u8]| {
            let offset = i32::from_le_bytes(bytes.try_into().ok()?);
            Some(at.wrapping_add_signed(offset.into()))
        };
        Some((relative(at, &bytes[..4])?, relative(at + 4, &bytes[4..8])?))
    };
    table.chunks_exact(ENTRY).enumerate().filter_map(entry).collect()
}

/// The section that tells which functions only direct calls and jumps enter.
pub(super) const ENTERED_DIRECTLY: &str = x86_64::SEALED;

/// The functions that only direct calls and jumps enter. Empty if the object is built without the
/// section that tells; else `section` is its address and bytes.
pub(super) fn only_entered_directly(
    section: Option<(u64, &[u8])>,
    functions: &[Code<'_>],
) -> HashSet<u64> {
    section.map_or_else(HashSet::new, |(start, table)| {
        x86_64::only_entered_directly(start, table, functions)
    })
}

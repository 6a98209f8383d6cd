// SPDX-License-Identifier: GPL-2.0
//! Which argument registers the code of a function reads, and whether its callers read its result.
//!
//! Registers are followed from an address along every way that the code may take, until something
//! writes them. A call writes all of them, and reads those that the called function reads. What
//! cannot be followed, such as a call through a pointer, may read all.

use super::super::{Call, Code, Fate, Reads};
use super::{is_padding, INDIRECT, RETURNS};
use crate::image::Vmlinux;
use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, OpAccess, Register,
};
use std::collections::HashMap;

/// The number of registers that hold arguments.
const ARGUMENT_REGISTERS: usize = 6;

/// The registers of all arguments, in order, and that of the result (the System V ABI).
const REGISTERS: [Register; ARGUMENT_REGISTERS + 1] = [
    Register::RDI,
    Register::RSI,
    Register::RDX,
    Register::RCX,
    Register::R8,
    Register::R9,
    Register::RAX,
];

/// The most instructions that are followed from one address.
const MOST: usize = 20_000;
/// The longest chain of calls that is followed.
const DEEPEST: usize = 12;
/// The most bytes of an instruction (the Intel manual, volume 2, section 2.3.11).
const LONGEST: usize = 15;

/// A set of [`REGISTERS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Set(u8);

impl Set {
    const ALL: Set = Set((1 << REGISTERS.len()) - 1);
    const ARGUMENTS: Set = Set((1 << ARGUMENT_REGISTERS) - 1);
    const RESULT: Set = Set(1 << ARGUMENT_REGISTERS);

    fn of(register: Register) -> Set {
        let full = register.full_register();
        Set(REGISTERS.iter().position(|known| *known == full).map_or(0, |n| 1 << n))
    }

    fn and(self, other: Set) -> Set {
        Set(self.0 & other.0)
    }

    fn or(self, other: Set) -> Set {
        Set(self.0 | other.0)
    }

    fn without(self, other: Set) -> Set {
        Set(self.0 & !other.0)
    }
}

/// What becomes of registers behind an address.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    /// Those that may be read.
    read: Set,
    /// Those that instructions before the next symbol read.
    own: Set,
    /// Those that still hold the same when the function returns.
    kept: Set,
}

/// Follows registers through the code of a kernel.
pub(crate) struct Follower<'a> {
    vmlinux: &'a Vmlinux<'a>,
    /// The addresses of all symbols, in order.
    starts: Vec<u64>,
    /// Functions that change and read no argument: calls of `__fentry__`.
    transparent: Vec<u64>,
    /// Functions that jump to what a register holds.
    indirect: Vec<u64>,
    /// Thunks that return.
    returns: Vec<u64>,
    /// Further ways from an instruction: static branches that are off, and handlers of faults.
    branches: HashMap<u64, Vec<u64>>,
    /// The registers that functions read.
    known: HashMap<u64, Set>,
    info: InstructionInfoFactory,
}

impl<'a> Follower<'a> {
    /// A follower for code with these symbols, which are in the order of their addresses.
    pub(crate) fn new(vmlinux: &'a Vmlinux<'a>, symbols: &[(u64, &str)]) -> Follower<'a> {
        let named = |is_it: &dyn Fn(&str) -> bool| {
            symbols.iter().filter(|(_, name)| is_it(name)).map(|(address, _)| *address).collect()
        };
        Follower {
            vmlinux,
            starts: symbols.iter().map(|(address, _)| *address).collect(),
            transparent: named(&|name| name == "__fentry__"),
            indirect: named(&|name| INDIRECT.iter().any(|start| name.starts_with(start))),
            returns: named(&|name| RETURNS.contains(&name)),
            branches: branches(vmlinux, symbols),
            known: HashMap::new(),
            info: InstructionInfoFactory::new(),
        }
    }

    /// The argument registers that the function at an address reads, counted from 0.
    pub(crate) fn arguments(&mut self, address: u64, reads: Reads) -> Vec<u32> {
        let read = match reads {
            Reads::Own => self.follow(address, Set::ALL, 0).own,
            Reads::Possible => self.reads(address, 0),
        };
        (0..ARGUMENT_REGISTERS as u32).filter(|n| read.0 & 1 << n != 0).collect()
    }

    /// What becomes of the result of a call, from the address behind the call.
    pub(crate) fn result(&mut self, behind: u64) -> Fate {
        let found = self.follow(behind, Set::RESULT, 0);
        match (found.read, found.kept) {
            (Set::RESULT, _) => Fate::Taken,
            (_, Set::RESULT) => Fate::Returned,
            _ => Fate::Dropped,
        }
    }

    fn reads(&mut self, address: u64, depth: usize) -> Set {
        if let Some(&known) = self.known.get(&address) {
            return known;
        }
        if depth > DEEPEST {
            return Set::ALL;
        }
        // A function that calls itself may read all.
        self.known.insert(address, Set::ALL);
        let read = self.follow(address, Set::ALL, depth).read;
        self.known.insert(address, read);
        read
    }

    fn follow(&mut self, start: u64, registers: Set, depth: usize) -> Found {
        let mut found = Found::default();
        let next = self.starts.partition_point(|symbol| *symbol <= start);
        let end = self.starts.get(next).copied().unwrap_or(u64::MAX);
        let mut seen: HashMap<u64, Set> = HashMap::new();
        let mut pending = vec![(start, registers)];
        let mut left = MOST;
        while let Some((mut at, mut held)) = pending.pop() {
            loop {
                let before = seen.entry(at).or_default();
                if held.without(*before) == Set::default() {
                    break;
                }
                *before = before.or(held);
                let instruction = self.instruction(at);
                let (Some(instruction), Some(rest)) = (instruction, left.checked_sub(1)) else {
                    found.read = found.read.or(held);
                    break;
                };
                left = rest;
                let ways = self.branches.get(&at).into_iter().flatten();
                pending.extend(ways.map(|&way| (way, held)));
                let (read, written) = self.accesses(&instruction);
                found.read = found.read.or(read.and(held));
                if (start..end).contains(&at) {
                    found.own = found.own.or(read.and(held));
                }
                held = held.without(written);
                if instruction.flow_control() == FlowControl::ConditionalBranch {
                    pending.push((instruction.near_branch_target(), held));
                }
                match self.next(&instruction, held, depth, &mut found) {
                    Some(next) => (at, held) = next,
                    None => break,
                }
            }
        }
        found
    }

    /// Where the code goes on behind an instruction, and the registers that still hold the same
    /// there; `None` if this way ends.
    fn next(
        &mut self,
        instruction: &Instruction,
        held: Set,
        depth: usize,
        found: &mut Found,
    ) -> Option<(u64, Set)> {
        let (target, behind) = (instruction.near_branch_target(), instruction.next_ip());
        match instruction.flow_control() {
            // An `ud2` of a warning is skipped.
            FlowControl::Next | FlowControl::ConditionalBranch | FlowControl::Exception => {
                return Some((behind, held));
            }
            FlowControl::Return => found.kept = found.kept.or(held),
            FlowControl::UnconditionalBranch if self.returns.contains(&target) => {
                found.kept = found.kept.or(held);
            }
            FlowControl::UnconditionalBranch if !self.indirect.contains(&target) => {
                return Some((target, held));
            }
            FlowControl::Call if self.transparent.contains(&target) => return Some((behind, held)),
            FlowControl::Call if !self.indirect.contains(&target) => {
                let called = self.reads(target, depth + 1);
                found.read = found.read.or(called.and(held));
                // A call at the end of a function does not return.
                let is_end = self.starts.binary_search(&behind).is_ok();
                if !is_end && !self.is_traced(target) {
                    return Some((behind, held.without(Set::RESULT)));
                }
            }
            // The register of a call through a pointer is no argument.
            FlowControl::Call | FlowControl::IndirectCall => {
                found.read = found.read.or(held.and(Set::ARGUMENTS));
            }
            FlowControl::Interrupt => {}
            _ => found.read = found.read.or(held),
        }
        None
    }

    /// Whether a function has an ftrace site at its start, as only compilers make one.
    fn is_traced(&self, address: u64) -> bool {
        let mut at = address;
        while let Some(instruction) = self.instruction(at) {
            match instruction.flow_control() {
                FlowControl::Call => {
                    return self.transparent.contains(&instruction.near_branch_target())
                }
                FlowControl::Next if at == address => at = instruction.next_ip(),
                _ => break,
            }
        }
        false
    }

    fn instruction(&self, at: u64) -> Option<Instruction> {
        let bytes = self.vmlinux.memory(at)?;
        let bytes = &bytes[..bytes.len().min(LONGEST)];
        let instruction = Decoder::with_ip(64, bytes, at, DecoderOptions::NONE).decode();
        (!instruction.is_invalid()).then_some(instruction)
    }

    /// The registers that an instruction reads, and those that it writes as a whole.
    fn accesses(&mut self, instruction: &Instruction) -> (Set, Set) {
        let (mut read, mut written) = (Set::default(), Set::default());
        if is_padding(instruction) {
            return (read, written);
        }
        for used in self.info.info(instruction).used_registers() {
            let register = Set::of(used.register());
            // A write of four bytes clears the others.
            let is_whole = used.register().size() >= 4;
            match used.access() {
                OpAccess::Write if is_whole => written = written.or(register),
                OpAccess::Write | OpAccess::CondWrite | OpAccess::None => {}
                OpAccess::ReadWrite if is_whole => {
                    read = read.or(register);
                    written = written.or(register);
                }
                _ => read = read.or(register),
            }
        }
        (read, written)
    }
}

/// The ways from instructions that the code itself does not show: `struct jump_entry` of
/// `include/linux/jump_label.h` and `struct exception_table_entry` of
/// `arch/x86/include/asm/extable.h`. Both count from their own addresses.
fn branches(vmlinux: &Vmlinux<'_>, symbols: &[(u64, &str)]) -> HashMap<u64, Vec<u64>> {
    const TABLES: [(&str, &str, usize); 2] = [
        ("__start___jump_table", "__stop___jump_table", 16),
        ("__start___ex_table", "__stop___ex_table", 12),
    ];
    let mut branches: HashMap<u64, Vec<u64>> = HashMap::new();
    let address = |wanted| symbols.iter().find(|(_, name)| *name == wanted).map(|(at, _)| *at);
    for (start, stop, size) in TABLES {
        let (Some(start), Some(stop)) = (address(start), address(stop)) else { continue };
        let len = stop.saturating_sub(start) as usize;
        let table = vmlinux.memory(start).and_then(|bytes| bytes.get(..len)).unwrap_or_default();
        for (n, entry) in table.chunks_exact(size).enumerate() {
            let at = start + (n * size) as u64;
            let relative = |offset: usize| {
                let bytes =
                    [entry[offset], entry[offset + 1], entry[offset + 2], entry[offset + 3]];
                (at + offset as u64).wrapping_add_signed(i32::from_le_bytes(bytes).into())
            };
            branches.entry(relative(0)).or_default().push(relative(4));
        }
    }
    branches
}

/// The calls of some functions in the code of another one, and the jumps to them.
pub(crate) fn calls_of(code: &Code<'_>, is_wanted: impl Fn(u64) -> bool) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut decoder = Decoder::with_ip(64, code.bytes, code.address, DecoderOptions::NONE);
    for instruction in &mut decoder {
        let target = instruction.near_branch_target();
        if target != 0 && is_wanted(target) {
            let is_call = instruction.flow_control() == FlowControl::Call;
            let behind = is_call.then(|| instruction.next_ip());
            calls.push(Call { target, caller: code.address, behind });
        }
    }
    calls
}

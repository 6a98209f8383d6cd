// SPDX-License-Identifier: GPL-2.0
//! Decoding the instructions of x86-64.

mod arguments;
mod handed;

use super::{Code, Function, Step, Turn, Way, ARGS};
use crate::kallsyms::Kallsym;
use iced_x86::{Code as Opcode, DecoderOptions, FlowControl, Instruction, OpKind, Register};
use std::collections::{HashMap, HashSet};

pub(crate) use arguments::{calls_of, Follower};

/// The registers of the first arguments (the System V ABI).
const ARGUMENTS: [Register; ARGS] =
    [Register::RDI, Register::RSI, Register::RDX, Register::RCX, Register::R8];

/// Compilers return through these, and call and jump through pointers with the others (prefixes of
/// names; arch/x86/lib/retpoline.S).
const RETURNS: &[&str] = &["__x86_return_thunk", "srso_return_thunk", "its_return_thunk"];
const INDIRECT: &[&str] = &["__x86_indirect_"];

/// A function with an ftrace site calls one of these first, which change no register
/// (arch/x86/kernel/ftrace_64.S).
const TRACERS: &[&str] = &["__fentry__"];

/// Decodes functions.
pub(crate) struct Decoder {
    /// Thunks that return, or jump to what a register holds.
    thunks: HashSet<u64>,
    /// What a function with an ftrace site calls there.
    tracers: HashSet<u64>,
    /// Jumps that may be NOPs at another time, and NOPs that may be jumps.
    switched: HashMap<u64, u64>,
}

impl Decoder {
    /// `switched` has the jumps that the kernel switches on and off, with their targets.
    pub(crate) fn new(symbols: &[Kallsym], switched: HashMap<u64, u64>) -> Decoder {
        let is_thunk = |sym: &&Kallsym| {
            RETURNS.contains(&sym.name.as_str())
                || INDIRECT.iter().any(|start| sym.name.starts_with(start))
        };
        let is_tracer = |sym: &&Kallsym| TRACERS.contains(&sym.name.as_str());
        Decoder {
            thunks: symbols.iter().filter(is_thunk).map(|sym| sym.address).collect(),
            tracers: symbols.iter().filter(is_tracer).map(|sym| sym.address).collect(),
            switched,
        }
    }

    /// Decodes a function from its start to the next symbol.
    pub(crate) fn decode(&self, code: &Code<'_>) -> Function {
        let mut decoder =
            iced_x86::Decoder::with_ip(64, code.bytes, code.address, DecoderOptions::NONE);
        let mut found = Function { steps: Vec::new(), turns: Vec::new(), falls_through: true };
        let mut known = Known::default();
        let mut instruction = Instruction::default();
        while decoder.can_decode() {
            decoder.decode_out(&mut instruction);
            let step = self.step(&instruction, &known);
            let flow = instruction.flow_control();
            // Padding behind the last instruction is no way out.
            if !is_padding(&instruction) {
                found.falls_through = !ends(flow, step.as_ref());
            }
            match flow {
                FlowControl::Next => known.follow(&instruction),
                FlowControl::ConditionalBranch => {}
                _ => known = Known::default(),
            }
            found.turns.extend(self.turn(&instruction, step.as_ref()));
            found.steps.extend(step);
        }
        found
    }

    fn step(&self, instruction: &Instruction, known: &Known) -> Option<Step> {
        let target = instruction.near_branch_target();
        match instruction.flow_control() {
            FlowControl::Return | FlowControl::IndirectBranch => Some(Step::Leave),
            FlowControl::Call => Some(Step::Call { target, args: known.0 })
                .filter(|_| !self.thunks.contains(&target)),
            FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => {
                match self.thunks.contains(&target) {
                    true => Some(Step::Leave),
                    false => Some(Step::Jump { from: instruction.ip(), target, args: known.0 }),
                }
            }
            FlowControl::Next => stored(instruction),
            _ => None,
        }
    }

    /// Execution goes on behind `ud2`, which most often stands for a warning.
    fn turn(&self, instruction: &Instruction, step: Option<&Step>) -> Option<Turn> {
        let at = instruction.ip();
        let is_certain = instruction.flow_control() == FlowControl::UnconditionalBranch;
        let way = match (self.switched.get(&at), step) {
            (Some(&target), _) => Way::Branch(target),
            (None, Some(Step::Call { target, .. })) => Way::Call(*target),
            (None, Some(Step::Jump { target, .. })) if is_certain => Way::Jump(*target),
            (None, Some(Step::Jump { target, .. })) => Way::Branch(*target),
            // A conditional return is a conditional jump to a thunk.
            (None, Some(Step::Leave)) => Way::Leave,
            (None, Some(Step::Store { .. }) | None) => return None,
        };
        Some(Turn { at, way })
    }
}

/// Whether nothing behind this instruction runs after it. A call at the end of a function is one of
/// a function that never returns.
fn ends(flow: FlowControl, step: Option<&Step>) -> bool {
    match flow {
        FlowControl::Return
        | FlowControl::IndirectBranch
        | FlowControl::UnconditionalBranch
        | FlowControl::Exception => true,
        FlowControl::Call => step.is_some(),
        _ => false,
    }
}

/// NOPs and `int3` between functions.
fn is_padding(instruction: &Instruction) -> bool {
    matches!(
        instruction.code(),
        Opcode::Int3
            | Opcode::Nopd
            | Opcode::Nopw
            | Opcode::Nopq
            | Opcode::Nop_rm16
            | Opcode::Nop_rm32
            | Opcode::Nop_rm64
    )
}

/// `movq $CONSTANT, ADDRESS`.
fn stored(instruction: &Instruction) -> Option<Step> {
    let is_store = instruction.code() == Opcode::Mov_rm64_imm32
        && instruction.op0_kind() == OpKind::Memory
        && instruction.memory_index() == Register::None;
    let is_known = matches!(instruction.memory_base(), Register::None | Register::RIP);
    (is_store && is_known).then(|| Step::Store {
        address: instruction.memory_displacement64(),
        value: instruction.immediate32to64() as u64,
    })
}

/// The constants in the argument registers.
#[derive(Default)]
struct Known([Option<u64>; ARGS]);

impl Known {
    /// Follows an instruction that jumps nowhere.
    fn follow(&mut self, instruction: &Instruction) {
        if instruction.op_count() == 0 || instruction.op0_kind() != OpKind::Register {
            return;
        }
        let written = instruction.op0_register();
        let Some(n) = ARGUMENTS.iter().position(|known| *known == written.full_register()) else {
            return;
        };
        let is_lea =
            instruction.code() == Opcode::Lea_r64_m && instruction.is_ip_rel_memory_operand();
        self.0[n] = match instruction.code() {
            _ if is_lea => Some(instruction.memory_displacement64()),
            Opcode::Mov_rm64_imm32 => Some(instruction.immediate32to64() as u64),
            Opcode::Mov_r64_imm64 => Some(instruction.immediate64()),
            // These write nothing.
            Opcode::Cmp_rm64_r64 | Opcode::Test_rm64_r64 | Opcode::Cmp_rm64_imm8 => self.0[n],
            _ => None,
        };
    }
}

/// The constants in a function's code that can be addresses. Targets of calls and jumps are not
/// among them.
pub(crate) fn constants(code: &Code<'_>, found: &mut impl FnMut(u64)) {
    let decoder = iced_x86::Decoder::with_ip(64, code.bytes, code.address, DecoderOptions::NONE);
    for instruction in decoder {
        for n in 0..instruction.op_count() {
            match instruction.op_kind(n) {
                OpKind::Immediate32 | OpKind::Immediate32to64 | OpKind::Immediate64 => {
                    found(instruction.immediate(n));
                }
                OpKind::Memory => found(instruction.memory_displacement64()),
                _ => {}
            }
        }
    }
}

/// The section with the ENDBRs that the kernel overwrites, as distances from their own places.
pub(super) const SEALED: &str = ".ibt_endbr_seal";

/// The functions that no indirect call can enter: those without an ENDBR, and those whose ENDBR the
/// kernel overwrites when it boots or loads the module, because objtool found no use of their
/// address.
pub(super) fn only_entered_directly(
    start: u64,
    table: &[u8],
    functions: &[Code<'_>],
) -> HashSet<u64> {
    const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
    let entry = |(n, bytes): (usize, &[u8])| {
        let offset = i32::from_le_bytes(bytes.try_into().ok()?);
        Some((start + 4 * n as u64).wrapping_add_signed(offset.into()))
    };
    let sealed = table.chunks_exact(4).enumerate().filter_map(entry);
    let bare = functions.iter().filter(|code| !code.bytes.starts_with(&ENDBR64));
    bare.map(|code| code.address).chain(sealed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps of some instructions at address 0x1000. A return thunk is at 0x2000.
    fn steps(bytes: &[u8]) -> Function {
        let name = "__x86_return_thunk".to_owned();
        let thunk = Kallsym { address: 0x2000, kind: b'T', name };
        let decoder = Decoder::new(&[thunk], HashMap::new());
        decoder.decode(&Code { address: 0x1000, bytes })
    }

    #[test]
    fn a_call_passes_the_addresses_that_the_code_sets_before_it() {
        // mov $0x1234, %rsi; mov $1, %edi; lea 0x100(%rip), %rdx; xor %rcx, %rcx; call 0x1800
        let bytes = [
            0x48, 0xc7, 0xc6, 0x34, 0x12, 0, 0, 0xbf, 1, 0, 0, 0, 0x48, 0x8d, 0x15, 0, 1, 0, 0,
            0x48, 0x31, 0xc9, 0xe8, 0xe5, 0x07, 0, 0,
        ];
        let found = steps(&bytes);
        let args = [None, Some(0x1234), Some(0x1113), None, None];
        assert_eq!(found.steps, [Step::Call { target: 0x1800, args }]);
        assert!(!found.falls_through, "a function that ends with a call never gets behind it");
    }

    #[test]
    fn a_constant_of_any_instruction_may_be_an_address() {
        // mov $0xffffffff81001234, %rdi; lea 0x100(%rip), %rdx; movq $0x1234, 8(%rbx); call 0x1800
        let bytes = [
            0x48, 0xc7, 0xc7, 0x34, 0x12, 0, 0x81, 0x48, 0x8d, 0x15, 0, 1, 0, 0, 0x48, 0xc7, 0x43,
            8, 0x34, 0x12, 0, 0, 0xe8, 0xe5, 0x07, 0, 0,
        ];
        let mut found = Vec::new();
        constants(&Code { address: 0x1000, bytes: &bytes }, &mut |value| found.push(value));
        assert_eq!(found, [0xffff_ffff_8100_1234, 0x110e, 8, 0x1234]);
    }

    #[test]
    fn a_call_forgets_what_was_known() {
        // mov $0x1234, %rdi; call 0x1800; call 0x1800
        let bytes = [0x48, 0xc7, 0xc7, 0x34, 0x12, 0, 0, 0xe8, 0xf4, 7, 0, 0, 0xe8, 0xef, 7, 0, 0];
        let args = |step: &Step| match step {
            Step::Call { args, .. } => args[0],
            _ => None,
        };
        assert_eq!(steps(&bytes).steps.iter().map(args).collect::<Vec<_>>(), [Some(0x1234), None]);
    }

    #[test]
    fn returns_and_jumps_through_pointers_leave() {
        // ret; jmp 0x2000; jmp *%rax
        for bytes in [&[0xc3][..], &[0xe9, 0xfb, 0x0f, 0, 0], &[0xff, 0xe0]] {
            let found = steps(bytes);
            assert_eq!((found.steps, found.falls_through), (vec![Step::Leave], false));
        }
        // nop; int3: nothing that runs.
        assert!(steps(&[0x90, 0xcc]).falls_through);
    }

    #[test]
    fn a_constant_that_is_stored_at_a_known_address_is_seen() {
        // movq $0x1234, 0x10(%rip); jmp -1
        let bytes = [0x48, 0xc7, 0x05, 0x10, 0, 0, 0, 0x34, 0x12, 0, 0, 0xeb, 0xfe];
        let stored = Step::Store { address: 0x101b, value: 0x1234 };
        assert_eq!(steps(&bytes).steps[0], stored);
    }
}

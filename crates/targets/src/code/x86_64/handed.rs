// SPDX-License-Identifier: GPL-2.0
//! The arguments that a function of x86-64 hands on unchanged.
//!
//! Values are followed through registers and the function's own part of the stack, along its jumps.
//! Where two ways meet, only what is equal on both is still known. A register or a place on the
//! stack that is written in any other way than by a plain copy is forgotten.

use super::super::{Code, Handed, Origin, WORDS};
use super::Decoder;
use iced_x86::{
    Code as Opcode, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, OpAccess,
    OpKind, Register,
};
use std::collections::{BTreeMap, BTreeSet};

/// The registers of the arguments (the System V ABI).
const ARGUMENTS: [Register; WORDS] =
    [Register::RDI, Register::RSI, Register::RDX, Register::RCX, Register::R8, Register::R9];

/// The other registers that a called function may change.
const SCRATCH: [Register; 3] = [Register::RAX, Register::R10, Register::R11];

/// What a register holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    /// Anything.
    Unknown,
    /// What the function was given.
    Given(Origin),
    /// An address so many bytes from where the return address is.
    Stack(i64),
}

impl Decoder {
    /// The calls and jumps that leave a function, with the arguments that they hand on.
    pub(crate) fn handed_on(&self, code: &Code<'_>) -> Vec<Handed> {
        let instructions: Vec<Instruction> =
            iced_x86::Decoder::with_ip(64, code.bytes, code.address, DecoderOptions::NONE)
                .iter()
                .collect();
        let mut walk = Walk {
            decoder: self,
            info: InstructionInfoFactory::new(),
            entered: BTreeMap::from([(0, State::at_entry())]),
            starts: BTreeSet::from([0]),
            instructions: &instructions,
        };
        let jumps: Vec<usize> = instructions.iter().filter_map(|jump| walk.inside(jump)).collect();
        walk.starts.extend(jumps);
        let mut pending = vec![0];
        while let Some(start) = pending.pop() {
            walk.follow(start, &mut |_| {}, &mut pending);
        }
        let mut handed = Vec::new();
        for start in walk.entered.keys().copied().collect::<Vec<_>>() {
            walk.follow(start, &mut |call| handed.push(call), &mut pending);
        }
        handed
    }
}

/// A walk over the instructions of a function.
struct Walk<'a> {
    decoder: &'a Decoder,
    info: InstructionInfoFactory,
    instructions: &'a [Instruction],
    /// The instructions at which ways may meet.
    starts: BTreeSet<usize>,
    /// What is known before these instructions. Those that are missing have not been reached.
    entered: BTreeMap<usize, State>,
}

impl Walk<'_> {
    /// The instruction of the function that a jump leads to.
    fn inside(&self, jump: &Instruction) -> Option<usize> {
        let is_jump = matches!(
            jump.flow_control(),
            FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch
        );
        let target = jump.near_branch_target();
        is_jump.then(|| self.instructions.binary_search_by_key(&target, Instruction::ip).ok())?
    }

    /// Follows the instructions from the start of a block to its end. Blocks of which less is known
    /// than before are pending.
    fn follow(&mut self, start: usize, found: &mut dyn FnMut(Handed), pending: &mut Vec<usize>) {
        let Some(mut state) = self.entered.get(&start).cloned() else { return };
        for (n, instruction) in self.instructions.iter().enumerate().skip(start) {
            if n != start && self.starts.contains(&n) {
                return self.enter(n, &state, pending);
            }
            let target = instruction.near_branch_target();
            let is_thunk = self.decoder.thunks.contains(&target);
            let flow = instruction.flow_control();
            match flow {
                FlowControl::Return | FlowControl::IndirectBranch => return,
                FlowControl::Call if self.decoder.tracers.contains(&target) => {}
                FlowControl::Call | FlowControl::IndirectCall => {
                    if flow == FlowControl::Call && !is_thunk {
                        found(Handed { target, args: state.arguments() });
                    }
                    state.call();
                }
                FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => {
                    match self.inside(instruction) {
                        Some(inside) => self.enter(inside, &state, pending),
                        None if is_thunk => {}
                        None => found(Handed { target, args: state.arguments() }),
                    }
                    if flow == FlowControl::UnconditionalBranch {
                        return;
                    }
                }
                _ => state.step(instruction, &mut self.info),
            }
        }
    }

    /// Keeps what is equal on all ways to an instruction.
    fn enter(&mut self, at: usize, state: &State, pending: &mut Vec<usize>) {
        let merged = self.entered.get(&at).map_or_else(|| state.clone(), |old| old.meet(state));
        if self.entered.get(&at) != Some(&merged) {
            self.entered.insert(at, merged);
            pending.push(at);
        }
    }
}

/// What is known at one place of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    registers: [Value; 16],
    /// What the function has put on its stack, by the place.
    slots: BTreeMap<i64, Origin>,
    /// The lowest place whose address the function has taken: code that is not followed may write
    /// there and behind it.
    shared: i64,
}

impl State {
    fn at_entry() -> State {
        let (registers, slots) = ([Value::Unknown; 16], BTreeMap::new());
        let mut state = State { registers, slots, shared: i64::MAX };
        state.set(Register::RSP, Value::Stack(0));
        for (n, register) in ARGUMENTS.into_iter().enumerate() {
            state.set(register, Value::Given(Origin::Argument(n)));
        }
        state
    }

    fn meet(&self, other: &State) -> State {
        let mut met = self.clone();
        for (value, other) in met.registers.iter_mut().zip(other.registers) {
            if *value != other {
                *value = Value::Unknown;
            }
        }
        met.slots.retain(|place, origin| other.slots.get(place) == Some(origin));
        met.shared = met.shared.min(other.shared);
        met
    }

    fn get(&self, register: Register) -> Value {
        match register.is_gpr64() {
            true => self.registers[register.number()],
            false => Value::Unknown,
        }
    }

    fn set(&mut self, register: Register, value: Value) {
        let register = register.full_register();
        if register.is_gpr64() {
            self.registers[register.number()] = value;
        }
    }

    fn arguments(&self) -> [Option<Origin>; WORDS] {
        ARGUMENTS.map(|register| match self.get(register) {
            Value::Given(origin) => Some(origin),
            _ => None,
        })
    }

    /// Forgets what a called function may change.
    fn call(&mut self) {
        for register in ARGUMENTS.into_iter().chain(SCRATCH) {
            self.set(register, Value::Unknown);
        }
        self.forget_from(self.shared);
        if let Value::Stack(top) = self.get(Register::RSP) {
            self.slots.retain(|slot, _| top <= *slot);
        }
    }

    fn forget_from(&mut self, place: i64) {
        self.slots.retain(|slot, _| *slot < place);
    }

    /// Forgets the words that these bytes of the stack are part of.
    fn forget(&mut self, place: i64, size: i64) {
        self.slots.retain(|slot, _| slot + 8 <= place || place + size <= *slot);
    }

    /// Follows an instruction that goes on to the next one.
    fn step(&mut self, instruction: &Instruction, info: &mut InstructionInfoFactory) {
        let is_memory = |n| instruction.op_kind(n) == OpKind::Memory;
        match instruction.code() {
            Opcode::Mov_r64_rm64 | Opcode::Mov_rm64_r64 if !is_memory(0) && !is_memory(1) => {
                self.set(instruction.op0_register(), self.get(instruction.op1_register()));
            }
            Opcode::Mov_r64_rm64 => {
                self.set(instruction.op0_register(), self.loaded(instruction));
            }
            Opcode::Mov_rm64_r64 => self.store(instruction, self.get(instruction.op1_register())),
            Opcode::Lea_r64_m => {
                let address = self.address(instruction);
                if let Value::Stack(place) = address {
                    self.shared = self.shared.min(place);
                }
                self.set(instruction.op0_register(), address);
            }
            Opcode::Push_r64 => {
                let value = self.get(instruction.op0_register());
                if let Some(place) = self.move_stack(-8) {
                    self.put(place, value);
                }
            }
            Opcode::Pop_r64 => {
                let value = match self.get(Register::RSP) {
                    Value::Stack(place) => self.slot(place),
                    _ => Value::Unknown,
                };
                self.move_stack(8);
                self.set(instruction.op0_register(), value);
            }
            Opcode::Sub_rm64_imm8 | Opcode::Sub_rm64_imm32 if is_stack_pointer(instruction) => {
                self.move_stack(-instruction.immediate(1).cast_signed());
            }
            Opcode::Add_rm64_imm8 | Opcode::Add_rm64_imm32 if is_stack_pointer(instruction) => {
                self.move_stack(instruction.immediate(1).cast_signed());
            }
            _ => self.forget_written(instruction, info),
        }
    }

    /// Moves the stack pointer by so many bytes: where it is then.
    fn move_stack(&mut self, bytes: i64) -> Option<i64> {
        let moved = match self.get(Register::RSP) {
            Value::Stack(place) => place.checked_add(bytes),
            _ => None,
        };
        self.set(Register::RSP, moved.map_or(Value::Unknown, Value::Stack));
        moved
    }

    /// The address that an instruction computes or uses.
    fn address(&self, instruction: &Instruction) -> Value {
        let displacement = instruction.memory_displacement64().cast_signed();
        let is_plain = instruction.memory_index() == Register::None
            && instruction.segment_prefix() == Register::None;
        match self.get(instruction.memory_base()) {
            _ if !is_plain => Value::Unknown,
            Value::Stack(place) => {
                place.checked_add(displacement).map_or(Value::Unknown, Value::Stack)
            }
            Value::Given(origin) if displacement == 0 => Value::Given(origin),
            _ => Value::Unknown,
        }
    }

    fn slot(&self, place: i64) -> Value {
        self.slots.get(&place).map_or(Value::Unknown, |origin| Value::Given(*origin))
    }

    /// The word that an instruction reads.
    fn loaded(&self, instruction: &Instruction) -> Value {
        let is_plain = instruction.memory_index() == Register::None
            && instruction.segment_prefix() == Register::None;
        match (self.get(instruction.memory_base()), self.address(instruction)) {
            (_, Value::Stack(place)) => self.slot(place),
            (Value::Given(Origin::Argument(0)), _) if is_plain => {
                let offset = instruction.memory_displacement64().cast_signed();
                Value::Given(Origin::Behind(offset))
            }
            _ => Value::Unknown,
        }
    }

    /// Puts a word on the stack.
    fn put(&mut self, place: i64, value: Value) {
        self.forget(place, 8);
        if let Value::Given(origin) = value {
            self.slots.insert(place, origin);
        }
    }

    fn store(&mut self, instruction: &Instruction, value: Value) {
        match self.address(instruction) {
            Value::Stack(place) => self.put(place, value),
            _ => self.forget_from(self.shared),
        }
    }

    /// Forgets all that an instruction writes.
    fn forget_written(&mut self, instruction: &Instruction, info: &mut InstructionInfoFactory) {
        let is_write = |access| {
            matches!(
                access,
                OpAccess::Write
                    | OpAccess::CondWrite
                    | OpAccess::ReadWrite
                    | OpAccess::ReadCondWrite
            )
        };
        let used = info.info(instruction);
        if used.used_memory().iter().any(|memory| is_write(memory.access())) {
            let size = instruction.memory_size().size() as i64;
            match self.address(instruction) {
                Value::Stack(place) if !instruction.is_string_instruction() => {
                    self.forget(place, size);
                }
                _ => self.forget_from(self.shared),
            }
        }
        let moves_stack = instruction.stack_pointer_increment();
        for register in used.used_registers().iter().filter(|used| is_write(used.access())) {
            if register.register() != Register::RSP || moves_stack == 0 {
                self.set(register.register(), Value::Unknown);
            }
        }
        if moves_stack != 0 {
            if let Some(place) = self.move_stack(moves_stack.into()) {
                self.forget(place, 8);
            }
        }
    }
}

fn is_stack_pointer(instruction: &Instruction) -> bool {
    instruction.op0_kind() == OpKind::Register && instruction.op0_register() == Register::RSP
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kallsyms::Kallsym;
    use std::collections::HashMap;

    const START: u64 = 0x1000;
    const TRACER: u64 = 0x2000;
    const CALLED: u64 = 0x1800;

    fn call(code: &mut Vec<u8>, target: u64) {
        let next = START + code.len() as u64 + 5;
        code.push(0xe8);
        code.extend((target.wrapping_sub(next) as i32).to_le_bytes());
    }

    /// What a function hands on that calls its tracer, and another one after each of some pieces.
    fn handed(pieces: &[&[u8]]) -> Vec<[Option<Origin>; WORDS]> {
        let name = "__fentry__".to_owned();
        let tracer = Kallsym { address: TRACER, kind: b'T', name };
        let decoder = Decoder::new(&[tracer], HashMap::new());
        let mut code = Vec::new();
        call(&mut code, TRACER);
        for piece in pieces {
            code.extend(*piece);
            call(&mut code, CALLED);
        }
        let found = decoder.handed_on(&Code { address: START, bytes: &code });
        assert!(found.iter().all(|handed| handed.target == CALLED), "{found:x?}");
        found.into_iter().map(|handed| handed.args).collect()
    }

    fn arg(n: usize) -> Option<Origin> {
        Some(Origin::Argument(n))
    }

    #[test]
    fn arguments_are_followed_through_registers_and_the_stack() {
        // push %rbx; mov %rdi, %rbx; sub $16, %rsp; mov %rsi, 8(%rsp)
        let first = [0x53, 0x48, 0x89, 0xfb, 0x48, 0x83, 0xec, 0x10, 0x48, 0x89, 0x74, 0x24, 0x08];
        // mov %rbx, %rdi; mov 8(%rsp), %rsi; mov %rcx, %rdx
        let second = [0x48, 0x89, 0xdf, 0x48, 0x8b, 0x74, 0x24, 0x08, 0x48, 0x89, 0xca];
        // add $16, %rsp; mov %rbx, %rdi; pop %rbx
        let third = [0x48, 0x83, 0xc4, 0x10, 0x48, 0x89, 0xdf, 0x5b];
        let all = [0, 1, 2, 3, 4, 5].map(arg);
        let kept = [arg(0), arg(1), None, None, None, None];
        let last = [arg(0), None, None, None, None, None];
        assert_eq!(handed(&[&first, &second, &third]), [all, kept, last]);
    }

    #[test]
    fn what_is_behind_the_first_argument_has_its_offset() {
        // mov 0x70(%rdi), %rsi; mov 0x68(%rdi), %rdx; mov %edx, %edx; mov 8(%r8), %r9
        let code =
            [0x48, 0x8b, 0x77, 0x70, 0x48, 0x8b, 0x57, 0x68, 0x89, 0xd2, 0x4d, 0x8b, 0x48, 0x08];
        let behind = Some(Origin::Behind(0x70));
        assert_eq!(handed(&[&code]), [[arg(0), behind, None, arg(3), arg(4), None]]);
    }

    #[test]
    fn where_ways_meet_only_what_is_equal_is_known() {
        // mov %rdi, %r8; test %rsi, %rsi; je 1f; xor %edi, %edi; mov %rsi, %rdx; jmp 2f;
        // 1: mov %rsi, %rdx; 2:
        let code = [
            0x49, 0x89, 0xf8, 0x48, 0x85, 0xf6, 0x74, 0x07, 0x31, 0xff, 0x48, 0x89, 0xf2, 0xeb,
            0x03, 0x48, 0x89, 0xf2,
        ];
        assert_eq!(handed(&[&code]), [[None, arg(1), arg(1), arg(3), arg(0), arg(5)]]);
    }

    #[test]
    fn a_place_that_others_may_write_is_forgotten() {
        // sub $24, %rsp; mov %rdi, 8(%rsp); lea (%rsp), %rsi
        let shared = [0x48, 0x83, 0xec, 0x18, 0x48, 0x89, 0x7c, 0x24, 0x08, 0x48, 0x8d, 0x34, 0x24];
        // mov 8(%rsp), %rdi
        let load = [0x48, 0x8b, 0x7c, 0x24, 0x08];
        assert_eq!(handed(&[&shared, &load])[1], [None; WORDS]);
        // sub $24, %rsp; mov %rdi, 8(%rsp); movl $0, (%rsp); mov 8(%rsp), %rdi;
        // movl $0, 12(%rsp); mov 8(%rsp), %rsi
        let written = [
            0x48, 0x83, 0xec, 0x18, 0x48, 0x89, 0x7c, 0x24, 0x08, 0xc7, 0x04, 0x24, 0, 0, 0, 0,
            0x48, 0x8b, 0x7c, 0x24, 0x08, 0xc7, 0x44, 0x24, 0x0c, 0, 0, 0, 0, 0x48, 0x8b, 0x74,
            0x24, 0x08,
        ];
        assert_eq!(handed(&[&written])[0][..3], [arg(0), None, arg(2)]);
    }
}

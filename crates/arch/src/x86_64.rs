// SPDX-License-Identifier: GPL-2.0
//! x86-64.

mod pads;

use crate::{
    AddressUse, Arch, ByValue, Calls, Debian, Entry, Kbuild, Location, NoPayload, OtherEntry, Part,
    Passing, Qemu, Relocation, Rustc, Start, Syscalls, Unclear, Value,
};

/// `SC_X86_64_REGS_TO_ARGS` of arch/x86/include/asm/syscall_wrapper.h.
const MEMBERS: &[&str] = &["di", "si", "dx", "r10", "r8", "r9"];
/// `SC_IA32_REGS_TO_ARGS` there.
const IA32_MEMBERS: &[&str] = &["bx", "cx", "dx", "si", "di", "bp"];
use std::ops::Range;

pub(crate) static X86_64: Arch = Arch {
    name: "x86_64",
    title: "x86-64",
    option: "CONFIG_X86_64",
    machine: EM_X86_64,
    entry,
    landing_pad: "ENDBR",
    pads: Some(pads::PADS),
    entries: "an ftrace site at the start, and one behind an ENDBR",
    calls: Calls { in_registers: 2 * WORD, by_value, dwarf_registers: &DWARF, passing },
    syscalls: Syscalls {
        entry: "__x64_sys_",
        other_entries: &[
            OtherEntry { prefix: "__ia32_sys_", is_compat: false, members: IA32_MEMBERS },
            OtherEntry { prefix: "__ia32_compat_sys_", is_compat: true, members: IA32_MEMBERS },
            OtherEntry { prefix: "__x64_compat_sys_", is_compat: true, members: MEMBERS },
        ],
        tables: &["x64_sys_call", "sys_call_table"],
        other_tables: &[
            "ia32_sys_call",
            "ia32_sys_call_table",
            "x32_sys_call",
            "x32_sys_call_table",
        ],
        members: MEMBERS,
    },
    payload,
    address_use,
    destination,
    writes,
    refers,
    switched,
    relocation,
    implied,
    // `show_ip()` in arch/x86/kernel/dumpstack.c.
    instruction_pointer: "RIP: ",
    // As arch/x86/Makefile and scripts/generate_rust_target.rs have it.
    rustc: Rustc {
        target: "x86_64-unknown-none",
        llvm_target: "x86_64-linux-gnu",
        options: &[
            "-Crelocation-model=static",
            "-Ccode-model=kernel",
            // To a processor without IBT, or a kernel that does not use it, ENDBR is a NOP.
            "-Zcf-protection=branch",
            "-Zno-jump-tables",
        ],
        configured: &[(
            &["CONFIG_MITIGATION_RETHUNK", "CONFIG_RETHUNK"],
            "-Zfunction-return=thunk-extern",
        )],
        features: &[
            (
                &["CONFIG_MITIGATION_RETPOLINE", "CONFIG_RETPOLINE"],
                "+retpoline-external-thunk,+retpoline-indirect-branches,+retpoline-indirect-calls",
            ),
            (&["CONFIG_MITIGATION_SLS", "CONFIG_SLS"], "+harden-sls-ijmp,+harden-sls-ret"),
        ],
    },
    kbuild: Kbuild {
        folder: "arch/x86",
        images: &["arch/x86/boot/bzImage", "arch/x86_64/boot/bzImage", "vmlinuz"],
        cross_compile: "x86_64-linux-gnu-",
    },
    debian: Debian { architecture: "amd64", flavour: "cloud-amd64" },
    qemu: Qemu {
        program: "qemu-system-x86_64",
        package: "qemu-system-x86",
        machine: "pc",
        console: "ttyS0",
        direct_map: "page_offset_base",
        // An emulator with too little CPU time on a busy host fails the kernel's timer check.
        append: "no_timer_check",
    },
};

/// `EM_X86_64` of `elf.h`.
const EM_X86_64: u16 = 62;

/// Bytes of a register, and the smallest argument on the stack.
const WORD: u64 = 8;

/// Integers and pointers are passed in `rdi`, `rsi`, `rdx`, `rcx`, `r8` and `r9` (the System V ABI,
/// section 3.2.3 of its psABI).
const REGISTERS: usize = 6;

/// Their numbers in DWARF (the psABI, figure 3.36).
const DWARF: [u16; REGISTERS] = [5, 4, 1, 2, 8, 9];

/// An ftrace site is a call of `__fentry__`, at the start of a function or behind an ENDBR.
fn entry(Start { offset, bytes }: Start<'_>) -> Option<Entry> {
    const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
    const CALL: u8 = 0xe8;
    match (offset, bytes) {
        (0, [CALL, ..]) => Some(Entry { skip: 5, landing_pad: false }),
        (4, [a, b, c, d, CALL, ..]) if [*a, *b, *c, *d] == ENDBR64 => {
            Some(Entry { skip: 9, landing_pad: true })
        }
        _ => None,
    }
}

/// The rules of the psABI for the types that the kernel uses: integers and pointers, but no
/// floating point.
///
/// A struct of more than two words is in memory. A smaller one is in registers, unless a packed
/// member crosses its alignment or a whole word is padding. BTF does not record `aligned`
/// attributes, so a struct with one is treated as if it had none.
fn by_value(size: u64, align: u64, parts: Option<&[Part]>) -> ByValue {
    if size == 0 || align > WORD {
        return ByValue::Unclear;
    }
    if size > 2 * WORD {
        return ByValue::Memory;
    }
    let Some(parts) = parts else { return ByValue::Unclear };
    let is_aligned = |part: &Part| part.is_bitfield || part.offset % part.bits.max(8) == 0;
    let is_inside = |part: &Part| part.offset + part.bits <= 2 * WORD * 8;
    let is_used = |word: u64| {
        let (start, end) = (word * WORD * 8, (word + 1) * WORD * 8);
        parts
            .iter()
            .any(|part| part.bits > 0 && part.offset < end && start < part.offset + part.bits)
    };
    match parts.iter().all(|part| is_aligned(part) && is_inside(part))
        && (0..size.div_ceil(WORD)).all(is_used)
    {
        true => ByValue::Registers,
        false => ByValue::Unclear,
    }
}

/// Each value takes as many registers as it has words, or none and the stack.
fn passing(ret: Value, params: &[Value]) -> Result<Passing, Unclear> {
    let hidden = match ret.by_value {
        ByValue::Registers => false,
        ByValue::Memory => true,
        ByValue::Unclear => return Err(Unclear::Ret),
    };
    let (mut registers, mut stack) = (usize::from(hidden), 0);
    let mut places = Vec::new();
    for (n, param) in params.iter().enumerate() {
        let words = usize::try_from(param.size.div_ceil(WORD)).map_err(|_| Unclear::Param(n))?;
        let fits = registers + words <= REGISTERS;
        places.push(match param.by_value {
            ByValue::Unclear => return Err(Unclear::Param(n)),
            ByValue::Registers if fits => {
                registers += words;
                Location::Registers(registers - words..registers)
            }
            // BTF does not record `aligned` attributes: C may skip a word before a struct that may
            // have one.
            _ if param.is_record && words % 2 == 0 && stack % 2 == 1 => {
                return Err(Unclear::Param(n))
            }
            // A later parameter may still fit into registers.
            ByValue::Registers | ByValue::Memory => {
                stack += words;
                Location::Stack(stack - words..stack)
            }
        });
    }
    Ok(Passing { places, stack, hidden })
}

/// A bzImage: the x86 boot protocol (Documentation/arch/x86/boot.rst), version 2.08 and later.
fn payload(image: &[u8]) -> Result<&[u8], NoPayload> {
    const SETUP_SECTS: usize = 0x1f1;
    const MAGIC: usize = 0x202;
    const VERSION: usize = 0x206;
    const PAYLOAD_OFFSET: usize = 0x248;
    const PAYLOAD_LENGTH: usize = 0x24c;
    const SECTOR: usize = 512;
    let magic = image.get(MAGIC..MAGIC + 4);
    let version =
        image.get(VERSION..VERSION + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    if magic != Some(b"HdrS") || version.is_none_or(|version| version < 0x0208) {
        return Err(NoPayload::Unknown);
    }
    let u32_at = |at: usize| {
        let bytes = image
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(NoPayload::Truncated)?;
        Ok(u32::from_le_bytes(bytes) as usize)
    };
    // 0 stands for 4, for historical reasons.
    let setup = match image[SETUP_SECTS] {
        0 => 4,
        n => usize::from(n),
    };
    let start = (setup + 1) * SECTOR + u32_at(PAYLOAD_OFFSET)?;
    image.get(start..start + u32_at(PAYLOAD_LENGTH)?).ok_or(NoPayload::Truncated)
}

/// A call, a jump or a conditional jump ends in its distance; a store of a constant in the
/// constant, behind the memory operand.
fn address_use(before: &[u8]) -> AddressUse {
    const RSP: u8 = 4;
    const RBP: u8 = 5;
    /// `push %rbp; mov %rsp,%rbp`, near the start of a function that has a frame pointer.
    const FRAME: [u8; 4] = [0x55, 0x48, 0x89, 0xe5];
    const NEAR: usize = 32;
    let is_stack = |base| {
        let has_frame = || before.windows(FRAME.len()).take(NEAR).any(|bytes| bytes == FRAME);
        base == RSP || base == RBP && has_frame()
    };
    match (store(before), before) {
        (Some(Operand::Register(base)), _) if is_stack(base) => AddressUse::StoreToStack,
        (Some(_), _) => AddressUse::Store,
        (None, [.., 0xe8 | 0xe9] | [.., 0x0f, 0x80..=0x8f]) => AddressUse::Branch,
        (None, _) => AddressUse::Value,
    }
}

fn destination(before: &[u8]) -> Option<(u64, u64)> {
    (store(before)? == Operand::Address).then_some((4, 4))
}

/// The opcodes that write to their memory operand (the Intel manual's volume 2), by the bytes
/// before its address: an opcode and a ModRM byte, whose middle bits may be a part of the opcode.
fn writes(before: &[u8]) -> bool {
    let (opcode, modrm) = match before {
        // A plain address, with a SIB byte, and `ADDRESS(%rip)`. No opcode that takes an operand
        // looks like the former's ModRM byte.
        [opcode @ .., modrm, 0x25] if modrm & 0xc7 == 0x04 => (opcode, modrm),
        [opcode @ .., modrm] if modrm & 0xc7 == 0x05 => (opcode, modrm),
        _ => return false,
    };
    let part = modrm >> 3 & 7;
    match opcode {
        // `setcc`, `bts`, `cmpxchg`, `btr`, `bts` and its kind with a constant, `btc`, `xadd`
        [.., 0x0f, 0xba] => (5..=7).contains(&part),
        [.., 0x0f, opcode] => {
            matches!(opcode, 0x90..=0x9f | 0xab | 0xb0 | 0xb1 | 0xb3 | 0xbb | 0xc0 | 0xc1)
        }
        // Arithmetic with a constant, `cmp` left out.
        [.., 0x80 | 0x81 | 0x83] => part != 7,
        // Shifts, `mov` of a constant, `not` and `neg`, `inc` and `dec`
        [.., 0xc0 | 0xc1 | 0xd0..=0xd3] => true,
        [.., 0xc6 | 0xc7] => part == 0,
        [.., 0xf6 | 0xf7] => matches!(part, 2 | 3),
        [.., 0xfe | 0xff] => matches!(part, 0 | 1),
        // Arithmetic with a register, `cmp` left out; `xchg` and `mov`.
        [.., opcode @ 0x00..=0x31] => matches!(opcode & 7, 0 | 1),
        [.., opcode] => matches!(opcode, 0x86..=0x89),
        [] => false,
    }
}

/// The memory operand of an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operand {
    /// Relative to a register.
    Register(u8),
    /// An address, which ends the operand.
    Address,
}

/// The operand of `movq $CONSTANT, MEMORY` (REX.W C7 /0, the Intel manual's volume 2), from the
/// bytes before the constant.
fn store(before: &[u8]) -> Option<Operand> {
    const REX_W: u8 = 0x48;
    const REX_B: u8 = 1;
    // The ModRM byte, perhaps a SIB byte, and a displacement of none, one or four bytes.
    (1..=6).find_map(|len| {
        let (start, operand) = before.split_at_checked(before.len().checked_sub(len)?)?;
        let [.., rex, 0xc7] = start else { return None };
        let (modrm, rest) = operand.split_first()?;
        let (mode, base) = (modrm >> 6, modrm & 7);
        if rex & 0xf8 != REX_W || modrm & 0x38 != 0 || mode == 3 {
            return None;
        }
        let (base, displacement) = match (base, rest) {
            (4, [sib, rest @ ..]) => (sib & 7, rest.len()),
            (4, []) => return None,
            _ => (base, rest.len()),
        };
        let operand = match (mode, displacement) {
            (0, 4) if base == 5 => Operand::Address,
            (0, 0) if base != 5 => Operand::Register(base | (rex & REX_B) << 3),
            (1, 1) | (2, 4) => Operand::Register(base | (rex & REX_B) << 3),
            _ => return None,
        };
        Some(operand)
    })
}

/// Four bytes are an address, extended with its sign, or a distance from the end of their
/// instruction, which may be a constant further on. Instructions are not decoded: other bytes
/// rarely are an address in a small range.
fn refers(code: &[u8], address: u64, to: &Range<u64>) -> bool {
    const BEHIND: [u64; 4] = [4, 5, 6, 8];
    code.windows(4).enumerate().any(|(n, bytes)| {
        let at = address.wrapping_add(n as u64);
        let value = i64::from(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
        let from = |behind: &u64| at.wrapping_add(*behind).wrapping_add_signed(value);
        to.contains(&0_u64.wrapping_add_signed(value))
            || BEHIND.iter().any(|behind| to.contains(&from(behind)))
    })
}

/// A jump, or a NOP in its place, of 2 or 5 bytes (arch/x86/kernel/jump_label.c).
fn switched(code: &[u8]) -> usize {
    match code {
        [0xeb, _, ..] | [0x66, 0x90, ..] => 2,
        [0xe9, ..] | [0x0f, 0x1f, 0x44, ..] => 5,
        _ => 0,
    }
}

/// The types that `apply_relocate_add()` of arch/x86/kernel/module.c knows.
fn relocation(kind: u32) -> Option<Relocation> {
    const R_X86_64_64: u32 = 1;
    const R_X86_64_PC32: u32 = 2;
    const R_X86_64_PLT32: u32 = 4;
    const R_X86_64_32: u32 = 10;
    const R_X86_64_32S: u32 = 11;
    const R_X86_64_PC64: u32 = 24;
    let (bytes, relative, from_end) = match kind {
        R_X86_64_64 => (8, false, false),
        R_X86_64_32 | R_X86_64_32S => (4, false, false),
        // These four bytes end their instruction.
        R_X86_64_PC32 | R_X86_64_PLT32 => (4, true, true),
        R_X86_64_PC64 => (8, true, false),
        _ => return None,
    };
    Some(Relocation { bytes, relative, from_end })
}

/// What gcc, clang and rustc name by themselves with the options of arch/x86/Makefile, and what
/// objtool and the kernel's sanitizers add.
fn implied(symbol: &str) -> bool {
    const NAMES: [&str; 3] = ["__fentry__", "__stack_chk_fail", "__stack_chk_guard"];
    const PREFIXES: [&str; 8] = [
        "__asan_",
        "__kmsan_",
        "__msan_",
        "__ref_stack_chk_guard",
        "__sanitizer_cov_",
        "__tsan_",
        "__ubsan_handle_",
        "__x86_",
    ];
    NAMES.contains(&symbol) || PREFIXES.iter().any(|prefix| symbol.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(words: u64, by_value: ByValue) -> Value {
        Value { size: words * WORD, is_record: words > 1, by_value }
    }

    const INT: Value = Value { size: 4, is_record: false, by_value: ByValue::Registers };

    #[test]
    fn an_instruction_writes_to_its_first_operand_only() {
        // `movb $1,x(%rip)`, `mov %rax,x(%rip)`, `lock incl x(%rip)`, `addl $1,x`,
        // `bts $3,x(%rip)`, `xchg %al,x(%rip)` and `sete x(%rip)`
        let writing: [&[u8]; 7] = [
            &[0xc6, 0x05],
            &[0x48, 0x89, 0x05],
            &[0xf0, 0xff, 0x05],
            &[0x83, 0x04, 0x25],
            &[0xf0, 0x48, 0x0f, 0xba, 0x2d],
            &[0x86, 0x05],
            &[0x0f, 0x94, 0x05],
        ];
        // `mov x(%rip),%rax`, `cmpb $0,x(%rip)`, `movzbl x(%rip),%eax`, `lea x(%rip),%rdi`,
        // `test %al,x(%rip)`, `push x(%rip)`, `cmp %rax,x(%rip)` and `call`
        let reading: [&[u8]; 8] = [
            &[0x48, 0x8b, 0x05],
            &[0x80, 0x3d],
            &[0x0f, 0xb6, 0x05],
            &[0x48, 0x8d, 0x3d],
            &[0x84, 0x05],
            &[0xff, 0x35],
            &[0x48, 0x39, 0x05],
            &[0xe8],
        ];
        assert!(writing.into_iter().all(writes) && !reading.into_iter().any(writes));
    }

    #[test]
    fn what_becomes_of_an_address_is_told_by_the_bytes_before_it() {
        let cases: [(&[u8], AddressUse); 11] = [
            (&[0x31, 0xc0, 0xe8], AddressUse::Branch),
            (&[0x0f, 0x84], AddressUse::Branch),
            // `mov $x,%rdi` and `lea x(%rip),%rax`
            (&[0x48, 0xc7, 0xc7], AddressUse::Value),
            (&[0x48, 0x8d, 0x05], AddressUse::Value),
            // `movq $x,(%rax)`, `0x18(%rbx)`, `0x12345678(%r12)` and `y(%rip)`
            (&[0x48, 0xc7, 0x00], AddressUse::Store),
            (&[0x48, 0xc7, 0x43, 0x18], AddressUse::Store),
            (&[0x49, 0xc7, 0x84, 0x24, 0x78, 0x56, 0x34, 0x12], AddressUse::Store),
            (&[0x48, 0xc7, 0x05, 0, 0, 0, 0], AddressUse::Store),
            // `movq $x,0x8(%rbp)`, without and with a frame pointer
            (&[0x48, 0xc7, 0x45, 0x08], AddressUse::Store),
            (&[0x55, 0x48, 0x89, 0xe5, 0x48, 0xc7, 0x45, 0x08], AddressUse::StoreToStack),
            // `movq $x,0x8(%rsp)`
            (&[0x48, 0xc7, 0x44, 0x24, 0x08], AddressUse::StoreToStack),
        ];
        for (before, wanted) in cases {
            assert_eq!(address_use(before), wanted, "{before:x?}");
        }
        assert_eq!(destination(&[0x48, 0xc7, 0x05, 0, 0, 0, 0]), Some((4, 4)));
        assert_eq!(destination(&[0x48, 0xc7, 0x43, 0x18]), None);
    }

    #[test]
    fn code_refers_to_what_its_instructions_name() {
        let at = 0xffff_ffff_8100_0000_u64;
        // `mov 0x10(%rip),%rax`, `movl $1,0x20(%rip)` and `mov $0xffffffff82000000,%rdi`.
        let code = [
            0x48, 0x8b, 0x05, 0x10, 0, 0, 0, 0xc7, 0x05, 0x20, 0, 0, 0, 1, 0, 0, 0, 0x48, 0xc7,
            0xc7, 0, 0, 0, 0x82,
        ];
        let refers = |to: u64| refers(&code, at, &(to..to + 4));
        assert!(refers(at + 7 + 0x10) && refers(at + 17 + 0x20) && refers(0xffff_ffff_8200_0000));
        assert!(!refers(at + 0x1000) && !refers(0xffff_ffff_8200_1000));
    }

    #[test]
    fn a_struct_that_finds_too_few_registers_leaves_them_to_what_follows() {
        let two = value(2, ByValue::Registers);
        let passing =
            passing(INT, &[INT, INT, INT, INT, INT, two, INT]).expect("all of it is clear");
        assert_eq!(passing.places[5..], [Location::Stack(0..2), Location::Registers(5..6)]);
        assert_eq!((passing.stack, passing.hidden), (2, false));
    }

    #[test]
    fn a_large_result_takes_the_first_register() {
        let large = value(5, ByValue::Memory);
        let passing = passing(large, &[INT, large]).expect("all of it is clear");
        assert_eq!(passing.places, [Location::Registers(1..2), Location::Stack(0..5)]);
        assert!(passing.hidden);
    }

    #[test]
    fn an_unclear_value_is_named() {
        let unclear = value(2, ByValue::Unclear);
        assert_eq!(passing(INT, &[INT, unclear]), Err(Unclear::Param(1)));
        assert_eq!(passing(unclear, &[INT]), Err(Unclear::Ret));
    }

    #[test]
    fn a_struct_is_in_registers_if_each_of_its_words_holds_an_aligned_value() {
        let part = |offset, bits| Part { offset, bits, is_bitfield: false };
        assert_eq!(by_value(16, 8, Some(&[part(0, 64), part(64, 32)])), ByValue::Registers);
        assert_eq!(by_value(16, 8, Some(&[part(0, 64)])), ByValue::Unclear);
        assert_eq!(by_value(8, 1, Some(&[part(8, 32)])), ByValue::Unclear);
        assert_eq!(by_value(8, 16, Some(&[part(0, 64)])), ByValue::Unclear);
        assert_eq!(by_value(24, 8, None), ByValue::Memory);
        assert_eq!(by_value(8, 8, None), ByValue::Unclear);
    }

    #[test]
    fn a_function_starts_with_its_site_or_with_a_landing_pad_before_it() {
        let start = |offset, bytes: &[u8; 9]| entry(Start { offset, bytes });
        let bare = [0xe8, 1, 2, 3, 4, 0x55, 0x48, 0x89, 0xe5];
        let behind_pad = [0xf3, 0x0f, 0x1e, 0xfa, 0xe8, 1, 2, 3, 4];
        assert_eq!(start(0, &bare), Some(Entry { skip: 5, landing_pad: false }));
        assert_eq!(start(4, &behind_pad), Some(Entry { skip: 9, landing_pad: true }));
        assert_eq!((start(4, &bare), start(0, &behind_pad)), (None, None));
    }
}

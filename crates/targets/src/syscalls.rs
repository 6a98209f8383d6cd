// SPDX-License-Identifier: GPL-2.0
//! The parameters of system calls, from the metadata that a kernel keeps to trace them.
//!
//! The entry of a system call gets only the caller's registers, and BTF describes nothing more.
//! With `CONFIG_FTRACE_SYSCALLS` there is a `struct syscall_metadata` (include/trace/syscall.h) for
//! each call, with the types and names of its arguments as in the source.

use super::image::Vmlinux;
use super::kallsyms::Kallsym;
use kps_facts::btf::{Btf, Kind};
use kps_facts::SyscallParam;
use object::read::elf::ElfFile64;
use object::{LittleEndian, Object as _, ObjectSymbol as _};
use std::collections::{BTreeMap, BTreeSet};

/// The prefix of the symbols of this metadata; the name of the call follows.
const PREFIX: &str = "__syscall_meta__";

/// The maximum number of arguments: there are six registers for them.
const MAX_PARAMS: usize = 6;

/// Longer than any such type in the kernel's source.
const MAX_TEXT: usize = 128;

/// The parameters of system calls, by name. Unreadable metadata is skipped.
pub(super) fn syscalls(
    vmlinux: &Vmlinux<'_>,
    symbols: &[Kallsym],
    btf: &Btf,
) -> BTreeMap<String, Vec<SyscallParam>> {
    let Some(layout) = Layout::find(btf) else { return BTreeMap::new() };
    let call = |symbol: &Kallsym| {
        let name = symbol.name.strip_prefix(PREFIX)?;
        Some((name.to_owned(), layout.params(vmlinux, symbol.address)?))
    };
    symbols.iter().filter_map(call).collect()
}

/// The offsets of the members of `struct syscall_metadata`, in bytes.
struct Layout {
    /// The number of arguments.
    count: usize,
    /// The width of that number.
    width: usize,
    /// The types.
    types: usize,
    /// The names.
    names: usize,
}

impl Layout {
    fn find(btf: &Btf) -> Option<Layout> {
        let record =
            btf.types("syscall_metadata").into_iter().find_map(|id| match btf.get(id).kind {
                Kind::Record(record) => Some(record),
                _ => None,
            })?;
        let member = |name: &str| {
            let member = record.members().find(|member| member.name == name)?;
            Some((member.bit_offset as usize / 8, btf.size(member.ty)? as usize))
        };
        let (count, width) = member("nb_args").filter(|(_, width)| (1..=8).contains(width))?;
        Some(Layout { count, width, types: member("types")?.0, names: member("args")?.0 })
    }

    fn params(&self, vmlinux: &Vmlinux<'_>, address: u64) -> Option<Vec<SyscallParam>> {
        let note = vmlinux.memory(address)?;
        let count = number(note.get(self.count..)?.get(..self.width)?);
        let count = usize::try_from(count).ok().filter(|&count| count <= MAX_PARAMS)?;
        let texts = |list: usize| -> Option<Vec<String>> {
            let list = number(note.get(list..)?.get(..8)?);
            (0..count as u64)
                .map(|n| text(vmlinux, pointer(vmlinux, list.checked_add(8 * n)?)?))
                .collect()
        };
        let params = texts(self.types)?.into_iter().zip(texts(self.names)?);
        Some(params.map(|(ty, name)| SyscallParam { ty, name }).collect())
    }
}

/// A little-endian number of at most eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

fn pointer(vmlinux: &Vmlinux<'_>, address: u64) -> Option<u64> {
    Some(number(vmlinux.memory(address)?.get(..8)?))
}

/// A printable C string of limited length.
fn text(vmlinux: &Vmlinux<'_>, address: u64) -> Option<String> {
    let bytes = vmlinux.memory(address)?;
    let end = bytes.iter().take(MAX_TEXT).position(|&byte| byte == 0)?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    text.bytes().all(|b| b.is_ascii_graphic() || b == b' ').then(|| text.to_owned())
}

/// The system calls that the vDSO answers, so that programs seldom enter the kernel for them: the
/// exported functions of the ELF file that the image holds for 64-bit programs.
pub(super) fn vdso(vmlinux: &Vmlinux<'_>) -> Vec<String> {
    const PREFIX: &str = "__vdso_";
    let constants = vmlinux.constants();
    let starts = constants.windows(4).enumerate().filter(|(_, bytes)| *bytes == b"\x7fELF");
    let mut calls = BTreeSet::new();
    for (start, _) in starts {
        let Ok(file) = ElfFile64::<LittleEndian>::parse(&constants[start..]) else { continue };
        let symbols = file.dynamic_symbols().filter(|symbol| symbol.is_definition());
        let names =
            symbols.filter_map(|symbol| Some(symbol.name().ok()?.strip_prefix(PREFIX)?.to_owned()));
        calls.extend(names.filter(|name| is_call_name(name)));
    }
    calls.into_iter().collect()
}

/// Whether a text can be the name of a system call.
fn is_call_name(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && name.len() <= MAX_TEXT
}

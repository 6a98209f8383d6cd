// SPDX-License-Identifier: GPL-2.0
//! What system calls take, from the notes that a kernel keeps for tracing them.
//!
//! A system call is entered with the caller's registers alone, and BTF knows no more. With
//! `CONFIG_FTRACE_SYSCALLS` there is a `struct syscall_metadata` (include/trace/syscall.h) for
//! each, with the types and names of its arguments as the source has them.

use super::image::Vmlinux;
use super::kallsyms::Kallsym;
use kps_facts::btf::{Btf, Kind};
use kps_facts::SyscallParam;
use std::collections::BTreeMap;

/// What the symbols of these notes start with; the name of the call follows.
const PREFIX: &str = "__syscall_meta__";

/// No call has more arguments: there are six registers for them.
const MAX_PARAMS: usize = 6;

/// More than the longest type that the kernel's source has there.
const MAX_TEXT: usize = 128;

/// The parameters of system calls, by name. A note that cannot be read is none.
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

/// Where the members of `struct syscall_metadata` are, in bytes.
struct Layout {
    /// How many arguments there are.
    count: usize,
    /// How wide that is.
    width: usize,
    /// Their types.
    types: usize,
    /// Their names.
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

/// A string of C that is not too long and printable.
fn text(vmlinux: &Vmlinux<'_>, address: u64) -> Option<String> {
    let bytes = vmlinux.memory(address)?;
    let end = bytes.iter().take(MAX_TEXT).position(|&byte| byte == 0)?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    text.bytes().all(|b| b.is_ascii_graphic() || b == b' ').then(|| text.to_owned())
}

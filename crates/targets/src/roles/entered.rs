// SPDX-License-Identifier: GPL-2.0
//! The functions that only direct calls and jumps enter. objtool tells them in a kernel for
//! processors with landing pads. In any other kernel they are those whose addresses nothing in the
//! image holds.

use super::super::code::{constants, only_entered_directly, Code, ENTERED_DIRECTLY};
use super::super::image::Vmlinux;
use super::super::kallsyms::Kallsym;
use std::collections::HashSet;
use std::ops::Range;

/// Sections that hold the addresses of all functions: where each has its unwind information, and
/// the types.
const OF_ALL: &[&str] = &[".BTF", ".orc_unwind_ip"];

pub(super) fn only_called(
    vmlinux: &Vmlinux<'_>,
    symbols: &[Kallsym],
    codes: &[Code<'_>],
) -> HashSet<u64> {
    match vmlinux.section(ENTERED_DIRECTLY) {
        Ok(section) => only_entered_directly(Some(section), codes),
        Err(_) => nowhere_held(vmlinux, symbols, codes),
    }
}

/// The functions whose addresses are neither in the data nor constants in the code.
fn nowhere_held(vmlinux: &Vmlinux<'_>, symbols: &[Kallsym], codes: &[Code<'_>]) -> HashSet<u64> {
    let mut functions: HashSet<u64> = codes.iter().map(|code| code.address).collect();
    let (Some(first), Some(last)) = (codes.first(), codes.last()) else { return functions };
    let all = first.address..last.address + 1;
    let mut hold = |address: u64| {
        if all.contains(&address) {
            functions.remove(&address);
        }
    };
    for code in codes {
        constants(code, &mut hold);
    }
    let sites = sites(symbols);
    for section in vmlinux.sections() {
        if section.name.ends_with(".text") || OF_ALL.contains(&section.name.as_str()) {
            continue;
        }
        let data = vmlinux.memory(section.address).unwrap_or_default();
        let size = data.len().min(usize::try_from(section.size).unwrap_or_default());
        held(section.address, &data[..size], |at, address| {
            if !sites.contains(&at) {
                hold(address);
            }
        });
    }
    functions
}

/// The table of ftrace sites, most of which are the first instructions of their functions.
fn sites(symbols: &[Kallsym]) -> Range<u64> {
    let bound = |name| symbols.iter().find(|sym| sym.name == name).map(|sym| sym.address);
    bound("__start_mcount_loc").unwrap_or_default()..bound("__stop_mcount_loc").unwrap_or_default()
}

/// What the data at an address may hold, with the places: addresses, and distances of four bytes
/// from their own places, as in `__ksymtab` and the table of PCI quirks.
fn held(start: u64, data: &[u8], mut found: impl FnMut(u64, u64)) {
    for (at, bytes) in (start..).step_by(4).zip(data.windows(8).step_by(4)) {
        let bytes: [u8; 8] = bytes.try_into().unwrap_or_default();
        let [a, b, c, d, ..] = bytes;
        found(at, u64::from_le_bytes(bytes));
        found(at, at.wrapping_add_signed(i32::from_le_bytes([a, b, c, d]).into()));
    }
    // The last distance has nothing behind it.
    if let Some((before, &last)) = data.split_last_chunk() {
        let at = start + before.len() as u64;
        found(at, at.wrapping_add_signed(i32::from_le_bytes(last).into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_holds_addresses_and_distances() {
        let mut data = 0x1234_5678_9abc_u64.to_le_bytes().to_vec();
        data.extend((-0x20_i32).to_le_bytes());
        let mut all = Vec::new();
        held(0x1000, &data, |at, address| all.push((at, address)));
        assert!(all.contains(&(0x1000, 0x1234_5678_9abc)));
        assert!(all.contains(&(0x1008, 0x1008 - 0x20)));
    }
}

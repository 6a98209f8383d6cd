// SPDX-License-Identifier: GPL-2.0
//! The kernel's own symbol table, read from the image: no debug package, no boot.
//!
//! `scripts/kallsyms.c` writes these tables into `.rodata`, each aligned, in this order:
//!
//! | table | contents |
//! |---|---|
//! | `num_syms` | one `u32` |
//! | `names` | per symbol a length (one byte, or two when the first has its top bit set) and that many token numbers |
//! | `markers` | a `u32` for every 256th symbol: where its name starts |
//! | `token_table` | 256 NUL-terminated strings |
//! | `token_index` | 256 `u16`: where each token starts |
//! | `offsets` | a 32-bit number per symbol that gives its address |
//!
//! None of them has a symbol in a stripped image. The token table is found by the digits, which are
//! always tokens of their own in ASCII order; its index confirms it, and the markers confirm the
//! names.

use super::image::{ImageError, Vmlinux};
use std::ops::Range;

/// A symbol in kallsyms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kallsym {
    /// The address as linked.
    pub address: u64,
    /// `T`, `t`, `D` and so on.
    pub kind: u8,
    /// Its name.
    pub name: String,
}

/// The maximum length of a name with its NUL (`include/linux/kallsyms.h`).
const KSYM_NAME_LEN: usize = 512;

fn wrong<T>(what: &'static str) -> Result<T, ImageError> {
    Err(ImageError::Kallsyms(what))
}

/// All symbols of the image, in table order, which is address order.
pub fn kallsyms(vmlinux: &Vmlinux<'_>) -> Result<Vec<Kallsym>, ImageError> {
    let (address, rodata) = vmlinux.section(".rodata")?;
    let (text, _) = vmlinux.section(".text")?;
    decode(rodata, address, text)
}

/// The symbols in the bytes of a `.rodata` section, from its link address and the start of the
/// kernel's text.
pub fn decode(rodata: &[u8], address: u64, text: u64) -> Result<Vec<Kallsym>, ImageError> {
    let tables = Tables::find(rodata)?;
    let names = tables.names()?;
    for addresses in
        [Tables::relative_to_entry, Tables::relative_to_base, Tables::relative_to_base_or_absolute]
    {
        let Some(addresses) = addresses(&tables, address, names.len()) else { continue };
        let known = |wanted: &str| {
            names.iter().zip(&addresses).find(|((_, n), _)| n == wanted).map(|(_, &a)| a)
        };
        // The start of the kernel's text shows which format the offsets have.
        if known("_text") == Some(text) || known("_stext") == Some(text) {
            let symbols = names.into_iter().zip(addresses);
            return Ok(symbols
                .map(|((kind, name), address)| Kallsym { address, kind, name })
                .collect());
        }
    }
    wrong("no known address format matches the start of the kernel's text")
}

struct Tables<'a> {
    bytes: &'a [u8],
    count: usize,
    names: usize,
    markers: Vec<usize>,
    tokens: Vec<&'a [u8]>,
    /// Where `token_index` ends.
    index_end: usize,
}

impl<'a> Tables<'a> {
    fn find(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let mut digits = Vec::new();
        for digit in b'0'..=b'9' {
            digits.extend([digit, 0]);
        }
        let mut from = 0;
        while let Some(at) = find(bytes, &digits, from) {
            from = at + 1;
            let Some((tokens, index_end)) = token_table(bytes, at) else { continue };
            let start = tokens.start;
            let Some(markers) = markers(bytes, start) else { continue };
            let Some((names, count)) = names(bytes, &markers) else { continue };
            let tokens = bytes[tokens].split(|&b| b == 0).take(256).collect();
            return Ok(Tables { bytes, count, names, markers: markers.values, tokens, index_end });
        }
        wrong("there is no token table")
    }

    /// Type letter and name of each symbol.
    fn names(&self) -> Result<Vec<(u8, String)>, ImageError> {
        let mut names = Vec::new();
        let mut at = self.names;
        for n in 0..self.count {
            if n % 256 == 0 && at - self.names != self.markers[n / 256] {
                return wrong("a marker does not point to its name");
            }
            let Some(entry) = entry(self.bytes, at) else { return wrong("a name is cut off") };
            at = entry.end;
            let tokens = self.bytes[entry].iter().map(|&token| self.tokens[usize::from(token)]);
            // A letter, and one byte more than a name may have: a few tokens could expand to any
            // length.
            let text: Vec<u8> = tokens.flatten().copied().take(1 + KSYM_NAME_LEN).collect();
            match text.split_first() {
                Some((_, name)) if name.len() >= KSYM_NAME_LEN => {
                    return wrong("a name is too long")
                }
                Some((&kind, name)) => {
                    names.push((kind, String::from_utf8_lossy(name).into_owned()));
                }
                None => return wrong("a name is empty"),
            }
        }
        Ok(names)
    }

    /// The 32-bit numbers of the offset table, each with its offset in `.rodata`.
    fn offsets(&self, count: usize) -> Option<impl Iterator<Item = (usize, i32)> + use<'a>> {
        let table = self.bytes.get(self.index_end..self.index_end.checked_add(4 * count)?)?;
        let start = self.index_end;
        let number = |b: &[u8]| i32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        Some(table.chunks_exact(4).enumerate().map(move |(n, b)| (start + 4 * n, number(b))))
    }

    /// Linux 7.x: relative to the entry itself.
    fn relative_to_entry(&self, rodata: u64, count: usize) -> Option<Vec<u64>> {
        let address = |(at, offset): (usize, i32)| {
            rodata.wrapping_add(at as u64).wrapping_add_signed(offset.into())
        };
        Some(self.offsets(count)?.map(address).collect())
    }

    /// Since 6.15: above `kallsyms_relative_base`, which follows the table.
    fn relative_to_base(&self, _: u64, count: usize) -> Option<Vec<u64>> {
        let base = self.relative_base(count)?;
        Some(
            self.offsets(count)?
                .map(|(_, offset)| base.wrapping_add((offset as u32).into()))
                .collect(),
        )
    }

    /// Before 6.15 on SMP x86-64: a per-CPU symbol is absolute, anything else is below -1 - base.
    fn relative_to_base_or_absolute(&self, _: u64, count: usize) -> Option<Vec<u64>> {
        let base = self.relative_base(count)?;
        let address = |(_, offset): (usize, i32)| match offset {
            0.. => offset as u64,
            _ => base.wrapping_add_signed(-1 - i64::from(offset)),
        };
        Some(self.offsets(count)?.map(address).collect())
    }

    fn relative_base(&self, count: usize) -> Option<u64> {
        let at = self.index_end.checked_add(4 * count)?.next_multiple_of(8);
        Some(u64::from_le_bytes(self.bytes.get(at..at + 8)?.try_into().ok()?))
    }
}

struct Markers {
    at: usize,
    values: Vec<usize>,
}

/// The token table around the digits, and where its index ends.
fn token_table(bytes: &[u8], digits: usize) -> Option<(Range<usize>, usize)> {
    let mut start = digits;
    for _ in 0..b'0' {
        // Back over the NUL that ends the token before, and over that token.
        start = bytes[..start.checked_sub(1)?].iter().rposition(|&b| b == 0)? + 1;
    }
    let mut starts = Vec::with_capacity(256);
    let mut end = start;
    for _ in 0..256 {
        starts.push((end - start) as u16);
        end += bytes[end..].iter().position(|&b| b == 0)? + 1;
    }
    let index: Vec<u8> = starts.iter().flat_map(|start| start.to_le_bytes()).collect();
    // Tables are aligned to 4 bytes in newer kernels and to 8 in older ones.
    [4, 8].into_iter().find_map(|align| {
        let at = end.next_multiple_of(align);
        let found = bytes.get(at..at + index.len())? == index;
        found.then(|| (start..end, (at + index.len()).next_multiple_of(align)))
    })
}

/// The markers precede the token table; the first one is 0 and they increase.
fn markers(bytes: &[u8], token_table: usize) -> Option<Markers> {
    let mut values = Vec::new();
    let mut at = token_table;
    loop {
        at = at.checked_sub(4)?;
        let value = u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize;
        match values.last() {
            // Zeros between the last marker and the token table are padding.
            None if value == 0 && at + 8 > token_table => continue,
            Some(&above) if value >= above => return None,
            _ => values.push(value),
        }
        if value == 0 {
            values.reverse();
            return Some(Markers { at, values });
        }
    }
}

/// The offset of the names, and how many there are.
fn names(bytes: &[u8], markers: &Markers) -> Option<(usize, usize)> {
    /// An upper bound for a name in bytes: its length, and a token for each of its characters.
    const LONGEST: usize = 2 + KSYM_NAME_LEN;
    let blocks = markers.values.len();
    let last = *markers.values.last()?;
    let highest = markers.at.checked_sub(last)?;
    let lowest = highest.saturating_sub(256 * LONGEST);
    (lowest..=highest).rev().filter(|at| at % 4 == 0).find_map(|start| {
        // `num_syms` is aligned like the rest, so it is 4 or 8 bytes away.
        [4, 8].into_iter().find_map(|distance| {
            let at = start.checked_sub(distance)?;
            let count = u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize;
            if count.div_ceil(256) != blocks {
                return None;
            }
            // Walk the block that the second marker ends, or all names if there is only one block.
            let mut at = start;
            for _ in 0..count.min(256) {
                at = entry(bytes, at)?.end;
            }
            let expected = match markers.values.get(1) {
                Some(&second) => at == start + second,
                None => at <= markers.at && markers.at - at < 8,
            };
            expected.then_some((start, count))
        })
    })
}

/// The token numbers of the name at an offset.
fn entry(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    const LONG: u8 = 0x80;
    let first = *bytes.get(at)?;
    let (start, len) = if first & LONG == 0 {
        (at + 1, usize::from(first))
    } else {
        (at + 2, usize::from(first & !LONG) | usize::from(*bytes.get(at + 1)?) << 7)
    };
    (len > 0 && start + len <= bytes.len()).then_some(start..start + len)
}

fn find(bytes: &[u8], what: &[u8], from: usize) -> Option<usize> {
    let found = bytes.get(from..)?.windows(what.len()).position(|w| w == what)?;
    Some(from + found)
}

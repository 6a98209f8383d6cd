// SPDX-License-Identifier: GPL-2.0
//! The kernel's own symbol table, read from the image: no debug package, no boot.
//!
//! `scripts/kallsyms.c` writes these tables into `.rodata`, each aligned to 4 or 8 bytes. The last
//! columns give their order, in the kernels from that version on:
//!
//! | table | contents | 6.1 | 6.4 | 7.x |
//! |---|---|---|---|---|
//! | `offsets` | a 32-bit number per symbol that gives its address | 1 | 6 | 6 |
//! | `relative_base` | one `u64` that the offsets are relative to, if not to themselves | 2 | 7 | |
//! | `num_syms` | one `u32` | 3 | 1 | 1 |
//! | `names` | per symbol a length (one byte, or two when the first has its top bit set) and that many token numbers | 4 | 2 | 2 |
//! | `markers` | a `u32` for every 256th symbol: where its name starts | 5 | 3 | 3 |
//! | `seqs_of_names` | 3 bytes per symbol: its place in the order of names; not in the first releases of 6.1 | 6 | 8 | 7 |
//! | `token_table` | 256 NUL-terminated strings | 7 | 4 | 4 |
//! | `token_index` | 256 `u16`: where each token starts | 8 | 5 | 5 |
//!
//! None of them has a symbol in a stripped image. The token table is found by the digits, which are
//! always tokens of their own in ASCII order; its index confirms it. The markers confirm the names,
//! and the start of the kernel's text confirms the addresses, so one decoder reads every order.

use super::image::{ImageError, Vmlinux};
use std::ops::{Range, RangeInclusive};

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

/// A kernel has one token table. A forged image with many must not keep the reader busy for hours.
const MAX_TABLES: usize = 16;

/// More symbols than any kernel has.
const MAX_SYMBOLS: usize = 1 << 20;

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
    let start = |wanted: &str| names.iter().position(|(_, name)| name == wanted);
    let starts = ["_text", "_stext"].map(start);
    for offsets in tables.offsets() {
        for format in
            [Offsets::relative_to_entry, Offsets::relative_to_base, Offsets::relative_or_absolute]
        {
            let Some(addresses) = format(&offsets, address) else { continue };
            // The start of the kernel's text shows which place and format the offsets have.
            if starts.into_iter().flatten().any(|n| addresses[n] == text) {
                let symbols = names.into_iter().zip(addresses);
                return Ok(symbols
                    .map(|((kind, name), address)| Kallsym { address, kind, name })
                    .collect());
            }
        }
    }
    wrong("no known address format matches the start of the kernel's text")
}

struct Tables<'a> {
    bytes: &'a [u8],
    names: Names,
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
        let (mut from, mut tables) = (0, 0);
        while let Some(at) = find(bytes, &digits, from).filter(|_| tables < MAX_TABLES) {
            from = at + 1;
            let Some((tokens, index_end)) = token_table(bytes, at) else { continue };
            tables += 1;
            let Some((names, markers)) = names_and_markers(bytes, tokens.start) else { continue };
            let tokens = bytes[tokens].split(|&b| b == 0).take(256).collect();
            return Ok(Tables { bytes, names, markers, tokens, index_end });
        }
        wrong("there is no token table")
    }

    /// Type letter and name of each symbol.
    fn names(&self) -> Result<Vec<(u8, String)>, ImageError> {
        let mut names = Vec::new();
        let mut at = self.names.start;
        for n in 0..self.names.count {
            if n % 256 == 0 && at - self.names.start != self.markers[n / 256] {
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

    /// The offset table in each of its places: behind the index, and before `num_syms`.
    fn offsets(&self) -> impl Iterator<Item = Offsets<'a>> + use<'a> {
        let (bytes, len) = (self.bytes, 4 * self.names.count);
        let first = self.names.num_syms.checked_sub(len.next_multiple_of(8) + 8);
        [Some(self.index_end), first].into_iter().flatten().filter_map(move |start| {
            let end = start.checked_add(len)?;
            let table = bytes.get(start..end)?;
            let base = bytes.get(end.next_multiple_of(8)..).and_then(|bytes| bytes.first_chunk());
            Some(Offsets { start, table, base: base.copied().map(u64::from_le_bytes) })
        })
    }
}

/// An offset table, where it starts in `.rodata`, and the base if one follows.
struct Offsets<'a> {
    start: usize,
    table: &'a [u8],
    base: Option<u64>,
}

impl Offsets<'_> {
    fn numbers(&self) -> impl Iterator<Item = i32> + use<'_> {
        self.table.chunks_exact(4).map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// Linux 7.x: relative to the entry itself.
    fn relative_to_entry(&self, rodata: u64) -> Option<Vec<u64>> {
        let entries = (self.start..).step_by(4).map(|at| rodata.wrapping_add(at as u64));
        let pairs = entries.zip(self.numbers());
        Some(pairs.map(|(entry, offset)| entry.wrapping_add_signed(offset.into())).collect())
    }

    /// Since 6.15: above `relative_base`.
    fn relative_to_base(&self, _: u64) -> Option<Vec<u64>> {
        let base = self.base?;
        Some(self.numbers().map(|offset| base.wrapping_add((offset as u32).into())).collect())
    }

    /// Before 6.15 on SMP x86-64: a per-CPU symbol is absolute, anything else is below -1 - base.
    fn relative_or_absolute(&self, _: u64) -> Option<Vec<u64>> {
        let base = self.base?;
        let address = |offset: i32| match offset {
            0.. => offset as u64,
            _ => base.wrapping_add_signed(-1 - i64::from(offset)),
        };
        Some(self.numbers().map(address).collect())
    }
}

/// The token table around the digits, and where its index ends.
fn token_table(bytes: &[u8], digits: usize) -> Option<(Range<usize>, usize)> {
    // What stands before the first token need not end with a NUL, so the index tells where it
    // starts. The search for the others begins with the second.
    let mut second = digits;
    for _ in 1..b'0' {
        // Back over the NUL that ends the token before, and over that token.
        second = bytes[..second.checked_sub(1)?].iter().rposition(|&b| b == 0)? + 1;
    }
    let mut starts = Vec::with_capacity(256);
    let mut end = second;
    for _ in 1..256 {
        starts.push(end - second);
        end += bytes[end..].iter().position(|&b| b == 0)? + 1;
    }
    // Tables are aligned to 4 bytes in newer kernels and to 8 in older ones.
    [4, 8].into_iter().find_map(|align| {
        let at = end.next_multiple_of(align);
        let index: Vec<u16> = bytes
            .get(at..at + 2 * 256)?
            .chunks_exact(2)
            .map(|b| u16::from_le_bytes([b[0], b[1]]))
            .collect();
        let first = usize::from(index[1]);
        let start = second.checked_sub(first)?;
        let is_token =
            bytes[start..second].iter().position(|&b| b == 0) == Some(first.checked_sub(1)?);
        let expected = [0].into_iter().chain(starts.iter().map(|start| (first + start) as u16));
        let found = is_token && index.iter().copied().eq(expected);
        found.then(|| (start..end, (at + 2 * 256).next_multiple_of(align)))
    })
}

/// Where the names are, and how many.
struct Names {
    num_syms: usize,
    start: usize,
    count: usize,
}

/// The markers, and how many symbols there are if these are the markers.
struct Markers {
    at: usize,
    values: Vec<usize>,
    counts: RangeInclusive<usize>,
}

/// The names and the markers before a token table.
fn names_and_markers(bytes: &[u8], token_table: usize) -> Option<(Names, Vec<usize>)> {
    let adjacent = adjacent_markers(bytes, token_table).into_iter();
    adjacent
        .chain(distant_markers(bytes, token_table))
        .find_map(|markers| Some((names(bytes, &markers)?, markers.values)))
}

/// The markers right before the token table. The first one is 0 and they increase.
fn adjacent_markers(bytes: &[u8], token_table: usize) -> Option<Markers> {
    let mut values = Vec::new();
    let mut at = token_table;
    loop {
        at = at.checked_sub(4)?;
        let value = number(bytes, at)?;
        match values.last() {
            // Zeros between the last marker and the token table are padding.
            None if value == 0 && at + 8 > token_table => continue,
            Some(&above) if value >= above => return None,
            _ => values.push(value),
        }
        if value == 0 {
            values.reverse();
            let blocks = values.len();
            return Some(Markers { at, values, counts: 256 * (blocks - 1) + 1..=256 * blocks });
        }
    }
}

/// The markers with `seqs_of_names` between them and the token table. The number of symbols says
/// how far away they are, and is not known before the names are found: each number is tried.
fn distant_markers(bytes: &[u8], token_table: usize) -> impl Iterator<Item = Markers> + use<'_> {
    // Less than two markers would be confirmed by any zero.
    (257..MAX_SYMBOLS.min(token_table / 3)).filter_map(move |count| {
        let (blocks, sequences) = (count.div_ceil(256), (3 * count).next_multiple_of(8));
        let at = token_table.checked_sub(sequences + (4 * blocks).next_multiple_of(8))?;
        let mut values = Vec::new();
        for at in (at..).step_by(4).take(blocks) {
            let value = number(bytes, at)?;
            match values.last() {
                None if value != 0 => return None,
                Some(&below) if value <= below => return None,
                _ => values.push(value),
            }
        }
        Some(Markers { at, values, counts: count..=count })
    })
}

/// The names that end where the markers start.
fn names(bytes: &[u8], markers: &Markers) -> Option<Names> {
    /// An upper bound for a name in bytes: its length, and a token for each of its characters.
    const LONGEST: usize = 2 + KSYM_NAME_LEN;
    let last = *markers.values.last()?;
    let highest = markers.at.checked_sub(last)?;
    let lowest = highest.saturating_sub(256 * LONGEST);
    (lowest..=highest).rev().filter(|at| at % 4 == 0).find_map(|start| {
        // `num_syms` is aligned like the rest, so it is 4 or 8 bytes away.
        [4, 8].into_iter().find_map(|distance| {
            let num_syms = start.checked_sub(distance)?;
            let count = number(bytes, num_syms)?;
            if !markers.counts.contains(&count) {
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
            expected.then_some(Names { num_syms, start, count })
        })
    })
}

/// The `u32` at an offset.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let number = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*number) as usize)
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

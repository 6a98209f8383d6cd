// SPDX-License-Identifier: GPL-2.0
//! The symbols of an object, as kallsyms lists them.

use crate::format::{are_graphic, Reader, Writer};

/// A symbol table, ordered by address. For vmlinux, `old_sympos` counts in this order.
#[derive(Debug, Default)]
pub struct Symbols {
    /// All names, concatenated in the order of the entries.
    names: String,
    entries: Vec<Record>,
    /// Indices of the entries, ordered by name and then by address.
    by_name: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    address: u64,
    kind: u8,
    /// Where its name ends in `names`.
    end: u32,
}

/// A table read from a file, where it is stored in order: the result equals that of
/// [`Symbols::new`], without sorting again.
#[derive(Debug)]
pub(crate) struct Parts {
    entries: Vec<Record>,
    by_name: Vec<u32>,
}

impl Parts {
    /// Reads everything but the names.
    pub(crate) fn read(r: &mut Reader<'_>) -> Option<Parts> {
        let entries = r.records(|record: &[u8; 13]| {
            let mut r = Reader(record);
            let (address, end) = (r.u64().unwrap_or_default(), r.u32().unwrap_or_default());
            Record { address, end, kind: r.u8().unwrap_or_default() }
        })?;
        let by_name = r.records(|record: &[u8; 4]| u32::from_le_bytes(*record))?;
        Some(Parts { entries, by_name })
    }

    /// The table. None if a name is not printable ASCII, or if the parts do not match the number of
    /// symbols.
    pub(crate) fn with_names(self, names: Vec<u8>) -> Option<Symbols> {
        let Parts { entries, by_name } = self;
        // Names are used in messages and in generated code.
        let plain = are_graphic(&names);
        let names = String::from_utf8(names).ok()?;
        let ends = entries.is_sorted_by_key(|entry| entry.end)
            && entries.last().map_or(0, |entry| entry.end as usize) == names.len();
        let all =
            by_name.len() == entries.len() && by_name.iter().all(|&n| (n as usize) < entries.len());
        (plain && ends && all).then_some(Symbols { names, entries, by_name })
    }
}

/// One symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sym<'a> {
    /// Its address, as linked.
    pub address: u64,
    /// The letter that kallsyms shows. It is unreliable for telling data sections apart; use the
    /// section instead.
    pub kind: char,
    /// Its name.
    pub name: &'a str,
}

impl Symbols {
    /// A table of these symbols, which may come in any order. Symbols at the same address keep
    /// their order.
    pub fn new<'a>(symbols: impl IntoIterator<Item = Sym<'a>>) -> Self {
        let mut symbols: Vec<_> = symbols.into_iter().collect();
        symbols.sort_by_key(|sym| sym.address);
        let mut table = Symbols::unsorted(symbols);
        let mut by_name: Vec<u32> = (0..table.entries.len() as u32).collect();
        by_name.sort_by_key(|&n| table.name(n as usize));
        table.by_name = by_name;
        table
    }

    /// A table of a module's symbols, in the order of the module's own table: `old_sympos` counts
    /// equal names in that order.
    pub fn of_module<'a>(symbols: impl IntoIterator<Item = Sym<'a>>) -> Self {
        let symbols: Vec<_> = symbols.into_iter().collect();
        let mut by_address: Vec<usize> = (0..symbols.len()).collect();
        by_address.sort_by_key(|&n| symbols[n].address);
        let mut table = Symbols::unsorted(by_address.iter().map(|&n| symbols[n]));
        let mut by_name: Vec<u32> = (0..table.entries.len() as u32).collect();
        by_name.sort_by_key(|&n| (table.name(n as usize), by_address[n as usize]));
        table.by_name = by_name;
        table
    }

    fn unsorted<'a>(symbols: impl IntoIterator<Item = Sym<'a>>) -> Self {
        let mut table = Symbols::default();
        for Sym { address, kind, name } in symbols {
            table.names.push_str(name);
            table.entries.push(Record { address, kind: kind as u8, end: table.names.len() as u32 });
        }
        table
    }

    /// All names, concatenated.
    pub(crate) fn names(&self) -> &str {
        &self.names
    }

    /// Writes everything but the names.
    pub(crate) fn write_parts(&self, w: &mut Writer) {
        w.list(&self.entries, |w, entry| {
            w.u64(entry.address);
            w.u32(entry.end);
            w.0.push(entry.kind);
        });
        w.list(&self.by_name, |w, n| w.u32(*n));
    }

    /// The number of symbols.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no symbols.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All symbols by address.
    pub fn iter(&self) -> impl Iterator<Item = Sym<'_>> {
        (0..self.entries.len()).map(|n| self.get(n))
    }

    /// The symbols of this name: the one at `[N - 1]` has `old_sympos` N.
    pub fn named<'a>(&'a self, name: &str) -> Vec<Sym<'a>> {
        let start = self.by_name.partition_point(|&n| self.name(n as usize) < name);
        let same = self.by_name[start..].iter().take_while(|&&n| self.name(n as usize) == name);
        same.map(|&n| self.get(n as usize)).collect()
    }

    /// The first address above this one that has a symbol.
    pub fn next_address(&self, address: u64) -> Option<u64> {
        let next = self.entries.partition_point(|e| e.address <= address);
        Some(self.entries.get(next)?.address)
    }

    /// The highest address up to this one that has a symbol.
    pub fn last_up_to(&self, address: u64) -> Option<u64> {
        let next = self.entries.partition_point(|e| e.address <= address);
        Some(self.entries[next.checked_sub(1)?].address)
    }

    /// The symbols whose names start with this prefix.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = Sym<'a>> {
        let start = self.by_name.partition_point(|&n| self.name(n as usize) < prefix);
        let these = self.by_name[start..].iter().map(|&n| self.get(n as usize));
        these.take_while(move |sym| sym.name.starts_with(prefix))
    }

    /// The symbols at an address.
    pub fn at(&self, address: u64) -> impl Iterator<Item = Sym<'_>> {
        let start = self.entries.partition_point(|e| e.address < address);
        let end = self.entries.partition_point(|e| e.address <= address);
        (start..end).map(|n| self.get(n))
    }

    /// Landmarks for a reader: the nearest symbols before and after an address whose names are
    /// unique.
    pub fn landmarks(&self, address: u64) -> (Option<&str>, Option<&str>) {
        let unique = |n: &usize| {
            self.named(self.name(*n)).len() == 1 && !self.name(*n).starts_with("__pfx_")
        };
        let here = self.entries.partition_point(|e| e.address < address);
        let behind = self.entries.partition_point(|e| e.address <= address);
        // A landmark far away does not help.
        const REACH: usize = 64;
        let before = (here.saturating_sub(REACH)..here).rev().find(unique);
        let after = (behind..(behind + REACH).min(self.entries.len())).find(unique);
        (before.map(|n| self.name(n)), after.map(|n| self.name(n)))
    }

    fn name(&self, n: usize) -> &str {
        let start = n.checked_sub(1).map_or(0, |before| self.entries[before].end);
        &self.names[start as usize..self.entries[n].end as usize]
    }

    fn get(&self, n: usize) -> Sym<'_> {
        let Record { address, kind, .. } = self.entries[n];
        Sym { address, kind: kind as char, name: self.name(n) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(names: &[&[u8]], by_name: Vec<u32>) -> Option<Symbols> {
        let mut end = 0;
        let entry = |name: &&[u8]| {
            end += name.len() as u32;
            Record { address: 0, kind: b'T', end }
        };
        let entries = names.iter().map(entry).collect();
        Parts { entries, by_name }.with_names(names.concat())
    }

    #[test]
    fn a_table_that_was_written_is_read_only_whole() {
        let names = ["b".as_bytes(), b"a"];
        let symbols = read(&names, vec![1, 0]);
        assert!(symbols.is_some_and(|symbols| symbols.named("a").len() == 1));
        assert!(read(&names, vec![0]).is_none());
        assert!(read(&names, vec![0, 2]).is_none());
        assert!(read(&[b"a\nb"], vec![0]).is_none());
        // Concatenated these are valid UTF-8, each by itself is not.
        assert!(read(&[b"\xc3", b"\xa4"], vec![0, 1]).is_none());
    }

    #[test]
    fn the_ends_of_names_are_in_the_names() {
        let entry = |end| Record { address: 0, kind: b'T', end };
        let table = |ends: &[u32], names: &[u8]| {
            let entries: Vec<_> = ends.iter().copied().map(entry).collect();
            let by_name = (0..entries.len() as u32).collect();
            Parts { entries, by_name }.with_names(names.to_vec())
        };
        assert!(table(&[1, 2], b"ab").is_some());
        assert!(table(&[2, 1], b"ab").is_none());
        assert!(table(&[1, 3], b"ab").is_none());
        assert!(table(&[], b"ab").is_none());
    }
}

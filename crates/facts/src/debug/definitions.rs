// SPDX-License-Identifier: GPL-2.0
//! The functions of the source that compilers put into others, and the functions that have their
//! code. A kernel has some hundred thousand such copies and a patch asks for few, so names and
//! copies stay as stored.

use super::SourceLine;
use crate::format::{are_graphic, Reader, Writer};
use std::ops::Range;

/// A function as the source defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub place: SourceLine,
}

/// The definitions by name, file and line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Definitions {
    /// All names, concatenated in the order of the entries.
    names: String,
    entries: Vec<Record>,
    /// The address that callers count from.
    base: u64,
    /// The copies of all entries in their order: caller, file and line of the call, four bytes
    /// each.
    copies: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record {
    /// Where its name is in `names`.
    name: (u32, u32),
    place: SourceLine,
    /// The number of copies of this entry and of all before it.
    copies_end: u32,
}

/// The bytes of a copy.
const COPY: usize = 12;

impl Definitions {
    /// A table of definitions in order, each with its copies: the address of the function that has
    /// the copy, and the call. A caller further than 4 GiB from the first one is left out.
    pub(super) fn new<'a>(
        all: impl Iterator<Item = (&'a Definition, &'a [(u32, u64, SourceLine)])> + Clone,
    ) -> Definitions {
        let callers = all.clone().flat_map(|(_, copies)| copies.iter().map(|(_, at, _)| *at));
        let base = callers.min().unwrap_or_default();
        let mut table = Definitions { base, ..Definitions::default() };
        let mut w = Writer::default();
        for (definition, copies) in all {
            let start = table.names.len() as u32;
            table.names.push_str(&definition.name);
            for (_, caller, place) in copies {
                let Ok(near) = u32::try_from(caller - base) else { continue };
                w.u32(near);
                w.u32(place.file);
                w.u32(place.line);
            }
            table.entries.push(Record {
                name: (start, table.names.len() as u32),
                place: definition.place,
                copies_end: (w.0.len() / COPY) as u32,
            });
        }
        table.copies = w.0;
        table
    }

    /// The numbers of the definitions of a name.
    pub(super) fn named(&self, name: &str) -> Range<usize> {
        let start = self.entries.partition_point(|entry| self.name(entry) < name);
        start..self.entries.partition_point(|entry| self.name(entry) <= name)
    }

    /// The line of a definition.
    pub(super) fn place(&self, n: usize) -> Option<SourceLine> {
        self.entries.get(n).map(|entry| entry.place)
    }

    /// The copies of a definition: each caller and the line of the call.
    pub(super) fn copies(&self, n: usize) -> impl Iterator<Item = (u64, SourceLine)> + '_ {
        let end = |n: usize| self.entries.get(n).map_or(0, |entry| entry.copies_end as usize);
        let range = n.checked_sub(1).map_or(0, end)..end(n);
        range.map(|n| {
            let mut r = Reader(self.copies.get(COPY * n..).unwrap_or_default());
            let mut next = || r.u32().unwrap_or_default();
            let (caller, file, line) = (next(), next(), next());
            (self.base.wrapping_add(caller.into()), SourceLine { file, line })
        })
    }

    /// The names of the definitions that have copies.
    pub(super) fn with_copies(&self) -> impl Iterator<Item = &str> {
        let has_copies = |n: &usize| self.copies(*n).next().is_some();
        let numbers = (0..self.entries.len()).filter(has_copies);
        numbers.map(|n| self.name(&self.entries[n]))
    }

    /// The number of copies.
    pub(super) fn count(&self) -> usize {
        self.copies.len() / COPY
    }

    fn name(&self, entry: &Record) -> &str {
        let (start, end) = entry.name;
        self.names.get(start as usize..end as usize).unwrap_or_default()
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.text(&self.names);
        w.list(&self.entries, |w, entry| {
            w.u32(entry.name.0);
            w.u32(entry.name.1);
            w.place(&entry.place);
            w.u32(entry.copies_end);
        });
        w.u64(self.base);
        w.bytes(&self.copies);
    }

    /// Names that are not in order are not found, and do no other harm.
    pub(super) fn read(r: &mut Reader<'_>) -> Option<Definitions> {
        let names = r.text()?.to_owned();
        let entries = r.records(|record: &[u8; 20]| {
            let mut r = Reader(record);
            let mut next = || r.u32().unwrap_or_default();
            let name = (next(), next());
            let place = SourceLine { file: next(), line: next() };
            Record { name, place, copies_end: next() }
        })?;
        let (base, copies) = (r.u64()?, r.bytes()?.to_vec());
        let last = entries.last().map_or(0, |last| last.copies_end as usize);
        let is_whole =
            copies.len() == last * COPY && entries.is_sorted_by_key(|entry| entry.copies_end);
        // Messages contain the names, and each byte of one is a character.
        (is_whole && are_graphic(names.as_bytes())).then_some(Definitions {
            names,
            entries,
            base,
            copies,
        })
    }
}

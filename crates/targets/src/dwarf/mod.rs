// SPDX-License-Identifier: GPL-2.0
//! What the DWARF of a `vmlinux` says of its functions: where each is written, and which others
//! have a copy of it.
//!
//! A function that the compiler has inlined is described once without an address, the *abstract*
//! one. What became of it refers to that: the function itself, if it has code of its own, and every
//! copy inside another function. So functions of one name are not mixed up. A copy inside a copy is
//! a child of it, which is how the outermost function has all that ended up in it.

mod paths;
mod sections;

use super::image::ImageError;
use gimli::{constants as dw, AttributeValue, EndianSlice, LittleEndian, UnitRef};
use kps_facts::{DebugInfo, Sites, SourceLine};
use paths::Paths;
use std::collections::HashMap;

type Slice<'a> = EndianSlice<'a, LittleEndian>;
type Dwarf<'a> = gimli::Dwarf<Slice<'a>>;
type Unit<'u, 'a> = UnitRef<'u, Slice<'a>>;
type Attribute<'a> = gimli::Attribute<Slice<'a>>;

/// How much of anything is kept while reading. The kernel of a distribution has two million entries
/// of functions.
const MOST: usize = 32 << 20;
/// How far a function's description may be from its code: one entry refers to another, and that to
/// a declaration.
const REFERENCES: usize = 4;

/// Why debug information cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DwarfError {
    /// The file is no kernel.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The kernel was built without, or it was removed.
    #[error("it has no debug information")]
    Nothing,
    /// It contradicts itself.
    #[error("its debug information cannot be read: {0}")]
    Damaged(#[from] gimli::Error),
    /// It describes more than any kernel has.
    #[error("its debug information describes more than any kernel has")]
    TooMuch,
}

/// Reads the debug information of a `vmlinux`, and keeps the copies of those functions that have an
/// ftrace site: no other can be patched.
pub fn read(elf: &[u8], sites: &Sites) -> Result<DebugInfo, DwarfError> {
    let sections = sections::load(elf)?;
    let dwarf = sections.borrow();
    let mut walk = Walk::default();
    let mut units = dwarf.units();
    while let Some(header) = units.next()? {
        let unit = dwarf.unit(header)?;
        walk.unit(Unit::new(&dwarf, &unit))?;
    }
    Ok(walk.finish(sections.build_id(), sites))
}

/// What has been found so far. Entries are named by their offsets in the whole of the information.
#[derive(Default)]
struct Walk {
    paths: Paths,
    /// Every description of a function, in the order of the offsets.
    descriptions: Vec<Description>,
    /// The functions that have code.
    functions: Vec<Function>,
    copies: Vec<Inlined>,
}

struct Description {
    offset: usize,
    /// The entry that says the rest.
    origin: Option<usize>,
    place: Option<SourceLine>,
}

struct Function {
    address: u64,
    /// Its own description.
    offset: usize,
}

struct Inlined {
    /// The description of the function that is copied.
    of: usize,
    /// The address of the function that has the copy.
    caller: u64,
    place: SourceLine,
}

impl Walk {
    fn unit(&mut self, unit: Unit<'_, '_>) -> Result<(), DwarfError> {
        self.paths.enter(unit)?;
        // The functions that the entry is in, the innermost last, and the address of those that
        // have code.
        let mut around: Vec<(isize, Option<u64>)> = Vec::new();
        let mut entries = unit.entries_raw(None)?;
        let mut attributes = Vec::new();
        while !entries.is_empty() {
            let depth = entries.next_depth();
            let offset = entries.next_offset();
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            let tag = abbreviation.tag();
            if tag != dw::DW_TAG_subprogram && tag != dw::DW_TAG_inlined_subroutine {
                entries.skip_attributes(abbreviation.attributes())?;
                continue;
            }
            entries.read_attributes(abbreviation.attributes(), &mut attributes)?;
            let entry = Entry::of(unit, &attributes)?;
            while around.last().is_some_and(|(outer, _)| *outer >= depth) {
                around.pop();
            }
            if tag == dw::DW_TAG_subprogram {
                let Some(offset) = offset.to_debug_info_offset(&unit.header) else { continue };
                around.push((depth, entry.address));
                self.function(offset.0, &entry, unit)?;
            } else if let Some((_, Some(caller))) = around.last() {
                self.copy(*caller, &entry, unit)?;
            }
        }
        Ok(())
    }

    fn function(
        &mut self,
        offset: usize,
        entry: &Entry,
        unit: Unit<'_, '_>,
    ) -> Result<(), DwarfError> {
        let place = self.place(entry.declared, unit)?;
        self.descriptions.push(Description { offset, origin: entry.origin, place });
        self.functions.extend(entry.address.map(|address| Function { address, offset }));
        self.check_size()
    }

    fn copy(&mut self, caller: u64, entry: &Entry, unit: Unit<'_, '_>) -> Result<(), DwarfError> {
        // Without code nothing of it is left but names of variables, for debuggers.
        let Some(of) = entry.origin.filter(|_| entry.is_code) else { return Ok(()) };
        let Some(place) = self.place(entry.called, unit)? else { return Ok(()) };
        self.copies.push(Inlined { of, caller, place });
        self.check_size()
    }

    fn place(
        &mut self,
        (file, line): Line,
        unit: Unit<'_, '_>,
    ) -> Result<Option<SourceLine>, DwarfError> {
        let (Some(file), Some(line)) = (file, line) else { return Ok(None) };
        Ok(self.paths.number(file, unit)?.map(|file| SourceLine { file, line }))
    }

    fn check_size(&self) -> Result<(), DwarfError> {
        match self.descriptions.len() + self.copies.len() > MOST {
            true => Err(DwarfError::TooMuch),
            false => Ok(()),
        }
    }

    /// The description that others refer to, and the place of the first one on the way that says
    /// it.
    fn origin(&self, mut offset: usize) -> (usize, Option<SourceLine>) {
        let mut place = None;
        for _ in 0..REFERENCES {
            let found =
                self.descriptions.binary_search_by_key(&offset, |description| description.offset);
            let Some(description) = found.ok().and_then(|at| self.descriptions.get(at)) else {
                break;
            };
            place = place.or(description.place);
            match description.origin {
                Some(origin) => offset = origin,
                None => break,
            }
        }
        (offset, place)
    }

    fn finish(self, build_id: &[u8], sites: &Sites) -> DebugInfo {
        let mut functions = Vec::new();
        // One description may have become several functions: clones of it.
        let mut patchable: HashMap<usize, Vec<u64>> = HashMap::new();
        for Function { address, offset } in &self.functions {
            let (origin, place) = self.origin(*offset);
            functions.extend(place.map(|place| (*address, place)));
            if sites.contains(*address) {
                patchable.entry(origin).or_default().push(*address);
            }
        }
        let mut copies = Vec::new();
        for Inlined { of, caller, place } in &self.copies {
            let (origin, written) = self.origin(*of);
            // A part that was split off and inlined again is no other copy: what is around it has
            // been called.
            if written == Some(*place) {
                continue;
            }
            let of = patchable.get(&origin).map(Vec::as_slice).unwrap_or_default();
            // Clones of a function hold what they were made of; they are no callers.
            if !of.contains(caller) {
                copies.extend(of.iter().map(|of| (*of, *caller, *place)));
            }
        }
        DebugInfo::new(build_id, &self.paths.finish(), functions, copies)
    }
}

/// What an entry says.
#[derive(Default)]
struct Entry {
    /// Where its code starts, if it has any.
    address: Option<u64>,
    /// Whether anything of it is left in the code. What is computed at compile time has a place
    /// there, and no bytes.
    is_code: bool,
    /// The entry that says the rest.
    origin: Option<usize>,
    /// File and line where it is written.
    declared: Line,
    /// File and line of the call that it is in the place of.
    called: Line,
}

/// A line, and the number that the unit has for the file.
type Line = (Option<u64>, Option<u32>);

impl Entry {
    fn of<'a>(unit: Unit<'_, 'a>, attributes: &[Attribute<'a>]) -> Result<Entry, gimli::Error> {
        let mut entry = Entry::default();
        let (mut low_pc, mut first_range) = (None, None);
        for attribute in attributes {
            let value = attribute.value();
            let line = attribute.udata_value().and_then(|line| u32::try_from(line).ok());
            let file = match value {
                AttributeValue::FileIndex(file) => Some(file),
                _ => attribute.udata_value(),
            };
            match attribute.name() {
                dw::DW_AT_low_pc => low_pc = unit.attr_address(value)?,
                dw::DW_AT_ranges => first_range = first_address(unit, value)?,
                dw::DW_AT_entry_pc => entry.is_code = true,
                dw::DW_AT_abstract_origin | dw::DW_AT_specification => {
                    entry.origin = target(unit, value);
                }
                dw::DW_AT_decl_file => entry.declared.0 = file,
                dw::DW_AT_decl_line => entry.declared.1 = line,
                dw::DW_AT_call_file => entry.called.0 = file,
                dw::DW_AT_call_line => entry.called.1 = line,
                _ => {}
            }
        }
        entry.address = low_pc.or(first_range);
        entry.is_code |= entry.address.is_some();
        Ok(entry)
    }
}

/// The start of the first range: compilers write the one that is entered first.
fn first_address<'a>(
    unit: Unit<'_, 'a>,
    value: AttributeValue<Slice<'a>>,
) -> Result<Option<u64>, gimli::Error> {
    let Some(mut ranges) = unit.attr_ranges(value)? else { return Ok(None) };
    Ok(ranges.next()?.map(|range| range.begin))
}

/// The entry that a reference leads to, in this unit or in another one.
fn target(unit: Unit<'_, '_>, value: AttributeValue<Slice<'_>>) -> Option<usize> {
    match value {
        AttributeValue::UnitRef(offset) => Some(offset.to_debug_info_offset(&unit.header)?.0),
        AttributeValue::DebugInfoRef(offset) => Some(offset.0),
        _ => None,
    }
}

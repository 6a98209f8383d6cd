// SPDX-License-Identifier: GPL-2.0
//! Reads the functions in the DWARF of a `vmlinux`: where each is defined, which others have an
//! inlined copy of it, and how clones take their arguments.
//!
//! DWARF describes an inlined function once without an address, the *abstract* entry. Its instances
//! refer to that entry: the function itself, if it has code of its own, and every copy inside
//! another function. So functions of the same name are not mixed up. A copy inside a copy is its
//! child, so the outermost function is known for all of them.

mod clones;
mod params;
mod paths;
mod sections;

use super::image::ImageError;
use clones::Described;
use gimli::{constants as dw, AttributeValue, EndianSlice, LittleEndian, UnitRef};
use kps_facts::{DebugInfo, Sites, SourceLine};
use paths::Paths;
use std::collections::{HashMap, HashSet};

type Slice<'a> = EndianSlice<'a, LittleEndian>;
type Dwarf<'a> = gimli::Dwarf<Slice<'a>>;
type Unit<'u, 'a> = UnitRef<'u, Slice<'a>>;
type Attribute<'a> = gimli::Attribute<Slice<'a>>;

/// The maximum number of records kept while reading. The kernel of a distribution has two million
/// entries of functions.
const MOST: usize = 32 << 20;
/// The maximum length of a chain from a function's code to its description: one entry refers to
/// another, and that to a declaration.
const REFERENCES: usize = 4;

/// Why debug information cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DwarfError {
    /// The file is not a kernel.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The kernel was built without debug information, or it was stripped.
    #[error("it has no debug information")]
    Nothing,
    /// It is inconsistent.
    #[error("its debug information cannot be read: {0}")]
    Damaged(#[from] gimli::Error),
    /// It describes more than any kernel has.
    #[error("its debug information describes more than any kernel has")]
    TooMuch,
}

/// Reads the debug information of a `vmlinux`. It keeps the copies of functions that have an ftrace
/// site, because no other can be patched, and the arguments of the clones with these addresses.
pub fn read(
    elf: &[u8],
    sites: &Sites,
    clones: &HashMap<u64, String>,
) -> Result<DebugInfo, DwarfError> {
    let sections = sections::load(elf)?;
    let dwarf = sections.borrow();
    let mut walk = Walk::of(clones);
    let mut units = dwarf.units();
    while let Some(header) = units.next()? {
        let unit = dwarf.unit(header)?;
        walk.unit(Unit::new(&dwarf, &unit))?;
    }
    let clones = std::mem::take(&mut walk.described);
    let clones = clones::completed(elf, clones, &walk.with_result())?;
    Ok(walk.finish(sections.build_id(), sites).with_clones(clones))
}

/// The results so far. An entry's key is its offset in the whole of the information.
struct Walk<'n> {
    /// The names of clones, by address.
    clones: &'n HashMap<u64, String>,
    described: HashMap<u64, Described>,
    paths: Paths,
    /// Every description of a function, sorted by offset.
    descriptions: Vec<Description>,
    /// The functions that have code.
    functions: Vec<Function>,
    copies: Vec<Inlined>,
}

struct Description {
    offset: usize,
    /// The entry that it refers to.
    origin: Option<usize>,
    place: Option<SourceLine>,
    has_result: bool,
}

struct Function {
    address: u64,
    /// Its own description.
    offset: usize,
}

struct Inlined {
    /// The description of the inlined function.
    of: usize,
    /// The address of the function that contains the copy.
    caller: u64,
    place: SourceLine,
}

impl<'n> Walk<'n> {
    fn of(clones: &'n HashMap<u64, String>) -> Self {
        Walk {
            clones,
            described: HashMap::new(),
            paths: Paths::default(),
            descriptions: Vec::new(),
            functions: Vec::new(),
            copies: Vec::new(),
        }
    }

    fn unit(&mut self, unit: Unit<'_, '_>) -> Result<(), DwarfError> {
        self.paths.enter(unit)?;
        // The enclosing functions, the innermost last, with the addresses of those that have code.
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
                let Some(whole) = offset.to_debug_info_offset(&unit.header) else { continue };
                around.push((depth, entry.address));
                self.function(whole.0, &entry, unit)?;
                self.clone_at(offset, &entry, unit)?;
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
        self.descriptions.push(Description {
            offset,
            origin: entry.origin,
            place,
            has_result: entry.has_result,
        });
        self.functions.extend(entry.address.map(|address| Function { address, offset }));
        self.check_size()
    }

    fn clone_at(
        &mut self,
        at: gimli::UnitOffset,
        entry: &Entry,
        unit: Unit<'_, '_>,
    ) -> Result<(), DwarfError> {
        let Some(address) = entry.address else { return Ok(()) };
        let Some(name) = self.clones.get(&address) else { return Ok(()) };
        let described = Described {
            params: params::params(unit, at, address)?,
            ret: params::ret(unit, at)?,
            name: name.clone(),
        };
        self.described.insert(address, described);
        Ok(())
    }

    fn copy(&mut self, caller: u64, entry: &Entry, unit: Unit<'_, '_>) -> Result<(), DwarfError> {
        // Without code, only names of variables are left of it, for debuggers.
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

    /// The description at the end of the chain, and the first source line on the way.
    fn origin(&self, mut offset: usize) -> (usize, Option<SourceLine>) {
        let mut place = None;
        for _ in 0..REFERENCES {
            let Some(description) = self.description(offset) else { break };
            place = place.or(description.place);
            match description.origin {
                Some(origin) => offset = origin,
                None => break,
            }
        }
        (offset, place)
    }

    /// The functions that have a result.
    fn with_result(&self) -> HashSet<u64> {
        let has_result = |offset: usize| {
            let mut next = Some(offset);
            for _ in 0..REFERENCES {
                let Some(description) = next.and_then(|offset| self.description(offset)) else {
                    break;
                };
                if description.has_result {
                    return true;
                }
                next = description.origin;
            }
            false
        };
        let functions = self.functions.iter().filter(|function| has_result(function.offset));
        functions.map(|function| function.address).collect()
    }

    fn description(&self, offset: usize) -> Option<&Description> {
        let found =
            self.descriptions.binary_search_by_key(&offset, |description| description.offset);
        self.descriptions.get(found.ok()?)
    }

    fn finish(self, build_id: &[u8], sites: &Sites) -> DebugInfo {
        let mut functions = Vec::new();
        // One description may have several functions: clones of it.
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
            // A part that was split off and inlined again is not another copy: it is the function
            // around it that was called.
            if written == Some(*place) {
                continue;
            }
            let of = patchable.get(&origin).map(Vec::as_slice).unwrap_or_default();
            // Clones of a function contain the function itself; they are not callers.
            if !of.contains(caller) {
                copies.extend(of.iter().map(|of| (*of, *caller, *place)));
            }
        }
        DebugInfo::new(build_id, &self.paths.finish(), functions, copies)
    }
}

/// The attributes of an entry.
#[derive(Default)]
struct Entry {
    /// The start of its code, if it has any.
    address: Option<u64>,
    /// Whether any code of it is left. A result computed at compile time has a position there, but
    /// no bytes.
    is_code: bool,
    /// The entry that it refers to.
    origin: Option<usize>,
    /// Whether it has a type: that of the function's result.
    has_result: bool,
    /// File and line of its definition.
    declared: Line,
    /// File and line of the inlined call.
    called: Line,
}

/// A line, and the number of its file in the unit.
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
                dw::DW_AT_type => entry.has_result = true,
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

/// The start of the first range: compilers put the entry point's range first.
fn first_address<'a>(
    unit: Unit<'_, 'a>,
    value: AttributeValue<Slice<'a>>,
) -> Result<Option<u64>, gimli::Error> {
    let Some(mut ranges) = unit.attr_ranges(value)? else { return Ok(None) };
    Ok(ranges.next()?.map(|range| range.begin))
}

/// The entry that a reference points to, in this unit or in another one.
fn target(unit: Unit<'_, '_>, value: AttributeValue<Slice<'_>>) -> Option<usize> {
    match value {
        AttributeValue::UnitRef(offset) => Some(offset.to_debug_info_offset(&unit.header)?.0),
        AttributeValue::DebugInfoRef(offset) => Some(offset.0),
        _ => None,
    }
}

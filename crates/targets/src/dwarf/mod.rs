// SPDX-License-Identifier: GPL-2.0
//! Reads the functions in the DWARF of a `vmlinux` or of a module: where each is defined, which
//! others have an inlined copy of it, and how clones take their arguments.
//!
//! DWARF describes an inlined function once without an address, the *abstract* entry. Its instances
//! refer to that entry: the function itself, if it has code of its own, and every copy inside
//! another function. So functions of the same name are not mixed up. A copy inside a copy is its
//! child, so the outermost function is known for all of them.

mod clones;
mod entry;
mod names;
mod params;
mod paths;
mod sections;

use super::image::ImageError;
use clones::Described;
use entry::{Entry, Line};
use gimli::{constants as dw, EndianSlice, LittleEndian, UnitRef};
use kps_facts::{Compiled, DebugInfo, Definition, SourceLine};
use names::Names;
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

/// Reads the debug information of a `vmlinux`, with the arguments of the clones that have these
/// addresses.
pub fn read(elf: &[u8], clones: &HashMap<u64, String>) -> Result<DebugInfo, DwarfError> {
    let sections = sections::load(elf)?;
    let dwarf = sections.borrow();
    let mut walk = Walk::of(clones);
    walk.units(&dwarf)?;
    let described = std::mem::take(&mut walk.described);
    let clones = clones::completed(elf, described, &walk.with_result())?;
    Ok(walk.finish(sections.build_id()).with_clones(clones))
}

/// Reads the debug information of a module: a relocatable file, whose sections it lays out like the
/// reader of modules.
pub fn read_module(elf: &[u8]) -> Result<DebugInfo, DwarfError> {
    let sections = sections::load_module(elf)?;
    let dwarf = sections.borrow();
    let none = HashMap::new();
    let mut walk = Walk::of(&none);
    walk.units(&dwarf)?;
    Ok(walk.finish(sections.build_id()))
}

/// The results so far. An entry's key is its offset in the whole of the information.
struct Walk<'n, 'a> {
    /// The names of clones, by address.
    clones: &'n HashMap<u64, String>,
    described: HashMap<u64, Described>,
    names: Names<'a>,
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
    /// The number of its name.
    name: Option<u32>,
    has_result: bool,
    /// Whether copies and clones refer to it.
    is_abstract: bool,
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

impl<'n, 'a> Walk<'n, 'a> {
    fn of(clones: &'n HashMap<u64, String>) -> Self {
        Walk {
            clones,
            described: HashMap::new(),
            names: Names::default(),
            paths: Paths::default(),
            descriptions: Vec::new(),
            functions: Vec::new(),
            copies: Vec::new(),
        }
    }

    fn units(&mut self, dwarf: &Dwarf<'a>) -> Result<(), DwarfError> {
        let mut units = dwarf.units();
        while let Some(header) = units.next()? {
            let unit = dwarf.unit(header)?;
            self.unit(Unit::new(dwarf, &unit))?;
        }
        Ok(())
    }

    fn unit(&mut self, unit: Unit<'_, 'a>) -> Result<(), DwarfError> {
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
        entry: &Entry<'a>,
        unit: Unit<'_, 'a>,
    ) -> Result<(), DwarfError> {
        let place = self.place(entry.declared, unit)?;
        let name =
            entry.name.filter(|_| entry.is_abstract).and_then(|name| self.names.number(name));
        self.descriptions.push(Description {
            offset,
            origin: entry.origin,
            place,
            name,
            has_result: entry.has_result,
            is_abstract: entry.is_abstract,
        });
        self.functions.extend(entry.address.map(|address| Function { address, offset }));
        self.check_size()
    }

    fn clone_at(
        &mut self,
        at: gimli::UnitOffset,
        entry: &Entry<'a>,
        unit: Unit<'_, 'a>,
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

    fn copy(
        &mut self,
        caller: u64,
        entry: &Entry<'a>,
        unit: Unit<'_, 'a>,
    ) -> Result<(), DwarfError> {
        // Without code, only names of variables are left of it, for debuggers.
        let Some(of) = entry.origin.filter(|_| entry.is_code) else { return Ok(()) };
        let Some(place) = self.place(entry.called, unit)? else { return Ok(()) };
        self.copies.push(Inlined { of, caller, place });
        self.check_size()
    }

    fn place(
        &mut self,
        (file, line): Line,
        unit: Unit<'_, 'a>,
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

    /// What abstract entries define, and the number of each definition by the offset of its entry.
    /// Every file that includes a header has an entry of its own for what the header defines.
    fn definitions(&self) -> (Vec<Definition>, HashMap<usize, u32>) {
        let mut definitions = Vec::new();
        let mut known: HashMap<(u32, SourceLine), u32> = HashMap::new();
        let mut numbers = HashMap::new();
        for description in self.descriptions.iter().filter(|known| known.is_abstract) {
            let Description { offset, name: Some(name), place: Some(place), .. } = *description
            else {
                continue;
            };
            let number = *known.entry((name, place)).or_insert_with(|| {
                definitions.push(Definition { name: self.names.text(name), place });
                definitions.len() as u32 - 1
            });
            numbers.insert(offset, number);
        }
        (definitions, numbers)
    }

    fn finish(self, build_id: &[u8]) -> DebugInfo {
        let (definitions, numbers) = self.definitions();
        let mut compiled = Compiled { definitions, ..Compiled::default() };
        for Function { address, offset } in &self.functions {
            let (origin, place) = self.origin(*offset);
            let of = numbers.get(&origin).copied();
            compiled.functions.extend(place.map(|place| (*address, place, of)));
        }
        for Inlined { of, caller, place } in &self.copies {
            let (origin, written) = self.origin(*of);
            // A part that was split off and inlined again is not another copy: it is the function
            // around it that was called.
            if written == Some(*place) {
                continue;
            }
            compiled.copies.extend(numbers.get(&origin).map(|of| (*of, *caller, *place)));
        }
        DebugInfo::new(build_id, &self.paths.finish(), compiled)
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The bytes of a function or a variable, and what its relocations refer to, by name or by content.

use super::without_numbers;
use kps_arch::Arch;
use object::elf::{SHF_EXECINSTR, SHF_STRINGS};
use object::{
    Object as _, ObjectSection as _, ObjectSymbol as _, Relocation, RelocationFlags,
    RelocationTarget, SectionFlags, SectionKind, SymbolKind,
};
use std::collections::{BTreeMap, BTreeSet};

/// The bytes of something, with zeros in the places of relocations.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Content {
    /// Its name, without the numbers of the compiler; empty if it has none.
    name: String,
    bytes: Vec<u8>,
    /// Where each relocation is, its type, and what it refers to.
    references: Vec<(u64, u32, Target)>,
    /// The bytes that the linker writes, or the kernel while it runs: starts and lengths.
    fields: Vec<(usize, usize)>,
    /// The static keys that its jumps ask, in their order.
    keys: Vec<Target>,
}

/// What a relocation refers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    /// A place in a function or a variable.
    Symbol { name: String, offset: i64 },
    /// A string, or something else without a name.
    Content(Content),
}

/// A function or a variable of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Symbol<'d> {
    pub(super) name: &'d str,
    section: usize,
    at: u64,
    size: u64,
}

/// An object that is read.
pub(super) struct Reader<'d> {
    arch: &'static Arch,
    sections: BTreeMap<usize, Section<'d>>,
}

#[derive(Default)]
struct Section<'d> {
    name: &'d str,
    bytes: &'d [u8],
    is_code: bool,
    /// Whether it has strings that end with a zero.
    has_strings: bool,
    relocations: BTreeMap<u64, Reference<'d>>,
    functions: Vec<Symbol<'d>>,
    variables: Vec<Symbol<'d>>,
    /// Where something starts that a relocation refers to.
    starts: BTreeSet<u64>,
}

/// A relocation.
#[derive(Debug, Clone, Copy)]
struct Reference<'d> {
    kind: u32,
    len: usize,
    target: Place<'d>,
}

/// The name of a symbol, or a section; and the distance from it.
type Place<'d> = Result<(&'d str, i64), (usize, i64)>;

/// How deep nameless constants that refer to others are followed.
const DEPTH: usize = 4;

/// The table of the jumps that static keys switch (`struct jump_entry` of
/// include/linux/jump_label.h): the jump, its target and the key, in 16 bytes.
const JUMPS: &str = "__jump_table";
const JUMP: u64 = 16;
const KEY: u64 = 8;

impl<'d> Reader<'d> {
    pub(super) fn new(bytes: &'d [u8]) -> Option<Reader<'d>> {
        let file = object::read::elf::ElfFile64::<object::LittleEndian>::parse(bytes).ok()?;
        let machine = file.elf_header().e_machine.get(object::LittleEndian);
        let mut reader =
            Reader { arch: kps_arch::with_machine(machine.0)?, sections: BTreeMap::new() };
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags, .. } = section.flags() else { return None };
            let has_bytes = section.kind() != SectionKind::UninitializedData;
            let bytes = if has_bytes { section.data().ok()? } else { &[] };
            let found = Section {
                name: section.name().ok()?,
                bytes,
                is_code: sh_flags.0 & SHF_EXECINSTR.0 != 0,
                has_strings: sh_flags.0 & SHF_STRINGS.0 != 0,
                ..Section::default()
            };
            reader.sections.insert(section.index().0, found);
        }
        for symbol in file.symbols() {
            let Some(index) = symbol.section_index().map(|index| index.0) else { continue };
            let Some(section) = reader.sections.get_mut(&index) else { continue };
            let name = symbol.name().ok()?;
            let found = Symbol { name, section: index, at: symbol.address(), size: symbol.size() };
            match symbol.kind() {
                SymbolKind::Text if section.is_code && found.size > 0 => {
                    section.functions.push(found);
                }
                SymbolKind::Data | SymbolKind::Tls if found.size > 0 => {
                    section.variables.push(found);
                }
                _ => {}
            }
        }
        for section in file.sections() {
            for (at, relocation) in section.relocations() {
                reader.add_relocation(&file, section.index().0, at, &relocation)?;
            }
        }
        Some(reader)
    }

    fn add_relocation(
        &mut self,
        file: &object::read::elf::ElfFile64<'d, object::LittleEndian>,
        section: usize,
        at: u64,
        relocation: &Relocation,
    ) -> Option<()> {
        let RelocationFlags::Elf { r_type } = relocation.flags() else { return None };
        let known = (self.arch.relocation)(r_type.0);
        let len = known.map_or(usize::from(relocation.size() / 8), |known| known.bytes);
        let from_end = known.is_some_and(|known| known.from_end);
        let addend = relocation.addend() + if from_end { len as i64 } else { 0 };
        let RelocationTarget::Symbol(index) = relocation.target() else { return Some(()) };
        let symbol = file.symbol_by_index(index).ok()?;
        let target = match symbol
            .section_index()
            .filter(|_| symbol.kind() == SymbolKind::Section)
            .map(|index| index.0)
        {
            Some(index) => Err((index, addend)),
            None => Ok((symbol.name().ok()?, addend)),
        };
        if let Err((index, offset)) = target {
            let starts = u64::try_from(offset).ok();
            let reached = self.sections.get_mut(&index);
            reached.into_iter().for_each(|section| section.starts.extend(starts));
        }
        let reference = Reference { kind: r_type.0, len, target };
        self.sections.get_mut(&section)?.relocations.insert(at, reference);
        Some(())
    }

    /// Its functions, and parts of functions.
    pub(super) fn functions(&self) -> impl Iterator<Item = Symbol<'d>> + '_ {
        self.sections.values().flat_map(|section| section.functions.iter().copied())
    }

    /// Its variables, but for those of tables that describe code, and for the names of functions.
    pub(super) fn data(&self) -> impl Iterator<Item = Symbol<'d>> + '_ {
        const PLACES: [&str; 4] = [".data", ".rodata", ".bss", ".init.data"];
        const NAMES: [&str; 2] = ["__func__", "__PRETTY_FUNCTION__"];
        let is_data =
            |section: &&Section<'_>| PLACES.iter().any(|place| section.name.starts_with(place));
        let variables = self.sections.values().filter(is_data);
        let variables = variables.flat_map(|section| section.variables.iter().copied());
        variables.filter(|symbol| {
            let name = super::stem(symbol.name);
            !NAMES.contains(&name) && !name.starts_with("__UNIQUE_ID_")
        })
    }

    /// The names of all functions and variables.
    pub(super) fn defined(&self) -> impl Iterator<Item = &'d str> + '_ {
        let all = self.sections.values();
        all.flat_map(|section| section.functions.iter().chain(&section.variables))
            .map(|symbol| symbol.name)
    }

    /// The content of a variable.
    pub(super) fn content(&self, symbol: Symbol<'d>) -> Content {
        let end = symbol.at.saturating_add(symbol.size);
        let content = self.read(symbol.section, symbol.at, end, DEPTH);
        Content { name: without_numbers(symbol.name), ..content }
    }

    /// The content of a function, with the keys that its code asks.
    pub(super) fn function(&self, symbol: Symbol<'d>) -> Content {
        let mut content = self.content(symbol);
        let tables = self.sections.values().filter(|section| section.name == JUMPS);
        let mut keys: Vec<(i64, Target)> = Vec::new();
        for (at, jump) in tables.flat_map(|table| table.entries()) {
            let is_own = match jump {
                Err((section, offset)) => {
                    let end = symbol.at + symbol.size;
                    let offset = u64::try_from(offset).unwrap_or(u64::MAX);
                    section == symbol.section && (symbol.at..end).contains(&offset)
                }
                Ok((name, _)) => name == symbol.name,
            };
            let offset = match jump {
                Ok((_, offset)) | Err((_, offset)) => offset,
            };
            if let Some(key) = at.filter(|_| is_own) {
                keys.push((offset, self.target(key, DEPTH)));
            }
        }
        keys.sort_unstable_by_key(|(offset, _)| *offset);
        // The kernel's build puts a NOP there, and the kernel jumps and NOPs.
        let start = |offset: i64| usize::try_from(offset.wrapping_sub_unsigned(symbol.at)).ok();
        for start in keys.iter().filter_map(|(offset, _)| start(*offset)) {
            let code = content.bytes.get(start..).unwrap_or_default();
            content.fields.push((start, (self.arch.switched)(code)));
        }
        content.keys = keys.into_iter().map(|(_, key)| key).collect();
        content
    }

    /// What is between two places of a section.
    fn read(&self, section: usize, start: u64, end: u64, depth: usize) -> Content {
        let Some(section) = self.sections.get(&section) else { return Content::default() };
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(section.bytes.len());
        let mut bytes = section.bytes[place(start)..place(end).max(place(start))].to_vec();
        if section.bytes.is_empty() {
            // Zeros are not in the file.
            bytes = (end - start.min(end)).to_le_bytes().to_vec();
        }
        let (mut references, mut fields) = (Vec::new(), Vec::new());
        for (at, reference) in section.relocations.range(start..end.max(start)) {
            let offset = at - start;
            let field = place(offset)..place(offset).saturating_add(reference.len);
            fields.push((field.start, reference.len));
            bytes.get_mut(field).into_iter().for_each(|field| field.fill(0));
            references.push((offset, reference.kind, self.target(*reference, depth)));
        }
        Content { bytes, references, fields, ..Content::default() }
    }

    fn target(&self, reference: Reference<'d>, depth: usize) -> Target {
        let (index, offset) = match reference.target {
            Ok((name, offset)) => return Target::Symbol { name: without_numbers(name), offset },
            Err(place) => place,
        };
        let Some(section) = self.sections.get(&index) else {
            return Target::Symbol { name: String::new(), offset };
        };
        if let Some(symbol) = section.symbol_at(offset) {
            let offset = offset.wrapping_sub_unsigned(symbol.at);
            return Target::Symbol { name: without_numbers(symbol.name), offset };
        }
        let Ok(start) = u64::try_from(offset) else {
            return Target::Symbol { name: without_numbers(section.name), offset };
        };
        if depth == 0 {
            return Target::Symbol { name: without_numbers(section.name), offset: 0 };
        }
        Target::Content(self.read(index, start, section.end_of(start), depth - 1))
    }
}

impl<'d> Section<'d> {
    /// The function or the variable that a place is in. Of several that start there, any will do if
    /// it is always the same.
    fn symbol_at(&self, offset: i64) -> Option<&Symbol<'d>> {
        let all = || self.functions.iter().chain(&self.variables);
        let is_around = |symbol: &&Symbol<'_>| {
            let offset = u64::try_from(offset).unwrap_or(u64::MAX);
            (symbol.at..symbol.at + symbol.size).contains(&offset)
        };
        let around = all().filter(is_around).min_by_key(|symbol| symbol.name);
        // The distance to what an instruction writes a constant to counts from behind the constant.
        around.or_else(|| all().next().filter(|_| all().count() == 1))
    }

    /// The end of something that starts at a place and has no name.
    fn end_of(&self, start: u64) -> u64 {
        let rest = usize::try_from(start).ok().and_then(|start| self.bytes.get(start..));
        let rest = rest.unwrap_or_default();
        if self.has_strings {
            let len = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
            return start + len as u64;
        }
        let next = self.starts.range(start + 1..).next().copied();
        let symbols = self.functions.iter().chain(&self.variables).map(|symbol| symbol.at);
        let symbol = symbols.filter(|at| *at > start).min();
        let end = start + rest.len() as u64;
        [next, symbol].into_iter().flatten().fold(end, u64::min)
    }

    /// The entries of a table of jumps: the key, and the place of the jump.
    fn entries(&self) -> impl Iterator<Item = (Option<Reference<'d>>, Place<'d>)> + '_ {
        let starts = self.relocations.iter().filter(|(at, _)| *at % JUMP == 0);
        // These fields are no instructions: the distance counts from where they start.
        let place = |reference: &Reference<'d>| match reference.target {
            Ok((name, offset)) => Ok((name, offset - reference.len as i64)),
            Err((section, offset)) => Err((section, offset - reference.len as i64)),
        };
        starts.map(move |(at, jump)| (self.relocations.get(&(at + KEY)).copied(), place(jump)))
    }
}

impl Content {
    /// Whether it has this name, which a symbol of the kernel has with numbers.
    pub(super) fn is(&self, symbol: &str) -> bool {
        self.name == without_numbers(symbol)
    }

    /// Whether the bytes start as linked code of this content does.
    pub(super) fn starts(&self, code: &[u8]) -> bool {
        let Some(code) = code.get(..self.bytes.len()) else { return false };
        let (mut own, mut other) = (self.bytes.clone(), code.to_vec());
        for (start, len) in &self.fields {
            let field = *start..start.saturating_add(*len).min(own.len());
            for bytes in [&mut own, &mut other] {
                bytes.get_mut(field.clone()).into_iter().for_each(|bytes| bytes.fill(0));
            }
        }
        own == other
    }

    /// The names that it refers to, through nameless constants too.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let targets = self.references.iter().map(|(_, _, target)| target).chain(&self.keys);
        let names: Vec<&str> = targets
            .flat_map(|target| match target {
                Target::Symbol { name, .. } => vec![name.as_str()],
                Target::Content(content) => content.names().collect(),
            })
            .collect();
        names.into_iter()
    }
}

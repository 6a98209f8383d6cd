// SPDX-License-Identifier: GPL-2.0
//! An object file before the final link, for messages about its code.
//!
//! Its sections have no addresses yet. Here each loaded section gets its own address range, so that
//! a position in any of them is one number.

use super::long_names::LongNames;
use super::relocatable;
use kps_arch::{AddressUse, Arch, Pads, Relocation};
use object::elf;
use object::read::elf::{FileHeader as _, Rela as _, SectionHeader as _, SectionTable, Sym as _};
use object::read::SectionIndex;
use object::LittleEndian as LE;
use std::collections::{BTreeMap, BTreeSet};

type Header = elf::FileHeader64<LE>;

/// No section of a module is longer than 32 bits can count.
const RANGE: u32 = 32;

/// An address in a loaded section.
pub type Address = u64;

/// An object file.
#[derive(Debug)]
pub struct ObjectFile<'d> {
    arch: &'static Arch,
    bytes: &'d [u8],
    sections: SectionTable<'d, Header>,
    /// By start address.
    functions: BTreeMap<Address, Function<'d>>,
    symbols: Vec<Defined<'d>>,
    long_names: LongNames<'d>,
    /// By the address of the reference.
    uses: BTreeMap<Address, Use<'d>>,
    /// The sections of debug information, relocated to the ranges as a linker would.
    debug: BTreeMap<&'d [u8], Vec<u8>>,
}

#[derive(Debug)]
struct Function<'d> {
    name: &'d str,
    size: u64,
}

/// A symbol that the object defines.
#[derive(Debug, Clone, Copy)]
pub struct Defined<'d> {
    /// Its name.
    pub name: &'d str,
    /// Its address.
    pub at: Address,
    /// Its size in bytes.
    pub size: u64,
    /// The section that contains it.
    pub section: &'d str,
    /// Whether it is a function.
    pub is_function: bool,
}

/// A name that the object gives a meaning, of whatever kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meaning<'d> {
    pub name: &'d str,
    /// Its address, if it is in a loaded section.
    pub at: Option<Address>,
    /// Whether other objects see it.
    pub is_global: bool,
    /// Whether it is a function or a variable, and not a label or a number.
    pub is_item: bool,
    /// Whether it is of an object that rustc has made.
    pub of_rust: bool,
}

/// The names by which an object and others find each other.
#[derive(Debug, Default)]
pub struct SharedNames<'d> {
    /// Those that it gives others a meaning.
    pub defined: BTreeSet<&'d str>,
    /// Those that it needs a meaning for. One that may stay without is not among them.
    pub lacking: BTreeSet<&'d str>,
}

/// A reference to a symbol.
#[derive(Debug, Clone, Copy)]
pub struct Use<'d> {
    /// Its address.
    pub at: Address,
    /// The section that contains it.
    pub section: &'d str,
    /// Whether that section holds code.
    pub in_code: bool,
    /// The symbol, a placeholder in its long form; empty for a section symbol.
    pub symbol: &'d str,
    /// The address that it refers to, if that is in the object.
    pub target: Option<Address>,
    /// Whether its value is a distance, as that of a call is.
    relative: bool,
    /// The section and the offset in it that it refers to; the offset wraps around if it is before
    /// the section.
    reaches: Option<(SectionIndex, u64)>,
}

impl<'d> ObjectFile<'d> {
    /// Reads an object file; `None` if it is damaged or another kind of file.
    pub fn read(bytes: &'d [u8]) -> Option<Self> {
        let header = Header::parse(bytes).ok()?;
        let arch = relocatable(header)?;
        let sections = header.sections(LE, bytes).ok()?;
        let (functions, uses, debug) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let symbols = Vec::new();
        let long_names = LongNames::read(&sections, bytes).ok()?;
        let mut file =
            ObjectFile { arch, bytes, sections, functions, symbols, long_names, uses, debug };
        file.read_symbols()?;
        file.read_uses()?;
        file.read_debug()?;
        Some(file)
    }

    fn read_symbols(&mut self) -> Option<()> {
        let symbols = self.sections.symbols(LE, self.bytes, elf::SHT_SYMTAB).ok()?;
        for (index, symbol) in symbols.enumerate() {
            let is_function = symbol.st_type() == elf::STT_FUNC;
            let section = symbols.symbol_section(LE, symbol, index).ok().flatten();
            let Some(index) =
                section.filter(|_| is_function || symbol.st_type() == elf::STT_OBJECT)
            else {
                continue;
            };
            let name = text(symbols.symbol_name(LE, symbol).ok()?);
            let (at, size) = (address(index, symbol.st_value(LE))?, symbol.st_size(LE));
            let section = self.sections.section(index).ok()?;
            let section = text(self.sections.section_name(LE, section).ok()?);
            self.symbols.push(Defined { name, at, size, section, is_function });
            if is_function {
                self.functions.insert(at, Function { name, size });
            }
        }
        Some(())
    }

    /// The functions and variables that it defines.
    pub fn symbols(&self) -> impl Iterator<Item = &Defined<'d>> {
        self.symbols.iter()
    }

    /// All names that the object gives a meaning.
    pub(super) fn meanings(&self) -> Vec<Meaning<'d>> {
        /// A part of the names of the files that rustc's objects name.
        const UNIT: &str = "-cgu.";
        let Ok(symbols) = self.sections.symbols(LE, self.bytes, elf::SHT_SYMTAB) else {
            return Vec::new();
        };
        let (mut found, mut of_rust, mut after_file) = (Vec::new(), false, false);
        for (index, symbol) in symbols.enumerate() {
            let Ok(name) = symbols.symbol_name(LE, symbol).map(text) else { continue };
            let kind = symbol.st_type();
            if kind == elf::STT_FILE {
                // A directive of the assembler adds the name of another file.
                of_rust = name.contains(UNIT) || of_rust && after_file;
                after_file = true;
                continue;
            }
            after_file = false;
            if name.is_empty() || kind == elf::STT_SECTION || symbol.st_shndx(LE) == elf::SHN_UNDEF
            {
                continue;
            }
            let section = symbols.symbol_section(LE, symbol, index).ok().flatten();
            found.push(Meaning {
                name,
                at: section.and_then(|section| address(section, symbol.st_value(LE))),
                is_global: symbol.st_bind() != elf::STB_LOCAL,
                is_item: kind == elf::STT_FUNC || kind == elf::STT_OBJECT,
                of_rust,
            });
        }
        found
    }

    /// The names that it shares with other objects.
    pub fn shared_names(&self) -> SharedNames<'d> {
        let mut shared = SharedNames::default();
        let Ok(symbols) = self.sections.symbols(LE, self.bytes, elf::SHT_SYMTAB) else {
            return shared;
        };
        for symbol in symbols.iter().filter(|symbol| symbol.st_bind() != elf::STB_LOCAL) {
            let Ok(name) = symbols.symbol_name(LE, symbol).map(text) else { continue };
            match symbol.st_shndx(LE) == elf::SHN_UNDEF {
                _ if name.is_empty() => {}
                true if symbol.st_bind() == elf::STB_WEAK => {}
                true => drop(shared.lacking.insert(name)),
                false => drop(shared.defined.insert(name)),
            }
        }
        shared
    }

    /// The long form of a short placeholder; any other symbol is what it says.
    pub fn meaning<'n>(&self, symbol: &'n str) -> &'n str
    where
        'd: 'n,
    {
        self.long_names.meaning(symbol)
    }

    /// How modules of its architecture have landing pads.
    pub(super) fn pads(&self) -> Option<&'static Pads> {
        self.arch.pads.as_ref()
    }

    /// Whether compilers name a symbol by themselves.
    pub fn is_implied(&self, symbol: &str) -> bool {
        (self.arch.implied)(symbol)
    }

    fn read_uses(&mut self) -> Option<()> {
        let symbols = self.sections.symbols(LE, self.bytes, elf::SHT_SYMTAB).ok()?;
        for section in self.sections.iter() {
            let Some((relocations, _)) = section.rela(LE, self.bytes).ok()? else { continue };
            let applied_to = section.info_link(LE);
            let target = self.sections.section(applied_to).ok()?;
            if !target.sh_flags(LE).contains(elf::SHF_ALLOC) {
                continue;
            }
            let in_code = target.sh_flags(LE).contains(elf::SHF_EXECINSTR);
            let section = text(self.sections.section_name(LE, target).ok()?);
            for relocation in relocations {
                let Some(index) = relocation.symbol(LE, false) else { continue };
                let symbol = symbols.symbol(index).ok()?;
                let name = self.meaning(text(symbols.symbol_name(LE, symbol).ok()?));
                let at = address(applied_to, relocation.r_offset.get(LE))?;
                let written = (self.arch.relocation)(relocation.r_type(LE, false).0);
                let relative = written.is_some_and(|written| written.relative);
                let from_end = written.filter(|written| in_code && written.from_end);
                let ahead = from_end.map_or(0, |written| written.bytes as u64);
                let offset = symbol
                    .st_value(LE)
                    .wrapping_add_signed(relocation.r_addend.get(LE))
                    .wrapping_add(ahead);
                let target = symbols.symbol_section(LE, symbol, index).ok().flatten();
                let reaches = target.map(|section| (section, offset));
                let target = target.and_then(|section| address(section, offset));
                let symbol = name;
                let used = Use { at, section, in_code, symbol, target, relative, reaches };
                self.uses.insert(at, used);
            }
        }
        Some(())
    }

    /// All references, sorted by address.
    pub fn uses(&self) -> impl Iterator<Item = &Use<'d>> {
        self.uses.values()
    }

    /// The reference at an address.
    pub fn use_at(&self, at: Address) -> Option<&Use<'d>> {
        self.uses.get(&at)
    }

    /// The references from an address on.
    pub fn uses_from(&self, at: Address) -> impl Iterator<Item = &Use<'d>> {
        self.uses.range(at..).map(|(_, found)| found)
    }

    /// What the instruction does with the address that a reference in code puts into it.
    pub fn address_use(&self, at: Address) -> AddressUse {
        let before = self.bytes_before(at).unwrap_or_default();
        (self.arch.address_use)(before)
    }

    /// Whether a reference is the operand of a call or a jump. Code of an author's assembly may be
    /// in no function, so the bytes are those of the section.
    pub(super) fn is_branch(&self, used: &Use<'_>) -> bool {
        let before = || {
            let start = used.at >> RANGE << RANGE;
            self.bytes_at(start)?.get(..usize::try_from(used.at - start).ok()?)
        };
        let is_branch = |before| (self.arch.address_use)(before) == AddressUse::Branch;
        used.in_code && used.relative && before().is_some_and(is_branch)
    }

    /// The address in the object that an instruction writes to, if the reference here is to the
    /// value that it writes.
    pub fn destination(&self, at: Address) -> Option<Address> {
        let (place, value) = (self.arch.destination)(self.bytes_before(at)?)?;
        let (section, offset) = self.use_at(at - place)?.reaches?;
        // A distance counts from the end of the instruction, behind the value.
        address(section, offset.wrapping_add(value))
    }

    /// Whether the instruction with this reference writes to the memory that it refers to.
    pub fn is_written(&self, at: Address) -> bool {
        self.bytes_before(at).is_some_and(self.arch.writes)
    }

    /// The function that contains an address.
    pub fn function_at(&self, at: Address) -> Option<&'d str> {
        let (start, function) = self.functions.range(..=at).next_back()?;
        (at - start < function.size).then_some(function.name)
    }

    /// The function or variable that contains an address.
    pub fn holding(&self, at: Address) -> Option<&'d str> {
        let contains =
            |symbol: &&Defined<'d>| (symbol.at..symbol.at + symbol.size.max(1)).contains(&at);
        self.symbols.iter().find(contains).map(|symbol| symbol.name)
    }

    /// The address at an offset in a function.
    pub fn in_function(&self, name: &str, offset: u64) -> Option<Address> {
        let (start, function) =
            self.functions.iter().find(|(_, function)| function.name == name)?;
        (offset < function.size.max(1)).then(|| start + offset)
    }

    /// The bytes from an address to the end of its section.
    pub fn bytes_at(&self, at: Address) -> Option<&'d [u8]> {
        let section = self.sections.section(SectionIndex((at >> RANGE).try_into().ok()?)).ok()?;
        section.data(LE, self.bytes).ok()?.get(usize::try_from(at & ((1 << RANGE) - 1)).ok()?..)
    }

    /// The bytes of a function up to an address in it.
    fn bytes_before(&self, at: Address) -> Option<&'d [u8]> {
        let (&start, _) = self.functions.range(..=at).next_back()?;
        self.bytes_at(start)?.get(..usize::try_from(at - start).ok()?)
    }

    /// A section of debug information; empty if there is none.
    pub(super) fn debug(&self, name: &str) -> &[u8] {
        self.debug.get(name.as_bytes()).map_or(&[], Vec::as_slice)
    }

    fn read_debug(&mut self) -> Option<()> {
        for (index, section) in self.sections.enumerate() {
            let name = self.sections.section_name(LE, section).ok()?;
            if !name.starts_with(b".debug_") || section.sh_type(LE) == elf::SHT_RELA {
                continue;
            }
            let mut data = section.data(LE, self.bytes).ok()?.to_vec();
            // Damaged data stays as it is: the reader of the information reports it.
            let _ = self.apply(index, &mut data);
            self.debug.insert(name, data);
        }
        Some(())
    }

    fn apply(&self, to: SectionIndex, data: &mut [u8]) -> Option<()> {
        let symbols = self.sections.symbols(LE, self.bytes, elf::SHT_SYMTAB).ok()?;
        for section in self.sections.iter().filter(|section| section.info_link(LE) == to) {
            let Some((relocations, _)) = section.rela(LE, self.bytes).ok()? else { continue };
            for relocation in relocations {
                let index = relocation.symbol(LE, false)?;
                let symbol = symbols.symbol(index).ok()?;
                let value = symbol.st_value(LE).wrapping_add_signed(relocation.r_addend.get(LE));
                let loaded = symbols.symbol_section(LE, symbol, index).ok()?.filter(|&section| {
                    let header = self.sections.section(section);
                    header.is_ok_and(|header| header.sh_flags(LE).contains(elf::SHF_ALLOC))
                });
                let value = match loaded {
                    Some(section) => address(section, value)?,
                    None => value,
                };
                let written = (self.arch.relocation)(relocation.r_type(LE, false).0);
                let Some(Relocation { bytes: len, .. }) =
                    written.filter(|written| !written.relative)
                else {
                    continue;
                };
                let start = usize::try_from(relocation.r_offset.get(LE)).ok()?;
                let place = data.get_mut(start..start.checked_add(len)?)?;
                place.copy_from_slice(value.to_le_bytes().get(..len)?);
            }
        }
        Some(())
    }
}

/// A name; empty if it is not text.
fn text(name: &[u8]) -> &str {
    std::str::from_utf8(name).unwrap_or_default()
}

fn address(section: SectionIndex, offset: u64) -> Option<Address> {
    (offset < 1 << RANGE).then(|| ((section.0 as u64) << RANGE) + offset)
}

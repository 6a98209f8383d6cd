// SPDX-License-Identifier: GPL-2.0
//! A module as if it were linked. A module that is not loaded has no addresses, so its sections are
//! laid out one after the other; symbols, ftrace sites and distances then work as in vmlinux. Its
//! relocations are applied to a copy, so its code can be decoded as the kernel's is.
//!
//! Symbols of other objects get addresses behind its sections: vmlinux is too far away for the four
//! bytes that most relocations have.

use super::image::ImageError;
use kps_arch::Relocation;
use object::elf;
use object::read::elf::{FileHeader as _, Rela as _, SectionHeader as _, Sym as _};
use object::read::elf::{SectionTable, SymbolTable};
use object::LittleEndian as LE;
use std::borrow::Cow;
use std::collections::HashMap;

pub(super) type Header = elf::FileHeader64<LE>;

/// The address of the first section. Four bytes with a sign hold it, and it is larger than the
/// numbers that code computes with, which must not look like addresses.
const START: u64 = 1 << 30;
/// Where all sections end. The kernel has less memory for modules.
const END: u64 = 1 << 31;
/// The gap between two sections: none ends at another one's start.
const GAP: u64 = 4096;
/// The distance between two symbols of other objects.
const EXTERNAL: u64 = 16;

/// The address of each loaded section.
pub(super) fn addresses(
    sections: &SectionTable<'_, Header>,
) -> Result<Vec<Option<u64>>, ImageError> {
    let mut next = START;
    let mut place = |section: &elf::SectionHeader64<LE>| {
        if !section.sh_flags(LE).contains(elf::SHF_ALLOC) {
            return Ok(None);
        }
        let address = next;
        // A section without bytes in the file may claim any size.
        let end = address.checked_add(section.sh_size(LE)).and_then(|end| end.checked_add(GAP));
        let end = end.filter(|end| *end <= END).ok_or(ImageError::TooLarge)?;
        next = end / GAP * GAP;
        Ok(Some(address))
    };
    sections.iter().map(&mut place).collect()
}

/// A module with its relocations applied.
pub(super) struct Linked<'a> {
    /// Its memory.
    pub(super) memory: Memory,
    /// The symbols of other objects that it uses, with the addresses that stand for them, which are
    /// behind all of its own.
    pub(super) externals: Vec<(u64, &'a str)>,
}

/// The loaded sections of a module that have bytes in its file.
#[derive(Debug, Default)]
pub(super) struct Memory(Vec<Section>);

#[derive(Debug)]
struct Section {
    name: String,
    address: u64,
    bytes: Vec<u8>,
    is_code: bool,
}

impl<'a> Linked<'a> {
    /// Links a module that is not compressed.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Linked<'a>, ImageError> {
        let header = Header::parse(bytes)?;
        let sections = header.sections(LE, bytes)?;
        let symbols = sections.symbols(LE, bytes, elf::SHT_SYMTAB)?;
        let layout = Layout::new(&sections)?;
        let mut memory = Memory::default();
        // Sections of a module are apart. Those of a forged one share the bytes of the file, and
        // would take any amount of memory and time.
        let mut rest = bytes.len();
        let mut take = |len: usize| {
            rest = rest.checked_sub(len).ok_or(ImageError::TooLarge)?;
            Ok::<(), ImageError>(())
        };
        for (n, section) in sections.iter().enumerate() {
            let Some(address) = layout.addresses[n] else { continue };
            let data = section.data(LE, bytes)?;
            take(data.len())?;
            let name = String::from_utf8_lossy(sections.section_name(LE, section)?).into_owned();
            let is_code = section.sh_flags(LE).contains(elf::SHF_EXECINSTR);
            memory.0.push(Section { name, address, bytes: data.to_vec(), is_code });
        }
        for section in sections.iter() {
            let Some(start) = layout.address(section.sh_info(LE) as usize) else { continue };
            let Some((relocations, _)) = section.rela(LE, bytes)? else { continue };
            take(std::mem::size_of_val(relocations))?;
            let Ok(at) = memory.0.binary_search_by_key(&start, |section| section.address) else {
                continue;
            };
            for relocation in relocations {
                let value = layout.value(&symbols, relocation)?;
                let known = (kps_arch::native().relocation)(relocation.r_type(LE, false).0);
                if let (Some(value), Some(known)) = (value, known) {
                    let Section { bytes, address, .. } = &mut memory.0[at];
                    apply(bytes, *address, relocation.r_offset(LE), known, value);
                }
            }
        }
        let mut externals = Vec::new();
        for (index, symbol) in symbols.enumerate() {
            if symbol.st_shndx(LE) == elf::SHN_UNDEF {
                let name = std::str::from_utf8(symbols.symbol_name(LE, symbol)?);
                externals.push((layout.external(index), name.unwrap_or_default()));
            }
        }
        Ok(Linked { memory, externals })
    }
}

/// The addresses that a module's sections and symbols get.
struct Layout {
    addresses: Vec<Option<u64>>,
    /// Where those of other objects start.
    externals: u64,
}

impl Layout {
    fn new(sections: &SectionTable<'_, Header>) -> Result<Layout, ImageError> {
        let addresses = addresses(sections)?;
        let ends = sections.iter().zip(&addresses).filter_map(|(section, address)| {
            let end = address.as_ref()?.wrapping_add(section.sh_size(LE));
            Some(end.wrapping_add(GAP))
        });
        Ok(Layout { externals: ends.max().unwrap_or(START), addresses })
    }

    fn address(&self, section: usize) -> Option<u64> {
        self.addresses.get(section).copied().flatten()
    }

    fn external(&self, symbol: object::SymbolIndex) -> u64 {
        self.externals.wrapping_add(EXTERNAL.wrapping_mul(symbol.0 as u64))
    }

    /// The address of a relocation's symbol, with the number that is added.
    fn value(
        &self,
        symbols: &SymbolTable<'_, Header>,
        relocation: &elf::Rela64<LE>,
    ) -> Result<Option<u64>, ImageError> {
        let Some(index) = relocation.symbol(LE, false) else { return Ok(None) };
        let symbol = symbols.symbol(index)?;
        let base = match symbol.st_shndx(LE) {
            elf::SHN_UNDEF => Some(self.external(index)),
            section => {
                let start = self.address(usize::from(section.0));
                start.map(|start| start.wrapping_add(symbol.st_value(LE)))
            }
        };
        Ok(base.map(|base| base.wrapping_add_signed(relocation.r_addend(LE))))
    }
}

/// The relocations of a module's sections that are not loaded, such as its debug information.
pub(super) struct Relocations<'a> {
    layout: Layout,
    symbols: SymbolTable<'a, Header>,
    /// By the section that they apply to.
    by_section: HashMap<usize, &'a [elf::Rela64<LE>]>,
}

impl<'a> Relocations<'a> {
    /// Those of a module that is not compressed.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Relocations<'a>, ImageError> {
        let header = Header::parse(bytes)?;
        let sections = header.sections(LE, bytes)?;
        let symbols = sections.symbols(LE, bytes, elf::SHT_SYMTAB)?;
        let layout = Layout::new(&sections)?;
        let mut by_section = HashMap::new();
        for section in sections.iter() {
            let applies_to = section.sh_info(LE) as usize;
            if layout.address(applies_to).is_some() {
                continue;
            }
            if let Some((relocations, _)) = section.rela(LE, bytes)? {
                by_section.entry(applies_to).or_insert(relocations);
            }
        }
        Ok(Relocations { layout, symbols, by_section })
    }

    /// The bytes of a section with its relocations applied. Addresses are those of [`addresses`].
    pub(super) fn applied<'b>(
        &self,
        section: object::SectionIndex,
        bytes: Cow<'b, [u8]>,
    ) -> Result<Cow<'b, [u8]>, ImageError> {
        let Some(relocations) = self.by_section.get(&section.0) else { return Ok(bytes) };
        let mut bytes = bytes.into_owned();
        for relocation in *relocations {
            let known = (kps_arch::native().relocation)(relocation.r_type(LE, false).0);
            let (Some(index), Some(known)) = (relocation.symbol(LE, false), known) else {
                continue;
            };
            let symbol = self.symbols.symbol(index)?;
            let start = self.layout.address(usize::from(symbol.st_shndx(LE).0));
            // Sections that are not loaded refer to each other by offsets.
            let base = start.unwrap_or_default().wrapping_add(symbol.st_value(LE));
            let value = base.wrapping_add_signed(relocation.r_addend(LE));
            apply(&mut bytes, 0, relocation.r_offset(LE), known, value);
        }
        Ok(Cow::Owned(bytes))
    }
}

/// Writes an address into a section that starts at another one, as the module loader does.
fn apply(bytes: &mut [u8], start: u64, offset: u64, relocation: Relocation, value: u64) {
    let place = start.wrapping_add(offset);
    let value = if relocation.relative { value.wrapping_sub(place) } else { value };
    let field = usize::try_from(offset)
        .ok()
        .and_then(|at| bytes.get_mut(at..at.checked_add(relocation.bytes)?));
    if let Some(field) = field {
        field.iter_mut().zip(value.to_le_bytes()).for_each(|(byte, new)| *byte = new);
    }
}

impl Memory {
    /// The sections that hold functions, with their addresses.
    pub(super) fn code(&self) -> Vec<(u64, &[u8])> {
        // Pieces of functions, which the kernel copies into them.
        let is_piece = |section: &Section| section.name.starts_with(".altinstr");
        let code = self.0.iter().filter(|section| section.is_code && !is_piece(section));
        code.map(|section| (section.address, section.bytes.as_slice())).collect()
    }

    /// The address and bytes of a section.
    pub(super) fn section(&self, name: &str) -> Option<(u64, &[u8])> {
        let section = self.0.iter().find(|section| section.name == name)?;
        Some((section.address, &section.bytes))
    }

    /// The bytes from an address to the end of its section.
    pub(super) fn at(&self, address: u64) -> Option<&[u8]> {
        let next = self.0.partition_point(|section| section.address <= address);
        let section = self.0.get(next.checked_sub(1)?)?;
        section.bytes.get(usize::try_from(address - section.address).ok()?..)
    }
}

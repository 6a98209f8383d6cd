// SPDX-License-Identifier: GPL-2.0
//! Reads a module: a `.ko` file as `modules_install` leaves it, compressed or not. Its addresses
//! are those that `linked.rs` lays out.

use super::gather::first_bytes;
use super::image::{decompress, ImageError};
use super::linked::{addresses, Header, Linked};
use super::roles::roles_of_module;
use kps_facts::{
    is_build_id, is_module_name, Facts, Module, Object, Section, Site, Sites, Sym, Symbols,
};
use object::elf;
use object::read::elf::{FileHeader as _, Rela as _, SectionHeader as _, SectionTable, Sym as _};
use object::LittleEndian as LE;

/// The maximum length of a name with its NUL (`include/linux/kallsyms.h`).
const KSYM_NAME_LEN: usize = 512;
/// The limit for all names of a module. Symbols of a forged one share a few long names.
const MAX_NAMES: usize = 64 << 20;

/// A module, and the part of it that describes its types.
#[derive(Debug)]
pub struct Read {
    /// The kernel's name for it.
    pub name: Option<String>,
    /// Its contents.
    pub module: Module,
    /// Its `.BTF` section, unless it has none that continues vmlinux's.
    pub btf: Option<Vec<u8>>,
    /// The modules that are loaded before it although no symbol of it needs them
    /// (`MODULE_SOFTDEP("pre: ..")`), by their names or aliases.
    pub loaded_before: Vec<String>,
}

/// The bytes of a module's file, decompressed.
pub fn unpack(file: Vec<u8>) -> Result<Vec<u8>, ImageError> {
    match file.starts_with(&elf::ELFMAG) {
        true => Ok(file),
        false => decompress(&file),
    }
}

/// Adds a module, which may be compressed, to the facts of its kernel.
pub fn add(facts: &mut Facts, name: &str, file: Vec<u8>) -> Result<(), ImageError> {
    let bytes = unpack(file)?;
    let Read { name: own, module, btf, .. } = read(&bytes)?;
    if own.is_some_and(|own| own != name) || !is_module_name(name) {
        return Err(ImageError::OtherModule);
    }
    facts.add_module(name, module, btf.as_deref())?;
    // The prototypes of its functions are among the types that were added.
    let linked = Linked::new(&bytes)?;
    let found =
        facts.modules.get(name).map(|module| roles_of_module(facts, &module.object, &linked));
    if let (Some(found), Some(module)) = (found, facts.modules.get_mut(name)) {
        (module.roles, module.calls, module.kernel_calls) = found;
    }
    Ok(())
}

/// Reads a module that is not compressed, without what its code tells.
pub fn read(bytes: &[u8]) -> Result<Read, ImageError> {
    let header = Header::parse(bytes)?;
    if kps_arch::with_machine(header.e_machine(LE).0).is_none() || header.e_type(LE) != elf::ET_REL
    {
        return Err(ImageError::Architecture);
    }
    let sections = header.sections(LE, bytes)?;
    let addresses = addresses(&sections)?;
    let data = |name: &str| -> Result<Option<&[u8]>, ImageError> {
        match sections.section_by_name(LE, name.as_bytes()) {
            Some((_, section)) => Ok(Some(section.data(LE, bytes)?)),
            None => Ok(None),
        }
    };
    let symbols = symbols(bytes, &sections, &addresses)?;
    let sites = sites(bytes, &sections, &addresses, &symbols)?;
    let modinfo = data(".modinfo")?.unwrap_or_default();
    // A module that was built separately also has a digest of the kernel's types, to be matched
    // when it is loaded.
    let btf = data(".BTF")?.filter(|_| sections.section_by_name(LE, b".BTF.base").is_none());
    let btf = btf.map(<[u8]>::to_vec);
    let object = Object { sections: facts(&sections, &addresses), symbols, sites };
    let module = Module {
        object,
        build_id: data(".note.gnu.build-id")?.and_then(build_id),
        depends: depends(modinfo),
        ..Module::default()
    };
    let name = value(modinfo, "name=").map(str::to_owned);
    Ok(Read { name, module, btf, loaded_before: soft_dependencies(modinfo) })
}

fn facts(sections: &SectionTable<'_, Header>, addresses: &[Option<u64>]) -> Vec<Section> {
    let fact = |(section, address): (&elf::SectionHeader64<LE>, &Option<u64>)| {
        let name = sections.section_name(LE, section).unwrap_or_default();
        let name = String::from_utf8_lossy(name).into_owned();
        Some(Section { name, address: (*address)?, size: section.sh_size(LE) })
    };
    sections.iter().zip(addresses).filter_map(fact).collect()
}

/// The symbols in loaded sections, in table order: the kernel keeps that order, and counts in it
/// (`module_kallsyms_on_each_symbol()` in `kernel/module/kallsyms.c`).
fn symbols(
    bytes: &[u8],
    sections: &SectionTable<'_, Header>,
    addresses: &[Option<u64>],
) -> Result<Symbols, ImageError> {
    let table = sections.symbols(LE, bytes, elf::SHT_SYMTAB)?;
    let (mut found, mut total) = (Vec::new(), 0);
    for symbol in table.iter() {
        if matches!(symbol.st_type(), elf::STT_SECTION | elf::STT_FILE) {
            continue;
        }
        let section = usize::from(symbol.st_shndx(LE).0);
        let Some(Some(start)) = addresses.get(section).copied() else { continue };
        let name = std::str::from_utf8(table.symbol_name(LE, symbol)?).unwrap_or_default();
        if name.is_empty() {
            continue;
        }
        if name.len() >= KSYM_NAME_LEN || !name.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(ImageError::Kallsyms(
                "a name is too long, or has characters other than printable ASCII",
            ));
        }
        total += name.len();
        if total > MAX_NAMES {
            return Err(ImageError::Kallsyms("its names take more space than those of any kernel"));
        }
        let kind = if symbol.st_type() == elf::STT_FUNC { 't' } else { 'd' };
        found.push(Sym { address: start.wrapping_add(symbol.st_value(LE)), kind, name });
    }
    Ok(Symbols::of_module(found))
}

/// The ftrace sites, from the relocations of the table.
fn sites(
    bytes: &[u8],
    sections: &SectionTable<'_, Header>,
    addresses: &[Option<u64>],
    symbols: &Symbols,
) -> Result<Sites, ImageError> {
    let mut sites = Vec::new();
    let Some((table, _)) = sections.section_by_name(LE, b"__mcount_loc") else {
        return Ok(Sites::default());
    };
    let symtab = sections.symbols(LE, bytes, elf::SHT_SYMTAB)?;
    // A section has one list of relocations; more than one is forged.
    let applies = |section: &&elf::SectionHeader64<LE>| {
        section.sh_type(LE) == elf::SHT_RELA && section.sh_info(LE) as usize == table.0
    };
    if let Some(section) = sections.iter().find(applies) {
        let Some((relocations, _)) = section.rela(LE, bytes)? else { return Ok(Sites::default()) };
        for relocation in relocations {
            let symbol =
                symtab.symbol(object::SymbolIndex(relocation.r_sym(LE, false) as usize))?;
            let index = usize::from(symbol.st_shndx(LE).0);
            let Some(Some(start)) = addresses.get(index).copied() else { continue };
            let offset = symbol.st_value(LE).wrapping_add_signed(relocation.r_addend(LE));
            let Some(function) = symbols.last_up_to(start.wrapping_add(offset)) else { continue };
            let text = sections.section(object::SectionIndex(index))?.data(LE, bytes)?;
            let at = function.checked_sub(start).and_then(|at| usize::try_from(at).ok());
            let bytes = at.and_then(|at| first_bytes(text.get(at..)?));
            let bytes = bytes.ok_or(ImageError::Mcount("a site is in no section"))?;
            let offset =
                start.wrapping_add(offset).wrapping_sub(function).try_into().unwrap_or(u32::MAX);
            sites.push((function, Site { offset, bytes }));
        }
    }
    Ok(sites.into_iter().collect())
}

/// The description of the note, behind its header.
fn build_id(note: &[u8]) -> Option<Vec<u8>> {
    const HEADER: usize = 16;
    let (header, id) = note.split_at_checked(HEADER)?;
    (header.ends_with(b"GNU\0") && is_build_id(id)).then(|| id.to_vec())
}

/// The value of a key among NUL-terminated strings.
fn value<'a>(modinfo: &'a [u8], key: &'a str) -> Option<&'a str> {
    values(modinfo, key).next()
}

/// The values of a key that may be there more than once.
fn values<'a>(modinfo: &'a [u8], key: &'a str) -> impl Iterator<Item = &'a str> {
    let entries = modinfo.split(|&b| b == 0);
    entries.filter_map(move |entry| std::str::from_utf8(entry).ok()?.strip_prefix(key))
}

/// `softdep=pre: a b post: c`: `a` and `b`.
fn soft_dependencies(modinfo: &[u8]) -> Vec<String> {
    let of_entry = |entry: &str| {
        let words = entry.split_whitespace().skip_while(|word| *word != "pre:").skip(1);
        let names = words.take_while(|word| !word.ends_with(':'));
        let names: Vec<String> = names.map(|name| name.replace('-', "_")).collect();
        names
    };
    let names = values(modinfo, "softdep=").flat_map(of_entry);
    names.filter(|name| is_module_name(name)).collect()
}

/// `depends=a,b`.
fn depends(modinfo: &[u8]) -> Vec<String> {
    let names = value(modinfo, "depends=")
        .unwrap_or_default()
        .split(',')
        .map(|name| name.replace('-', "_"));
    names.filter(|name| is_module_name(name)).collect()
}

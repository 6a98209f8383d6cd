// SPDX-License-Identifier: GPL-2.0
//! Turns placeholder symbols into klp relocations.
//!
//! Input: a module from the linker, in which symbols of other objects are undefined symbols named
//! `kps.sym.OBJECT.NAME,POSITION`, or `kps.sym.HASH` if that is too long for modpost. Output: the
//! same module with those symbols marked `SHN_LIVEPATCH` and the relocations against them in
//! separate sections, which the kernel applies when OBJECT is loaded.

use super::early::{early, Early};
use super::long_names::LongNames;
use super::object_file::ObjectFile;
use super::strip::{is_stripped, strip};
use super::versions::drop_placeholders;
use super::{
    relocatable, written_bytes, KlpName, SECTION_PREFIX, SHF_RELA_LIVEPATCH, SHN_LIVEPATCH,
    SYMBOL_PREFIX,
};
use kps_arch::Arch;
use kps_plan::PLACEHOLDER;
use object::build::elf::{Builder, Relocation, Section, SectionData, SectionId, Symbol};
use object::build::Id as _;
use object::elf;
use object::read::elf::{FileHeader as _, SectionHeader as _, Sym as _};
use object::LittleEndian as LE;
use std::collections::BTreeMap;

/// Why a module cannot be converted.
#[derive(Debug, thiserror::Error)]
pub enum PostLinkError {
    /// The file is not a linker's output.
    #[error("the linked module cannot be read: {0}")]
    Elf(#[from] object::build::Error),
    /// A part of the file lies outside it.
    #[error("the linked module cannot be read: {0}")]
    Damaged(#[from] object::Error),
    /// Not a relocatable file for an architecture that kpsc knows, or malformed.
    #[error("the linked file is not an {title} module: {why}", title = kps_arch::native().title, why = .0)]
    NotAModule(&'static str),
    /// It is already converted.
    #[error("the module is already converted: it has `{0}`")]
    Converted(String),
    /// A placeholder with a malformed name, a short one without a meaning, or one that is defined.
    #[error("`{0}` is not a placeholder for a kernel symbol")]
    Placeholder(String),
    /// A meaning of short placeholders that is none, or is one of two.
    #[error("`{0}` does not say what one placeholder stands for")]
    LongName(String),
    /// A relocation that the kernel's livepatch code cannot apply.
    #[error(
        "`{symbol}` is used by a relocation of type {kind} in {section}, which the kernel does not apply"
    )]
    Type {
        /// The placeholder.
        symbol: String,
        /// The relocation's number in the ABI.
        kind: u32,
        /// The section.
        section: String,
    },
    /// A kept relocation against a symbol in a dropped section.
    #[error("{0} refers to debug information, which kpsc strips")]
    Dropped(String),
    /// Symbols of other modules that the linker resolved, not klp relocations.
    #[error("the module is linked to {0}, and could not be loaded before that")]
    Depends(String),
    /// A table that the kernel reads before it applies the klp relocations in it.
    #[error("the {} `{}` belongs to the module {}: the kernel needs it before it resolves that module's symbols", .0.kind.word(), .0.name, .0.object)]
    Early(Early),
    /// A relocation outside its section, or on bytes that are not zero.
    #[error("`{symbol}` is used at {section}+{offset:#x}, where the bytes are not zero")]
    Bytes {
        /// The placeholder.
        symbol: String,
        /// The section.
        section: String,
        /// The offset in the section.
        offset: u64,
    },
}

/// Converts a linked module.
pub fn post_link(linked: &[u8]) -> Result<Vec<u8>, PostLinkError> {
    let arch = check_input(linked)?;
    if let Some(modules) = depends(linked)? {
        return Err(PostLinkError::Depends(modules));
    }
    let sections = elf::FileHeader64::<LE>::parse(linked)?.sections(LE, linked)?;
    let long_names = LongNames::read(&sections, linked).map_err(PostLinkError::LongName)?;
    if let Some(first) =
        ObjectFile::read(linked).and_then(|object| early(&object).into_iter().next())
    {
        return Err(PostLinkError::Early(first));
    }
    let mut builder = Builder::read(linked)?;
    for section in &mut builder.sections {
        // 0 and 1 mean the same to ELF, but not to the builder.
        section.sh_addralign = section.sh_addralign.max(1);
    }
    strip(&mut builder);
    mark_symbols(&mut builder, &long_names)?;
    drop_placeholders(&mut builder);
    let moved = take_relocations(&mut builder, arch)?;
    add_sections(&mut builder, moved);
    check_references(&builder)?;
    let mut converted = Vec::new();
    builder.write(&mut converted)?;
    Ok(converted)
}

/// Refuses converted modules, and input that no linker writes and the builder would misread.
fn check_input(linked: &[u8]) -> Result<&'static Arch, PostLinkError> {
    /// No section of a module needs more, and the builder fills the space between sections.
    const MAX_ALIGN: u64 = 1 << 16;
    let refuse = |why| Err(PostLinkError::NotAModule(why));
    let Ok(header) = elf::FileHeader64::<LE>::parse(linked) else { return refuse("it is not ELF") };
    let Some(arch) = relocatable(header).filter(|_| header.e_phnum(LE) == 0) else {
        return refuse("it is not relocatable, or for another machine");
    };
    let sections = header.sections(LE, linked)?;
    let symbols = sections.symbols(LE, linked, elf::SHT_SYMTAB)?;
    if symbols.is_empty() {
        return refuse("it has no symbols");
    }
    for section in sections.iter() {
        let name = String::from_utf8_lossy(sections.section_name(LE, section)?);
        let flags = section.sh_flags(LE);
        if name.starts_with(".klp.") || flags.contains(SHF_RELA_LIVEPATCH) {
            return Err(PostLinkError::Converted(name.into_owned()));
        }
        let align = section.sh_addralign(LE);
        if align > MAX_ALIGN || align != 0 && !align.is_power_of_two() {
            return refuse("it has a section with an unusual alignment");
        }
        let applies = flags.contains(elf::SHF_INFO_LINK) && section.sh_info(LE) != 0;
        let plain = applies && !flags.contains(elf::SHF_ALLOC);
        match section.sh_type(LE) {
            elf::SHT_REL => return refuse("it has relocations without addends"),
            elf::SHT_SYMTAB_SHNDX => return refuse("it has more sections than a kernel loads"),
            elf::SHT_SYMTAB | elf::SHT_STRTAB
                if is_stripped(name.as_bytes()) || flags.contains(elf::SHF_ALLOC) =>
            {
                return refuse(
                    "its symbol or string table is named like debug information, or is loaded",
                );
            }
            elf::SHT_RELA if !plain => {
                return refuse("it has relocations without a target section")
            }
            _ => {}
        }
    }
    for symbol in symbols.iter() {
        let name = String::from_utf8_lossy(symbols.symbol_name(LE, symbol)?);
        if name.starts_with(SYMBOL_PREFIX) || symbol.st_shndx(LE) == SHN_LIVEPATCH {
            return Err(PostLinkError::Converted(name.into_owned()));
        }
    }
    Ok(arch)
}

/// The modules that modpost found to define symbols that this one uses.
fn depends(linked: &[u8]) -> Result<Option<String>, object::Error> {
    let sections = elf::FileHeader64::<LE>::parse(linked)?.sections(LE, linked)?;
    let Some((_, modinfo)) = sections.section_by_name(LE, b".modinfo") else { return Ok(None) };
    let mut entries = modinfo.data(LE, linked)?.split(|&byte| byte == 0);
    let modules = entries.find_map(|entry| entry.strip_prefix(b"depends="));
    let modules = modules.filter(|modules| !modules.is_empty());
    Ok(modules.map(|modules| String::from_utf8_lossy(modules).into_owned()))
}

fn mark_symbols(builder: &mut Builder<'_>, names: &LongNames<'_>) -> Result<(), PostLinkError> {
    for symbol in &mut builder.symbols {
        if !symbol.name.starts_with(PLACEHOLDER.as_bytes()) {
            continue;
        }
        let undefined = symbol.section.is_none() && symbol.st_shndx == elf::SHN_UNDEF;
        let name = std::str::from_utf8(&symbol.name).ok().filter(|_| undefined);
        let rest = name.and_then(|name| names.meaning(name).strip_prefix(PLACEHOLDER));
        let rest = rest.filter(|rest| KlpName::parse(rest).is_some());
        let Some(rest) = rest else {
            return Err(PostLinkError::Placeholder(
                String::from_utf8_lossy(&symbol.name).into_owned(),
            ));
        };
        symbol.name = format!("{SYMBOL_PREFIX}{rest}").into_bytes().into();
        symbol.st_shndx = SHN_LIVEPATCH;
        symbol.st_value = 0;
        symbol.st_size = 0;
    }
    Ok(())
}

/// The object that a livepatch symbol belongs to.
fn object_of(symbol: &Symbol<'_>) -> Option<String> {
    let name = std::str::from_utf8(&symbol.name).ok()?;
    KlpName::parse(name.strip_prefix(SYMBOL_PREFIX)?).map(|klp| klp.object.to_owned())
}

/// Relocations to move, by the object they wait for and the section they apply to.
type Moved = BTreeMap<(String, usize), (SectionId, Vec<Relocation>)>;

fn take_relocations(builder: &mut Builder<'_>, arch: &Arch) -> Result<Moved, PostLinkError> {
    let mut moved = Moved::new();
    let mut kept: Vec<(SectionId, Vec<Relocation>)> = Vec::new();
    for section in &builder.sections {
        let (SectionData::Relocation(relocations), Some(target)) =
            (&section.data, section.sh_info_section)
        else {
            continue;
        };
        let target = builder.sections.get(target);
        // The kernel does not relocate what it does not load.
        if section.delete || !target.is_alloc() {
            continue;
        }
        let mut keep = Vec::new();
        for &relocation in relocations {
            let symbol = relocation.symbol.map(|id| builder.symbols.get(id));
            let Some((symbol, object)) =
                symbol.and_then(|symbol| Some((symbol, object_of(symbol)?)))
            else {
                keep.push(relocation);
                continue;
            };
            check(arch, &relocation, target, String::from_utf8_lossy(&symbol.name).into_owned())?;
            let place = (object, target.id().index());
            moved.entry(place).or_insert_with(|| (target.id(), Vec::new())).1.push(relocation);
        }
        if keep.len() != relocations.len() {
            kept.push((section.id(), keep));
        }
    }
    for (id, relocations) in kept {
        let section = builder.sections.get_mut(id);
        section.delete = relocations.is_empty();
        section.data = SectionData::Relocation(relocations);
    }
    Ok(moved)
}

fn check(
    arch: &Arch,
    relocation: &Relocation,
    target: &Section<'_>,
    symbol: String,
) -> Result<(), PostLinkError> {
    let section = || String::from_utf8_lossy(&target.name).into_owned();
    let Some(len) = written_bytes(arch, relocation.r_type) else {
        return Err(PostLinkError::Type { symbol, kind: relocation.r_type.0, section: section() });
    };
    let bytes = match &target.data {
        SectionData::Data(bytes) | SectionData::Note(bytes) => bytes.as_slice(),
        _ => &[],
    };
    let start = usize::try_from(relocation.r_offset).unwrap_or(usize::MAX);
    let place = start.checked_add(len).and_then(|end| bytes.get(start..end));
    // `apply_relocate_add()` refuses to overwrite anything: it takes that for a relocation applied
    // twice.
    match place {
        Some(place) if place.iter().all(|&b| b == 0) => Ok(()),
        _ => Err(PostLinkError::Bytes { symbol, section: section(), offset: relocation.r_offset }),
    }
}

fn add_sections(builder: &mut Builder<'_>, moved: Moved) {
    let symtab =
        builder.sections.iter().find(|s| matches!(s.data, SectionData::Symbol)).map(|s| s.id());
    for ((object, _), (target, relocations)) in moved {
        let target_name = String::from_utf8_lossy(&builder.sections.get(target).name).into_owned();
        let section = builder.sections.add();
        section.name = format!("{SECTION_PREFIX}{object}.{target_name}").into_bytes().into();
        section.sh_type = elf::SHT_RELA;
        section.sh_flags = elf::SHF_ALLOC | elf::SHF_INFO_LINK | SHF_RELA_LIVEPATCH;
        section.sh_link_section = symtab;
        section.sh_info_section = Some(target);
        section.sh_addralign = 8;
        section.sh_entsize = 24;
        section.data = SectionData::Relocation(relocations);
    }
}

/// No kept section may refer to a dropped one: the builder drops such relocations silently.
fn check_references(builder: &Builder<'_>) -> Result<(), PostLinkError> {
    let goes = |id: SectionId| builder.sections.get(id).delete;
    for section in builder.sections.iter().filter(|section| !section.delete) {
        let SectionData::Relocation(relocations) = &section.data else { continue };
        let refers = |relocation: &Relocation| {
            let symbol = relocation.symbol.map(|id| builder.symbols.get(id));
            symbol.is_some_and(|symbol| symbol.section.is_some_and(goes))
        };
        if relocations.iter().any(refers) {
            return Err(PostLinkError::Dropped(
                String::from_utf8_lossy(&section.name).into_owned(),
            ));
        }
    }
    Ok(())
}

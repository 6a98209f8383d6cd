// SPDX-License-Identifier: GPL-2.0
//! Reads a finished module back and checks every rule of its format, as the kernel will.

use super::object_file::ObjectFile;
use super::strip::is_stripped;
use super::{pads, versions};
use super::{
    relocatable, written_bytes, KlpName, SECTION_PREFIX, SHF_RELA_LIVEPATCH, SHN_LIVEPATCH,
    SYMBOL_PREFIX,
};
use kps_arch::Arch;
use kps_plan::PLACEHOLDER;
use object::elf::{self, FileHeader64};
use object::read::elf::{
    FileHeader as _, Rela as _, SectionHeader as _, SectionTable, Sym as _, SymbolTable,
};
use object::{LittleEndian, SectionIndex};

type Header = FileHeader64<LittleEndian>;
type SectionHeader = elf::SectionHeader64<LittleEndian>;
const LE: LittleEndian = LittleEndian;

/// The contents of a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Symbols that klp relocations resolve.
    pub symbols: usize,
    /// klp relocations.
    pub relocations: usize,
}

/// A broken rule.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The file is not ELF.
    #[error("the module cannot be read: {0}")]
    Elf(#[from] object::Error),
    /// A rule of the format.
    #[error("{what}: {rule}")]
    Rule {
        /// The section or symbol.
        what: String,
        /// The problem.
        rule: &'static str,
    },
    /// A function that could not be reached through a pointer.
    #[error("{function}: {wrong}")]
    Pad {
        /// Its symbol.
        function: String,
        /// The problem.
        wrong: &'static str,
    },
    /// Parts of the file refer to others that are not there.
    #[error("the module's code cannot be read")]
    Damaged,
}

fn rule(what: impl Into<String>, rule: &'static str) -> VerifyError {
    VerifyError::Rule { what: what.into(), rule }
}

/// Checks a finished module.
pub fn verify(module: &[u8]) -> Result<Summary, VerifyError> {
    let header = Header::parse(module)?;
    let Some(arch) = relocatable(header) else {
        return Err(rule("the file", "it is not a module for this architecture"));
    };
    let sections = header.sections(LE, module)?;
    let symbols = sections.symbols(LE, module, elf::SHT_SYMTAB)?;
    let verifier = Verifier { arch, module, sections: &sections, symbols: &symbols };
    verifier.modinfo()?;
    let summary = Summary { symbols: verifier.symbols()?, relocations: verifier.sections()? };
    let object = ObjectFile::read(module).ok_or(VerifyError::Damaged)?;
    match pads::wrong(&object) {
        Some((function, wrong)) => Err(VerifyError::Pad { function, wrong }),
        None => Ok(summary),
    }
}

struct Verifier<'a> {
    arch: &'static Arch,
    module: &'a [u8],
    sections: &'a SectionTable<'a, Header, &'a [u8]>,
    symbols: &'a SymbolTable<'a, Header, &'a [u8]>,
}

impl Verifier<'_> {
    fn section_name(&self, section: &SectionHeader) -> Result<String, VerifyError> {
        Ok(String::from_utf8_lossy(self.sections.section_name(LE, section)?).into_owned())
    }

    fn modinfo(&self) -> Result<(), VerifyError> {
        let Some((_, section)) = self.sections.section_by_name(LE, b".modinfo") else {
            return Err(rule(".modinfo", "it is missing"));
        };
        let entries = section.data(LE, self.module)?;
        if !entries.split(|&b| b == 0).any(|entry| entry == b"livepatch=Y") {
            return Err(rule(".modinfo", "it lacks `livepatch=Y`"));
        }
        Ok(())
    }

    /// Every livepatch symbol is marked as one and correctly named, and no placeholder is left.
    fn symbols(&self) -> Result<usize, VerifyError> {
        let mut count = 0;
        for symbol in self.symbols.iter() {
            let name = String::from_utf8_lossy(self.symbols.symbol_name(LE, symbol)?).into_owned();
            if name.starts_with(PLACEHOLDER) {
                return Err(rule(name, "the placeholder was not replaced"));
            }
            let marked = symbol.st_shndx(LE) == SHN_LIVEPATCH;
            match name.strip_prefix(SYMBOL_PREFIX) {
                Some(rest) => {
                    if !marked {
                        return Err(rule(name, "it is not marked SHN_LIVEPATCH"));
                    }
                    if KlpName::parse(rest).is_none() {
                        return Err(rule(name, "it is not named .klp.sym.OBJECT.NAME,POSITION"));
                    }
                    if symbol.st_value(LE) != 0 {
                        return Err(rule(name, "it has a value"));
                    }
                    count += 1;
                }
                None if marked => return Err(rule(name, "it is marked SHN_LIVEPATCH by mistake")),
                None => {}
            }
        }
        Ok(count)
    }

    /// Every section of klp relocations is well formed, and no other one uses a livepatch symbol.
    fn sections(&self) -> Result<usize, VerifyError> {
        let mut count = 0;
        for (_, section) in self.sections.enumerate() {
            let name = self.section_name(section)?;
            let flagged = section.sh_flags(LE).contains(SHF_RELA_LIVEPATCH);
            if name.starts_with(".BTF") && is_stripped(name.as_bytes()) {
                return Err(rule(name, "the module's BTF does not match the converted file"));
            }
            if versions::has_names(name.as_bytes())
                && versions::has_placeholder(section.data(LE, self.module)?)
            {
                return Err(rule(name, "it has the version of a placeholder"));
            }
            let Some((relocations, symtab)) = section.rela(LE, self.module)? else {
                if name.starts_with(".klp.") || flagged {
                    return Err(rule(name, "it holds no relocations"));
                }
                continue;
            };
            match name.strip_prefix(SECTION_PREFIX) {
                Some(rest) => {
                    self.klp_section(&name, rest, section, symtab)?;
                    for relocation in relocations {
                        self.klp_relocation(&name, rest, section, relocation)?;
                    }
                    count += relocations.len();
                }
                None if flagged => {
                    return Err(rule(name, "it is flagged SHF_RELA_LIVEPATCH by mistake"))
                }
                None => {
                    let target = self.sections.section(section.info_link(LE))?;
                    if !target.sh_flags(LE).contains(elf::SHF_ALLOC) {
                        continue;
                    }
                    for relocation in relocations {
                        if self.klp_symbol(relocation)?.is_some() {
                            return Err(rule(name, "it uses a livepatch symbol"));
                        }
                    }
                }
            }
        }
        Ok(count)
    }

    /// `.klp.rela.OBJECT.SECTION`, linked to the symbol table and to SECTION.
    fn klp_section(
        &self,
        name: &str,
        rest: &str,
        section: &SectionHeader,
        symtab: SectionIndex,
    ) -> Result<(), VerifyError> {
        let wanted = elf::SHF_ALLOC | elf::SHF_INFO_LINK | SHF_RELA_LIVEPATCH;
        if section.sh_flags(LE) != wanted {
            return Err(rule(name, "its flags are not ALLOC, INFO_LINK and RELA_LIVEPATCH"));
        }
        if section.sh_entsize(LE) != 24 || section.sh_addralign(LE) != 8 {
            return Err(rule(name, "its entries are not 24 bytes, aligned to 8"));
        }
        if symtab != self.symbols.section() {
            return Err(rule(name, "it is not linked to the symbol table"));
        }
        let target = self.sections.section(section.info_link(LE))?;
        let target_name = self.section_name(target)?;
        if rest.split_once('.').map(|(_, target)| target) != Some(&target_name) {
            return Err(rule(name, "it is not named after the section that it applies to"));
        }
        if !target.sh_flags(LE).contains(elf::SHF_ALLOC) {
            return Err(rule(name, "it applies to a section that is not loaded"));
        }
        Ok(())
    }

    fn klp_relocation(
        &self,
        name: &str,
        rest: &str,
        section: &SectionHeader,
        relocation: &elf::Rela64<LittleEndian>,
    ) -> Result<(), VerifyError> {
        let Some(symbol) = self.klp_symbol(relocation)? else {
            return Err(rule(name, "it uses a symbol that is not a livepatch symbol"));
        };
        let object = rest.split('.').next().unwrap_or_default();
        let of = symbol.strip_prefix(SYMBOL_PREFIX).and_then(KlpName::parse).map(|klp| klp.object);
        // Linux 7.3 refuses symbols of vmlinux in the sections of modules.
        if of != Some(object) {
            return Err(rule(name, "it uses a symbol of another object"));
        }
        let Some(len) = written_bytes(self.arch, relocation.r_type(LE, false)) else {
            return Err(rule(name, "it has a relocation of a type that the kernel does not apply"));
        };
        let target = self.sections.section(section.info_link(LE))?.data(LE, self.module)?;
        let start = usize::try_from(relocation.r_offset(LE)).unwrap_or(usize::MAX);
        match start.checked_add(len).and_then(|end| target.get(start..end)) {
            None => Err(rule(name, "a relocation is outside its section")),
            Some(bytes) if bytes.iter().any(|&b| b != 0) => {
                Err(rule(name, "the relocated bytes are not zero"))
            }
            Some(_) => Ok(()),
        }
    }

    /// The name of a relocation's symbol, if it is a livepatch symbol.
    fn klp_symbol(
        &self,
        relocation: &elf::Rela64<LittleEndian>,
    ) -> Result<Option<String>, VerifyError> {
        let Some(index) = relocation.symbol(LE, false) else { return Ok(None) };
        let symbol = self.symbols.symbol(index)?;
        if symbol.st_shndx(LE) != SHN_LIVEPATCH {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(self.symbols.symbol_name(LE, symbol)?).into_owned()))
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The facts file: everything in [`Facts`] about the image and the modules that were added.
//!
//! | bytes | hold |
//! |---|---|
//! | 8 | `KPSF` and the version of the format |
//! | 4 | the number of sections |
//! | 28 each | a section: its offset and length in bytes, its checksum, its number |
//! | 8 | the checksum of the table |
//! | | the sections |
//!
//! A section is read on demand, so finding out which kernel a file describes does not read its
//! types. A file in another version of the format is regenerated, so this program reads its own
//! version only.

use crate::btf::{Btf, BtfError};
use crate::format::{check_magic, checksum, Reader, Writer};
use crate::source::Source;
use crate::symbols::Parts;
use crate::{
    is_build_id, is_module_name, is_release, Calls, Constants, DebugInfo, Exports, Facts, Identity,
    Mode, Object, Roles, Section, UserArguments, UserDeclarations,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;

mod records;
#[cfg(test)]
mod tests;

/// `KPSF` and the version of the format.
const MAGIC: [u8; 8] = *b"KPSF\0\0\0\x0a";
/// The bytes of a section's entry in the table.
const ENTRY: usize = 28;
/// More sections than any version has.
const MAX_SECTIONS: u32 = 64;

/// The sections of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Id {
    Identity = 1,
    Config,
    Exports,
    Syscalls,
    /// The sections and ftrace sites of vmlinux.
    Image,
    /// Its symbols.
    Symbols,
    /// Their names, as stored.
    Names,
    /// The types, as BTF.
    Types,
    /// The index of the types by name.
    Index,
    Modules,
    /// The system calls that the vDSO answers.
    Vdso,
    /// The roles of the functions of vmlinux.
    Roles,
    /// The calls between them.
    Calls,
    /// The pointers of system calls that they get.
    UserArguments,
    /// The pointers that headers declare `__user`.
    UserDeclarations,
    /// The arguments of clones, for the macros of a crate. Those of a target are in its debug file.
    Clones,
    /// The mode of the target.
    Mode,
    /// The constants of its headers.
    Constants,
}

/// Why a facts file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactsError {
    /// It is not a facts file.
    Format,
    /// It has another version of the format.
    Version,
    /// A checksum does not match, or it is shorter than it claims.
    Damaged,
    /// The types in it cannot be read.
    Btf(BtfError),
    /// It cannot be read.
    Io(io::ErrorKind),
}

impl fmt::Display for FactsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FactsError::Format => write!(f, "the file has another format"),
            FactsError::Version => {
                write!(f, "this program does not read the file's format version")
            }
            FactsError::Damaged => write!(f, "the file is damaged"),
            FactsError::Btf(error) => error.fmt(f),
            FactsError::Io(kind) => write!(f, "the file cannot be read: {kind}"),
        }
    }
}

impl std::error::Error for FactsError {}

/// A facts file with its section table read.
#[derive(Debug)]
pub struct FactsFile<S> {
    source: S,
    table: Vec<SectionEntry>,
    /// Sections that are decoded into other types go through this buffer. The system clears its
    /// memory once and not for each of them, which takes longer than decoding.
    buffer: RefCell<Vec<u8>>,
}

/// A section's entry in the table.
#[derive(Debug, Clone, Copy)]
struct SectionEntry {
    id: u32,
    offset: u64,
    len: u64,
    checksum: u64,
}

impl SectionEntry {
    fn read(record: &[u8; ENTRY]) -> SectionEntry {
        let mut r = Reader(record);
        // A record holds all of these.
        let mut u64 = || r.u64().unwrap_or_default();
        let (offset, len, checksum) = (u64(), u64(), u64());
        SectionEntry { offset, len, checksum, id: r.u32().unwrap_or_default() }
    }

    fn write(&self, w: &mut Writer) {
        w.u64(self.offset);
        w.u64(self.len);
        w.u64(self.checksum);
        w.u32(self.id);
    }
}

impl<S: Source> FactsFile<S> {
    /// Reads the table of sections.
    pub fn from_source(source: S) -> Result<Self, FactsError> {
        const HEAD: usize = 12;
        let io = |error: io::Error| FactsError::Io(error.kind());
        let mut head = Vec::new();
        source.read(0, HEAD, &mut head).map_err(io)?;
        let (magic, count) = head.split_first_chunk::<8>().ok_or(FactsError::Format)?;
        check_magic(MAGIC, *magic)?;
        let count = count.try_into().map(u32::from_le_bytes).map_err(|_| FactsError::Damaged)?;
        if count > MAX_SECTIONS {
            return Err(FactsError::Damaged);
        }
        let len = count as usize * ENTRY;
        let mut table = Vec::new();
        source.read(HEAD as u64, len + 8, &mut table).map_err(io)?;
        let (records, sum) = table.split_at_checked(len).ok_or(FactsError::Damaged)?;
        let sum = sum.try_into().map(u64::from_le_bytes).map_err(|_| FactsError::Damaged)?;
        if sum != checksum(records) {
            return Err(FactsError::Damaged);
        }
        let entries = records.chunks_exact(ENTRY).filter_map(|record| record.try_into().ok());
        let table: Vec<SectionEntry> = entries.map(SectionEntry::read).collect();
        // Sections are contiguous up to the end of the file, so nothing reserves more than the file
        // has.
        let mut end = Some((HEAD + len + 8) as u64);
        let is_next = |entry: &SectionEntry| {
            let is_next = end == Some(entry.offset);
            end = entry.offset.checked_add(entry.len);
            is_next
        };
        let follow = table.iter().all(is_next);
        match follow && end == Some(source.size().map_err(io)?) {
            true => Ok(FactsFile { source, table, buffer: RefCell::default() }),
            false => Err(FactsError::Damaged),
        }
    }

    /// The bytes of a section, after its checksum was verified.
    fn section(&self, id: Id) -> Result<Vec<u8>, FactsError> {
        let mut bytes = Vec::new();
        self.load(id, &mut bytes)?;
        Ok(bytes)
    }

    fn load(&self, id: Id, buffer: &mut Vec<u8>) -> Result<(), FactsError> {
        let entry =
            self.table.iter().find(|entry| entry.id == id as u32).ok_or(FactsError::Damaged)?;
        let len = usize::try_from(entry.len).map_err(|_| FactsError::Damaged)?;
        let read = self.source.read(entry.offset, len, buffer);
        read.map_err(|error| FactsError::Io(error.kind()))?;
        match buffer.len() == len && checksum(buffer) == entry.checksum {
            true => Ok(()),
            false => Err(FactsError::Damaged),
        }
    }

    /// Decodes a whole section. Its checksum does not rule out forgeries, which are refused as
    /// damage.
    fn read<T>(
        &self,
        id: Id,
        read: impl FnOnce(&mut Reader<'_>) -> Option<T>,
    ) -> Result<T, FactsError> {
        let mut buffer = self.buffer.borrow_mut();
        self.load(id, &mut buffer)?;
        let mut r = Reader(&buffer);
        read(&mut r).filter(|_| r.is_at_end()).ok_or(FactsError::Damaged)
    }

    /// The kernel that the file describes.
    pub fn identity(&self) -> Result<Identity, FactsError> {
        self.read(Id::Identity, |r| {
            let identity =
                Identity { release: r.text()?.to_owned(), build_id: r.bytes()?.to_vec() };
            Some(identity).filter(|id| is_release(&id.release) && is_build_id(&id.build_id))
        })
    }

    /// All facts about the kernel.
    pub fn facts(&self) -> Result<Facts, FactsError> {
        let (sections, sites) = self.read(Id::Image, |r| Some((r.sections()?, r.sites()?)))?;
        let parts = self.read(Id::Symbols, Parts::read)?;
        let symbols = parts.with_names(self.section(Id::Names)?).ok_or(FactsError::Damaged)?;
        let (index, kernel) = self.read(Id::Index, |r| r.index())?;
        let btf = Btf::parse_indexed(self.section(Id::Types)?, index).map_err(FactsError::Btf)?;
        let (modules, module_names) = self.read(Id::Modules, |r| {
            let modules = r.list(|r| Some((r.text()?.to_owned(), r.module()?)))?;
            Some((modules, r.list(|r| Some(r.text()?.to_owned()))?))
        })?;
        let facts = Facts {
            identity: self.identity()?,
            config: self.read(Id::Config, |r| {
                r.list::<_, BTreeMap<_, _>>(|r| Some((r.text()?.to_owned(), r.text()?.to_owned())))
            })?,
            mode: self.read(Id::Mode, |r| Mode::new(r.text()?))?,
            vmlinux: Object { symbols, sections, sites },
            exports: self.read(Id::Exports, Exports::read)?,
            syscalls: self.read(Id::Syscalls, |r| {
                r.list(|r| Some((r.text()?.to_owned(), r.list(Reader::syscall_param)?)))
            })?,
            vdso: self.read(Id::Vdso, |r| r.list(|r| Some(r.text()?.to_owned())))?,
            roles: self.read(Id::Roles, Roles::read)?,
            calls: self.read(Id::Calls, Calls::read)?,
            user_arguments: self.read(Id::UserArguments, UserArguments::read)?,
            user_declarations: self.read(Id::UserDeclarations, UserDeclarations::read)?,
            constants: self.read(Id::Constants, Constants::read)?,
            btf: btf.with_kernel(kernel).ok_or(FactsError::Damaged)?,
            modules,
            module_names,
            debug: match self.section(Id::Clones)? {
                none if none.is_empty() => None,
                clones => Some(DebugInfo::from_bytes(&clones)?),
            },
            in_modules: BTreeMap::new(),
        };
        Some(facts).filter(|facts| is_plain(facts) && are_modules(facts)).ok_or(FactsError::Damaged)
    }
}

impl Facts {
    /// The facts as a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let section = |write: &dyn Fn(&mut Writer)| {
            let mut w = Writer::default();
            write(&mut w);
            w.0
        };
        let sections = [
            (
                Id::Identity,
                section(&|w| {
                    w.text(&self.identity.release);
                    w.bytes(&self.identity.build_id);
                }),
            ),
            (
                Id::Config,
                section(&|w| {
                    w.list(&self.config, |w, (option, value)| {
                        w.text(option);
                        w.text(value);
                    });
                }),
            ),
            (Id::Exports, section(&|w| self.exports.write(w))),
            (
                Id::Syscalls,
                section(&|w| {
                    w.list(&self.syscalls, |w, (name, params)| {
                        w.text(name);
                        w.list(params, |w, param| {
                            w.text(&param.ty);
                            w.text(&param.name);
                        });
                    });
                }),
            ),
            (
                Id::Image,
                section(&|w| {
                    w.sections(&self.vmlinux.sections);
                    w.sites(&self.vmlinux.sites);
                }),
            ),
            (Id::Symbols, section(&|w| self.vmlinux.symbols.write_parts(w))),
            (Id::Names, self.vmlinux.symbols.names().as_bytes().to_vec()),
            (Id::Vdso, section(&|w| w.list(&self.vdso, |w, name| w.text(name)))),
            (Id::Roles, section(&|w| self.roles.write(w))),
            (Id::Calls, section(&|w| self.calls.write(w))),
            (Id::UserArguments, section(&|w| self.user_arguments.write(w))),
            (Id::UserDeclarations, section(&|w| self.user_declarations.write(w))),
            (Id::Mode, section(&|w| w.text(self.mode.as_str()))),
            (Id::Constants, section(&|w| self.constants.write(w))),
            (
                Id::Clones,
                self.debug.as_ref().map(|debug| debug.of_clones().to_bytes()).unwrap_or_default(),
            ),
            (Id::Types, self.btf.bytes().to_vec()),
            (Id::Index, section(&|w| w.index(self.btf.index(), self.btf.kernel()))),
            (
                Id::Modules,
                section(&|w| {
                    w.list(&self.modules, |w, (name, module)| {
                        w.text(name);
                        w.module(module);
                    });
                    w.list(&self.module_names, |w, name| w.text(name));
                }),
            ),
        ];
        lay_out(&sections)
    }

    /// Puts the magic before the parts of a file, which may be untrusted, and fills in the
    /// checksums.
    pub fn seal(parts: &[u8]) -> Vec<u8> {
        const TABLE: usize = MAGIC.len() + 4;
        let mut file = [&MAGIC, parts].concat();
        let count = file
            .get(MAGIC.len()..TABLE)
            .and_then(|count| count.try_into().ok())
            .map(u32::from_le_bytes);
        let count = count.filter(|count| *count <= MAX_SECTIONS).unwrap_or_default() as usize;
        let table = TABLE..TABLE + count * ENTRY;
        for at in table.clone().step_by(ENTRY) {
            let Some(record) = file.get(at..).and_then(|rest| rest.first_chunk()) else { break };
            let entry = SectionEntry::read(record);
            let end = entry.offset.checked_add(entry.len);
            let range = end.and_then(|end| {
                Some(usize::try_from(entry.offset).ok()?..usize::try_from(end).ok()?)
            });
            if let Some(bytes) = range.and_then(|range| file.get(range)) {
                let mut w = Writer::default();
                SectionEntry { checksum: checksum(bytes), ..entry }.write(&mut w);
                file[at..at + ENTRY].copy_from_slice(&w.0);
            }
        }
        if let Some(bytes) = file.get(table.clone()) {
            let sum = checksum(bytes).to_le_bytes();
            if let Some(place) = file.get_mut(table.end..table.end + sum.len()) {
                place.copy_from_slice(&sum);
            }
        }
        file
    }

    /// Reads a facts file that is in memory.
    pub fn from_bytes(file: &[u8]) -> Result<Facts, FactsError> {
        FactsFile::from_source(file)?.facts()
    }
}

/// Whether everything that generated code, build files and messages contain is valid for a kernel.
/// The tables of symbols and exports have checked their own names.
fn is_plain(facts: &Facts) -> bool {
    let graphic = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
    let mut params = facts.syscalls.values().flatten();
    facts.vdso.iter().all(|name| graphic(name))
        && params.all(|param| graphic(&param.name) && graphic(&param.ty.replace(' ', "")))
}

/// Whether the modules are valid: generated code contains their names and build-ids, their types
/// come after those of the kernel, each in one module only, and their sections are ordered and do
/// not overlap.
fn are_modules(facts: &Facts) -> bool {
    let types = facts.btf.kernel().types + 1..facts.btf.len() as u32 + 1;
    let mut owned: Vec<_> = facts.modules.values().map(|module| module.types.clone()).collect();
    owned.sort_by_key(|own| (own.start, own.end));
    let is_inside =
        |own: &Range<u32>| types.start <= own.start && own.start <= own.end && own.end <= types.end;
    let mut names =
        facts.modules.iter().flat_map(|(name, module)| module.depends.iter().chain([name]));
    names.all(|name| is_module_name(name))
        && facts.module_names.iter().all(|name| is_module_name(name))
        && facts.modules.values().all(|module| {
            module.build_id.iter().all(|id| is_build_id(id))
                && follow_one_another(&module.object.sections)
        })
        && owned.iter().all(is_inside)
        && owned.is_sorted_by(|before, behind| before.end <= behind.start)
}

/// Whether sections are ordered by address and do not overlap.
fn follow_one_another(sections: &[Section]) -> bool {
    let mut free = Some(0);
    sections.iter().all(|section| {
        let is_free = free.is_some_and(|free| free <= section.address);
        free = section.address.checked_add(section.size);
        is_free
    }) && free.is_some()
}

/// The file: its table, then the sections in order.
fn lay_out(sections: &[(Id, Vec<u8>)]) -> Vec<u8> {
    let mut offset = (MAGIC.len() + 4 + sections.len() * ENTRY + 8) as u64;
    let mut parts = Writer::default();
    parts.u32(sections.len() as u32);
    for (id, bytes) in sections {
        // `seal` fills in the checksums.
        let len = bytes.len() as u64;
        SectionEntry { id: *id as u32, offset, len, checksum: 0 }.write(&mut parts);
        offset += len;
    }
    parts.u64(0);
    parts.0.extend(sections.iter().flat_map(|(_, bytes)| bytes));
    Facts::seal(&parts.0)
}

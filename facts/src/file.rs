//! The facts file: everything that [`Facts`] holds of the image and of the modules that were added, in one file that is read in
//! a few milliseconds.
//!
//! Eight bytes of magic, a checksum of all that follows, then the parts in a fixed order, each a length and its bytes.
//! Numbers are little-endian, lists are preceded by their length. The file is made anew when its version is not the one
//! this program writes, so no version but the own has to be read.

use crate::btf::{Btf, BtfError, BtfId, Extent, Index};
use crate::symbols::Written;
use crate::{
    is_build_id, is_module_name, is_release, Export, Facts, Identity, Module, Object, Section, Site, Sym,
    Symbols, SyscallParam,
};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// `KPSF` and the version of the format.
const MAGIC: [u8; 8] = *b"KPSF\0\0\0\x03";

/// Why a facts file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactsError {
    /// It is not a facts file.
    Format,
    /// It is one of another version.
    Version,
    /// Its checksum does not fit, or it is shorter than it says.
    Damaged,
    /// The types in it cannot be read.
    Btf(BtfError),
}

impl fmt::Display for FactsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FactsError::Format => write!(f, "the file is something else"),
            FactsError::Version => write!(f, "the file is of another version than this program reads"),
            FactsError::Damaged => write!(f, "the file is damaged"),
            FactsError::Btf(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FactsError {}

impl Facts {
    /// The facts as a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.text(&self.identity.release);
        w.bytes(&self.identity.build_id);
        w.list(&self.config, |w, (option, value)| {
            w.text(option);
            w.text(value);
        });
        w.object(&self.vmlinux);
        let mut exports: Vec<_> = self.exports.iter().collect();
        exports.sort_by_key(|(name, _)| *name);
        w.list(exports, |w, (name, export)| {
            w.text(name);
            w.0.push(export.gpl.into());
            w.text(export.namespace.as_deref().unwrap_or_default());
        });
        w.list(&self.syscalls, |w, (name, params)| {
            w.text(name);
            w.list(params, |w, param| {
                w.text(&param.ty);
                w.text(&param.name);
            });
        });
        w.bytes(self.btf.bytes());
        let Index { functions, types, constants } = self.btf.index();
        w.list(functions, |w, id| w.u32(id.0));
        w.list(types, |w, id| w.u32(id.0));
        w.list(constants, |w, (id, n)| {
            w.u32(id.0);
            w.u32(*n);
        });
        let Extent { types, names } = self.btf.kernel();
        w.u32(types);
        w.u32(names);
        w.list(&self.modules, |w, (name, module)| {
            w.text(name);
            w.module(module);
        });
        w.list(&self.module_names, |w, name| w.text(name));
        Facts::seal(&w.0)
    }

    /// Puts magic and checksum before the parts of a file, which may be anybody's.
    pub fn seal(parts: &[u8]) -> Vec<u8> {
        sealed(MAGIC, Writer(parts.to_vec()))
    }

    /// Reads a facts file.
    pub fn from_bytes(file: &[u8]) -> Result<Facts, FactsError> {
        let mut r = unseal(MAGIC, file)?;
        // The checksum held, so a length that does not fit can only be a forgery; it is refused like any damage.
        let mut read = || -> Option<Facts> {
            Some(Facts {
                identity: Identity { release: r.text()?.to_owned(), build_id: r.bytes()?.to_vec() },
                config: r.list(|r| Some((r.text()?.to_owned(), r.text()?.to_owned())))?,
                vmlinux: r.object()?,
                exports: r.list(|r| {
                    let name = r.text()?.to_owned();
                    let gpl = r.u8()? != 0;
                    let namespace = r.text()?;
                    let namespace = (!namespace.is_empty()).then(|| namespace.to_owned());
                    Some((name, Export { gpl, namespace }))
                })?,
                syscalls: r.list(|r| Some((r.text()?.to_owned(), r.list(Reader::syscall_param)?)))?,
                btf: Btf::default(),
                modules: BTreeMap::new(),
                module_names: Vec::new(),
                debug: None,
            })
        };
        let facts = read().filter(is_plain).ok_or(FactsError::Damaged)?;
        let btf = r.btf().ok_or(FactsError::Damaged)?.map_err(FactsError::Btf)?;
        let read = || -> Option<Facts> {
            let kernel = Extent { types: r.u32()?, names: r.u32()? };
            Some(Facts {
                btf: btf.with_kernel(kernel)?,
                modules: r.list(|r| Some((r.text()?.to_owned(), r.module()?)))?,
                module_names: r.list(|r| Some(r.text()?.to_owned()))?,
                ..facts
            })
        };
        read().filter(|facts| r.is_at_end() && are_modules(facts)).ok_or(FactsError::Damaged)
    }
}

/// A file of this magic and these parts.
pub(crate) fn sealed(magic: [u8; 8], parts: Writer) -> Vec<u8> {
    let mut file = magic.to_vec();
    file.extend(checksum(&parts.0).to_le_bytes());
    file.extend(parts.0);
    file
}

/// The parts of a file, which has this magic and is whole.
pub(crate) fn unseal(magic: [u8; 8], file: &[u8]) -> Result<Reader<'_>, FactsError> {
    let (found, rest) = file.split_first_chunk::<8>().ok_or(FactsError::Format)?;
    if *found != magic {
        // The last byte is the version.
        let is_one = found[..7] == magic[..7];
        return Err(if is_one { FactsError::Version } else { FactsError::Format });
    }
    let (sum, rest) = rest.split_first_chunk::<8>().ok_or(FactsError::Damaged)?;
    match u64::from_le_bytes(*sum) == checksum(rest) {
        true => Ok(Reader(rest)),
        false => Err(FactsError::Damaged),
    }
}

/// Whether what gets into generated code, build files and messages is what a kernel can have there.
/// The table of symbols has proven its own names.
fn is_plain(facts: &Facts) -> bool {
    let graphic = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
    is_release(&facts.identity.release)
        && is_build_id(&facts.identity.build_id)
        && facts.exports.values().flat_map(|export| &export.namespace).all(|namespace| graphic(namespace))
        && facts
            .syscalls
            .values()
            .flatten()
            .all(|param| graphic(&param.name) && graphic(&param.ty.replace(' ', "")))
}

/// Whether the modules are some that a kernel can have: their names and build-ids get into generated code, their types are behind
/// those of the kernel, each in one module alone, and their sections follow one another.
fn are_modules(facts: &Facts) -> bool {
    let types = facts.btf.kernel().types + 1..facts.btf.len() as u32 + 1;
    let mut owned: Vec<_> = facts.modules.values().map(|module| module.types.clone()).collect();
    owned.sort_by_key(|own| (own.start, own.end));
    let is_inside =
        |own: &Range<u32>| types.start <= own.start && own.start <= own.end && own.end <= types.end;
    let mut names = facts.modules.iter().flat_map(|(name, module)| module.depends.iter().chain([name]));
    names.all(|name| is_module_name(name))
        && facts.module_names.iter().all(|name| is_module_name(name))
        && facts.modules.values().all(|module| {
            module.build_id.iter().all(|id| is_build_id(id)) && follow_one_another(&module.object.sections)
        })
        && owned.iter().all(is_inside)
        && owned.is_sorted_by(|before, behind| before.end <= behind.start)
}

/// Whether sections are in the order of their addresses and do not overlap.
fn follow_one_another(sections: &[Section]) -> bool {
    let mut free = Some(0);
    sections.iter().all(|section| {
        let is_free = free.is_some_and(|free| free <= section.address);
        free = section.address.checked_add(section.size);
        is_free
    }) && free.is_some()
}

/// FNV-1a over words of eight bytes: quick, and enough to notice damage. It is no protection from an attacker, who
/// could as well replace the file.
fn checksum(bytes: &[u8]) -> u64 {
    let mix = |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    let words = bytes.chunks_exact(8);
    let tail = words.remainder().iter().fold(bytes.len() as u64, |sum, &b| mix(sum, b.into()));
    words.fold(tail, |sum, word| match word.try_into() {
        Ok(word) => mix(sum, u64::from_le_bytes(word)),
        Err(_) => sum,
    })
}

/// The parts of a file on their way.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.u64(bytes.len() as u64);
        self.0.extend(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn list<I: IntoIterator<IntoIter: ExactSizeIterator>>(
        &mut self,
        items: I,
        mut write: impl FnMut(&mut Self, I::Item),
    ) {
        let items = items.into_iter();
        self.u64(items.len() as u64);
        for item in items {
            write(self, item);
        }
    }

    fn object(&mut self, object: &Object) {
        self.list(&object.sections, |w, section| {
            w.text(&section.name);
            w.u64(section.address);
            w.u64(section.size);
        });
        self.u64(object.symbols.len() as u64);
        for Sym { address, kind, name } in object.symbols.iter() {
            self.u64(address);
            self.0.push(kind as u8);
            self.text(name);
        }
        self.list(object.symbols.by_name(), |w, n| w.u32(*n));
        let mut sites: Vec<_> = object.sites.iter().collect();
        sites.sort_by_key(|(function, _)| **function);
        self.list(sites, |w, (function, site)| {
            w.u64(*function);
            w.u64(site.offset.into());
            w.0.extend(site.bytes);
        });
    }

    fn module(&mut self, module: &Module) {
        self.object(&module.object);
        // No build-id has no bytes.
        self.bytes(module.build_id.as_deref().unwrap_or_default());
        self.list(&module.depends, |w, name| w.text(name));
        self.u32(module.types.start);
        self.u32(module.types.end);
    }
}

/// The parts of a file, as far as they have not been read.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.u64()?).ok()?;
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// The length of a list. Every item takes a byte or more, so one that is forged reserves no more than the file has.
    fn len(&mut self) -> Option<usize> {
        usize::try_from(self.u64()?).ok().filter(|&len| len <= self.0.len())
    }

    pub(crate) fn list<T, L: FromIterator<T>>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<L> {
        let len = self.len()?;
        let mut items = Vec::with_capacity(len);
        for _ in 0..len {
            items.push(read(self)?);
        }
        Some(items.into_iter().collect())
    }

    /// Whether all has been read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    fn object(&mut self) -> Option<Object> {
        Some(Object {
            sections: self
                .list(|r| Some(Section { name: r.text()?.to_owned(), address: r.u64()?, size: r.u64()? }))?,
            symbols: self.symbols()?,
            sites: self
                .list(|r| Some((r.u64()?, Site { offset: r.u64()?.try_into().ok()?, bytes: r.array()? })))?,
        })
    }

    fn module(&mut self) -> Option<Module> {
        let object = self.object()?;
        let build_id = self.bytes()?;
        Some(Module {
            object,
            build_id: (!build_id.is_empty()).then(|| build_id.to_vec()),
            depends: self.list(|r| Some(r.text()?.to_owned()))?,
            types: self.u32()?..self.u32()?,
        })
    }

    fn syscall_param(&mut self) -> Option<SyscallParam> {
        Some(SyscallParam { ty: self.text()?.to_owned(), name: self.text()?.to_owned() })
    }

    fn symbols(&mut self) -> Option<Symbols> {
        let len = self.len()?;
        let mut symbols = Written::with_capacity(len);
        for _ in 0..len {
            symbols.push(self.u64()?, self.u8()?, self.bytes()?);
        }
        symbols.finish(self.list(Reader::u32)?)
    }

    fn btf(&mut self) -> Option<Result<Btf, BtfError>> {
        let bytes = self.bytes()?.to_vec();
        let index = Index {
            functions: self.list(|r| r.u32().map(BtfId))?,
            types: self.list(|r| r.u32().map(BtfId))?,
            constants: self.list(|r| Some((BtfId(r.u32()?), r.u32()?)))?,
        };
        Some(Btf::parse_indexed(bytes, index))
    }
}

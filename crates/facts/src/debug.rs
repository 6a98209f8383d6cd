// SPDX-License-Identifier: GPL-2.0
//! Debug information about the functions of a kernel or of a module: their source lines, the
//! functions that have an inlined copy of them, also of those that have no code of their own, and
//! the arguments of clones.
//!
//! A *debug file* holds it, in a format like that of the facts file and as quick to read. It is a
//! separate file because the debug information of a stock kernel is large and is fetched only on
//! request.

mod definitions;
mod modules;

use crate::clones::CloneArguments;
use crate::format::{are_graphic, sealed, unseal, Reader, Writer};
use crate::{FactsError, Symbols};
use definitions::Definitions;

pub use definitions::Definition;
pub use modules::DebugModules;

/// `KPSD` and the version of the format.
const MAGIC: [u8; 8] = *b"KPSD\0\0\0\x03";

/// Debug information about the functions of vmlinux or of a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DebugInfo {
    build_id: Vec<u8>,
    files: Vec<String>,
    /// By address.
    functions: Vec<Function>,
    /// Those that have copies, or no code at all.
    definitions: Definitions,
    /// By address.
    clones: Vec<(u64, CloneArguments)>,
}

/// A function that has code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Function {
    address: u64,
    place: SourceLine,
    /// The number of its definition, if that is kept.
    of: u32,
}

/// In place of the number of a definition that is not kept.
const NONE: u32 = u32::MAX;

/// A source line. Its file is an index into a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceLine {
    /// The index of the file.
    pub file: u32,
    /// The line, from 1.
    pub line: u32,
}

/// What a compiler has made of the functions of the source. Definitions are named by their indices.
#[derive(Debug, Clone, Default)]
pub struct Compiled {
    /// The definitions, each once.
    pub definitions: Vec<Definition>,
    /// The functions that have code: address, source line and definition, in any order.
    pub functions: Vec<(u64, SourceLine, Option<u32>)>,
    /// The copies in any order: the definition, the address of the function that has the copy, and
    /// the line of the call.
    pub copies: Vec<(u32, u64, SourceLine)>,
}

/// A definition in debug information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defined<'a> {
    /// Its file, relative to the kernel's source.
    pub file: &'a str,
    /// Its line.
    pub line: u32,
    number: u32,
}

/// An inlined copy of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copy<'a> {
    /// The address of the function that has the copy.
    pub caller: u64,
    /// The file that contains the call, relative to the kernel's source.
    pub file: &'a str,
    /// The line of the call.
    pub line: u32,
}

impl DebugInfo {
    /// Debug information of the kernel or module with this build-id.
    pub fn new(build_id: &[u8], files: &[String], compiled: Compiled) -> DebugInfo {
        let Compiled { mut definitions, mut functions, mut copies } = compiled;
        functions.sort_unstable();
        functions.dedup_by_key(|(address, ..)| *address);
        // Clones of a function contain the function itself; they are not callers.
        let definition_at = |address: u64| {
            let at = functions.binary_search_by_key(&address, |(address, ..)| *address).ok()?;
            functions[at].2
        };
        // The first call in each caller is enough to find the others.
        copies.sort_unstable();
        copies.dedup_by_key(|(of, caller, _)| (*of, *caller));
        copies.retain(|(of, caller, _)| definition_at(*caller) != Some(*of));
        // Symbols tell all about a function that has code and no copies.
        let mut is_kept = vec![true; definitions.len()];
        functions.iter().filter_map(|(.., of)| *of).for_each(|of| is_kept[of as usize] = false);
        copies.iter().for_each(|(of, ..)| is_kept[*of as usize] = true);
        let mut order: Vec<usize> = (0..definitions.len()).filter(|n| is_kept[*n]).collect();
        let file = |place: SourceLine| files.get(place.file as usize);
        order.sort_by_key(|&n| {
            let Definition { name, place } = &definitions[n];
            (name, file(*place), place.line)
        });
        let mut numbers = vec![NONE; definitions.len()];
        order.iter().zip(0..).for_each(|(&n, number)| numbers[n] = number);
        let number = |of: Option<u32>| of.map_or(NONE, |of| numbers[of as usize]);
        let functions = functions.iter().map(|&(address, place, of)| Function {
            address,
            place,
            of: number(of),
        });
        let mut kept = Files { all: files, numbers: vec![None; files.len()], kept: Vec::new() };
        let functions = functions.map(|f| Function { place: kept.place(f.place), ..f }).collect();
        order.iter().for_each(|&n| definitions[n].place = kept.place(definitions[n].place));
        copies.iter_mut().for_each(|(.., place)| *place = kept.place(*place));
        let copies_of = |n: usize| {
            let start = copies.partition_point(|(of, ..)| (*of as usize) < n);
            let end = copies.partition_point(|(of, ..)| (*of as usize) <= n);
            &copies[start..end]
        };
        let in_order = order.iter().map(|&n| (&definitions[n], copies_of(n)));
        DebugInfo {
            build_id: build_id.to_vec(),
            functions,
            definitions: Definitions::new(in_order),
            files: kept.kept,
            clones: Vec::new(),
        }
    }

    /// The same with the arguments of clones, by address and in any order.
    pub fn with_clones(mut self, mut clones: Vec<(u64, CloneArguments)>) -> DebugInfo {
        clones.sort_by_key(|(address, _)| *address);
        clones.dedup_by_key(|(address, _)| *address);
        self.clones = clones;
        self
    }

    /// The build-id of the kernel or module.
    pub fn build_id(&self) -> &[u8] {
        &self.build_id
    }

    /// Whether it describes functions. That of a patch crate has the arguments of clones alone.
    pub fn has_functions(&self) -> bool {
        !self.functions.is_empty()
    }

    /// The source file, relative to the kernel's source, and the line of the function at an
    /// address.
    pub fn position(&self, address: u64) -> Option<(&str, u32)> {
        let place = self.function(address)?.place;
        Some((self.file(place)?, place.line))
    }

    /// Whether each of these functions has a symbol, as in the module that this is about. Two files
    /// of one module may be laid out differently.
    pub fn fits(&self, symbols: &Symbols) -> bool {
        self.functions.iter().all(|function| symbols.at(function.address).next().is_some())
    }

    /// The functions that have an inlined copy of the function at an address, each once.
    pub fn inlined_into(&self, address: u64) -> impl Iterator<Item = Copy<'_>> {
        let of = self.function(address).map(|function| function.of as usize);
        of.into_iter().flat_map(|of| self.copies_at(of))
    }

    /// The definitions of a name that have copies, or that no code is left of.
    pub fn definitions<'a>(&'a self, name: &str) -> impl Iterator<Item = Defined<'a>> {
        self.definitions.named(name).filter_map(|n| {
            let place = self.definitions.place(n)?;
            Some(Defined { file: self.file(place)?, line: place.line, number: n as u32 })
        })
    }

    /// The functions that have an inlined copy of what is defined there, each once.
    pub fn copies_of(&self, defined: Defined<'_>) -> impl Iterator<Item = Copy<'_>> {
        self.copies_at(defined.number as usize)
    }

    /// The addresses of the functions that are compiled from a definition, such as its clones.
    pub fn compiled_from(&self, defined: Defined<'_>) -> impl Iterator<Item = u64> + '_ {
        let these = self.functions.iter().filter(move |function| function.of == defined.number);
        these.map(|function| function.address)
    }

    fn copies_at(&self, n: usize) -> impl Iterator<Item = Copy<'_>> {
        self.definitions.copies(n).filter_map(|(caller, place)| {
            Some(Copy { caller, file: self.file(place)?, line: place.line })
        })
    }

    fn function(&self, address: u64) -> Option<&Function> {
        let at = self.functions.binary_search_by_key(&address, |f| f.address).ok()?;
        self.functions.get(at)
    }

    /// The arguments of clones alone. The rest serves warnings, which `kpsc check` gives.
    pub(crate) fn of_clones(&self) -> DebugInfo {
        DebugInfo {
            build_id: self.build_id.clone(),
            clones: self.clones.clone(),
            ..DebugInfo::default()
        }
    }

    /// The arguments of the clone at an address.
    pub fn clone_at(&self, address: u64) -> Option<&CloneArguments> {
        let at = self.clones.binary_search_by_key(&address, |(address, _)| *address).ok()?;
        self.clones.get(at).map(|(_, arguments)| arguments)
    }

    fn file(&self, place: SourceLine) -> Option<&str> {
        self.files.get(place.file as usize).map(String::as_str)
    }

    /// The number of copies.
    pub fn copies(&self) -> usize {
        self.definitions.count()
    }

    /// The debug file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.bytes(&self.build_id);
        w.list(&self.files, |w, file| w.text(file));
        w.list(&self.functions, |w, function| {
            w.u64(function.address);
            w.place(&function.place);
            w.u32(function.of);
        });
        self.definitions.write(&mut w);
        w.list(&self.clones, |w, (address, arguments)| {
            w.u64(*address);
            arguments.write(w);
        });
        sealed(MAGIC, w)
    }

    /// Whether a text can be the path of a kernel source file.
    pub fn is_path(text: &str) -> bool {
        (1..4096).contains(&text.len()) && are_graphic(text.as_bytes())
    }

    /// Whether a text can be the name of a function in C.
    pub fn is_function(text: &str) -> bool {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_$.".contains(&b);
        (1..512).contains(&text.len()) && text.bytes().all(plain)
    }

    /// Reads a debug file.
    pub fn from_bytes(file: &[u8]) -> Result<DebugInfo, FactsError> {
        let mut r = unseal(MAGIC, file)?;
        let mut read = || -> Option<DebugInfo> {
            Some(DebugInfo {
                build_id: r.bytes()?.to_vec(),
                files: r.list(|r| Some(r.text()?.to_owned()))?,
                functions: r.records(|record: &[u8; 20]| {
                    let mut r = Reader(record);
                    let address = r.u64().unwrap_or_default();
                    let mut next = || r.u32().unwrap_or_default();
                    let place = SourceLine { file: next(), line: next() };
                    Function { address, place, of: next() }
                })?,
                definitions: Definitions::read(&mut r)?,
                clones: r.list(|r| Some((r.u64()?, CloneArguments::read(r)?)))?,
            })
        };
        // Lookups rely on the order, and messages contain the names.
        let info = read().filter(|info| {
            info.functions.is_sorted()
                && info.clones.is_sorted_by_key(|(address, _)| *address)
                && info.files.iter().all(|file| DebugInfo::is_path(file))
                && info.clones.iter().all(|(_, arguments)| arguments.is_plain())
        });
        info.filter(|_| r.is_at_end()).ok_or(FactsError::Damaged)
    }
}

/// The files that are used, with their new numbers.
struct Files<'a> {
    all: &'a [String],
    numbers: Vec<Option<u32>>,
    kept: Vec<String>,
}

impl Files<'_> {
    fn place(&mut self, place: SourceLine) -> SourceLine {
        let Some(number) = self.numbers.get_mut(place.file as usize) else { return place };
        let file = *number.get_or_insert_with(|| {
            self.kept.push(self.all[place.file as usize].clone());
            self.kept.len() as u32 - 1
        });
        SourceLine { file, ..place }
    }
}

impl Writer {
    fn place(&mut self, place: &SourceLine) {
        self.u32(place.file);
        self.u32(place.line);
    }
}

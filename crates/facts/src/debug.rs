// SPDX-License-Identifier: GPL-2.0
//! A kernel's debug information about its functions: their source lines, the functions that have an
//! inlined copy of them, and the arguments of clones.
//!
//! A *debug file* holds it, in a format like that of the facts file and as quick to read. It is a
//! separate file because the debug information of a stock kernel is large and is fetched only on
//! request.

use crate::clones::CloneArguments;
use crate::format::{sealed, unseal, Reader, Writer};
use crate::FactsError;

/// `KPSD` and the version of the format.
const MAGIC: [u8; 8] = *b"KPSD\0\0\0\x02";

/// Debug information about the functions of vmlinux.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DebugInfo {
    build_id: Vec<u8>,
    files: Vec<String>,
    /// By address.
    functions: Vec<(u64, SourceLine)>,
    /// By the inlined function and the one that has the copy.
    copies: Vec<(u64, u64, SourceLine)>,
    /// By address.
    clones: Vec<(u64, CloneArguments)>,
}

/// A source line. Its file is an index into a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceLine {
    /// The index of the file.
    pub file: u32,
    /// The line, from 1.
    pub line: u32,
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
    /// Debug information of the kernel with this build-id: functions by address, and copies by the
    /// addresses of the inlined function and of the one that has the copy, both in any order.
    pub fn new(
        build_id: &[u8],
        files: &[String],
        mut functions: Vec<(u64, SourceLine)>,
        mut copies: Vec<(u64, u64, SourceLine)>,
    ) -> DebugInfo {
        functions.sort_unstable();
        functions.dedup_by_key(|(address, _)| *address);
        // The first call in each caller is enough to find the others.
        copies.sort_unstable();
        copies.dedup_by_key(|(of, caller, _)| (*of, *caller));
        let mut kept = DebugInfo {
            build_id: build_id.to_vec(),
            files: Vec::new(),
            functions,
            copies,
            clones: Vec::new(),
        };
        kept.keep_files(files);
        kept
    }

    /// The same with the arguments of clones, by address and in any order.
    pub fn with_clones(mut self, mut clones: Vec<(u64, CloneArguments)>) -> DebugInfo {
        clones.sort_by_key(|(address, _)| *address);
        clones.dedup_by_key(|(address, _)| *address);
        self.clones = clones;
        self
    }

    /// Keeps only the files that are used, and renumbers them.
    fn keep_files(&mut self, all: &[String]) {
        let mut numbers = vec![None; all.len()];
        let places = self.functions.iter_mut().map(|(_, place)| place);
        for place in places.chain(self.copies.iter_mut().map(|(_, _, place)| place)) {
            let Some(number) = numbers.get_mut(place.file as usize) else { continue };
            place.file = *number.get_or_insert_with(|| {
                self.files.push(all[place.file as usize].clone());
                self.files.len() as u32 - 1
            });
        }
    }

    /// The build-id of the kernel.
    pub fn build_id(&self) -> &[u8] {
        &self.build_id
    }

    /// The source file, relative to the kernel's source, and the line of the function at an
    /// address.
    pub fn position(&self, address: u64) -> Option<(&str, u32)> {
        let at = self.functions.binary_search_by_key(&address, |(address, _)| *address).ok()?;
        let (_, place) = self.functions.get(at)?;
        Some((self.file(*place)?, place.line))
    }

    /// The functions that have an inlined copy of the function at an address, each once.
    pub fn inlined_into(&self, address: u64) -> impl Iterator<Item = Copy<'_>> {
        let start = self.copies.partition_point(|(of, _, _)| *of < address);
        let copies = self.copies[start..].iter().take_while(move |(of, _, _)| *of == address);
        copies.filter_map(|&(_, caller, place)| {
            Some(Copy { caller, file: self.file(place)?, line: place.line })
        })
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
        self.copies.len()
    }

    /// The debug file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.bytes(&self.build_id);
        w.list(&self.files, |w, file| w.text(file));
        w.list(&self.functions, |w, (address, place)| {
            w.u64(*address);
            w.place(place);
        });
        w.list(&self.copies, |w, (of, caller, place)| {
            w.u64(*of);
            w.u64(*caller);
            w.place(place);
        });
        w.list(&self.clones, |w, (address, arguments)| {
            w.u64(*address);
            arguments.write(w);
        });
        sealed(MAGIC, w)
    }

    /// Whether a text can be the path of a kernel source file.
    pub fn is_path(text: &str) -> bool {
        (1..4096).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// Reads a debug file.
    pub fn from_bytes(file: &[u8]) -> Result<DebugInfo, FactsError> {
        let mut r = unseal(MAGIC, file)?;
        let mut read = || -> Option<DebugInfo> {
            Some(DebugInfo {
                build_id: r.bytes()?.to_vec(),
                files: r.list(|r| Some(r.text()?.to_owned()))?,
                functions: r.list(|r| Some((r.u64()?, r.place()?)))?,
                copies: r.list(|r| Some((r.u64()?, r.u64()?, r.place()?)))?,
                clones: r.list(|r| Some((r.u64()?, CloneArguments::read(r)?)))?,
            })
        };
        // Lookups rely on the order, and messages contain the names.
        let info = read().filter(|info| {
            info.functions.is_sorted()
                && info.copies.is_sorted()
                && info.clones.is_sorted_by_key(|(address, _)| *address)
                && info.files.iter().all(|file| DebugInfo::is_path(file))
                && info.clones.iter().all(|(_, arguments)| arguments.is_plain())
        });
        info.filter(|_| r.is_at_end()).ok_or(FactsError::Damaged)
    }
}

impl Writer {
    fn place(&mut self, place: &SourceLine) {
        self.u32(place.file);
        self.u32(place.line);
    }
}

impl Reader<'_> {
    fn place(&mut self) -> Option<SourceLine> {
        Some(SourceLine { file: self.u32()?, line: self.u32()? })
    }
}

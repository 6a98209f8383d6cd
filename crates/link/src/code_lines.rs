// SPDX-License-Identifier: GPL-2.0
//! Maps an address in an object's code to its source lines.

use super::object_file::{Address, ObjectFile};
use addr2line::gimli::{Dwarf, EndianSlice, Error, LittleEndian, SectionId};
use addr2line::Context;

/// The line table that compilers leave in an object.
pub struct CodeLines<'o>(Context<EndianSlice<'o, LittleEndian>>);

/// A source line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeLine {
    /// The file, as it was passed to the compiler.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1; 0 if unknown.
    pub column: usize,
}

impl<'o> CodeLines<'o> {
    /// Reads the table; `None` if it is damaged.
    pub fn read(object: &'o ObjectFile<'_>) -> Option<Self> {
        let load = |section: SectionId| -> Result<_, Error> {
            Ok(EndianSlice::new(object.debug(section.name()), LittleEndian))
        };
        Context::from_dwarf(Dwarf::load(load).ok()?).ok().map(CodeLines)
    }

    /// The lines of an address: first the innermost inlined function's, then those of the calls,
    /// outwards.
    pub fn at(&self, place: Address) -> Vec<CodeLine> {
        /// No call chain has more inlined functions.
        const MAX_DEPTH: usize = 256;
        let mut lines = Vec::new();
        let Ok(mut frames) = self.0.find_frames(place).skip_all_loads() else { return lines };
        while let Ok(Some(frame)) = frames.next() {
            let location =
                frame.location.and_then(|at| Some((at.file?, at.line?, at.column.unwrap_or(0))));
            lines.extend(location.map(|(file, line, column)| CodeLine {
                file: file.to_owned(),
                line: line as usize,
                column: column as usize,
            }));
            if lines.len() == MAX_DEPTH {
                break;
            }
        }
        lines
    }
}

// SPDX-License-Identifier: GPL-2.0
//! From a place in an object's code to the lines that it was made of.

use super::object_file::{Address, ObjectFile};
use addr2line::gimli::{Dwarf, EndianSlice, Error, LittleEndian, SectionId};
use addr2line::Context;

/// The table of lines that compilers leave in an object.
pub struct CodeLines<'o>(Context<EndianSlice<'o, LittleEndian>>);

/// A line of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeLine {
    /// The file, as the compiler was told of it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1; 0 if the compiler does not say.
    pub column: usize,
}

impl<'o> CodeLines<'o> {
    /// Reads the table; none if it is damaged.
    pub fn read(object: &'o ObjectFile<'_>) -> Option<Self> {
        let load = |section: SectionId| -> Result<_, Error> {
            Ok(EndianSlice::new(object.debug(section.name()), LittleEndian))
        };
        Context::from_dwarf(Dwarf::load(load).ok()?).ok().map(CodeLines)
    }

    /// The lines of a place: that of the function which was inlined last first, then where each was
    /// called.
    pub fn at(&self, place: Address) -> Vec<CodeLine> {
        /// Nobody calls through more functions that are all inlined.
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

//! The way from a line of generated code back to the spec.

use kps_grammar::Place;
use std::fmt;

/// Which lines of the generated crate root hold text of the spec.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineTable {
    /// The generated file.
    pub file: String,
    /// The spec's file, without folders.
    pub spec: String,
    /// By generated line.
    pub lines: Vec<Line>,
}

/// One generated line that holds text of the spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The generated line, from 1.
    pub generated: usize,
    /// The spec's line, from 1.
    pub spec: usize,
    /// What to add to a generated column to get the spec's. Only the first line of a piece is moved.
    pub shift: isize,
    /// The generated columns that are the spec's, from the first to the one behind the last.
    pub columns: (usize, usize),
}

impl LineTable {
    /// The place in the spec of a place in a generated file.
    pub fn to_spec(&self, file: &str, place: Place) -> Option<Place> {
        if file != self.file {
            return None;
        }
        let n = self.lines.binary_search_by_key(&place.line, |line| line.generated).ok()?;
        let Line { spec, shift, columns: (first, end), .. } = self.lines[n];
        (first..=end)
            .contains(&place.column)
            .then(|| Place { line: spec, column: place.column.saturating_add_signed(shift).max(1) })
    }
}

impl LineTable {
    /// The end of the last piece of the spec between two lines of a generated file.
    pub fn last_inside(&self, file: &str, first: usize, last: usize) -> Option<Place> {
        let end = self.lines.partition_point(|line| line.generated <= last);
        let line = self.lines[..end].last().filter(|line| line.generated > first && file == self.file)?;
        let column = line.columns.1.saturating_add_signed(line.shift).max(1);
        Some(Place { line: line.spec, column })
    }
}

impl fmt::Display for LineTable {
    /// The table as a file beside the generated code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {} line, {} line, columns to add", self.file, self.spec)?;
        for line in &self.lines {
            writeln!(f, "{} {} {}", line.generated, line.spec, line.shift)?;
        }
        Ok(())
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Maps a line of generated code back to the spec and its files.

use kps_grammar::{Language, Position, Sources, Span};

/// The lines of the generated crate root that contain the author's text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineTable {
    /// The generated file. A crate has none: its lines are those of the author's own files.
    pub file: Option<String>,
    /// Ordered by generated line.
    pub lines: Vec<Line>,
}

/// One generated line with the author's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The generated line, from 1.
    pub generated: usize,
    /// Its text, as a span of the spec and its files.
    pub text: Span,
    /// The generated column of its start, from 1.
    pub column: usize,
}

impl Line {
    /// The byte at a generated column; `None` past the end of the author's text.
    fn byte(&self, sources: &Sources, column: usize) -> Option<usize> {
        let text = sources.slice(self.text);
        let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        let at = ends.nth(column.checked_sub(self.column)?)?;
        Some(self.text.start + at)
    }
}

impl LineTable {
    /// The byte of the author's text at a position in a file, which is given by its path in the
    /// folder that is built.
    pub fn home(&self, sources: &Sources, path: &str, place: Position) -> Option<usize> {
        if self.file.is_none() {
            let file = sources.find(Language::Rust, path.trim_start_matches(['.', '/']))?;
            let byte = file.source.byte(place)?;
            return Some(file.global(Span::new(byte, byte)).start);
        }
        if !self.is_it(path) {
            return None;
        }
        self.on_line(place.line).rev().find_map(|line| line.byte(sources, place.column))
    }

    /// The first snippet of the author's text on a line of a generated file.
    pub fn snippet_on(&self, file: &str, line: usize) -> Option<Span> {
        self.on_line(line).next().filter(|_| self.is_it(file)).map(|line| line.text)
    }

    /// Whether a path names the generated file.
    fn is_it(&self, path: &str) -> bool {
        self.file.as_deref().is_some_and(|file| path.rsplit('/').next() == Some(file))
    }

    fn on_line(&self, number: usize) -> impl DoubleEndedIterator<Item = &Line> {
        let start = self.lines.partition_point(|line| line.generated < number);
        self.lines[start..]
            .iter()
            .take_while(move |line| line.generated == number)
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// The end of the last snippet of the author's text between two lines of a generated file.
    pub fn last_inside(&self, file: &str, first: usize, last: usize) -> Option<usize> {
        let end = self.lines.partition_point(|line| line.generated <= last);
        let line =
            self.lines[..end].last().filter(|line| line.generated > first && self.is_it(file))?;
        Some(line.text.end)
    }

    /// The table as a file next to the generated code: the number of a line, the source position of
    /// its text, and the number to add to its columns.
    pub fn listing(&self, sources: &Sources) -> String {
        let file = self.file.as_deref().unwrap_or_default();
        let mut listing = format!("# {file} line, place of its text, columns to add\n");
        for line in &self.lines {
            let (path, place) =
                (&sources.file(line.text.start).path, sources.place(line.text.start));
            let add = place.column as isize - line.column as isize;
            listing.push_str(&format!("{} {path}:{} {add}\n", line.generated, place.line));
        }
        listing
    }
}

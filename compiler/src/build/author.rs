// SPDX-License-Identifier: GPL-2.0
//! Maps the output of build tools to the author's text: from lines of generated files, symbols of
//! the module, and names.

use crate::emit::{Emitted, C_FOLDER};
use kps_diag::Diagnostic;
use kps_grammar::ast::Form;
use kps_grammar::{identifiers, File, Language, Position, Sources, Span};
use kps_link::{CodeLine, CodeLines, ObjectFile};

/// The label where the author's text names a symbol.
pub(super) const NAMED: &str = "it is named here";
/// The label where something from a header names it.
pub(super) const IN_A_MACRO: &str = "a macro or an inline function of the kernel uses it here";

/// The author's text, and the tables to find it.
#[derive(Clone, Copy)]
pub(super) struct Author<'a> {
    pub emitted: &'a Emitted,
    pub sources: &'a Sources,
}

impl<'a> Author<'a> {
    /// The author's text at a position in a generated file: the word there, or the line of a C
    /// file.
    pub(super) fn at(&self, line: &CodeLine) -> Option<Span> {
        if let Some(file) = self.c_file(&line.file) {
            return self.c_word(file, line.line, line.column);
        }
        let name = line.file.as_str();
        let lines = &self.emitted.lines;
        let place = Position { line: line.line, column: line.column };
        let Some(start) = lines.home(self.sources, name, place) else {
            return lines.snippet_on(name, line.line);
        };
        let file = self.sources.file(start);
        let rest = file.source.text.get(file.local(Span::new(start, start)).start..)?;
        let len = word(rest).len().max(rest.chars().next().map_or(0, char::len_utf8));
        Some(Span::new(start, start + len))
    }

    /// The author's C file whose path, below the folder of these files, is the end of this path.
    pub(super) fn c_file(&self, path: &str) -> Option<&'a File> {
        let mut files = self.sources.files().filter(|file| file.language == Language::C);
        files.find(|file| {
            let rest = path.strip_suffix(file.path.as_str());
            let is_whole = |rest: &str| rest.is_empty() || rest.ends_with('/');
            // A crate is built in its own folder.
            if self.emitted.form == Form::Crate {
                return rest.is_some_and(is_whole);
            }
            let rest = rest.and_then(|rest| rest.strip_suffix('/')?.strip_suffix(C_FOLDER));
            rest.is_some_and(is_whole)
        })
    }

    /// The word at a position in a C file; the column counts bytes.
    pub(super) fn c_word(&self, file: &File, line: usize, column: usize) -> Option<Span> {
        let whole = self.c_line(file, line)?;
        let start =
            file.source.text.get(..file.local(whole).start)?.rfind('\n').map_or(0, |end| end + 1);
        let start = start + column.saturating_sub(1);
        let len = word(file.source.text.get(start..file.local(whole).end)?).len();
        Some(if len == 0 { whole } else { file.global(Span::new(start, start + len)) })
    }

    /// A line of a file, without the space around it.
    pub(super) fn c_line(&self, file: &File, line: usize) -> Option<Span> {
        let text = &file.source.text;
        let mut lines = text.split_inclusive('\n').scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start, line))
        });
        let (start, line) = lines.nth(line.checked_sub(1)?)?;
        let start = start + (line.len() - line.trim_start().len());
        let len = line.trim().len();
        Some(file.global(Span::new(start, start + len)))
    }

    /// The name in the spec of the function that a symbol was generated for.
    pub(super) fn function(&self, symbol: &str) -> Option<Span> {
        self.emitted.functions.get(symbol).copied()
    }

    /// The first use of a name in each body, item and C file of the author.
    pub(super) fn naming(&self, name: &str) -> Vec<Span> {
        let in_c = self.sources.files().filter(|file| file.language == Language::C);
        let in_c = in_c.map(|file| (file.span(), Language::C));
        let pieces = self.emitted.pieces.iter().map(|piece| (*piece, Language::Rust)).chain(in_c);
        let first = |(piece, language): (Span, Language)| {
            let (at, _) =
                identifiers(self.sources.slice(piece), language).find(|&(_, word)| word == name)?;
            Some(Span::new(piece.start + at, piece.start + at + name.len()))
        };
        pieces.filter_map(first).collect()
    }

    /// The first place in each body, item and file of the author where a text has a name that may
    /// not be a word of the language.
    pub(super) fn saying(&self, name: &str) -> Vec<Span> {
        let is_crate = self.emitted.form == Form::Crate;
        let files = self.sources.files();
        let files = files.filter(|file| file.language == Language::C || is_crate).map(File::span);
        let pieces = self.emitted.pieces.iter().copied().filter(|_| !is_crate);
        let first = |piece: Span| {
            let at = piece.start + self.sources.slice(piece).find(name)?;
            Some(Span::new(at, at + name.len()))
        };
        pieces.chain(files).filter_map(first).collect()
    }

    /// The lines where an object's code uses a symbol that the source does not name, because a
    /// macro or an inline function of the kernel uses it.
    pub(super) fn using(&self, name: &str, object: &ObjectFile<'_>) -> Vec<Span> {
        let Some(lines) = CodeLines::read(object) else { return Vec::new() };
        let uses = object.uses().filter(|used| used.in_code && used.symbol == name);
        let places =
            uses.filter_map(|used| lines.at(used.at).iter().find_map(|line| self.at(line)));
        let mut places: Vec<Span> = places.collect();
        places.dedup();
        places
    }

    /// Adds the generated line, for readers of `--emit source`.
    pub(super) fn note(&self, diagnostic: Diagnostic, line: &CodeLine) -> Diagnostic {
        // In C and in a crate the file is the author's own.
        let is_own = self.emitted.form == Form::Crate || self.c_file(&line.file).is_some();
        match is_own {
            true => diagnostic,
            false => diagnostic.note(generated(&line.file, line.line, line.column)),
        }
    }
}

/// The identifier or number at the start of a text.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// The note about a position in generated code.
pub(super) fn generated(file: &str, line: usize, column: usize) -> String {
    let file = file.rsplit('/').next().unwrap_or_default();
    match column {
        0 => format!("generated as {file}:{line}"),
        _ => format!("generated as {file}:{line}:{column}"),
    }
}

// SPDX-License-Identifier: GPL-2.0
//! A spec and the files that it names, as one text: a span identifies its file by itself, and code
//! that passes spans on need not know that there are several files.

use crate::{Position, Source, Span};

/// A spec and the files that it names. A span is a byte range over all of their texts, one after
/// the other, the spec's first.
#[derive(Debug, Clone)]
pub struct Sources {
    files: Vec<File>,
}

/// The language of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// The language of specs.
    Spec,
    /// Rust.
    Rust,
    /// C, headers too.
    C,
    /// TOML: the manifest of a crate.
    Toml,
}

/// One of the files.
#[derive(Debug, Clone)]
pub struct File {
    /// Its language.
    pub language: Language,
    /// Its path from the spec's folder, for generated code: only plain characters.
    pub path: String,
    /// Its text. Spans in it count from its own start.
    pub source: Source,
    /// The byte of the whole text at which it starts.
    start: usize,
}

impl File {
    /// The span of the whole file.
    pub fn span(&self) -> Span {
        Span::new(self.start, self.start + self.source.text.len())
    }

    /// Whether a span starts in this file.
    pub fn holds(&self, span: Span) -> bool {
        (self.start..=self.span().end).contains(&span.start)
    }

    /// A span of the whole text as a span of this file, in which it starts.
    pub fn local(&self, span: Span) -> Span {
        let end = self.source.text.len();
        Span::new((span.start - self.start).min(end), span.end.saturating_sub(self.start).min(end))
    }

    /// A span of this file as one of the whole text.
    pub fn global(&self, span: Span) -> Span {
        span.moved(self.start)
    }
}

impl Sources {
    /// A spec that names no files, or whose files are not read yet.
    pub fn new(spec: Source) -> Self {
        let path = plain(spec.name.rsplit('/').next().unwrap_or_default());
        Sources { files: vec![File { language: Language::Spec, path, source: spec, start: 0 }] }
    }

    /// The spec.
    pub fn spec(&self) -> &Source {
        &self.files[0].source
    }

    /// Adds a file by its path from the spec's folder.
    pub fn add(&mut self, language: Language, path: &str, source: Source) -> &File {
        // The position after the last byte of a file still belongs to it.
        let start = self.files.last().map_or(0, |last| last.span().end + 1);
        self.files.push(File { language, path: plain(path), source, start });
        &self.files[self.files.len() - 1]
    }

    /// A file by its path.
    pub fn find(&self, language: Language, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.language == language && file.path == path)
    }

    /// All files, the spec first.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// The file that a byte is in.
    pub fn file(&self, byte: usize) -> &File {
        &self.files[self.files.partition_point(|file| file.start <= byte) - 1]
    }

    /// The text of a span.
    pub fn slice(&self, span: Span) -> &str {
        let file = self.file(span.start);
        file.source.slice(file.local(span))
    }

    /// The line and column of a byte in its file.
    pub fn place(&self, byte: usize) -> Position {
        let file = self.file(byte);
        file.source.place(file.local(Span::new(byte, byte)).start)
    }
}

/// The path with `_` in place of every character that is not plain.
fn plain(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-/".contains(c);
    path.chars().map(|c| if plain(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_says_which_file_it_is_in() {
        let mut sources = Sources::new(Source::new("dir/a b.kps", "one\ntwo"));
        let empty = sources.add(Language::Rust, "empty.rs", Source::new("dir/empty.rs", "")).span();
        let last =
            sources.add(Language::Rust, "sub/c.rs", Source::new("dir/sub/c.rs", "x\nyz")).span();
        let found =
            [0, 7, empty.start, last.start, last.end].map(|byte| sources.file(byte).path.clone());
        assert_eq!(found, ["a_b.kps", "a_b.kps", "empty.rs", "sub/c.rs", "sub/c.rs"]);
        assert_eq!(sources.place(last.end), Position { line: 2, column: 3 });
        assert_eq!(sources.slice(Span::new(last.start + 2, last.end)), "yz");
        assert_eq!(sources.slice(empty), "");
        let file = sources.file(last.start);
        assert_eq!(file.global(file.local(last)), last);
    }
}

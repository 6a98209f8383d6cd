//! The file that a spec is read from, and places in it.

/// A piece of the text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte behind the last.
    pub end: usize,
}

impl Span {
    /// From one byte to another.
    pub fn new(start: usize, end: usize) -> Self {
        Span { start, end }
    }

    /// From the start of this to the end of another.
    pub fn to(self, end: Span) -> Span {
        Span { start: self.start, end: end.end }
    }
}

/// A line and a column, both counted from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A spec's text and the name it is known by.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path as the user wrote it.
    pub name: String,
    /// The text.
    pub text: String,
    /// Where each line starts.
    lines: Vec<usize>,
}

impl Source {
    /// A file that has been read. However a system marks the start of a text and the ends of its lines, it is the same
    /// spec: rustc takes it so too.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n");
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Source { name: name.into(), text, lines }
    }

    /// The file's name without folders, for generated code: whatever is no plain character there is `_`.
    pub fn file(&self) -> String {
        let file = self.name.rsplit('/').next().unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
        file.chars().map(|c| if plain(c) { c } else { '_' }).collect()
    }

    /// The text of a span.
    pub fn slice(&self, span: Span) -> &str {
        &self.text[span.start..span.end]
    }

    /// The line and column of a byte.
    pub fn place(&self, byte: usize) -> Place {
        let line = self.lines.partition_point(|&start| start <= byte);
        let start = self.lines[line - 1];
        Place { line, column: self.text[start..byte].chars().count() + 1 }
    }

    /// The byte at a line and column, at most the end of the line.
    pub fn byte(&self, place: Place) -> usize {
        let Some(&start) = self.lines.get(place.line - 1) else { return self.text.len() };
        let end = self.lines.get(place.line).map_or(self.text.len(), |next| next - 1);
        let line = &self.text[start..end];
        start + line.char_indices().nth(place.column - 1).map_or(line.len(), |(at, _)| at)
    }
}

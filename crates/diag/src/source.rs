// SPDX-License-Identifier: GPL-2.0
//! The text of a file, and positions in it.

use crate::Span;

/// A line and a column, both counted from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A file's text and its name.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path as the user would type it.
    pub name: String,
    /// The text.
    pub text: String,
    /// The first byte of each line.
    lines: Vec<usize>,
    /// The number of characters that start before each block of bytes, because a spec may be one
    /// long line.
    chars: Vec<usize>,
}

/// The size of a block in bytes.
const BLOCK: usize = 1024;

/// The number of characters that start in these bytes.
fn starts(bytes: &[u8]) -> usize {
    const CONTINUES: u8 = 0b1000_0000;
    bytes.iter().filter(|&&byte| byte & 0b1100_0000 != CONTINUES).count()
}

impl Source {
    /// A file's text. A byte order mark is dropped and line ends are normalized, as compilers do.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n");
        let lines =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut before = 0;
        let blocks = text.as_bytes().chunks(BLOCK).map(|block| {
            before += starts(block);
            before
        });
        let chars = std::iter::once(0).chain(blocks).collect();
        Source { name: name.into(), text, lines, chars }
    }

    /// The text of a span.
    pub fn slice(&self, span: Span) -> &str {
        &self.text[span.start..span.end]
    }

    /// The line of a byte, counted from 1.
    pub fn line(&self, byte: usize) -> usize {
        self.lines.partition_point(|&start| start <= byte)
    }

    /// The line and column of a byte.
    pub fn place(&self, byte: usize) -> Position {
        let line = self.line(byte);
        let column = self.chars_before(byte) - self.chars_before(self.lines[line - 1]) + 1;
        Position { line, column }
    }

    /// The byte of a line and column; `None` past the end of the line.
    pub fn byte(&self, place: Position) -> Option<usize> {
        let start = *self.lines.get(place.line.checked_sub(1)?)?;
        let line = self.text.get(start..)?.split('\n').next()?;
        let mut ends = line.char_indices().map(|(at, _)| at).chain([line.len()]);
        Some(start + ends.nth(place.column.checked_sub(1)?)?)
    }

    fn chars_before(&self, byte: usize) -> usize {
        let block = byte / BLOCK;
        self.chars[block] + starts(&self.text.as_bytes()[block * BLOCK..byte])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_a_place() {
        let text = "é\n\u{1f980} x\n\n".to_owned() + &"aé\u{1f980}".repeat(BLOCK) + "\nend";
        let source = Source::new("x.kps", text.clone());
        let (mut line, mut column) = (1, 1);
        for (at, c) in text.char_indices() {
            assert_eq!(source.place(at), Position { line, column }, "byte {at}");
            (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        assert_eq!(source.place(text.len()), Position { line: 5, column: 4 });
    }
}

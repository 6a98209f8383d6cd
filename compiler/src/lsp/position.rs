// SPDX-License-Identifier: GPL-2.0
//! Positions: bytes of a text here, lines and columns in the protocol.

use kps_grammar::{Source, Span};
use lsp_types::{ClientCapabilities, Position, PositionEncodingKind, Range};

/// How columns are counted. Client and server agree on it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Bytes.
    Utf8,
    /// Units of UTF-16, which every client understands.
    Utf16,
}

impl Encoding {
    /// Bytes, if the client can count them.
    pub(super) fn chosen(client: &ClientCapabilities) -> Encoding {
        let general = client.general.as_ref();
        let offered = general.and_then(|general| general.position_encodings.as_ref());
        match offered.is_some_and(|offered| offered.contains(&PositionEncodingKind::UTF8)) {
            true => Encoding::Utf8,
            false => Encoding::Utf16,
        }
    }

    /// Its name in the protocol.
    pub(super) fn kind(self) -> PositionEncodingKind {
        match self {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    fn len(self, text: &str) -> usize {
        match self {
            Encoding::Utf8 => text.len(),
            Encoding::Utf16 => text.encode_utf16().count(),
        }
    }

    /// The position of a byte.
    pub(super) fn position(self, source: &Source, byte: usize) -> Position {
        let line = source.line(byte);
        let before = source.text.get(start_of(source, line)..byte).unwrap_or_default();
        Position { line: line as u32 - 1, character: self.len(before) as u32 }
    }

    /// The range of a span.
    pub(super) fn range(self, source: &Source, span: Span) -> Range {
        Range { start: self.position(source, span.start), end: self.position(source, span.end) }
    }

    /// The byte of a position. Behind the end of a line it is that end, and behind the last line
    /// the end of the text, as the protocol demands.
    pub(super) fn byte(self, source: &Source, position: Position) -> usize {
        let start = start_of(source, position.line as usize + 1);
        let line = source.text[start..].split('\n').next().unwrap_or_default();
        let is_reached = |at: &usize| self.len(&line[..*at]) >= position.character as usize;
        let mut places = line.char_indices().map(|(at, _)| at);
        start + places.find(is_reached).unwrap_or(line.len())
    }
}

/// The first byte of a line, which counts from 1.
fn start_of(source: &Source, line: usize) -> usize {
    source.byte(kps_grammar::Position { line, column: 1 }).unwrap_or(source.text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_a_position_in_both_encodings() {
        let source = Source::new("x.kps", "aé\u{1f980}b\r\n\ncd");
        for (byte, line, utf8, utf16) in [
            (0, 0, 0, 0),
            (1, 0, 1, 1),
            (3, 0, 3, 2),
            (7, 0, 7, 4),
            (8, 0, 8, 5),
            (9, 1, 0, 0),
            (10, 2, 0, 0),
            (12, 2, 2, 2),
        ] {
            for (encoding, character) in [(Encoding::Utf8, utf8), (Encoding::Utf16, utf16)] {
                let position = Position { line, character };
                assert_eq!(encoding.position(&source, byte), position, "{byte} {encoding:?}");
                assert_eq!(encoding.byte(&source, position), byte, "{position:?} {encoding:?}");
            }
        }
    }

    #[test]
    fn a_position_outside_of_the_text_is_at_the_nearest_end() {
        let source = Source::new("x.kps", "ab\n\u{1f980}");
        for (line, character, byte) in [(0, 9, 2), (7, 0, 7), (1, 1, 7), (u32::MAX, u32::MAX, 7)] {
            let position = Position { line, character };
            assert_eq!(Encoding::Utf16.byte(&source, position), byte, "{position:?}");
        }
    }
}

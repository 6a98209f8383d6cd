// SPDX-License-Identifier: GPL-2.0
//! The formatted text so far.

/// The width at which a line is broken.
pub(super) const WIDTH: usize = 100;
/// The indentation of a level. A tab in the author's text advances to the next multiple of it.
pub(super) const INDENT: usize = 4;

/// Text that grows at its end.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) text: String,
    /// The number of characters in the last line.
    column: usize,
    /// The number of spaces at the start of the last line.
    indent: usize,
}

impl Page {
    /// Appends text.
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        match text.rsplit_once('\n') {
            None => self.column += text.chars().count(),
            Some((_, line)) => {
                self.column = line.chars().count();
                self.indent = indentation(line);
            }
        }
    }

    /// Starts a line, after an empty one if `blank` is set.
    pub(super) fn line(&mut self, blank: bool, indent: usize) {
        if !self.text.is_empty() {
            self.text.push_str(if blank { "\n\n" } else { "\n" });
        }
        self.text.extend(std::iter::repeat_n(' ', indent));
        (self.column, self.indent) = (indent, indent);
    }

    /// Appends spaces up to a column, counted from the line's indentation: at least one, and only
    /// one if the column is too far right.
    pub(super) fn reach(&mut self, place: Option<usize>) {
        let wanted = place.map(|place| self.indent + place).filter(|&column| column <= WIDTH);
        let spaces = wanted.and_then(|column| column.checked_sub(self.column)).unwrap_or(1).max(1);
        self.push(&" ".repeat(spaces));
    }
}

/// The columns that a line is indented by.
pub(super) fn indentation(line: &str) -> usize {
    let mut columns = 0;
    for c in line.chars() {
        columns = match c {
            ' ' => columns + 1,
            '\t' => (columns / INDENT + 1) * INDENT,
            _ => break,
        };
    }
    columns
}

/// Whether lines that start at an indentation stay within the width.
pub(super) fn fits(indent: usize, text: &str) -> bool {
    text.lines().all(|line| indent + line.chars().count() <= WIDTH)
}

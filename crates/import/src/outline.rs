// SPDX-License-Identifier: GPL-2.0
//! Where the files and the hunks of a diff are in its text, for messages.

use kps_diag::Span;
use std::ops::Range;

/// A file of a diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outline {
    /// The line that names it.
    pub(crate) place: Span,
    /// Its hunks.
    pub(crate) hunks: Vec<Hunk>,
}

/// A hunk of a diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// The line that starts it, with `@@`.
    pub place: Span,
    /// The lines that the file has there once the fix is applied, counted from 1.
    pub lines: Range<usize>,
}

/// The files of a diff. A line of a hunk may look like a head, so the lines of hunks are counted.
pub(crate) fn outline(text: &str, is_git: bool) -> Vec<Outline> {
    let mut files: Vec<Outline> = Vec::new();
    let (mut old, mut new) = (0_usize, 0_usize);
    let mut at = 0;
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let place = Span::new(at, at + line.trim_end().len());
        at += line.len();
        if old > 0 || new > 0 {
            let counts = match line.as_bytes().first() {
                Some(b'-') => (1, 0),
                Some(b'+') => (0, 1),
                Some(b'\\') => (0, 0),
                _ => (1, 1),
            };
            (old, new) = (old.saturating_sub(counts.0), new.saturating_sub(counts.1));
            continue;
        }
        let names_a_file = match is_git {
            true => line.starts_with("diff --git "),
            false => {
                line.starts_with("--- ")
                    && lines.peek().is_some_and(|next| next.starts_with("+++ "))
            }
        };
        if names_a_file {
            files.push(Outline { place, hunks: Vec::new() });
        } else if let (Some(file), Some((counted, lines))) = (files.last_mut(), head(line)) {
            (old, new) = (counted, lines.len());
            file.hunks.push(Hunk { place, lines });
        }
    }
    files
}

/// The head of a hunk, `@@ -1,7 +1,8 @@`: how many lines it expects, and those that it leaves.
fn head(line: &str) -> Option<(usize, Range<usize>)> {
    let (old, rest) = line.strip_prefix("@@ -")?.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let range = |text: &str| {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse::<usize>().ok()?, count.parse::<usize>().ok()?))
    };
    let ((_, old), (start, count)) = (range(old)?, range(new)?);
    Some((old, start..start.checked_add(count)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_hunks_are_no_heads() {
        let text = "--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n--- a/y\n+++ b/y\n+@@ -1 +1 @@\n c\n\
            --- a/z\n+++ b/z\n@@ -5 +5 @@\n-a\n+b\n";
        let found = outline(text, false);
        let names: Vec<&str> =
            found.iter().map(|file| &text[file.place.start..file.place.end]).collect();
        assert_eq!(names, ["--- a/x", "--- a/z"]);
        assert_eq!(found[0].hunks.len(), 1);
        assert_eq!(found[0].hunks[0].lines, 1..4);
        assert_eq!(found[1].hunks[0].lines, 5..6);
    }
}

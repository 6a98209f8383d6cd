// SPDX-License-Identifier: GPL-2.0
//! Keeps the line numbers of a file's unchanged lines, where code has them (`__LINE__`): a changed
//! text is compiled with `#line` behind each change.

use diffy::{DiffOptions, Line};

/// The new text for the compiler, as the file of this name: each line that the old text has keeps
/// its number there. The old text itself is numbered in the same way.
pub fn numbered(name: &str, old: &str, new: &str) -> String {
    let mut text = format!("#line 1 \"{name}\"\n");
    let lines: Vec<&str> = new.split_inclusive('\n').collect();
    let is_open = open(&lines);
    // All lines are context, so that there is one hunk, unless the texts are the same.
    let patch = DiffOptions::new().set_context_len(old.len()).create_patch(old, new);
    // The number of each line in the old text, where a run of unchanged lines starts.
    let mut numbers: Vec<Option<usize>> = vec![None; lines.len()];
    let (mut at_old, mut at_new, mut is_start) = (0, 0, false);
    for line in patch.hunks().iter().flat_map(|hunk| hunk.lines()) {
        match line {
            Line::Delete(_) => {
                at_old += 1;
                is_start = true;
            }
            Line::Insert(_) => {
                at_new += 1;
                is_start = true;
            }
            Line::Context(_) => {
                let is_open = is_open.get(at_new).copied().unwrap_or(true);
                if let Some(number) = numbers.get_mut(at_new).filter(|_| is_start && !is_open) {
                    *number = Some(at_old + 1);
                    is_start = false;
                }
                at_old += 1;
                at_new += 1;
            }
        }
    }
    for (line, number) in lines.iter().zip(numbers) {
        if let Some(number) = number {
            text.push_str(&format!("#line {number}\n"));
        }
        text.push_str(line);
    }
    text
}

/// Which lines start inside of a comment or behind a backslash, where no directive can be.
fn open(lines: &[&str]) -> Vec<bool> {
    let (mut in_comment, mut is_continued) = (false, false);
    let mut found = Vec::new();
    for line in lines {
        found.push(in_comment || is_continued);
        in_comment = ends_in_comment(line, in_comment);
        is_continued = line.trim_end_matches(['\n', '\r']).ends_with('\\');
    }
    found
}

/// Whether a comment goes on behind a line.
fn ends_in_comment(line: &str, in_comment: bool) -> bool {
    let (mut in_comment, mut quote) = (in_comment, None);
    let mut rest = line.bytes().peekable();
    while let Some(byte) = rest.next() {
        match (byte, rest.peek(), quote) {
            (b'*', Some(b'/'), _) if in_comment => {
                rest.next();
                in_comment = false;
            }
            _ if in_comment => {}
            (b'\\', _, Some(_)) => drop(rest.next()),
            (byte, _, Some(quoted)) if byte == quoted => quote = None,
            (_, _, Some(_)) => {}
            (b'"' | b'\'', _, None) => quote = Some(byte),
            (b'/', Some(b'/'), None) => return false,
            (b'/', Some(b'*'), None) => {
                rest.next();
                in_comment = true;
            }
            _ => {}
        }
    }
    in_comment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unchanged_lines_keep_their_numbers() {
        let old = "a\nb\nc\nd\n";
        let new = "a\nx\ny\nc\nd\n";
        assert_eq!(numbered("f.c", old, new), "#line 1 \"f.c\"\na\nx\ny\n#line 3\nc\nd\n");
        assert_eq!(numbered("f.c", old, old), format!("#line 1 \"f.c\"\n{old}"));
        assert_eq!(numbered("f.c", old, "b\nc\nd\n"), "#line 1 \"f.c\"\n#line 2\nb\nc\nd\n");
    }

    #[test]
    fn no_directive_is_in_a_comment_or_in_a_macro() {
        let old = "a\n/* one\n * two \"\n */\nb\n#define X \\\n\ty\\\n\tz\nc\n";
        let new = old.replace("/* one", "/* 1\n").replace("\ty\\", "\ty + 1\\");
        let text = numbered("f.c", old, &new);
        assert_eq!(
            text,
            "#line 1 \"f.c\"\na\n/* 1\n\n * two \"\n */\n#line 5\nb\n#define X \\\n\ty + 1\\\n\tz\n\
             #line 9\nc\n"
        );
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Inserts the author's text at the markers in generated code.

use super::lines::{Line, LineTable};
use crate::resolve::MARKER;
use kps_grammar::{Sources, Span};
use std::collections::BTreeMap;

/// Replaces every marker by its fragment, byte for byte. Only the white space around a fragment
/// belongs to the generator: blank lines before and after it are dropped. A fragment on lines of
/// its own moves to the marker's column, unless it starts a line of its file.
pub(super) fn splice(
    printed: &str,
    fragments: &BTreeMap<usize, Span>,
    sources: &Sources,
    file: &str,
) -> (String, LineTable) {
    let mut splicer = Splicer {
        sources,
        out: String::new(),
        table: LineTable { file: Some(file.to_owned()), lines: Vec::new() },
        number: 1,
        column: 1,
    };
    for line in printed.lines() {
        let mut rest = line;
        while let Some((before, start, behind)) = marker(rest) {
            let Some(&span) = fragments.get(&start) else { break };
            // A marker with a `;` is a statement or an item, on a line of its own.
            match behind.strip_prefix(';') {
                Some(behind) => {
                    splicer.block(span, before.len());
                    rest = behind;
                }
                None => {
                    splicer.push(before);
                    splicer.author(span);
                    // A line comment at its end would hide the rest of the line.
                    let last = sources.slice(span).trim().lines().next_back().unwrap_or_default();
                    splicer.push(if last.contains("//") { "\n" } else { "" });
                    rest = behind;
                }
            }
        }
        splicer.push(rest);
        splicer.push("\n");
    }
    (splicer.out, splicer.table)
}

struct Splicer<'a> {
    sources: &'a Sources,
    out: String,
    table: LineTable,
    /// The line and column of the next character.
    number: usize,
    column: usize,
}

impl Splicer<'_> {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
        for c in text.chars() {
            if c == '\n' {
                self.number += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
    }

    /// A fragment on lines of its own.
    fn block(&mut self, span: Span, indent: usize) {
        let start = self.start(span);
        let place = self.sources.place(start);
        // Look back only over space: many fragments may be on one line.
        let own = self.sources.file(start);
        let before = &own.source.text[..own.local(Span::new(start, start)).start];
        let before = before.trim_end_matches(|c: char| c != '\n' && c.is_whitespace());
        let starts_line = before.is_empty() || before.ends_with('\n');
        self.push(&" ".repeat(if starts_line { place.column - 1 } else { indent }));
        self.author(span);
    }

    /// The first byte of a fragment that is not space. An empty fragment keeps its line, so that
    /// messages about missing code there map back to it.
    fn start(&self, span: Span) -> usize {
        let text = self.sources.slice(span);
        if text.trim().is_empty() {
            return span.end;
        }
        span.start + (text.len() - text.trim_start().len())
    }

    /// Inserts the author's text, without the space around it.
    fn author(&mut self, span: Span) {
        let mut start = self.start(span);
        for (n, text) in self.sources.slice(span).trim().split('\n').enumerate() {
            if n > 0 {
                self.push("\n");
            }
            let (generated, column) = (self.number, self.column);
            let text_span = Span::new(start, start + text.len());
            self.table.lines.push(Line { generated, text: text_span, column });
            start += text.len() + 1;
            self.push(text);
        }
    }
}

/// The first marker of a line: the text before it, the start of its fragment, and the text after
/// it. In an author's text, a lookalike of a marker is in quotes.
fn marker(line: &str) -> Option<(&str, usize, &str)> {
    let (before, rest) = line.split_once(MARKER)?;
    let is_code = !before.contains('"') && !before.trim_start().starts_with("//");
    let (start, behind) = rest.strip_prefix("!(")?.split_once(')')?;
    Some((before, start.parse().ok()?, behind)).filter(|_| is_code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kps_grammar::{Language, Position, Source};

    #[test]
    fn every_byte_and_every_column_leads_home() {
        let body = " let s = r\"a\n  b\";\n    g(s) ";
        let text = format!("fn f {{ pre {{{body}}} }}");
        let mut sources = Sources::new(Source::new("dir/x.kps", ""));
        let file =
            sources.add(Language::Rust, "x.rs", Source::new("dir/x.rs", text.clone())).span();
        let start = file.start + text.find(body).unwrap_or_default();
        let fragments = BTreeMap::from([(start, Span::new(start, start + body.len()))]);
        let printed = format!("unsafe {{\n    kps_fragment!({start});\n}}\n");
        let (out, table) = splice(&printed, &fragments, &sources, "x_main.rs");
        assert_eq!(out, format!("unsafe {{\n    {}\n}}\n", body.trim()));
        for (needle, line) in [("let", 2), ("b\"", 3), ("g(s)", 4)] {
            let column = out.lines().nth(line - 1).and_then(|l| l.find(needle)).map(|c| c + 1);
            let place = Position { line, column: column.unwrap_or_default() };
            let expected = text.find(needle).map(|at| file.start + at);
            assert_eq!(table.home(&sources, "x_main.rs", place), expected, "{needle}");
        }
        for (line, column) in [(1, 1), (2, 4), (4, 10)] {
            assert_eq!(
                table.home(&sources, "x_main.rs", Position { line, column }),
                None,
                "{line}:{column}"
            );
        }
        assert_eq!(table.last_inside("x_main.rs", 1, 5), Some(start + body.trim_end().len()));
    }

    #[test]
    fn a_fragment_may_stand_among_other_tokens() {
        let sources = Sources::new(Source::new("x.kps", "shadow s: Vec<\n  u8> on file = 1;"));
        let (ty, value) = (Span::new(10, 20), Span::new(31, 32));
        let fragments = BTreeMap::from([(ty.start, ty), (value.start, value)]);
        let printed = "static s: S<kps_fragment!(10), f> =\n    g(kps_fragment!(31), 2);\n";
        let (out, table) = splice(printed, &fragments, &sources, "x_main.rs");
        assert_eq!(out, "static s: S<Vec<\n  u8>, f> =\n    g(1, 2);\n");
        let home = |line, column| table.home(&sources, "x_main.rs", Position { line, column });
        assert_eq!(
            [home(1, 13), home(2, 3), home(3, 7), home(3, 10)],
            [Some(10), Some(17), Some(31), None]
        );
        assert_eq!(table.snippet_on("x_main.rs", 2), Some(Span::new(15, 20)));
    }

    #[test]
    fn what_looks_like_a_marker_in_a_text_is_none() {
        let sources = Sources::new(Source::new("x.kps", "secret"));
        let fragments = BTreeMap::from([(0, Span::new(0, 6))]);
        for line in [
            "description: \"kps_fragment!(0)\",",
            "/// kps_fragment!(0);",
            "x(\"\", kps_fragment!(1));",
        ] {
            let printed = format!("{line}\n");
            assert_eq!(splice(&printed, &fragments, &sources, "x_main.rs").0, printed);
        }
    }
}

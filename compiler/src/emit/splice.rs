//! Puts the author's text where generated code has its markers.

use super::lines::{Line, LineTable};
use crate::resolve::Fragment;
use kps_grammar::{Sources, Span};
use std::collections::BTreeMap;

/// Replaces every marker line by its fragment, byte for byte. Only the space around a fragment is the generator's: blank
/// lines before and after it go, and a fragment that does not start a line of its file moves to the marker's column.
pub(super) fn splice(
    printed: &str,
    fragments: &BTreeMap<usize, Span>,
    sources: &Sources,
    file: &str,
) -> (String, LineTable) {
    let mut out = String::new();
    let mut table = LineTable { file: file.to_owned(), lines: Vec::new() };
    let mut number = 1;
    for line in printed.lines() {
        let Some(&span) = marker(line).and_then(|start| fragments.get(&start)) else {
            out.push_str(line);
            out.push('\n');
            number += 1;
            continue;
        };
        let text = sources.slice(span);
        let start = span.start + (text.len() - text.trim_start().len());
        let text = text.trim();
        // An empty piece keeps its line: messages about what is missing there lead home by it.
        let mut start = if text.is_empty() { span.end } else { start };
        let place = sources.place(start);
        // What stands before it is looked at no further than it is space, for many pieces may stand on one line.
        let own = sources.file(start);
        let before = &own.source.text[..own.local(Span::new(start, start)).start];
        let before = before.trim_end_matches(|c: char| c != '\n' && c.is_whitespace());
        let starts_line = before.is_empty() || before.ends_with('\n');
        let indent = match starts_line {
            true => place.column - 1,
            false => line.len() - line.trim_start().len(),
        };
        out.push_str(&" ".repeat(indent));
        for (n, text) in text.split('\n').enumerate() {
            table.lines.push(Line {
                generated: number,
                text: Span::new(start, start + text.len()),
                column: if n == 0 { indent + 1 } else { 1 },
            });
            start += text.len() + 1;
            out.push_str(text);
            out.push('\n');
            number += 1;
        }
    }
    (out, table)
}

/// The fragment that a marker line stands for.
fn marker(line: &str) -> Option<usize> {
    let rest = line.trim_start().strip_prefix(Fragment::MARKER)?;
    rest.strip_prefix("!(")?.strip_suffix(");")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kps_grammar::{Language, Place, Source};

    #[test]
    fn every_byte_and_every_column_leads_home() {
        let body = " let s = r\"a\n  b\";\n    g(s) ";
        let text = format!("fn f {{ pre {{{body}}} }}");
        let mut sources = Sources::new(Source::new("dir/x.kps", ""));
        let file = sources.add(Language::Rust, "x.rs", Source::new("dir/x.rs", text.clone())).span();
        let start = file.start + text.find(body).unwrap_or_default();
        let fragments = BTreeMap::from([(start, Span::new(start, start + body.len()))]);
        let printed = format!("unsafe {{\n    kps_fragment!({start});\n}}\n");
        let (out, table) = splice(&printed, &fragments, &sources, "x_main.rs");
        assert_eq!(out, format!("unsafe {{\n    {}\n}}\n", body.trim()));
        for (needle, line) in [("let", 2), ("b\"", 3), ("g(s)", 4)] {
            let column = out.lines().nth(line - 1).and_then(|l| l.find(needle)).map(|c| c + 1);
            let place = Place { line, column: column.unwrap_or_default() };
            let expected = text.find(needle).map(|at| file.start + at);
            assert_eq!(table.home(&sources, "x_main.rs", place), expected, "{needle}");
        }
        for (line, column) in [(1, 1), (2, 4), (4, 10)] {
            assert_eq!(table.home(&sources, "x_main.rs", Place { line, column }), None, "{line}:{column}");
        }
        assert_eq!(table.last_inside("x_main.rs", 1, 5), Some(start + body.trim_end().len()));
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Adds `use` lines to the objects of a spec, and changes nothing else of it.

use crate::ast::Level;
use crate::format::format;
use crate::scan::{self, RawItem};
use crate::{Source, Span};

const INDENT: &str = "    ";

/// Lines for one object of a spec.
#[derive(Debug)]
pub struct Uses<'a> {
    /// The name of the object.
    pub object: &'a str,
    /// The span of its name in the spec; `None` if the spec does not have the object yet.
    pub place: Option<Span>,
    /// The lines, such as `use fn NAME;`.
    pub lines: Vec<String>,
}

/// A text to put in place of a span.
type Edit = (Span, String);

/// The spec with the lines, and the spans of these. What had the layout of `kpsc fmt` has it still.
/// A spec without a patch stays as it is.
pub fn with_uses(source: &Source, all: &[Uses<'_>]) -> (String, Vec<Span>) {
    let text = &source.text;
    let whole = Span::new(0, text.len());
    let items_of_file = items(text, whole, Level::File);
    let patch = items_of_file.iter().find(|item| starts_with(text, item, "patch"));
    let patch = patch.and_then(|patch| patch.block);
    let Some(patch) = patch else { return (text.clone(), Vec::new()) };
    let mut objects = items(text, patch, Level::Patch);
    objects.retain(|item| starts_with(text, item, "object"));
    let mut edits: Vec<Edit> = Vec::new();
    for uses in all {
        let is_it = |item: &&RawItem| {
            uses.place
                .is_some_and(|name| item.head.start <= name.start && name.end <= item.head.end)
        };
        let object = objects.iter().find(is_it);
        match object.and_then(|item| Some((item, item.block?))) {
            Some((item, block)) => edits.push(in_block(text, item, block, &uses.lines)),
            None => edits.push(new_object(text, patch, objects.last(), uses)),
        }
    }
    // From the end on, the places of the others stay.
    edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut edited = text.clone();
    for (span, new) in &edits {
        edited.replace_range(span.start..span.end, new);
    }
    if format(source).is_ok_and(|laid| laid == *text) {
        edited = format(&Source::new(source.name.clone(), &edited)).unwrap_or(edited);
    }
    let spans = added(text, &edited, all);
    (edited, spans)
}

fn items(text: &str, range: Span, level: Level) -> Vec<RawItem> {
    scan::items(text, range, level, &mut Vec::new())
}

fn starts_with(text: &str, item: &RawItem, word: &str) -> bool {
    let rest = text[item.head.start..item.head.end].strip_prefix(word);
    rest.is_some_and(|rest| rest.starts_with(char::is_whitespace))
}

/// Behind the last `use` of an object, or before everything else in it.
fn in_block(text: &str, object: &RawItem, block: Span, lines: &[String]) -> Edit {
    let outer = indentation(text, object.head.start);
    let inner = format!("{outer}{INDENT}");
    let each =
        |indent: &str| lines.iter().map(|line| format!("\n{indent}{line}")).collect::<String>();
    let last =
        items(text, block, Level::Object).into_iter().rfind(|item| starts_with(text, item, "use"));
    if let Some(last) = last {
        let own = indentation(text, last.head.start);
        let is_first = text[..last.head.start].ends_with(&format!("\n{own}"));
        let indent = if is_first { own } else { inner.as_str() };
        let (at, is_end) = behind(text, last.whole.end);
        let rest = if is_end { String::new() } else { format!("\n{indent}") };
        let end = at + text[at..].len() - text[at..].trim_start_matches(' ').len();
        return match is_end {
            true => (Span::new(at, at), each(indent)),
            false => (Span::new(at, end), each(indent) + &rest),
        };
    }
    let content = &text[block.start..block.end];
    let (at, is_end) = behind(text, block.start);
    match content.trim() {
        "" => (block, format!("{}\n{outer}", each(&inner))),
        _ if is_end => (Span::new(at, at), each(&inner) + "\n"),
        content => (block, format!("{}\n\n{inner}{content}\n{outer}", each(&inner))),
    }
}

/// Behind the last object of the patch.
fn new_object(text: &str, patch: Span, last: Option<&RawItem>, uses: &Uses<'_>) -> Edit {
    let outer = last.map_or(INDENT, |last| indentation(text, last.head.start));
    let lines = uses.lines.iter().map(|line| format!("{outer}{INDENT}{line}\n"));
    let object =
        format!("{outer}object {} {{\n{}{outer}}}", uses.object, lines.collect::<String>());
    let end = patch.start + text[patch.start..patch.end].trim_end().len();
    let end = last.map_or(end, |last| behind(text, last.whole.end).0);
    let is_on_last_line = !text[end..].starts_with('\n');
    let after = if is_on_last_line { "\n" } else { "" };
    (Span::new(end, end), format!("\n\n{object}{after}"))
}

/// The white space at the start of the line of a byte.
fn indentation(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = &text[start..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// The end of a line whose code ends at a byte, and whether nothing but a comment follows there.
fn behind(text: &str, at: usize) -> (usize, bool) {
    let line = text[at..].split('\n').next().unwrap_or_default();
    let rest = line.trim();
    let is_end = rest.is_empty() && at + line.len() < text.len() || rest.starts_with("//");
    (if is_end { at + line.trim_end().len() } else { at }, is_end)
}

/// The spans of the lines that only the second text has.
fn added(before: &str, after: &str, all: &[Uses<'_>]) -> Vec<Span> {
    let mut old = before.lines().map(str::trim).peekable();
    let (mut at, mut spans) = (0, Vec::new());
    for line in after.split_inclusive('\n') {
        let said = line.trim();
        let start = at + line.len() - line.trim_start().len();
        at += line.len();
        let is_new = all.iter().any(|uses| uses.lines.iter().any(|new| new == said));
        if is_new && old.peek() != Some(&said) {
            spans.push(Span::new(start, start + said.len()));
        } else if old.peek() == Some(&said) {
            old.next();
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, object: &str, lines: &[&str]) -> String {
        let source = Source::new("fix.kps", text);
        let at = text.find(&format!("object {object}")).map(|at| at + "object ".len());
        let place = at.map(|at| Span::new(at, at + object.len()));
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let (after, spans) = with_uses(&source, &[Uses { object, place, lines: lines.clone() }]);
        let added: Vec<&str> = spans.iter().map(|span| &after[span.start..span.end]).collect();
        assert_eq!(added, lines, "{after}");
        let again = format(&Source::new("fix.kps", &after));
        if format(&source).is_ok_and(|laid| laid == text) {
            assert!(again.is_ok_and(|again| again == after), "{after}");
        }
        after
    }

    #[test]
    fn lines_go_behind_those_that_are_there() {
        let text = "patch fix {\n    object vmlinux {\n        use fn a; // why\n        // f\n        fn f { replace c \"f.c\"; }\n    }\n}\n";
        let wanted = text.replace("// why\n", "// why\n        use fn b;\n        use static c;\n");
        assert_eq!(with(text, "vmlinux", &["use fn b;", "use static c;"]), wanted);
    }

    #[test]
    fn the_first_lines_are_set_apart_from_functions() {
        let text = "patch fix {\n    object loop { // mine\n        fn f { replace c \"f.c\"; }\n    }\n}\n";
        let wanted = text.replace("// mine\n", "// mine\n        use fn b;\n\n");
        assert_eq!(with(text, "loop", &["use fn b;"]), wanted);
        let line = "patch fix {\n    object loop { fn f { replace c \"f.c\"; } }\n}\n";
        let wanted = "patch fix {\n    object loop {\n        use fn b;\n\n        fn f { replace c \"f.c\"; }\n    }\n}\n";
        assert_eq!(with(line, "loop", &["use fn b;"]), wanted);
        let empty = "patch fix {\n    object loop { }\n}\n";
        let wanted = "patch fix {\n    object loop {\n        use fn b;\n    }\n}\n";
        assert_eq!(with(empty, "loop", &["use fn b;"]), wanted);
    }

    #[test]
    fn an_object_that_is_missing_is_added() {
        let text = "patch fix {\n    object loop { fn f { replace c \"f.c\"; } } // it\n\n    test \"t\" { run \"x\"; }\n}\n";
        let wanted = text
            .replace("// it\n", "// it\n\n    object vmlinux {\n        use percpu b;\n    }\n");
        assert_eq!(with(text, "vmlinux", &["use percpu b;"]), wanted);
    }

    #[test]
    fn a_spec_without_layout_gets_the_lines_alone() {
        let text = "patch fix {object vmlinux{use fn a;fn f{replace c \"f.c\";}}}";
        let after = with(text, "vmlinux", &["use fn b;"]);
        let words = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(words(&after.replace("use fn b;", "")), words(text));
        let nested = "patch fix {object vmlinux{}}";
        assert!(with(nested, "vmlinux", &["use fn b;"]).contains("{\n    use fn b;\n}"));
    }

    #[test]
    fn a_text_without_a_patch_stays() {
        for text in ["", "patch", "object x { }", "\u{e4}"] {
            let uses = Uses { object: "x", place: None, lines: vec!["use fn b;".to_owned()] };
            let (after, spans) = with_uses(&Source::new("fix.kps", text), &[uses]);
            assert_eq!((after.as_str(), spans.len()), (text, 0));
        }
    }
}

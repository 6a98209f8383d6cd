// SPDX-License-Identifier: GPL-2.0
//! The formatter of `kpsc fmt`.
//!
//! It prints declarations again, keeps comments where they are between them, and changes only white
//! space. Rust is moved by whole blocks and keeps its own lines.

mod element;
mod head;
mod page;
pub(crate) mod rust;

use crate::ast::{End, Level};
use crate::parse::{self, parse};
use crate::scan::RawItem;
use crate::{Source, Span, SyntaxError};
use element::{entries, placed, Element, What};
use page::{fits, Page, INDENT};

/// Formats a spec. A spec with syntax errors is not changed, because its items may not be where the
/// author expects.
pub fn format(source: &Source) -> Result<String, Vec<SyntaxError>> {
    let (_, errors) = parse(source);
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut page = Page::default();
    lay_block(&mut page, &source.text, Span::new(0, source.text.len()), Level::File, 0);
    page.text.push('\n');
    Ok(page.text)
}

/// The contents of an item's block: items of a level, or `None` for Rust.
fn inside(level: Level, word: &str) -> Option<Level> {
    match level.construct(word)?.end {
        End::Items(inside) => Some(inside),
        End::Statement | End::Body => None,
    }
}

/// Whether an item is Rust from its first word on.
fn is_rust(level: Level, text: &str, item: &RawItem) -> bool {
    let word = word(text, item);
    let head = &text[item.head.start..item.head.end];
    let is_module_file = level == Level::Patch && word == "mod" && parse::is_module_file(head);
    level.construct(word).is_none() && !is_module_file
}

/// An item that may stay on one line, as aligned columns.
type Row = Vec<String>;

fn lay_block(page: &mut Page, text: &str, range: Span, level: Level, indent: usize) {
    let entries = entries(text, range, level);
    let mut rows: Vec<Option<Row>> =
        entries.iter().map(|entry| row(text, entry, level, indent)).collect();
    align(&entries, &mut rows, indent);
    let mut is_first = true;
    for (entry, row) in entries.iter().zip(rows) {
        if !entry.is_behind_code() {
            page.line(entry.breaks > 1 && !is_first, indent);
            is_first = false;
        }
        match &entry.what {
            What::Comment(span) if entry.breaks == 0 => lay_comment(page, text, *span),
            What::Comment(span) => page.push(&rust::comment(text, *span, indent)),
            What::Item { lead, item } => {
                if let Some(lead) = lead {
                    page.push(&text[lead.start..lead.end]);
                    page.push(" ");
                }
                match row {
                    Some(row) => page.push(&row.join(" ")),
                    None => lay_item(page, text, item, level, indent),
                }
            }
        }
    }
}

/// Puts a comment after code, in the author's column if that is far enough to the right.
fn lay_comment(page: &mut Page, text: &str, comment: Span) {
    page.reach(placed(text, comment.start));
    page.push(text[comment.start..comment.end].trim_end());
}

/// Formats an item that may take several lines.
fn lay_item(page: &mut Page, text: &str, item: &RawItem, level: Level, indent: usize) {
    let word = word(text, item);
    if is_rust(level, text, item) {
        return page.push(&rust::item(text, item.whole, indent));
    }
    let head = head::lay(text, head(item), indent);
    page.push(&head.text);
    if head.ends_in_comment {
        page.line(false, indent);
    }
    let Some(inner) = item.block else { return page.push(";") };
    page.push(if head.ends_in_comment { "{" } else { " {" });
    let inside = inside(level, word);
    if is_empty(text, inner, inside) {
        return page.push(" }");
    }
    match inside {
        None => {
            let body = rust::body(text, inner, indent + INDENT);
            if let Some(comment) = body.comment {
                lay_comment(page, text, comment);
            }
            for line in body.lines {
                page.push("\n");
                page.push(&line);
            }
        }
        Some(inside) => lay_block(page, text, inner, inside, indent + INDENT),
    }
    page.line(false, indent);
    page.push("}");
}

/// An item that stays on one line: it was on one line and fits, or it has only a head. Its columns
/// are aligned with those of the lines around it.
fn row(text: &str, entry: &Element, level: Level, indent: usize) -> Option<Row> {
    let What::Item { lead, item } = &entry.what else { return None };
    let word = word(text, item);
    if is_rust(level, text, item) {
        return None;
    }
    if item.block.is_none() {
        let head = head::lay(text, head(item), indent);
        if head.ends_in_comment {
            return None;
        }
        let is_aligned =
            matches!(word, "patched" | "unpatched" | "always") && head.is_plain && lead.is_none();
        let line = head.text + ";";
        return Some(match is_aligned {
            true => line.splitn(3, ' ').map(str::to_owned).collect(),
            false => vec![line],
        });
    }
    let head = head::lay(text, head(item), indent);
    if head.ends_in_comment || head.text.contains('\n') {
        return None;
    }
    let head = head.text;
    let braces = braces(text, item, level)?;
    let lead = lead.map_or(0, |lead| lead.end - lead.start + 1);
    if !fits(indent + lead, &format!("{head} {braces}")) {
        return None;
    }
    let is_aligned = inside(level, word).is_none() && lead == 0;
    Some(if is_aligned { vec![head, braces] } else { vec![format!("{head} {braces}")] })
}

/// A block with its braces on one line: an empty block, or one that was on one line and has a body
/// or one item. A patch never is on one line.
fn braces(text: &str, item: &RawItem, level: Level) -> Option<String> {
    let inner = item.block?;
    let inside = inside(level, word(text, item));
    if is_empty(text, inner, inside) {
        return Some("{ }".to_owned());
    }
    if level == Level::File || text[item.whole.start..item.whole.end].contains('\n') {
        return None;
    }
    let Some(inside) = inside else {
        return Some(format!("{{ {} }}", text[inner.start..inner.end].trim()));
    };
    match entries(text, inner, inside).as_slice() {
        [Element { what: What::Item { lead: None, item }, .. }] => {
            let head = head::lay(text, head(item), 0).text;
            Some(match item.block {
                Some(_) => format!("{{ {head} {} }}", braces(text, item, inside)?),
                None => format!("{{ {head}; }}"),
            })
        }
        _ => None,
    }
}

/// Whether a block holds neither code nor comments.
fn is_empty(text: &str, inner: Span, inside: Option<Level>) -> bool {
    match inside {
        None => text[inner.start..inner.end].trim().is_empty(),
        Some(level) => entries(text, inner, level).is_empty(),
    }
}

/// Aligns the columns of rows on consecutive lines.
fn align(entries: &[Element], rows: &mut [Option<Row>], indent: usize) {
    let columns: Vec<usize> = rows.iter().map(|row| row.as_ref().map_or(0, Vec::len)).collect();
    let mut run: Vec<usize> = Vec::new();
    for (n, entry) in entries.iter().enumerate() {
        if entry.is_behind_code() {
            continue;
        }
        let goes_on =
            entry.breaks < 2 && run.last().is_some_and(|&last| columns[last] == columns[n]);
        if !goes_on {
            pad(rows, &run, indent);
            run.clear();
        }
        if columns[n] > 1 {
            run.push(n);
        }
    }
    pad(rows, &run, indent);
}

/// Gives each column but the last the same width in all rows of a run, if all rows stay within the
/// width.
fn pad(rows: &mut [Option<Row>], run: &[usize], indent: usize) {
    let mut padded: Vec<Row> = run.iter().filter_map(|&n| rows[n].clone()).collect();
    let columns = padded.first().map_or(0, Vec::len).saturating_sub(1);
    for column in 0..columns {
        let width = padded.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        for row in &mut padded {
            row[column] = format!("{:width$}", row[column]);
        }
    }
    if padded.iter().all(|row| fits(indent, &row.join(" "))) {
        run.iter().zip(padded).for_each(|(&n, row)| rows[n] = Some(row));
    }
}

/// The text before an item's `;` or block, including comments after it.
fn head(item: &RawItem) -> Span {
    let end = item.block.map_or(item.whole.end, |block| block.start);
    Span::new(item.head.start, end - 1)
}

/// The first word of an item.
fn word<'a>(text: &'a str, item: &RawItem) -> &'a str {
    let head = &text[item.head.start..item.head.end];
    &head[..head.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(head.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(text: &str) -> String {
        format(&Source::new("x.kps", text))
            .unwrap_or_else(|errors| panic!("{errors:?} in:\n{text}"))
    }

    /// Checks the format of a text, and that formatting it again changes nothing.
    fn check(text: &str, wanted: &str) {
        assert_eq!(laid(text), wanted);
        assert_eq!(laid(wanted), wanted);
    }

    #[test]
    fn declarations_are_laid_out_by_their_level() {
        check(
            "\n\npatch fix{license\"GPL\" ;version \"1\";;\n\n\n\nobject vmlinux{fn f{pre{a();}}\n  use  fn g ;}\n\n}",
            "patch fix {\n    license \"GPL\";\n    version \"1\";\n\n    object vmlinux {\n        fn f { pre { a(); } }\n        use fn g;\n    }\n}\n",
        );
    }

    #[test]
    fn comments_stay_where_they_are() {
        check(
            "/* a */\n/// Docs.\npatch fix { // b\n\n  // c\n license \"GPL\"; // d\n /* e */ version /* f */ \"1\"; /* g */ /* h */\n\n // i\n\n}\n// j",
            "/* a */\n/// Docs.\npatch fix { // b\n    // c\n    license \"GPL\"; // d\n    /* e */ version /* f */ \"1\"; /* g */ /* h */\n\n    // i\n}\n// j\n",
        );
        check(
            "patch fix {\n  /*\n   * A long one.\n     that goes on\n  */\n  fixes \"a\", // why\n \"b\" // end\n;\n}",
            "patch fix {\n    /*\n     * A long one.\n       that goes on\n    */\n    fixes \"a\", // why\n        \"b\" // end\n    ;\n}\n",
        );
    }

    #[test]
    fn a_comment_that_was_placed_behind_code_stays_in_its_column() {
        check(
            "patch fix {\n  license \"GPL\";   // one\n  version \"1\";     // two\n  author \"a somebody\"; // three\n}",
            "patch fix {\n    license \"GPL\";   // one\n    version \"1\";     // two\n    author \"a somebody\"; // three\n}\n",
        );
    }

    #[test]
    fn lines_that_belong_together_have_columns() {
        check(
            "patch fix { test \"t\" {\nrun \"x\";\nunpatched lacks \"a // b\";\npatched has \"a\"; // yes\n\npatched has \"c\";\n}\nobject vmlinux {\npre_patch { 0 }\npost_unpatch { }\nfn f { pre { }\n post { } }\nfn g { replace { } } } }",
            "patch fix {\n    test \"t\" {\n        run \"x\";\n        unpatched lacks \"a // b\";\n        patched   has   \"a\"; // yes\n\n        patched has \"c\";\n    }\n    object vmlinux {\n        pre_patch    { 0 }\n        post_unpatch { }\n        fn f {\n            pre  { }\n            post { }\n        }\n        fn g { replace { } }\n    }\n}\n",
        );
    }

    #[test]
    fn rust_moves_and_is_not_rewritten() {
        check(
            "patch fix {\n  fn help( x:u8 ) {\n\tlet a = \"one\n  two\";  \n\n\n      /* b\n c */ d();\n  }\n  object vmlinux { fn f { post { // why\n      if  x {\n// left\n          y( r#\"\n}\n\"# );\n      }\n } } }\n}",
            "patch fix {\n    fn help( x:u8 ) {\n      let a = \"one\n  two\";\n\n\n        /* b\n c */ d();\n    }\n    object vmlinux {\n        fn f {\n            post { // why\n                if  x {\n                // left\n                    y( r#\"\n}\n\"# );\n                }\n            }\n        }\n    }\n}\n",
        );
    }

    #[test]
    fn an_empty_block_is_a_pair_of_braces() {
        check(
            "patch fix { object vmlinux {\n;\n}\nobject a { fn f {\n replace { 0 }\n pre\n{\n} } } }",
            "patch fix {\n    object vmlinux { }\n    object a {\n        fn f {\n            replace { 0 }\n            pre     { }\n        }\n    }\n}\n",
        );
        check("patch fix {\n;\n}", "patch fix { }\n");
    }

    #[test]
    fn what_does_not_fit_gets_lines() {
        let call = format!("call({});", "argument, ".repeat(7));
        check(
            &format!("patch fix {{ object vmlinux {{ fn f {{ pre {{ {call} }} }} }} }}"),
            &format!("patch fix {{\n    object vmlinux {{\n        fn f {{\n            pre {{ {call} }}\n        }}\n    }}\n}}\n"),
        );
        let call = format!("call({});", "argument, ".repeat(9));
        check(
            &format!("patch fix {{ object vmlinux {{ pre_patch {{ {call} }} }} }}"),
            &format!("patch fix {{\n    object vmlinux {{\n        pre_patch {{\n            {call}\n        }}\n    }}\n}}\n"),
        );
    }

    #[test]
    fn a_spec_with_mistakes_is_not_touched() {
        assert!(format(&Source::new("x.kps", "patch fix { license \"GPL\" }")).is_err());
        assert!(format(&Source::new("x.kps", "")).is_err());
    }
}

// SPDX-License-Identifier: GPL-2.0
//! One text pass over printed Rust, for everything that tokens cannot express: comments, blank
//! lines between items, and the layout of `module!`, which the printer cannot parse as an
//! expression.

/// The maximum width of a comment line.
const WIDTH: usize = 100;
/// The start of a doc comment that becomes a plain comment.
const COMMENTS: [&str; 2] = ["/// SAFETY:", "/// WHY:"];

/// Turns `/// SAFETY:` and `/// WHY:` into comments, separates items by blank lines and formats
/// `module!`.
pub(super) fn tidy(printed: &str) -> String {
    let lines = comments(printed);
    let mut out = String::new();
    items(&lines, 0, &mut out);
    out
}

/// Writes items, with blank lines around those that have several lines.
fn items(lines: &[String], indent: usize, out: &mut String) {
    let mut rest = lines;
    let mut before: Option<&[String]> = None;
    while !rest.is_empty() {
        let (item, behind) = rest.split_at(item_len(rest, indent));
        rest = behind;
        let inner =
            |item: &[String]| item[0].trim_start().starts_with("//!") || item[0].starts_with("#!");
        let apart = |before: &[String]| match (inner(before), inner(item)) {
            (true, true) => false,
            (true, false) => true,
            (false, _) => before.len() > 1 || item.len() > 1,
        };
        if before.is_some_and(apart) {
            out.push('\n');
        }
        before = Some(item);
        write_item(item, indent, out);
    }
}

fn write_item(item: &[String], indent: usize, out: &mut String) {
    let mut write = |line: &str| {
        out.push_str(line);
        out.push('\n');
    };
    // The first line of an item that contains items is the last line before its contents.
    let opening = item.iter().position(|line| is_item_block(line.trim_start()));
    match (opening, item.split_last()) {
        (Some(opening), Some((last, _))) if opening + 1 < item.len() => {
            item[..=opening].iter().for_each(|line| write(line));
            items(&item[opening + 1..item.len() - 1], indent + 4, out);
            out.push_str(last);
            out.push('\n');
        }
        _ if item[0].ends_with("module! {") => {
            module_macro(item).iter().for_each(|line| write(line));
        }
        _ => item.iter().for_each(|line| write(line)),
    }
}

/// The number of lines of the first item, including its attributes and comments.
fn item_len(lines: &[String], indent: usize) -> usize {
    let mut in_attribute = false;
    for (n, line) in lines.iter().enumerate() {
        let text = line.trim_start();
        if line.len() - text.len() != indent {
            continue;
        }
        let inner = text.starts_with("//!") || text.starts_with("#!");
        if text.starts_with('#') || in_attribute {
            in_attribute = !text.ends_with(']');
        } else if text.ends_with([';', '}']) && !text.starts_with("//") {
            return n + 1;
        }
        if inner && !in_attribute || in_attribute_end(lines[0].trim_start(), text) {
            return n + 1;
        }
    }
    lines.len()
}

/// Whether a line ends an inner attribute of several lines.
fn in_attribute_end(first: &str, line: &str) -> bool {
    first.starts_with("#!") && line.ends_with(")]")
}

fn is_item_block(opening: &str) -> bool {
    let words = opening.trim_start_matches("pub(super) ").trim_start_matches("pub ");
    let block = ["mod ", "impl ", "extern \"C\" {", "const _: () = {"]
        .iter()
        .any(|start| words.starts_with(start));
    block && opening.ends_with('{')
}

/// One key per line.
fn module_macro(item: &[String]) -> Vec<String> {
    let inside: Vec<&str> = item[1..item.len() - 1].iter().map(|line| line.trim()).collect();
    let mut lines = vec![item[0].clone()];
    let mut line = String::new();
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    for c in inside.join(" ").chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '[' if !in_string => depth += 1,
            ']' if !in_string => depth -= 1,
            // The printer puts a space before a colon, too.
            ':' if !in_string && line.ends_with(' ') => {
                line.pop();
            }
            _ => {}
        }
        line.push(c);
        if c == ',' && !in_string && depth == 0 {
            lines.push(format!("    {}", line.trim()));
            line.clear();
        }
    }
    if !line.trim().is_empty() {
        lines.push(format!("    {},", line.trim()));
    }
    lines.push(item[item.len() - 1].clone());
    lines
}

/// The lines, with every `/// SAFETY:` and `/// WHY:` paragraph as a wrapped comment. The keyword
/// `WHY:` itself is dropped.
fn comments(printed: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut lines = printed.lines().peekable();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        if !COMMENTS.iter().any(|start| trimmed.starts_with(start)) {
            out.push(line.to_owned());
            continue;
        }
        let indent = &line[..line.len() - trimmed.len()];
        let mut text =
            trimmed.trim_start_matches("/// WHY:").trim_start_matches("///").trim().to_owned();
        while let Some(next) = lines.next_if(|next| next.trim_start().starts_with("///")) {
            text.push(' ');
            text.push_str(next.trim_start().trim_start_matches("///").trim());
        }
        let mut wrapped = String::new();
        for word in text.split_whitespace() {
            let len = indent.len() + "// ".len() + wrapped.len() + 1 + word.len();
            if !wrapped.is_empty() && len > WIDTH {
                out.push(format!("{indent}// {wrapped}"));
                wrapped.clear();
            }
            if !wrapped.is_empty() {
                wrapped.push(' ');
            }
            wrapped.push_str(word);
        }
        out.push(format!("{indent}// {wrapped}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safety_paragraphs_become_wrapped_comments() {
        let long = "word ".repeat(30);
        let printed =
            format!("fn f() {{\n    /// SAFETY: {long}\n    /// and more.\n    unsafe {{}}\n}}\n");
        let tidied = tidy(&printed);
        assert!(tidied.contains("    // SAFETY: word"), "{tidied}");
        assert!(!tidied.contains("///"), "{tidied}");
        assert!(tidied.lines().all(|line| line.len() <= WIDTH), "{tidied}");
        let words = |text: &str| text.split_whitespace().filter(|w| !w.starts_with("//")).count();
        assert_eq!(words(&tidied), words(&printed));
    }

    #[test]
    fn items_are_set_apart_and_statements_are_not() {
        let printed = "\
//! Docs.
//! More.
#![allow(
    a,
)]
#![allow(b)]
use a;
use b;
static A: [u8; 1] = [
    1,
];
/// Doc.
fn f() {
    if x {
        y();
    }
    z();
}
mod m {
    use super::*;
    fn g() {}
    #[a]
    fn h() {
        i();
    }
}
";
        let expected = "\
//! Docs.
//! More.
#![allow(
    a,
)]
#![allow(b)]

use a;
use b;

static A: [u8; 1] = [
    1,
];

/// Doc.
fn f() {
    if x {
        y();
    }
    z();
}

mod m {
    use super::*;
    fn g() {}

    #[a]
    fn h() {
        i();
    }
}
";
        assert_eq!(tidy(printed), expected);
    }

    #[test]
    fn the_module_macro_has_one_key_a_line() {
        let printed = "a::module! {\n    type : b::C, name : \"x : y, z\", authors : [\"d\", \"e\"],\n    license :\n    \"GPL\",\n}\n";
        let expected = "a::module! {\n    type: b::C,\n    name: \"x : y, z\",\n    authors: [\"d\", \"e\"],\n    license: \"GPL\",\n}\n";
        assert_eq!(tidy(printed), expected);
    }
}

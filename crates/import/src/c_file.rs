// SPDX-License-Identifier: GPL-2.0
//! The text of a C file of the patch: the author's items in their order with their comments, and
//! declarations in the place of what the kernel has.

use crate::header::Header;
use crate::selection::{Form, Selection};
use crate::text::{Name, Text};
use crate::unit::ItemKind;
use diffy::{DiffOptions, PatchFormatter};
use std::ops::Range;

/// What the file's first comment says.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The path of the file that the functions are from.
    pub path: &'a str,
    /// The version of the kernel.
    pub version: &'a str,
    /// The fix.
    pub header: &'a Header,
}

/// Writes the file.
pub fn write(new: &Text, selection: &Selection, origin: Origin<'_>) -> String {
    let mut text = head(new, origin);
    for name in &selection.renamed {
        text.push_str(&format!(
            "\n/* The kernel keeps its `{name}`, which has another prototype. */\n"
        ));
        text.push_str(&format!("#define {name} {name}_fixed\n"));
    }
    let whole = selection.items.iter().filter(|(_, form)| **form == Form::Whole);
    let last_include = new.last_include(whole.map(|(n, _)| *n));
    let mut last: Option<usize> = None;
    for (n, form) in &selection.items {
        let chunk = match form {
            Form::Whole => comment_above(new, *n).to_owned() + &edited(new, *n, selection),
            Form::Declared(lines) => lines.iter().cloned().collect::<Vec<_>>().join("\n"),
        };
        let is_next = |last: usize| are_neighbours(new, last, *n, &selection.items[&last], form);
        text.push_str(if last.is_some_and(is_next) { "\n" } else { "\n\n" });
        text.push_str(chunk.trim_end());
        if Some(*n) == last_include {
            text.push_str(&behind_includes(new, selection));
        }
        last = Some(*n);
    }
    text.push('\n');
    text
}

/// What stands behind the includes: the namespaces of exports, and what replaces the branches that
/// the kernel would patch for a module's keys and trace events.
fn behind_includes(new: &Text, selection: &Selection) -> String {
    let whole = selection.items.iter().filter(|(_, form)| **form == Form::Whole);
    let has_keys = selection.is_of_module
        && whole.into_iter().any(|(n, _)| new.item(*n).contains("static_branch_"));
    let mut text = String::new();
    if has_keys {
        text.push_str(
            "\n\n/* The module's keys are read: the kernel cannot patch these branches for them. */\n\
             #undef static_branch_likely\n\
             #undef static_branch_unlikely\n\
             #define static_branch_likely(key) likely(static_key_enabled(key))\n\
             #define static_branch_unlikely(key) unlikely(static_key_enabled(key))",
        );
    }
    if !selection.namespaces.is_empty() {
        text.push_str("\n#include <linux/module.h>\n");
    }
    for name in &selection.namespaces {
        text.push_str(&format!("\nMODULE_IMPORT_NS(\"{name}\");"));
    }
    if !selection.traces.is_empty() {
        text.push_str(
            "\n\n/* The kernel cannot patch the branches of the module's trace events. */",
        );
    }
    for name in &selection.traces {
        text.push_str(&format!("\n#define {name}(...) do {{ }} while (0)"));
    }
    text
}

/// How the functions of the file differ from those of the kernel: a unified diff of the old items
/// against those that are written.
pub fn difference(old: &Text, new: &Text, selection: &Selection, path: &str) -> String {
    let (mut before, mut after) = (String::new(), String::new());
    for (n, _) in selection.items.iter().filter(|(_, form)| **form == Form::Whole) {
        let written = comment_above(new, *n).to_owned() + &edited(new, *n, selection) + "\n\n";
        let was = counterpart(old, new, *n)
            .map(|n| comment_above(old, n).to_owned() + old.item(n) + "\n\n");
        before.push_str(&was.unwrap_or_default());
        after.push_str(&written);
    }
    let mut options = DiffOptions::new();
    options.set_original_filename(format!("a/{path}"));
    options.set_modified_filename(format!("b/{path}"));
    let patch = options.create_patch(&before, &after);
    match patch.hunks().is_empty() {
        true => String::new(),
        false => PatchFormatter::new().suppress_blank_empty(false).fmt_patch(&patch).to_string(),
    }
}

/// The item of the old text that is or declares the same.
fn counterpart(old: &Text, new: &Text, n: usize) -> Option<usize> {
    let item = new.items().get(n)?;
    if let ItemKind::Include { spelled, .. } = &item.kind {
        return old.items().iter().position(
            |item| matches!(&item.kind, ItemKind::Include { spelled: old, .. } if old == spelled),
        );
    }
    let names: Vec<&Name> = new.names().filter(|name| new.declaring(name).contains(&n)).collect();
    names.iter().find_map(|name| {
        let nth = new.declaring(name).iter().position(|item| *item == n)?;
        old.declaring(name).get(nth).copied()
    })
}

/// The first comment, below the license of the author's file.
fn head(new: &Text, origin: Origin<'_>) -> String {
    let first = new.text().lines().next().unwrap_or_default();
    let license = match first.contains("SPDX-License-Identifier:") && first.starts_with("//") {
        true => first.trim_end(),
        false => "// SPDX-License-Identifier: GPL-2.0",
    };
    let Origin { path, version, header } = origin;
    let fix = match (&header.commit, header.subject.as_str()) {
        (Some(commit), "") => format!(", with the fix {}", short(commit)),
        (Some(commit), subject) => format!(", with the fix {} (\"{subject}\")", short(commit)),
        (None, "") => ", with a fix".to_owned(),
        (None, subject) => format!(", with the fix \"{subject}\""),
    };
    let sentence = format!(
        "Functions of {path} of Linux {version}{fix}. What they need and the kernel has is declared, \
         and the rest copied."
    );
    let mut text = format!("{license}\n/*\n");
    for line in wrapped(&in_comment(&sentence), 76) {
        text.push_str(&format!(" * {line}\n"));
    }
    text + " */"
}

/// A text that does not end the comment around it.
fn in_comment(text: &str) -> String {
    text.replace("*/", "* /").replace("/*", "/ *")
}

/// The start of a commit's id, as the kernel's own messages quote it.
pub fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// The words of a text in lines of at most so many characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The text of an item with its edits.
fn edited(new: &Text, n: usize, selection: &Selection) -> String {
    let Some(item) = new.items().get(n) else { return String::new() };
    let mut edits = selection.edits.get(&n).cloned().unwrap_or_default();
    edits.sort_by_key(|(range, _)| range.start);
    let mut text = String::new();
    let mut at = item.range.start;
    for (range, replacement) in edits {
        text.push_str(new.slice(&(at..range.start)));
        text.push_str(&replacement);
        at = range.end;
    }
    text + new.slice(&(at..item.range.end))
}

/// Whether two items stay on lines that follow each other.
fn are_neighbours(new: &Text, last: usize, n: usize, before: &Form, form: &Form) -> bool {
    let (Some(one), Some(other)) = (new.items().get(last), new.items().get(n)) else {
        return false;
    };
    let is_short = |item: &ItemKind| !matches!(item, ItemKind::Declarations(_));
    let are_declared = matches!(before, Form::Declared(_)) && matches!(form, Form::Declared(_));
    let are_close = last + 1 == n
        && new.slice(&(one.range.end..other.range.start)).trim_matches([' ', '\t']) == "\n";
    let are_includes = matches!(one.kind, ItemKind::Include { .. })
        && matches!(other.kind, ItemKind::Include { .. });
    are_declared
        || are_includes
        || (are_close && (is_short(&one.kind) || is_short(&other.kind)))
        || (are_close && before == form && *form == Form::Whole)
}

/// The comment that is directly above an item, with the end of its last line.
fn comment_above(text: &Text, n: usize) -> &str {
    let Some(item) = text.items().get(n) else { return "" };
    let start = n.checked_sub(1).and_then(|before| text.items().get(before));
    let start = start.map_or(0, |before| before.range.end);
    let gap: Range<usize> = start..item.range.start;
    let mut rest = text.slice(&gap);
    // The item starts its line.
    let end = rest.trim_end_matches([' ', '\t']);
    if !end.ends_with('\n') {
        return "";
    }
    loop {
        let line = rest.trim_end_matches([' ', '\t']);
        // An empty line separates a comment from what is below it.
        let Some(above) = line.strip_suffix('\n') else { break };
        let last = above.rsplit('\n').next().unwrap_or_default();
        let last_start = above.len() - last.len();
        if last.trim_start().starts_with("//") {
            rest = &rest[..last_start];
        } else if last.trim_end().ends_with("*/") {
            let Some(open) = above.rfind("/*") else { break };
            let line_start = above[..open].rfind('\n').map_or(0, |at| at + 1);
            if !above[line_start..open].trim().is_empty() {
                break;
            }
            rest = &rest[..line_start];
        } else {
            break;
        }
    }
    let comment = text.slice(&(start + rest.len()..item.range.start));
    // The license and what describes the whole file stay there.
    if comment.trim_start().starts_with("// SPDX") {
        ""
    } else {
        comment
    }
}

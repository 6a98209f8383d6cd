// SPDX-License-Identifier: GPL-2.0
//! The functions of a source file, found by the layout that the kernel's C has: a body starts with a
//! line `{` and ends with a line `}`. What is laid out in another way is not drawn.

use similar::{ChangeTag, TextDiff};
use std::collections::BTreeSet;

/// A function in a text. Its lines are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    /// Its name; of a system call that of its definition, with `sys_` or `compat_sys_`.
    pub(super) name: String,
    /// Whether it runs only while the kernel starts.
    pub(super) is_init: bool,
    /// The first line of its head.
    start: usize,
    /// The line `{`.
    body: usize,
    /// The line `}`.
    end: usize,
}

/// The functions of a file, without those that it has several times, in branches of `#if`.
pub(super) fn functions(text: &str) -> Vec<Function> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found: Vec<Function> = Vec::new();
    let mut at = 0;
    while let Some(body) = (at..lines.len()).find(|n| lines[*n].trim_end() == "{") {
        let Some(end) = (body..lines.len()).find(|n| lines[*n].starts_with('}')) else { break };
        let is_head = |n: &usize| is_in_head(lines[*n]);
        let start = (0..body).rev().take_while(is_head).last().unwrap_or(body);
        let head = lines[start..body].join("\n");
        if let Some(name) = name(&head).filter(|_| lines[end].trim_end() == "}") {
            let is_init = head.contains("__init");
            found.push(Function { name, is_init, start, body, end });
        }
        at = end + 1;
    }
    let mut seen = BTreeSet::new();
    let again: BTreeSet<String> = found
        .iter()
        .map(|one| one.name.clone())
        .filter(|name| !seen.insert(name.clone()))
        .collect();
    found.retain(|one| !again.contains(&one.name));
    found
}

/// Whether a line above a body may belong to the function's head.
fn is_in_head(line: &str) -> bool {
    let text = line.trim_end();
    !text.is_empty()
        && !text.starts_with(['#', '}', '/'])
        && !text.starts_with(" *")
        && !text.ends_with([';', '}'])
        && !text.ends_with("*/")
}

/// The name in a head: what stands before the first parenthesis, unless that is a macro's.
fn name(head: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (before, rest) = head.split_once('(')?;
    let call = before.strip_prefix("COMPAT_").unwrap_or(before);
    if call.starts_with("SYSCALL_DEFINE") {
        let name: String = rest.chars().take_while(|c| is_part(*c)).collect();
        let prefix = if call == before { "sys_" } else { "compat_sys_" };
        return Some(format!("{prefix}{name}"));
    }
    let name = before.trim_end().rsplit(|c: char| !is_part(c)).next()?;
    const ATTRIBUTES: [&str; 9] = [
        "__attribute",
        "__printf",
        "__releases",
        "__acquires",
        "__must_hold",
        "__section",
        "__scanf",
        "__aligned",
        "__assume",
    ];
    let is_macro = !name.contains(|c: char| c.is_ascii_lowercase())
        || ATTRIBUTES.iter().any(|attribute| name.starts_with(attribute));
    let is_function = head.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (is_function && !is_macro && !head.contains('=')).then(|| name.to_owned())
}

impl Function {
    /// Its lines in its text.
    pub(super) fn lines<'t>(&self, text: &'t str) -> Vec<&'t str> {
        text.split_inclusive('\n').skip(self.start).take(self.end + 1 - self.start).collect()
    }

    /// The text with an instruction at the start of the function, which does nothing.
    pub(super) fn with_nop(&self, text: &str) -> String {
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        lines.insert(self.body + 1, "\tasm volatile(\"nop\");\n");
        lines.concat()
    }

    /// The text with the function as another text has it.
    pub(super) fn replaced(&self, text: &str, by: &Function, other: &str) -> String {
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        lines.splice(self.start..=self.end, by.lines(other));
        lines.concat()
    }
}

/// How many lines differ between two functions.
pub(super) fn changed_lines(old: &[&str], new: &[&str]) -> usize {
    let diff = TextDiff::from_slices(old, new);
    diff.iter_all_changes().filter(|change| change.tag() != ChangeTag::Equal).count()
}

/// The change of a file as Git writes it.
pub(super) fn diff(path: &str, old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    let diff = diff.unified_diff().header(&format!("a/{path}"), &format!("b/{path}")).to_string();
    format!("diff --git a/{path} b/{path}\n{diff}")
}

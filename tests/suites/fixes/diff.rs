// SPDX-License-Identifier: GPL-2.0
//! The diff of some functions of a file. Two versions of the kernel differ in more than a fix.

use similar::{DiffTag, TextDiff};
use std::ops::Range;

/// What changes of the named functions between two texts of a file, as `git diff` writes it. A name
/// that is only declared stands for its declaration.
pub(super) fn of_functions(path: &str, old: &str, new: &str, names: &[String]) -> String {
    let changed = with_functions(old, new, names);
    assert_ne!(changed, old, "{path} is the same in both versions where {names:?} are");
    let diff = TextDiff::from_lines(old, &changed);
    let (before, after) = (format!("a/{path}"), format!("b/{path}"));
    let hunks = diff.unified_diff().header(&before, &after).to_string();
    format!("diff --git {before} {after}\n{hunks}")
}

/// The old text with the changes that touch one of the functions, in either text.
fn with_functions(old: &str, new: &str, names: &[String]) -> String {
    let (old_items, new_items) = (items(old, names), items(new, names));
    for (number, name) in names.iter().enumerate() {
        let is_there = [&old_items, &new_items].iter().any(|all| all.iter().any(|i| i.0 == number));
        assert!(is_there, "neither version has {name}");
    }
    let touches = |items: &[(usize, Range<usize>)], lines: &Range<usize>| {
        items.iter().any(|(_, item)| item.start < lines.end && lines.start < item.end)
    };
    let (old_lines, new_lines) = (lines(old), lines(new));
    let mut text = String::new();
    for op in TextDiff::from_lines(old, new).ops() {
        let is_wanted = op.tag() != DiffTag::Equal
            && (touches(&old_items, &op.old_range()) || touches(&new_items, &op.new_range()));
        match is_wanted {
            true => text.extend(new_lines[op.new_range()].iter().copied()),
            false => text.extend(old_lines[op.old_range()].iter().copied()),
        }
    }
    text
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Where the named functions are: which name, and its lines. In the kernel's style a function
/// starts and ends at the margin.
fn items(text: &str, names: &[String]) -> Vec<(usize, Range<usize>)> {
    let lines = lines(text);
    let mut items = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let is_at_margin = line.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let named = names.iter().position(|name| is_at_margin && names_it(line, name));
        let Some(number) = named else { continue };
        let mut is_body = false;
        let length = lines[start..].iter().position(|line| {
            is_body |= line.starts_with('{');
            line.starts_with('}') || (!is_body && line.trim_end().ends_with(';'))
        });
        if let Some(length) = length {
            items.push((number, start..start + length + 1));
        }
    }
    items
}

/// Whether a line at the margin starts a function or declares it: `NAME(` or, of a system call,
/// `(NAME,`.
fn names_it(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + name.len()..].chars().next();
        let is_word = !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        is_word && (after == Some('(') || (before == Some('(') && after == Some(',')))
    })
}

/// Of the functions that change, those that are asked for change. A helper that is new comes along
/// if it is named.
pub(super) fn has_what_was_asked_for_and_no_more() {
    const OLD: &str = "static int one(int a)\n{\n\treturn a;\n}\n\n\
        static int two(\n\t\tint b)\n{\n\treturn b;\n}\n\n\
        int three(int c);\n\n\
        SYSCALL_DEFINE1(call, int, d)\n{\n\treturn one(d);\n}\n";
    const NEW: &str = "static int one(int a)\n{\n\treturn a + 1;\n}\n\n\
        static int two(\n\t\tint b)\n{\n\treturn b + 2;\n}\n\n\
        long three(int c);\n\n\
        static int helped(int e)\n{\n\treturn e * 2;\n}\n\n\
        SYSCALL_DEFINE1(call, int, d)\n{\n\treturn helped(one(d));\n}\n";
    let of = |wanted: &[&str]| {
        let names: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        let diff = of_functions("fs/x.c", OLD, NEW, &names);
        let changed = diff.lines().filter(|line| line.starts_with(['+', '-']));
        let changed = changed.filter(|line| !line.starts_with("+++") && !line.starts_with("---"));
        changed.filter(|line| line.contains(['(', 'r'])).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of(&["one"]), ["-\treturn a;", "+\treturn a + 1;"]);
    assert_eq!(of(&["two"]), ["-\treturn b;", "+\treturn b + 2;"]);
    assert!(of(&["three"]).contains(&"+long three(int c);".to_owned()));
    let call = of(&["call", "helped"]);
    for line in ["+static int helped(int e)", "-\treturn one(d);", "+\treturn helped(one(d));"] {
        assert!(call.iter().any(|changed| changed == line), "{line}: {call:?}");
    }
    assert!(call.iter().all(|line| !line.contains(" a") && !line.contains(" b")), "{call:?}");
}

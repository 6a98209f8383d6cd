// SPDX-License-Identifier: GPL-2.0
//! The code of changed headers in files that the fix does not name: macros, inline functions and
//! the values of constants become part of every file that uses them.

use crate::changes::{Change, Changes};
use crate::shadow::Both;
use crate::text::{declarations, Space, Text};
use crate::unit::Kind;
use kps_grammar::{identifiers, Language};
use std::collections::{BTreeMap, BTreeSet};

/// The macros, inline functions and constants of headers that the fix changes.
pub fn changed(headers: &[Both<'_>]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for header in headers {
        let changes = Changes::between(header.old, header.new);
        for space in [Space::Function, Space::Macro] {
            let changed = changes.in_space(space).filter(|(_, how)| *how != Change::Added);
            names.extend(changed.map(|(name, _)| name.to_owned()));
        }
        let after = constants(header.new);
        let changed = constants(header.old).into_iter();
        let changed = changed.filter(|(name, value)| after.get(name) != Some(value));
        names.extend(changed.map(|(name, _)| name));
    }
    names
}

/// What the value of a constant is: that of an expression, and so many more.
type Value = (String, usize);

/// The constants of the enumerations of a text.
fn constants(text: &Text) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for (n, item) in text.items().iter().enumerate() {
        for one in declarations(item) {
            if let Kind::Enum { constants } = &one.kind {
                found.extend(values(text.item(n), constants));
            }
        }
    }
    found
}

/// The values of the constants that an enumeration has in this order.
fn values(text: &str, constants: &[String]) -> Vec<(String, Value)> {
    let mut words = identifiers(text, Language::C);
    let mut value: Value = (String::new(), 0);
    let mut found = Vec::new();
    for constant in constants {
        let Some((at, _)) = words.find(|(_, word)| word == constant) else { break };
        let behind = text.get(at + constant.len()..).unwrap_or_default().trim_start();
        value = match behind.strip_prefix('=') {
            Some(rest) => (expression(rest), 0),
            None => (value.0, value.1 + 1),
        };
        found.push((constant.clone(), value.clone()));
    }
    found
}

/// The expression that a text starts with, up to a comma or bracket that is not in it.
fn expression(text: &str) -> String {
    let mut depth = 0_usize;
    let end = text.find(|c| match c {
        '(' => {
            depth += 1;
            false
        }
        ')' if depth > 0 => {
            depth -= 1;
            false
        }
        ',' | '}' | ')' => depth == 0,
        _ => false,
    });
    let whole = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
    whole.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a text has one of these names as a word.
pub fn has_one(text: &str, names: &BTreeSet<String>) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_part(c)).any(|word| names.contains(word))
}

/// The macros and functions of a header that have one of these names in their definitions, as the
/// kernel's layout shows them: a definition begins at the start of a line, and ends before the next
/// one or the comment above that.
pub fn around(header: &str, names: &BTreeSet<String>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut definition = String::new();
    for line in header.split_inclusive('\n').chain([";\n"]) {
        let starts = line.starts_with(|c: char| "#;/".contains(c) || c.is_ascii_alphabetic());
        if starts && !definition.ends_with("\\\n") {
            if has_one(&definition, names) {
                found.extend(defined(&definition));
            }
            definition.clear();
        }
        definition.push_str(line);
    }
    found.retain(|name| !names.contains(name));
    found
}

/// The name that a definition is of: the macro's, or the word before the first bracket.
fn defined(definition: &str) -> Option<String> {
    if let Some(rest) = definition.strip_prefix('#') {
        let rest = rest.trim_start().strip_prefix("define")?;
        return identifiers(rest, Language::C).next().map(|(_, name)| name.to_owned());
    }
    let (head, _) = definition.split_once('(').filter(|_| !definition.starts_with('/'))?;
    let head = identifiers(head, Language::C).last();
    head.filter(|_| definition.contains('{')).map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "#ifndef X\n#define TWICE(x) \\\n\t(small(x) * 2)\n\n\
        /*\n * small is beautiful\n */\n\
        static inline int outer(int x)\n{\n\treturn TWICE(x);\n}\n\n\
        int declared(int (*small)(int));\n\n\
        static inline int other(int x)\n{\n\treturn smaller(x);\n}\n#endif\n";

    #[test]
    fn a_constant_moves_with_those_before_it() {
        let of = |text: &str, names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let found = values(text, &names).into_iter();
            found.map(|(name, (base, more))| format!("{name} {base}+{more}")).collect::<Vec<_>>()
        };
        let text = "enum e { /* A, B */ A, B = MAX(1, 2), C, /* D = 3 */ D };";
        assert_eq!(
            of(text, &["A", "B", "C", "D"]),
            ["A +1", "B MAX(1, 2)+0", "C MAX(1, 2)+1", "D MAX(1, 2)+2"]
        );
        assert_eq!(of("enum { A, X, B }", &["A", "X", "B"]), ["A +1", "X +2", "B +3"]);
    }

    #[test]
    fn definitions_around_a_name_are_found() {
        let names = |of: &[&str]| of.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(around(HEADER, &names(&["small"])), names(&["TWICE"]));
        assert_eq!(around(HEADER, &names(&["small", "TWICE"])), names(&["outer"]));
        assert_eq!(around(HEADER, &names(&["X"])), names(&[]));
    }
}

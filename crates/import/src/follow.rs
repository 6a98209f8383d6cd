// SPDX-License-Identifier: GPL-2.0
//! The code of changed headers in files that the fix does not name: macros and inline functions
//! become part of every file that uses them.

use crate::changes::{Change, Changes};
use crate::shadow::Both;
use crate::text::Space;
use kps_grammar::{identifiers, Language};
use std::collections::BTreeSet;

/// The macros and inline functions of headers that the fix changes.
pub fn changed(headers: &[Both<'_>]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for header in headers {
        let changes = Changes::between(header.old, header.new);
        for space in [Space::Function, Space::Macro] {
            let changed = changes.in_space(space).filter(|(_, how)| *how != Change::Added);
            names.extend(changed.map(|(name, _)| name.to_owned()));
        }
    }
    names
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
    fn definitions_around_a_name_are_found() {
        let names = |of: &[&str]| of.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(around(HEADER, &names(&["small"])), names(&["TWICE"]));
        assert_eq!(around(HEADER, &names(&["small", "TWICE"])), names(&["outer"]));
        assert_eq!(around(HEADER, &names(&["X"])), names(&[]));
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The text of a message: how many arguments it takes.

use std::ops::RangeInclusive;
use syn::Expr;

/// How many arguments a text with placeholders takes, if it names none by number. `{{` is a brace.
pub(super) fn placeholders(text: &str) -> Option<usize> {
    let mut count = 0;
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (brace, behind) = rest[at..].split_at(1);
        if let Some(behind) = behind.strip_prefix(brace) {
            rest = behind;
            continue;
        }
        let (placeholder, behind) = behind.split_once('}').filter(|_| brace == "{")?;
        let (name, format) = placeholder.split_once(':').unwrap_or((placeholder, ""));
        // A number, and a width or precision that is an argument of its own.
        if name.starts_with(|c: char| c.is_ascii_digit()) || format.contains(['$', '*']) {
            return None;
        }
        count += usize::from(name.trim().is_empty());
        rest = behind;
    }
    Some(count)
}

/// How many arguments behind the text need a placeholder, and how many could have one: Rust only
/// warns of an argument with a name that a placeholder without a name takes.
pub(super) fn arguments<'e>(args: impl Iterator<Item = &'e Expr>) -> RangeInclusive<usize> {
    let named: Vec<bool> = args.skip(1).map(|arg| matches!(arg, Expr::Assign(_))).collect();
    named.iter().filter(|is_named| !**is_named).count()..=named.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_counted() {
        for (text, count) in [
            ("none {{}} {name} {name:?} }}", Some(0)),
            ("{} {:?} {:#010x} { } {{{}}}", Some(5)),
            ("{0} {}", None),
            ("{:1$}", None),
            ("{:.*}", None),
            ("{", None),
            ("}", None),
        ] {
            assert_eq!(placeholders(text), count, "{text}");
        }
    }
}

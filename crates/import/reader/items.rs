// SPDX-License-Identifier: GPL-2.0
//! Cuts the file into what it has at file scope.

use crate::clang::Cursor;
use crate::text::Directive;
use crate::uses::{self, Index};
use crate::{json, Brought, Source};
use std::ops::Range;

/// Something at file scope.
pub struct Item {
    /// Its bytes.
    pub range: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// What an item is.
pub enum Kind {
    /// `#include`.
    Include { spelled: String, path: Option<String>, defines: bool, is_part: bool, brings: Vec<Brought> },
    /// `#define`.
    Define { name: String, words: Vec<String> },
    /// `#undef`.
    Undef { name: String },
    /// Declarations: several if a macro makes them, none if it makes nothing.
    Declarations(Vec<Cursor>),
}

/// The items of a file, in its order.
pub fn items(source: &Source<'_>) -> Vec<Item> {
    let directives = source.text.directives();
    let mut items = declarations(source, &directives);
    items.extend(calls_without_result(source, &directives, &items));
    items.extend(active(source, directives, &items));
    items.sort_by_key(|item| item.range.start);
    items
}

/// The declarations. Those that share bytes are one item.
fn declarations(source: &Source<'_>, directives: &[Directive]) -> Vec<Item> {
    let with_range = |cursor: &Cursor| Some((source.range(*cursor)?, *cursor));
    let mut found: Vec<(Range<usize>, Cursor)> =
        source.declared.iter().filter_map(with_range).collect();
    // A `;` too many is a declaration to clang.
    found.retain(|(range, _)| source.text.slice(range) != ";");
    found.sort_by_key(|(range, _)| range.start);
    let mut merged: Vec<(Range<usize>, Vec<Cursor>)> = Vec::new();
    for (range, cursor) in found {
        match merged.last_mut() {
            Some((last, cursors)) if range.start < last.end => {
                last.end = last.end.max(range.end);
                cursors.push(cursor);
            }
            _ => merged.push((range, vec![cursor])),
        }
    }
    let starts: Vec<usize> = merged.iter().map(|(range, _)| range.start).collect();
    let mut items: Vec<Item> = Vec::new();
    for (number, (range, cursors)) in merged.into_iter().enumerate() {
        let before = items.last().map_or(0, |item| item.range.end);
        let start = with_macros(source, directives, before, range.start);
        let limit = starts.get(number + 1).copied().unwrap_or(source.text.len());
        let end = source.text.semicolon(range.end, limit).unwrap_or(range.end);
        items.push(Item { range: start..end, kind: Kind::Declarations(cursors) });
    }
    items
}

/// The start of a declaration with the macros in front of it that clang sees nothing of, such as an
/// empty attribute.
fn with_macros(source: &Source<'_>, directives: &[Directive], limit: usize, start: usize) -> usize {
    let mut start = start;
    while let Some(call) = source.macros.before(start) {
        let is_part = call.start >= limit
            && source.text.is_blank(call.end..start)
            && !is_in_directive(directives, call.start);
        if !is_part {
            break;
        }
        start = call.start;
    }
    start
}

/// The calls of macros at file scope that make nothing in this configuration.
fn calls_without_result(
    source: &Source<'_>,
    directives: &[Directive],
    items: &[Item],
) -> Vec<Item> {
    let is_free = |call: &&Range<usize>| {
        let number = items.partition_point(|item| item.range.end <= call.start);
        let is_in_item = items.get(number).is_some_and(|item| item.range.start < call.end);
        !is_in_item && !is_in_directive(directives, call.start)
    };
    let item = |call: &Range<usize>| {
        let number = items.partition_point(|item| item.range.end <= call.start);
        let limit = items.get(number).map_or(source.text.len(), |item| item.range.start);
        let end = match source.text.semicolon(call.end, limit) {
            Some(end) if source.text.is_blank(call.end..end - 1) => end,
            _ => call.end,
        };
        Item { range: call.start..end, kind: Kind::Declarations(Vec::new()) }
    };
    source.macros.outer().iter().filter(is_free).map(item).collect()
}

/// Whether a place is in one of the lines that start with `#`, which are in the order of the text.
fn is_in_directive(directives: &[Directive], place: usize) -> bool {
    let number = directives.partition_point(|directive| directive.range.end <= place);
    directives.get(number).is_some_and(|directive| directive.range.start <= place)
}

/// The directives that the preprocessor has followed, outside of declarations.
fn active(source: &Source<'_>, directives: Vec<Directive>, items: &[Item]) -> Vec<Item> {
    let skipped = source.unit.skipped(source.main);
    let is_active = |directive: &Directive| {
        let at = directive.range.start;
        let is_skipped = skipped.iter().any(|(start, end)| *start < at && at < *end);
        let number = items.partition_point(|item| item.range.end <= at);
        !is_skipped && items.get(number).is_none_or(|item| at < item.range.start)
    };
    let followed = directives.into_iter().filter(is_active);
    followed.filter_map(|directive| item_of(source, directive)).collect()
}

fn item_of(source: &Source<'_>, directive: Directive) -> Option<Item> {
    let Directive { range, keyword, rest } = directive;
    let first = || source.text.words(&rest).into_iter().next();
    let kind = match keyword.as_str() {
        "include" | "include_next" | "import" => {
            let of_file = source.included.iter().find(|one| range.contains(&one.at));
            Kind::Include {
                spelled: source.text.slice(&rest),
                path: of_file.and_then(|one| one.path.clone()),
                defines: of_file.is_some_and(|one| one.defines),
                is_part: of_file.is_some_and(|one| one.is_part),
                brings: of_file.map(|one| one.brings.clone()).unwrap_or_default(),
            }
        }
        "define" => {
            let (name, at) = first()?;
            let words = source.text.words(&(at + name.len()..rest.end));
            let mut words: Vec<String> = words.into_iter().map(|(word, _)| word).collect();
            words.sort_unstable();
            words.dedup();
            Kind::Define { name, words }
        }
        "undef" => Kind::Undef { name: first()?.0 },
        _ => return None,
    };
    // The line ends where its last word ends.
    Some(Item { range: range.start..rest.end.max(range.start + 1), kind })
}

/// The items as JSON.
pub fn json(source: &Source<'_>, items: &[Item]) -> Vec<String> {
    let index = Index::new(source, items);
    let value = |item: &Item| {
        let kind = match &item.kind {
            Kind::Include { spelled, path, defines, is_part, brings } => {
                let brought = |one: &Brought| {
                    let behind = json::list(one.behind.iter().map(|name| json::text(name)));
                    json::object([("path", json::text(&one.path)), ("behind", behind)])
                };
                let brings = json::list(brings.iter().map(brought));
                let members = [
                    ("spelled", json::text(spelled)),
                    ("path", json::optional(path.as_deref())),
                    ("defines", defines.to_string()),
                    ("is_part", is_part.to_string()),
                    ("brings", brings),
                ];
                ("include", json::object(members))
            }
            Kind::Define { name, words } => {
                let words = json::list(words.iter().map(|word| json::text(word)));
                ("define", json::object([("name", json::text(name)), ("words", words)]))
            }
            Kind::Undef { name } => ("undef", json::object([("name", json::text(name))])),
            Kind::Declarations(cursors) => {
                let all = uses::declarations(source, &index, &item.range, cursors);
                ("declarations", json::list(all))
            }
        };
        json::object([("range", json::range(&item.range)), ("kind", json::object([kind]))])
    };
    items.iter().map(value).collect()
}

// SPDX-License-Identifier: GPL-2.0
//! What a fix changes of a file: the definitions that it adds, removes or changes. White space and
//! comments do not count.

use crate::text::{declarations, is_definition, is_same, Name, Space, Text};
use crate::unit::{Declaration, ItemKind, Kind};
use std::collections::BTreeMap;

/// The names whose definitions differ between the old and the new text of a file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Changes(BTreeMap<Name, Change>);

/// How a definition differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The old text has none.
    Added,
    /// The new text has none.
    Removed,
    /// The text differs.
    Changed,
    /// The parameters or the result of a function differ.
    Prototype,
}

impl Changes {
    /// Compares the texts of a file.
    pub fn between(old: &Text, new: &Text) -> Changes {
        let mut changes = BTreeMap::new();
        for name in old.names().chain(new.names()) {
            let change = match (definition(old, name), definition(new, name)) {
                (None, Some(_)) => Change::Added,
                (Some(_), None) => Change::Removed,
                (Some(before), Some(after)) => match prototypes(old, new, name) {
                    (Some(before), Some(after)) if before != after => Change::Prototype,
                    _ if same(&before, &after) => continue,
                    _ => Change::Changed,
                },
                (None, None) => continue,
            };
            changes.insert(name.clone(), change);
        }
        Changes(changes)
    }

    /// How a definition differs, if it does.
    pub fn of(&self, name: &Name) -> Option<Change> {
        self.0.get(name).copied()
    }

    /// The names in a space whose definitions differ, with how they do.
    pub fn in_space(&self, space: Space) -> impl Iterator<Item = (&str, Change)> {
        let all = self.0.iter().filter(move |(name, _)| name.space == space);
        all.map(|(name, change)| (name.name.as_str(), *change))
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The texts that define a name: one, or the lines of a macro that is defined several times.
fn definition<'t>(text: &'t Text, name: &Name) -> Option<Vec<&'t str>> {
    let defines = |n: &&usize| match text.items().get(**n).map(|item| &item.kind) {
        Some(ItemKind::Define { .. } | ItemKind::Undef { .. }) => true,
        _ => text.declarations(name).any(|(item, one)| item == **n && is_definition(one)),
    };
    let whole = text.declaring(name).iter().filter(defines);
    let items: Vec<_> = whole
        .map(|n| match name.space {
            Space::Function => text.item(*n),
            _ => without_body(text, *n),
        })
        .collect();
    (!items.is_empty()).then_some(items)
}

/// An item up to the body of a function in it: data that comes with a function from one macro, such
/// as that of `SYSCALL_DEFINE0()`, does not depend on the body.
fn without_body(text: &Text, n: usize) -> &str {
    let Some(item) = text.items().get(n) else { return "" };
    let bodies = declarations(item).iter().filter_map(|one| match &one.kind {
        Kind::Function { body: Some(body), .. } => Some(body.start),
        _ => None,
    });
    text.slice(&(item.range.start..bodies.min().unwrap_or(item.range.end)))
}

fn same(before: &[&str], after: &[&str]) -> bool {
    before.len() == after.len() && before.iter().zip(after).all(|(one, other)| is_same(one, other))
}

/// The prototypes of a function in both texts.
fn prototypes<'t>(old: &'t Text, new: &'t Text, name: &Name) -> (Option<&'t str>, Option<&'t str>) {
    let of = |text: &'t Text| match name.space {
        Space::Function => text.function(&name.name).and_then(|(_, one)| prototype(one)),
        _ => None,
    };
    (of(old), of(new))
}

fn prototype(declaration: &Declaration) -> Option<&str> {
    match &declaration.kind {
        Kind::Function { prototype, .. } => Some(prototype),
        _ => None,
    }
}

/// The items of the new text that are in no old one, and declare nothing that has a name here:
/// `EXPORT_SYMBOL()`, `module_init()` and the like, by the lines that they are.
pub fn nameless<'t>(old: &Text, new: &'t Text) -> Vec<(usize, &'t str)> {
    let is_nameless = |text: &Text, n: usize| {
        text.items().get(n).is_some_and(|item| {
            let all = declarations(item);
            matches!(item.kind, ItemKind::Declarations(_))
                && all.iter().all(|one| one.name.is_empty() || one.kind == Kind::Other)
        })
    };
    let before: Vec<&str> =
        (0..old.items().len()).filter(|n| is_nameless(old, *n)).map(|n| old.item(n)).collect();
    let after = (0..new.items().len()).filter(|n| is_nameless(new, *n)).map(|n| (n, new.item(n)));
    after.filter(|(_, text)| !before.iter().any(|old| is_same(old, text))).collect()
}

// SPDX-License-Identifier: GPL-2.0
//! The text of a source file with what the C front end has read in it, and the names that it
//! defines.

use crate::unit::{At, Declaration, Item, ItemKind, Kind, Of, Unit};
use kps_grammar::{tokens, Language};
use std::collections::BTreeMap;
use std::ops::Range;

/// A source file, read.
#[derive(Debug, Clone)]
pub struct Text {
    text: String,
    unit: Unit,
    /// The items that declare a name, in their order.
    names: BTreeMap<Name, Vec<usize>>,
}

/// A name of C, in its name space as far as that matters here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// What it is of.
    pub space: Space,
    /// The name.
    pub name: String,
}

/// The name spaces. `struct foo` and a function `foo` are two things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// Functions, inline ones too.
    Function,
    /// Variables.
    Variable,
    /// Types, members, and constants of enumerations.
    Type,
    /// Macros.
    Macro,
}

impl Name {
    /// A name in a space.
    pub fn new(space: Space, name: impl Into<String>) -> Name {
        Name { space, name: name.into() }
    }
}

impl From<Of> for Space {
    fn from(of: Of) -> Space {
        match of {
            Of::Function | Of::InlineFunction => Space::Function,
            Of::Variable => Space::Variable,
            Of::Type | Of::Member => Space::Type,
            Of::Macro => Space::Macro,
        }
    }
}

impl Text {
    /// A file and what has been read in it. `None` if that does not fit the text: it comes from a
    /// program that has read a stranger's C.
    pub fn new(text: String, unit: Unit) -> Option<Text> {
        let is_in =
            |range: &Range<usize>| range.start <= range.end && text.get(range.clone()).is_some();
        let mut end = 0;
        for item in &unit.items {
            if !is_in(&item.range) || item.range.start < end {
                return None;
            }
            end = item.range.end;
            let within = |range: &Range<usize>| is_in(range) && contains(&item.range, range);
            for declaration in declarations(item) {
                let ranges_fit = match &declaration.kind {
                    Kind::Function { body, statics, .. } => {
                        body.iter().all(within) && statics.iter().all(|local| within(&local.range))
                    }
                    Kind::Record { members } => members.iter().all(|(_, range)| within(range)),
                    _ => true,
                };
                let is_there = |at: &At| !matches!(at, At::Item(n) if *n >= unit.items.len());
                let uses_fit = declaration
                    .uses
                    .iter()
                    .all(|used| used.places.iter().all(is_in) && is_there(&used.at));
                if !ranges_fit || !uses_fit {
                    return None;
                }
            }
        }
        let names = names(&unit);
        Some(Text { text, unit, names })
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The last include of some items before the first function among them, whose header may be a
    /// part of the file.
    pub(crate) fn last_include(&self, items: impl Iterator<Item = usize>) -> Option<usize> {
        let has_body = |one: &Declaration| {
            matches!(one.kind, Kind::Function { is_definition: true, is_inline: false, .. })
        };
        let mut last = None;
        for n in items {
            match self.unit.items.get(n).map(|item| &item.kind) {
                Some(ItemKind::Include { .. }) => last = Some(n),
                Some(ItemKind::Declarations(all)) if last.is_some() && all.iter().any(has_body) => {
                    break;
                }
                _ => {}
            }
        }
        last
    }

    /// What the front end says about the file.
    pub fn errors(&self) -> &[String] {
        &self.unit.errors
    }

    /// The items, in their order.
    pub fn items(&self) -> &[Item] {
        &self.unit.items
    }

    /// The text of a range.
    pub fn slice(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The text of an item.
    pub fn item(&self, n: usize) -> &str {
        self.unit.items.get(n).map_or("", |item| self.slice(&item.range))
    }

    /// The line of a byte, counted from 1.
    pub fn line(&self, byte: usize) -> usize {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        before.bytes().filter(|byte| *byte == b'\n').count() + 1
    }

    /// Everything that has a name.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.names.keys()
    }

    /// The items that declare a name, in their order.
    pub fn declaring(&self, name: &Name) -> &[usize] {
        self.names.get(name).map_or(&[], Vec::as_slice)
    }

    /// The declarations of a name, with the numbers of their items.
    pub fn declarations<'a>(
        &'a self,
        name: &'a Name,
    ) -> impl Iterator<Item = (usize, &'a Declaration)> + 'a {
        self.declaring(name).iter().flat_map(move |&n| {
            let all = self.unit.items.get(n).map_or(&[][..], declarations);
            all.iter().filter(move |one| is_of(one, name)).map(move |one| (n, one))
        })
    }

    /// The definition of a function or a variable, with the number of its item.
    pub fn definition<'a>(&'a self, name: &'a Name) -> Option<(usize, &'a Declaration)> {
        self.declarations(name).find(|(_, one)| is_definition(one))
    }

    /// The definition of a function.
    pub fn function(&self, name: &str) -> Option<(usize, &Declaration)> {
        let name = Name::new(Space::Function, name);
        let items =
            self.declaring(&name).iter().filter_map(|&n| Some((n, self.unit.items.get(n)?)));
        let mut all =
            items.flat_map(|(n, item)| declarations(item).iter().map(move |one| (n, one)));
        all.find(|(_, one)| is_of(one, &name) && is_definition(one))
    }

    /// The functions that the file defines, in their order.
    pub fn functions(&self) -> impl Iterator<Item = (usize, &Declaration)> {
        let items = self.unit.items.iter().enumerate();
        items
            .flat_map(|(n, item)| declarations(item).iter().map(move |one| (n, one)))
            .filter(|(_, one)| matches!(one.kind, Kind::Function { .. }) && is_definition(one))
    }
}

/// Whether a range is within another.
fn contains(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// The declarations of an item.
pub fn declarations(item: &Item) -> &[Declaration] {
    match &item.kind {
        ItemKind::Declarations(all) => all,
        _ => &[],
    }
}

/// Whether a declaration defines what it names.
pub fn is_definition(declaration: &Declaration) -> bool {
    match &declaration.kind {
        Kind::Function { is_definition, .. } => *is_definition,
        Kind::Variable { is_definition, .. } => *is_definition,
        Kind::Record { .. } | Kind::Enum { .. } | Kind::Typedef => true,
        Kind::Other => false,
    }
}

fn is_of(declaration: &Declaration, name: &Name) -> bool {
    let space = match &declaration.kind {
        Kind::Function { .. } => Space::Function,
        Kind::Variable { .. } => Space::Variable,
        Kind::Record { .. } | Kind::Typedef => Space::Type,
        Kind::Enum { constants } => {
            return name.space == Space::Type
                && (declaration.name == name.name || constants.contains(&name.name));
        }
        Kind::Other => return false,
    };
    space == name.space && declaration.name == name.name
}

fn names(unit: &Unit) -> BTreeMap<Name, Vec<usize>> {
    let mut names: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
    let mut add = |space, name: &str, n| {
        if !name.is_empty() {
            let items = names.entry(Name::new(space, name)).or_default();
            if items.last() != Some(&n) {
                items.push(n);
            }
        }
    };
    for (n, item) in unit.items.iter().enumerate() {
        match &item.kind {
            ItemKind::Include { .. } => {}
            ItemKind::Define { name, .. } | ItemKind::Undef { name } => add(Space::Macro, name, n),
            ItemKind::Declarations(all) => {
                for one in all {
                    match &one.kind {
                        Kind::Function { .. } => add(Space::Function, &one.name, n),
                        Kind::Variable { .. } => add(Space::Variable, &one.name, n),
                        Kind::Record { .. } | Kind::Typedef => add(Space::Type, &one.name, n),
                        Kind::Enum { constants } => {
                            add(Space::Type, &one.name, n);
                            constants.iter().for_each(|name| add(Space::Type, name, n));
                        }
                        Kind::Other => {}
                    }
                }
            }
        }
    }
    names
}

/// Whether two texts in C say the same: white space and comments aside.
pub fn is_same(one: &str, other: &str) -> bool {
    let words = |text| tokens(text, Language::C).map(|(_, token)| token);
    words(one).eq(words(other))
}

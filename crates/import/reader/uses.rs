// SPDX-License-Identifier: GPL-2.0
//! What each declaration is, and what it uses.

use crate::clang::{self, Cursor, Storage};
use crate::declare::declaration;
use crate::items::{Item, Kind};
use crate::{json, Source};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;

/// Finds the item in which something is declared.
pub struct Index<'s> {
    source: &'s Source<'s>,
    ranges: Vec<Range<usize>>,
    /// The first item that declares something, by the first of all its declarations.
    first: HashMap<u32, Vec<(Cursor, usize)>>,
    /// All functions, by their names.
    functions: OnceCell<HashMap<String, Cursor>>,
}

/// Where something is declared.
#[derive(Clone, PartialEq)]
enum At {
    Item(usize),
    Header(String),
    Builtin,
}

/// A name that a declaration uses.
struct Use {
    name: String,
    of: &'static str,
    at: At,
    places: Vec<Range<usize>>,
}

impl<'s> Index<'s> {
    /// Of these items.
    pub fn new(source: &'s Source<'s>, items: &[Item]) -> Index<'s> {
        let mut first: HashMap<u32, Vec<(Cursor, usize)>> = HashMap::new();
        for (number, item) in items.iter().enumerate() {
            let Kind::Declarations(cursors) = &item.kind else { continue };
            for canonical in cursors.iter().map(|cursor| cursor.canonical()) {
                let same = first.entry(canonical.hash()).or_default();
                if !same.iter().any(|(known, _)| *known == canonical) {
                    same.push((canonical, number));
                }
            }
        }
        let ranges = items.iter().map(|item| item.range.clone()).collect();
        Index { source, ranges, first, functions: OnceCell::new() }
    }

    /// The item at a place in the file.
    fn item(&self, place: usize) -> Option<usize> {
        let number = self.ranges.partition_point(|range| range.end <= place);
        self.ranges.get(number).is_some_and(|range| range.start <= place).then_some(number)
    }

    /// Where a declaration is.
    fn at(&self, cursor: Cursor) -> At {
        let (file, offset) = cursor.location().in_file();
        match file {
            None => At::Builtin,
            Some(file) if file == self.source.main => {
                self.item(offset).map_or(At::Builtin, At::Item)
            }
            Some(file) => At::Header(self.source.paths.of(&file.name())),
        }
    }

    /// Where something is declared first in this file, or else anywhere.
    fn first(&self, cursor: Cursor) -> At {
        let canonical = cursor.canonical();
        let same = self.first.get(&canonical.hash());
        let known = same.and_then(|same| same.iter().find(|(known, _)| *known == canonical));
        known.map_or_else(|| self.at(canonical), |(_, number)| At::Item(*number))
    }

    /// The function of this name.
    fn function(&self, name: &str) -> Option<Cursor> {
        let all = || {
            let all = self.source.unit.cursor().children().into_iter();
            let functions = all.filter(|cursor| cursor.kind() == clang::FUNCTION);
            functions.map(|cursor| (cursor.spelling(), cursor)).collect()
        };
        self.functions.get_or_init(all).get(name).copied()
    }
}

/// The declarations of an item, as JSON.
pub fn declarations(
    source: &Source<'_>,
    index: &Index<'_>,
    range: &Range<usize>,
    cursors: &[Cursor],
) -> Vec<String> {
    if cursors.is_empty() {
        let mut user = User::new(source, index);
        user.macros(range);
        return vec![described(None, "", json::text("other"), &user)];
    }
    let of_one = |cursor: &Cursor| {
        // What attributes use is in the item, too.
        let whole = if cursors.len() == 1 { Some(range.clone()) } else { source.range(*cursor) };
        let mut user = User::new(source, index);
        user.walk(*cursor);
        user.macros(&whole.unwrap_or_else(|| range.clone()));
        let kind = kind(source, *cursor, &user);
        described(Some(*cursor), &name(*cursor), kind, &user)
    };
    cursors.iter().map(of_one).collect()
}

/// A declaration as JSON.
fn described(cursor: Option<Cursor>, name: &str, kind: String, user: &User<'_>) -> String {
    let declares =
        cursor.filter(|cursor| [clang::FUNCTION, clang::VARIABLE].contains(&cursor.kind()));
    let is_static = declares.is_some_and(|cursor| cursor.storage() == Storage::Static);
    let section = declares.and_then(section);
    let declared = declares.and_then(declaration);
    let before = cursor.map_or("nowhere", |cursor| before(user.source, cursor));
    json::object([
        ("name", json::text(name)),
        ("kind", kind),
        ("is_static", is_static.to_string()),
        ("section", json::optional(section.as_deref())),
        ("is_declared_before", json::text(before)),
        ("declaration", json::optional(declared.as_deref())),
        ("uses", json::list(user.found.iter().map(Use::json))),
    ])
}

/// Where else something is declared.
fn before(source: &Source<'_>, cursor: Cursor) -> &'static str {
    let first = cursor.canonical();
    match source.place(first) {
        _ if first == cursor => "nowhere",
        Some(_) => "in_file",
        None => "in_header",
    }
}

/// The name of a declaration; empty for a type without one, and for assembly.
fn name(cursor: Cursor) -> String {
    let name = cursor.spelling();
    let is_name = !name.contains(['(', ' ', '.']);
    if is_name && !cursor.is_anonymous() {
        name
    } else {
        String::new()
    }
}

/// The section that an attribute names.
fn section(cursor: Cursor) -> Option<String> {
    if !cursor.has_attributes() {
        return None;
    }
    let printed = cursor.printed();
    let (_, rest) = printed.split_once("section(\"")?;
    Some(rest.split_once('"')?.0.to_owned())
}

fn kind(source: &Source<'_>, cursor: Cursor, user: &User<'_>) -> String {
    let (kind, value) = match cursor.kind() {
        clang::FUNCTION => ("function", function(source, cursor, user)),
        clang::VARIABLE => ("variable", variable(cursor)),
        clang::STRUCT | clang::UNION => {
            let member = |(name, range): (String, Range<usize>)| {
                json::list([json::text(&name), json::range(&range)])
            };
            let members = json::list(members(source, cursor).into_iter().map(member));
            ("record", json::object([("members", members)]))
        }
        clang::ENUM => {
            let constants = cursor.children().into_iter();
            let constants = constants.filter(|child| child.kind() == clang::ENUM_CONSTANT);
            let names = json::list(constants.map(|child| json::text(&child.spelling())));
            ("enum", json::object([("constants", names)]))
        }
        clang::TYPEDEF => return json::text("typedef"),
        _ => return json::text("other"),
    };
    json::object([(kind, value)])
}

fn function(source: &Source<'_>, cursor: Cursor, user: &User<'_>) -> String {
    let body = cursor.children().into_iter().find(|child| child.kind() == clang::COMPOUND);
    let is_definition = body.is_some();
    let body = body.and_then(|body| braces(source, body));
    json::object([
        ("is_definition", is_definition.to_string()),
        ("body", body.map_or_else(|| "null".to_owned(), |body| json::range(&body))),
        ("is_inline", cursor.is_inline().to_string()),
        ("statics", json::list(user.statics.iter().cloned())),
        ("prototype", json::text(&cursor.of_type().canonical().spelling())),
    ])
}

/// The braces of a body, if they are written in the file.
fn braces(source: &Source<'_>, body: Cursor) -> Option<Range<usize>> {
    let (start, end) = body.extent();
    let range = source.offset(start)?..source.offset(end)?;
    let text = source.text.slice(&range);
    (text.starts_with('{') && text.ends_with('}')).then_some(range)
}

fn variable(cursor: Cursor) -> String {
    let has_value = cursor.has_value();
    let is_definition = has_value || cursor.storage() != Storage::Extern;
    json::object([
        ("is_definition", is_definition.to_string()),
        ("is_const", is_const(cursor).to_string()),
        ("has_value", has_value.to_string()),
    ])
}

/// Whether a variable, or what an array has, cannot be written.
fn is_const(cursor: Cursor) -> bool {
    let mut of_type = cursor.of_type().canonical();
    while [clang::CONSTANT_ARRAY, clang::INCOMPLETE_ARRAY].contains(&of_type.kind()) {
        of_type = of_type.element();
    }
    of_type.is_const()
}

/// The members of a struct or union, with those of nameless ones in it.
fn members(source: &Source<'_>, cursor: Cursor) -> Vec<(String, Range<usize>)> {
    let mut found = Vec::new();
    // A struct that a macro makes has no `;` of its own.
    let limit = source.range(cursor).map_or(source.text.len(), |whole| whole.end);
    for child in cursor.children() {
        match child.kind() {
            clang::FIELD if !child.spelling().is_empty() => {
                let Some(range) = source.range(child) else { continue };
                let end = source.text.semicolon(range.end, limit);
                found.push((child.spelling(), range.start..end.unwrap_or(range.end)));
            }
            clang::STRUCT | clang::UNION if child.is_anonymous() => {
                found.extend(members(source, child));
            }
            _ => {}
        }
    }
    found
}

/// Collects what a declaration uses.
struct User<'s> {
    source: &'s Source<'s>,
    index: &'s Index<'s>,
    found: Vec<Use>,
    known: HashMap<(String, &'static str), Vec<usize>>,
    /// The static variables of a function, as JSON.
    statics: Vec<String>,
}

impl<'s> User<'s> {
    fn new(source: &'s Source<'s>, index: &'s Index<'s>) -> User<'s> {
        User { source, index, found: Vec::new(), known: HashMap::new(), statics: Vec::new() }
    }

    fn walk(&mut self, cursor: Cursor) {
        if cursor.kind() == clang::VARIABLE && cursor.has_attributes() {
            self.cleanup(cursor);
        }
        for child in cursor.children() {
            match child.kind() {
                clang::DECLARATION_REF
                | clang::TYPE_REF
                | clang::MEMBER_REF
                | clang::MEMBER_REF_EXPRESSION
                | clang::VARIABLE_REF => {
                    if let Some(named) = child.referenced() {
                        self.named(named, self.source.place(child));
                    }
                }
                clang::DECLARATION_STATEMENT => self.statement(child),
                _ => {}
            }
            self.walk(child);
        }
    }

    /// The function that runs when a variable goes out of scope.
    fn cleanup(&mut self, variable: Cursor) {
        let printed = variable.printed();
        let Some((_, rest)) = printed.split_once("cleanup(") else { return };
        let Some((name, _)) = rest.split_once(')') else { return };
        if let Some(function) = self.index.function(name.trim()) {
            self.named(function, self.source.place(variable));
        }
    }

    fn statement(&mut self, statement: Cursor) {
        let is_static =
            |child: &Cursor| child.kind() == clang::VARIABLE && child.storage() == Storage::Static;
        let variables = statement.children().into_iter().filter(is_static);
        for variable in variables {
            let Some(range) = self.source.range(statement) else { continue };
            // Not one that is only an attribute in front.
            let call = self.source.macros.around(range.start);
            let of_macro = call.is_some_and(|call| call.end >= range.end);
            let declared = declaration(variable).unwrap_or_default();
            self.statics.push(json::object([
                ("name", json::text(&variable.spelling())),
                ("range", json::range(&range)),
                ("of_macro", of_macro.to_string()),
                ("is_const", is_const(variable).to_string()),
                ("declaration", json::text(&declared)),
            ]));
        }
    }

    /// Something is named at a place.
    fn named(&mut self, named: Cursor, place: Option<usize>) {
        let name = name(named);
        let is_global = named.parent().is_unit();
        match named.kind() {
            clang::FUNCTION if is_global => {
                let of_header = named.definition().filter(|definition| {
                    named.is_inline() && self.source.place(*definition).is_none()
                });
                match of_header {
                    Some(definition) => {
                        self.add(&name, "inline_function", self.index.at(definition), place);
                    }
                    None => self.add(&name, "function", self.index.first(named), place),
                }
            }
            clang::VARIABLE if is_global => {
                self.add(&name, "variable", self.index.first(named), place);
            }
            clang::STRUCT | clang::UNION | clang::ENUM | clang::TYPEDEF if is_global => {
                self.of_type(&name, named, place);
            }
            clang::ENUM_CONSTANT if named.parent().parent().is_unit() => {
                self.of_type(&name, named.parent(), place);
            }
            clang::FIELD if !name.is_empty() => {
                let record = record_of(named);
                let name = format!("{}.{name}", self::name(record));
                let definition = record.definition().unwrap_or(record);
                self.add(&name, "member", self.index.at(definition), place);
            }
            _ => {}
        }
    }

    /// A type is named: where it is declared first in this file, and where it is defined.
    fn of_type(&mut self, name: &str, declared: Cursor, place: Option<usize>) {
        let definition = declared.definition().unwrap_or(declared);
        let (defined, first) = (self.index.at(definition), self.index.first(declared));
        self.add(name, "type", defined.clone(), place);
        if matches!(first, At::Item(_)) && first != defined {
            self.add(name, "type", first, place);
        }
    }

    /// The macros that are named in a range, and those of the file that they lead to.
    fn macros(&mut self, range: &Range<usize>) {
        let source = self.source;
        for expansion in source.macros.within(range) {
            let start = expansion.range.start;
            let at = expansion.definition.map_or(At::Builtin, |cursor| self.index.at(cursor));
            self.add(&expansion.name, "macro", at, Some(start));
            for definition in source.macros.leads_to(&expansion.name, source.unit, source.main) {
                let (name, at) = (definition.spelling(), self.index.at(definition));
                if name != expansion.name {
                    self.add(&name, "macro", at, Some(start));
                }
            }
        }
    }

    fn add(&mut self, name: &str, of: &'static str, at: At, place: Option<usize>) {
        let place = place.map(|place| self.place(name, place));
        let same = self.known.entry((name.to_owned(), of)).or_default();
        let known = same.iter().copied().find(|number| self.found[*number].at == at);
        let number = known.unwrap_or_else(|| {
            same.push(self.found.len());
            self.found.push(Use { name: name.to_owned(), of, at, places: Vec::new() });
            self.found.len() - 1
        });
        let places = &mut self.found[number].places;
        if let Some(place) = place.filter(|place| !places.contains(place)) {
            places.push(place);
        }
    }

    /// The bytes of a name, or of the macro's call that names it.
    fn place(&self, name: &str, at: usize) -> Range<usize> {
        let word = self.source.text.word_at(at);
        let own = name.rsplit('.').next().unwrap_or(name);
        match self.source.macros.at(at) {
            Some(call) if word != own.as_bytes() => call.range.clone(),
            _ => at..at + word.len(),
        }
    }
}

/// The struct or union with a name that a member is in.
fn record_of(member: Cursor) -> Cursor {
    let mut record = member.parent();
    while name(record).is_empty() {
        let outer = record.around();
        if ![clang::STRUCT, clang::UNION].contains(&outer.kind()) {
            break;
        }
        record = outer;
    }
    record
}

impl Use {
    fn json(&self) -> String {
        let at = match &self.at {
            At::Item(number) => json::object([("item", number.to_string())]),
            At::Header(path) => json::object([("header", json::text(path))]),
            At::Builtin => json::text("builtin"),
        };
        json::object([
            ("name", json::text(&self.name)),
            ("of", json::text(self.of)),
            ("at", at),
            ("places", json::list(self.places.iter().map(json::range))),
        ])
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The macros of all files that were read, and where the file itself uses them.
//!
//! clang records the expansions that are written in a file, in arguments of others too, but not
//! those that come from the text of another macro. These are found here, over the words of the
//! definitions.

use crate::clang::{Cursor, File, Unit};
use crate::text::words_of;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;

/// All of them.
#[derive(Default)]
pub struct Macros {
    defined: HashMap<String, Vec<Cursor>>,
    /// The expansions that are written in the file, by their starts.
    expanded: BTreeMap<usize, Expansion>,
    /// Those that are in no other one.
    outer: Vec<Range<usize>>,
    words: RefCell<HashMap<String, Rc<Vec<String>>>>,
    /// Those that the file defines.
    own: Vec<String>,
}

/// A macro where it is used.
pub struct Expansion {
    /// Its name.
    pub name: String,
    /// The name and the arguments.
    pub range: Range<usize>,
    /// Its definition, if it is not built in.
    pub definition: Option<Cursor>,
}

impl Macros {
    /// Adds a definition.
    pub fn define(&mut self, cursor: Cursor) {
        self.defined.entry(cursor.spelling()).or_default().push(cursor);
    }

    /// Adds an expansion that is written in the file.
    pub fn expand(&mut self, cursor: Cursor, range: Range<usize>) {
        let expansion =
            Expansion { name: cursor.spelling(), range, definition: cursor.referenced() };
        self.expanded.insert(expansion.range.start, expansion);
    }

    /// Knows all macros and expansions now, those of this file among them.
    pub fn finish(&mut self, main: File) {
        let is_own = |cursor: &Cursor| cursor.location().in_file().0 == Some(main);
        let own = self.defined.iter().filter(|(_, cursors)| cursors.iter().any(is_own));
        self.own = own.map(|(name, _)| name.clone()).collect();
        for Expansion { range, .. } in self.expanded.values() {
            match self.outer.last() {
                Some(last) if range.start < last.end => {}
                _ => self.outer.push(range.clone()),
            }
        }
    }

    /// Those in a range of the file.
    pub fn within(&self, range: &Range<usize>) -> impl Iterator<Item = &Expansion> {
        self.expanded.range(range.clone()).map(|(_, expansion)| expansion)
    }

    /// The one that starts at a place.
    pub fn at(&self, place: usize) -> Option<&Expansion> {
        self.expanded.get(&place)
    }

    /// All expansions that are in no other one.
    pub fn outer(&self) -> &[Range<usize>] {
        &self.outer
    }

    /// The outer expansion that a place is in.
    pub fn around(&self, place: usize) -> Option<&Range<usize>> {
        let behind = self.outer.partition_point(|range| range.start <= place);
        let range = self.outer.get(behind.checked_sub(1)?)?;
        (place < range.end).then_some(range)
    }

    /// The outer expansion that a place is in as the end of something.
    pub fn around_end(&self, place: usize) -> Option<&Range<usize>> {
        self.around(place.checked_sub(1)?)
    }

    /// The outer expansion that ends at or before a place, if it is the last.
    pub fn before(&self, place: usize) -> Option<&Range<usize>> {
        let behind = self.outer.partition_point(|range| range.end <= place);
        self.outer.get(behind.checked_sub(1)?)
    }

    /// The macros of a file that another macro's definition leads to.
    pub fn leads_to(&self, name: &str, unit: Unit, main: File) -> Vec<Cursor> {
        let (mut todo, mut seen) = (vec![name.to_owned()], BTreeSet::new());
        let mut found = Vec::new();
        while let Some(name) = todo.pop() {
            if !self.defined.contains_key(&name) || !seen.insert(name.clone()) {
                continue;
            }
            todo.extend(self.words_of(&name, unit).iter().cloned());
            let definitions = self.defined.get(&name).into_iter().flatten();
            found.extend(
                definitions.filter(|cursor| cursor.location().in_file().0 == Some(main)).copied(),
            );
        }
        found
    }

    /// The words of all definitions of a name.
    fn words_of(&self, name: &str, unit: Unit) -> Rc<Vec<String>> {
        if let Some(known) = self.words.borrow().get(name) {
            return known.clone();
        }
        let mut words = Vec::new();
        for definition in self.defined.get(name).into_iter().flatten() {
            let (start, end) = definition.extent();
            let ((Some(file), start), (_, end)) = (start.in_file(), end.in_file()) else {
                continue;
            };
            let text = unit.contents(file).get(start..end).unwrap_or_default();
            words.extend(words_of(text));
            // `NFSDBG_##facility` is a macro of the file whose name starts so.
            let starts = pasted(text);
            let is_pasted = |name: &&String| starts.iter().any(|start| name.starts_with(start));
            words.extend(self.own.iter().filter(is_pasted).cloned());
        }
        words.retain(|word| self.defined.contains_key(word));
        let words = Rc::new(words);
        self.words.borrow_mut().insert(name.to_owned(), words.clone());
        words
    }
}

/// The words that `##` joins with what is behind them, without the parameters of the macro.
fn pasted(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let parameters = text.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    let parameters: Vec<&str> =
        parameters.map_or("", |(names, _)| names).split(',').map(str::trim).collect();
    let pieces: Vec<&str> = text.split("##").collect();
    let before = pieces.split_last().map_or(&[][..], |(_, before)| before);
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let last = |piece: &&str| {
        let trimmed = piece.trim_end();
        let start = trimmed.rfind(|c| !is_part(c)).map_or(0, |at| at + 1);
        trimmed[start..].to_owned()
    };
    let is_start = |word: &String| !word.is_empty() && !parameters.contains(&word.as_str());
    before.iter().map(last).filter(is_start).collect()
}

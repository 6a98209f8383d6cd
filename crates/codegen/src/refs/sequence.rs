// SPDX-License-Identifier: GPL-2.0
//! What some code does, in the order in which it does it: calls between taking a lock and dropping
//! it are such a question. Code in branches is apart, because it may not run.

use super::scopes::Walk;
use super::PathEnds;
use proc_macro2::Span;

/// Something that code does.
#[derive(Debug, Clone)]
pub enum Event {
    /// A call of an outward name, or a flag that is passed.
    Call(Call),
    /// Code that may not run, or runs several times.
    Branch(Vec<Event>),
}

/// A call of an outward name.
#[derive(Debug, Clone)]
pub struct Call {
    /// What the name is found in: the first name of a path, or the receiver of a method.
    pub of: Option<String>,
    /// The function, method, macro or flag.
    pub name: String,
    /// Its position.
    pub span: Span,
    /// The calls of methods on outward names in whose arguments it is, as `NAME.METHOD`.
    pub inside: Vec<String>,
}

impl Walk {
    /// Walks code that may not run where it stands.
    pub(super) fn branch(&mut self, inside: impl FnOnce(&mut Self)) {
        let before = std::mem::take(&mut self.refs.sequence);
        inside(self);
        let branch = std::mem::replace(&mut self.refs.sequence, before);
        if !branch.is_empty() {
            self.refs.sequence.push(Event::Branch(branch));
        }
    }

    /// Walks code that does not run where it stands.
    pub(super) fn elsewhere(&mut self, inside: impl FnOnce(&mut Self)) {
        let before = std::mem::take(&mut self.refs.sequence);
        inside(self);
        self.refs.sequence = before;
    }

    /// A call of a path, which may be another name of a function.
    pub(super) fn calls_path(&mut self, path: PathEnds) {
        let is_short = path.first == path.last;
        let path = match is_short && self.is_bound(&path.first) {
            true => self
                .alias_of(&path.first)
                .map(|alias| PathEnds { span: path.span, ..alias.clone() }),
            false => Some(path),
        };
        let Some(PathEnds { first, last, span, .. }) = path else { return };
        self.calls(Some(first).filter(|first| *first != last), last, span);
    }

    pub(super) fn calls(&mut self, of: Option<String>, name: String, span: Span) {
        let inside = self.inside.clone();
        self.refs.sequence.push(Event::Call(Call { of, name, span, inside }));
    }
}

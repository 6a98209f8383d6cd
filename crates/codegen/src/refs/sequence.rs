// SPDX-License-Identifier: GPL-2.0
//! What some code does, in the order in which it does it: calls between taking a lock and dropping
//! it are such a question. Code in branches is apart, because it may not run.

use super::scopes::Walk;
use super::PathEnds;
use proc_macro2::Span;

/// Something that code does.
#[derive(Debug, Clone)]
pub enum Event {
    /// A call of an outward name.
    Call(Call),
    /// A constant that is passed, such as a flag, and its position.
    Flag(String, Span),
    /// A call of something that is not known here, such as a closure, which may do anything.
    Unknown,
    /// Code that may not run, or runs several times.
    Branch(Vec<Event>),
}

/// Methods of pointers, atomics, options and the like, which do nothing but what their names say.
const PLAIN_METHODS: &[&str] = &[
    "add",
    "as_mut",
    "as_mut_ptr",
    "as_ptr",
    "as_ref",
    "cast",
    "cast_const",
    "cast_mut",
    "fetch_add",
    "fetch_and",
    "fetch_or",
    "fetch_sub",
    "is_err",
    "is_none",
    "is_null",
    "is_ok",
    "is_some",
    "len",
    "load",
    "max",
    "min",
    "offset",
    "read",
    "read_volatile",
    "store",
    "sub",
    "swap",
    "to_bytes",
    "unwrap_or",
    "wrapping_add",
    "wrapping_sub",
    "write",
    "write_volatile",
];

/// Whether a method of an unknown type is taken for one of Rust's own.
pub fn is_plain_method(name: &str) -> bool {
    PLAIN_METHODS.contains(&name)
}

/// A call of an outward name.
#[derive(Debug, Clone)]
pub struct Call {
    /// What the name is found in: the first name of a path, or the receiver of a method.
    pub of: Option<String>,
    /// The function, method or macro.
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
        let Some(PathEnds { first, owner, last, span, .. }) = path else {
            return self.refs.sequence.push(Event::Unknown);
        };
        // `kernel::bindings` has the kernel's own functions, as a short name does.
        let of = Some(first).filter(|first| *first != last && owner != "bindings");
        self.calls(of, last, span);
    }

    pub(super) fn calls(&mut self, of: Option<String>, name: String, span: Span) {
        let inside = self.inside.clone();
        self.refs.sequence.push(Event::Call(Call { of, name, span, inside }));
    }
}

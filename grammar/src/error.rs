// SPDX-License-Identifier: GPL-2.0
//! What can be wrong with the text of a spec.

use crate::Span;

/// A mistake in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// What it is.
    pub kind: ErrorKind,
    /// Where.
    pub span: Span,
}

impl SyntaxError {
    /// The same mistake so many bytes further on.
    pub(crate) fn moved(mut self, by: usize) -> Self {
        self.span = self.span.moved(by);
        if let ErrorKind::Mismatched { open: other, .. }
        | ErrorKind::Repeated { first: other, .. } = &mut self.kind
        {
            *other = other.moved(by);
        }
        self
    }
}

/// The kinds of mistakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// A bracket without its counterpart.
    Unbalanced {
        /// The bracket.
        bracket: char,
    },
    /// A bracket that closes one of another kind.
    Mismatched {
        /// The bracket.
        bracket: char,
        /// The one that is open.
        opened: char,
        /// Where that is.
        open: Span,
    },
    /// A string, character or comment that does not end.
    Unterminated {
        /// "string", "comment" and so on.
        what: &'static str,
    },
    /// Brackets or comments are nested too deeply.
    TooDeep,
    /// The file is too large.
    TooLarge,
    /// A block or list holds too much.
    TooMany {
        /// "items" and so on.
        what: &'static str,
        /// How many it may hold.
        most: usize,
    },
    /// A letter in a name that is not ASCII.
    ForeignLetter,
    /// A character that no spec holds.
    Character {
        /// Which.
        character: char,
    },
    /// An item has no end.
    MissingSemicolon,
    /// Something else was expected.
    Expected {
        /// What may stand here, as a list in words.
        expected: String,
    },
    /// A word that no item starts with.
    UnknownWord {
        /// The word.
        word: String,
        /// The words that may stand here.
        known: Vec<&'static str>,
    },
    /// An item that may occur once occurs again.
    Repeated {
        /// The item's word.
        word: String,
        /// The first one.
        first: Span,
    },
    /// There is no `patch`.
    NoPatch,
    /// An escape that strings do not know.
    Escape,
    /// A number that is too large.
    Number,
}

// SPDX-License-Identifier: GPL-2.0
//! Syntax errors of a spec.

use crate::Span;

/// A syntax error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Its kind.
    pub kind: ErrorKind,
    /// Its span.
    pub span: Span,
}

impl SyntaxError {
    /// The same error, moved forward by some bytes.
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

/// What a head that is not one may be meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// A name with hyphens or dots, and one that is allowed.
    Name {
        /// It with underscores.
        allowed: String,
    },
    /// A function with the module that has it: `MODULE::NAME`.
    InModule {
        /// The module.
        module: String,
        /// The function.
        function: String,
    },
    /// A path of Rust.
    RustPath,
    /// Several functions: `vfs_*`.
    Pattern {
        /// The pattern.
        pattern: String,
    },
    /// Parameters of a hook.
    Parameters,
}

/// The kinds of syntax errors.
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
        /// The open bracket.
        opened: char,
        /// The span of the open bracket.
        open: Span,
    },
    /// An unterminated string, character or comment.
    Unterminated {
        /// "string", "comment" and so on.
        what: &'static str,
    },
    /// Brackets or comments are nested too deeply.
    TooDeep,
    /// The file is too large.
    TooLarge,
    /// A block or list has too many elements.
    TooMany {
        /// "items" and so on.
        what: &'static str,
        /// The maximum number.
        most: usize,
    },
    /// A non-ASCII letter in a name.
    ForeignLetter,
    /// A character that a spec must not contain.
    Character {
        /// The character.
        character: char,
    },
    /// An item has no end.
    MissingSemicolon,
    /// The parser expected something else.
    Expected {
        /// The valid continuations, as a list in words.
        expected: String,
        /// What the author may have meant, if the text looks like it.
        meant: Option<Meant>,
    },
    /// An unknown keyword.
    UnknownWord {
        /// The word.
        word: String,
        /// The keywords that are valid here.
        known: Vec<&'static str>,
    },
    /// An item that may occur only once occurs again.
    Repeated {
        /// The item's keyword.
        word: String,
        /// The first one.
        first: Span,
    },
    /// The spec has no `patch`.
    NoPatch,
    /// An unknown escape in a string.
    Escape,
    /// A number that is too large.
    Number,
}

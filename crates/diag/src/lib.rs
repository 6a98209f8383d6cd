// SPDX-License-Identifier: GPL-2.0
//! Diagnostics: every message of kpsc as a value, with a code, a severity and spans in the author's
//! text. The stage that finds a mistake creates the value; the command line, the editor or the
//! compiler that runs the macro shows it.
//!
//! The crate needs only std, because the target's own rustc compiles it for the macros.

mod characters;
mod codes;
mod source;
mod sources;

pub use characters::{escape, is_hidden, push_escaped};
pub use codes::*;
pub use source::{Position, Source};
pub use sources::{File, Language, Sources};

/// A byte range of the source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// From one byte to another.
    pub fn new(start: usize, end: usize) -> Self {
        Span { start, end }
    }

    /// From the start of this span to the end of another.
    pub fn to(self, end: Span) -> Span {
        Span { start: self.start, end: end.end }
    }

    /// The span moved forward by some bytes.
    pub fn moved(self, by: usize) -> Span {
        Span { start: self.start + by, end: self.end + by }
    }
}

/// The severity of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The command fails.
    Error,
    /// The command continues.
    Warning,
    /// Nothing is wrong; the information is useful.
    Note,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Its code, for `kpsc explain`.
    pub code: Code,
    /// Its severity.
    pub severity: Severity,
    /// The mistake, in one line.
    pub message: String,
    /// Spans with a text each; the first one is the most important.
    pub labels: Vec<Label>,
    /// Facts that explain the mistake.
    pub notes: Vec<String>,
    /// How to fix it.
    pub help: Option<String>,
}

/// A labelled span in the spec or in one of its files.
#[derive(Debug, Clone)]
pub struct Label {
    /// The span.
    pub span: Span,
    /// The text of the label; may be empty.
    pub text: String,
}

impl Diagnostic {
    /// A message with the severity of its code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Diagnostic::with(code.severity(), code, message)
    }

    /// A message with another severity.
    pub fn with(severity: Severity, code: Code, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            severity,
            message: message.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            help: None,
        }
    }

    /// Whether another message has the same code and the same first span.
    pub fn is_about_the_same(&self, other: &Diagnostic) -> bool {
        let place = |of: &Diagnostic| of.labels.first().map(|label| label.span);
        self.code == other.code && place(self) == place(other)
    }

    /// Adds a label.
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a note.
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Adds the help.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}

/// The message for a name that is not ASCII.
pub fn foreign_letters(span: Span) -> Diagnostic {
    Diagnostic::new(HIDDEN_CHARACTER, "a name has letters that are not ASCII")
        .at(span, "")
        .note("the kernel's names are ASCII, in its Rust too (`non_ascii_idents`); some letters look like others")
        .help("use ASCII letters, digits and `_`")
}

/// "`a`, `b` or `c`", with `word` before the last name.
pub fn list(names: &[impl AsRef<str>], word: &str) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} {word} {last}", before.join(", ")),
    }
}

/// Whether a list holds an error.
pub fn any_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity == Severity::Error)
}

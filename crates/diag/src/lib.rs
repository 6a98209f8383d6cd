// SPDX-License-Identifier: GPL-2.0
//! Diagnostics: every message of kpsc as a value, with a code, a severity and places in the
//! author's text. The stage that finds a mistake makes the value; the command line, the editor or
//! the compiler that runs the macro shows it.
//!
//! The crate needs std alone, because the target's own rustc compiles it for the macros.

mod codes;

pub use codes::*;

/// A piece of the text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte behind the last.
    pub end: usize,
}

impl Span {
    /// From one byte to another.
    pub fn new(start: usize, end: usize) -> Self {
        Span { start, end }
    }

    /// From the start of this to the end of another.
    pub fn to(self, end: Span) -> Span {
        Span { start: self.start, end: end.end }
    }

    /// So many bytes further on.
    pub fn moved(self, by: usize) -> Span {
        Span { start: self.start + by, end: self.end + by }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The command fails.
    Error,
    /// The command goes on.
    Warning,
    /// Nothing is wrong, and something is good to know.
    Note,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// What `kpsc explain` knows it by.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where, and what is there; the first place is the one that matters.
    pub labels: Vec<Label>,
    /// Facts that explain it.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

/// A place in the spec or in one of its files.
#[derive(Debug, Clone)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there; may be empty.
    pub text: String,
}

impl Diagnostic {
    /// A message of the severity that its code has.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Diagnostic::with(code.severity(), code, message)
    }

    /// A message of another severity.
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

    /// Whether another one has the same code and the same place.
    pub fn is_about_the_same(&self, other: &Diagnostic) -> bool {
        let place = |of: &Diagnostic| of.labels.first().map(|label| label.span);
        self.code == other.code && place(self) == place(other)
    }

    /// Adds a place.
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a fact.
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Says what to do.
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

/// "`a`, `b` or `c`", or with another word.
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

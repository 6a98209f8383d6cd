// SPDX-License-Identifier: GPL-2.0
//! rustc's messages, brought home: from a line of generated code to the author's line that it came
//! from.

use super::author::generated;
use super::persistent;
use crate::emit::LineTable;
use kps_diag::{Diagnostic, Severity, BUG, LINKER_ERROR, RUSTC_ERROR, RUSTC_WARNING};
use kps_grammar::{Position, Sources, Span};
use serde::Deserialize;

/// A message as rustc's `--error-format=json` gives it; what is not needed is left out.
#[derive(Debug, Deserialize)]
struct Message {
    message: String,
    code: Option<Code>,
    level: String,
    spans: Vec<RustSpan>,
    children: Vec<Child>,
    rendered: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Code {
    code: String,
}

#[derive(Debug, Deserialize)]
struct Child {
    message: String,
    level: String,
    spans: Vec<RustSpan>,
}

#[derive(Debug, Deserialize)]
struct RustSpan {
    file_name: String,
    line_start: usize,
    column_start: usize,
    line_end: usize,
    column_end: usize,
    is_primary: bool,
    label: Option<String>,
    suggested_replacement: Option<String>,
    expansion: Option<Box<Expansion>>,
}

#[derive(Debug, Deserialize)]
struct Expansion {
    span: RustSpan,
}

/// Collects messages.
pub struct Messages<'a> {
    lines: &'a LineTable,
    sources: &'a Sources,
    diagnostics: Vec<Diagnostic>,
}

impl Message {
    /// Whether rustc calls it so.
    fn has_code(&self, wanted: &str) -> bool {
        self.code.as_ref().is_some_and(|Code { code }| code == wanted)
    }

    /// What to do about what generated code defines and rustc cannot know.
    fn help(&self) -> Option<String> {
        // The methods that generated structs have are those of bitfields. rustc does not say how
        // one is written.
        const METHOD_AS_FIELD: &str = "E0615";
        // `let hits = hits.get(..)`: what `param`, `state` and `shadow` declare are statics.
        const SHADOWS_A_STATIC: &str = "E0530";
        if self.has_code(METHOD_AS_FIELD) {
            let name = self.message.split('`').nth(1)?;
            return Some(format!(
                "read it as `{name}()`; a bitfield is written with `set_{name}(value)`"
            ));
        }
        let shadows = self.has_code(SHADOWS_A_STATIC);
        shadows.then(|| {
            "choose another name: a static, parameter, state or shadow variable of the patch has this one"
                .to_owned()
        })
    }
}

impl<'a> Messages<'a> {
    /// Messages about the code that these lines and texts made.
    pub fn new(lines: &'a LineTable, sources: &'a Sources) -> Self {
        Messages { lines, sources, diagnostics: Vec::new() }
    }

    /// Takes a line of the compiler's output. False if it is no message of rustc.
    pub fn read(&mut self, line: &str) -> bool {
        if !line.starts_with('{') {
            return false;
        }
        let Ok(message) = serde_json::from_str::<Message>(line) else { return false };
        self.take(&message);
        true
    }

    /// All messages.
    pub fn finish(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    fn take(&mut self, message: &Message) {
        let (code, severity) = match message.level.as_str() {
            "error" | "error: internal compiler error" => (RUSTC_ERROR, Severity::Error),
            "warning" => (RUSTC_WARNING, Severity::Warning),
            _ => return,
        };
        // "aborting due to 2 previous errors" and the like say nothing of their own.
        if message.spans.is_empty() {
            return;
        }
        let (labels, missing_value) = self.labels(message);
        if labels.is_empty() && severity == Severity::Error {
            if let Some(lasting) = self.persistent(message) {
                // Both the variable and its value have the type.
                if !self.diagnostics.iter().any(|known| known.is_about_the_same(&lasting)) {
                    self.diagnostics.push(lasting);
                }
                return;
            }
        }
        if labels.is_empty() {
            // Nothing the author wrote: a warning there is ours to know, an error is a bug of kpsc.
            if severity == Severity::Error {
                let text = message.rendered.as_ref().unwrap_or(&message.message);
                let bug = Diagnostic::new(BUG, "the generated code does not compile");
                self.diagnostics.push(bug.note(text.clone()).help("report this with the spec"));
            }
            return;
        }
        // The assembler speaks through rustc; what it was given stands beside the message.
        let of_assembler =
            message.rendered.as_ref().is_some_and(|text| text.contains("<inline asm>"));
        let code = if of_assembler { LINKER_ERROR } else { code };
        let mut diagnostic = Diagnostic::new(code, message.message.clone());
        diagnostic.severity = severity;
        for (_, span, text) in labels {
            diagnostic = diagnostic.at(span, text);
        }
        if let Some(Code { code }) = &message.code {
            diagnostic = diagnostic.note(format!("rustc calls this {code}"));
        }
        for child in &message.children {
            diagnostic = self.child(diagnostic, child);
        }
        if let Some(help) = message.help() {
            diagnostic = diagnostic.help(help);
        }
        if let Some(place) = message
            .spans
            .iter()
            .filter(|span| span.is_primary)
            .find_map(|span| self.generated(span))
        {
            diagnostic = diagnostic.note(place);
        }
        if missing_value {
            diagnostic = diagnostic.help("end the body with the value, without a `;`");
        }
        self.diagnostics.push(diagnostic);
    }

    /// Where a message is in the author's text, its main place first, and whether a body lacks the
    /// value that it must give.
    fn labels(&self, message: &Message) -> (Vec<(bool, Span, String)>, bool) {
        let label = |span: &RustSpan, place| {
            (span.is_primary, place, span.label.clone().unwrap_or_default())
        };
        let spans = message.spans.iter();
        let mut labels: Vec<_> =
            spans.filter_map(|span| Some(label(span, self.home(span)?))).collect();
        labels.sort_by_key(|(primary, ..)| !primary);
        // A body without the value that it must give is wrong as a whole: rustc points to the block
        // that we put around it.
        const MISMATCHED_TYPES: &str = "E0308";
        let missing_value = labels.is_empty() && message.has_code(MISMATCHED_TYPES);
        if missing_value {
            let around = message.spans.iter().filter(|span| span.is_primary);
            labels.extend(around.filter_map(|span| {
                let file = span.file_name.rsplit('/').next().unwrap_or_default();
                let end = self.lines.last_inside(file, span.line_start, span.line_end)?;
                Some(label(span, Span::new(end, end)))
            }));
        }
        (labels, missing_value)
    }

    /// What is wrong with the type of a state or shadow variable. It stands on the line that rustc
    /// points to or comes from.
    fn persistent(&self, message: &Message) -> Option<Diagnostic> {
        let spans =
            message.spans.iter().chain(message.children.iter().flat_map(|child| &child.spans));
        let ty = spans
            .filter_map(|span| {
                let file = span.file_name.rsplit('/').next().unwrap_or_default();
                self.lines.snippet_on(file, span.line_start)
            })
            .next()?;
        persistent::about(message.rendered.as_deref()?, &message.message, ty)
    }

    fn child(&self, mut diagnostic: Diagnostic, child: &Child) -> Diagnostic {
        // What rustc would have one write, if it is one piece and in the author's text.
        let mut replacements =
            child.spans.iter().filter(|span| span.suggested_replacement.is_some());
        let replacement = match (replacements.next(), replacements.next()) {
            (Some(span), None) if self.home(span).is_some() => {
                span.suggested_replacement.as_deref().map(str::trim)
            }
            _ => None,
        };
        // Lint levels are ours, and of a struct's fields only those that bodies name are generated.
        const NOISE: &[&str] = &[
            "#[warn(",
            "#[deny(",
            "requested on the command line",
            "for more information, see",
            "available field",
            // A panic stops the kernel, and a made-up value is nobody's.
            "panic if the converted value",
            "a value of the expected type",
        ];
        let elsewhere =
            !child.spans.is_empty() && child.spans.iter().all(|span| self.home(span).is_none());
        if elsewhere || NOISE.iter().any(|noise| child.message.contains(noise)) {
            return diagnostic;
        }
        match (child.level.as_str(), replacement) {
            ("help", Some(text)) if !text.is_empty() => {
                diagnostic.help = Some(format!("{}: `{text}`", child.message));
            }
            ("help", _) => diagnostic.help = Some(child.message.clone()),
            ("note", _) => diagnostic = diagnostic.note(child.message.clone()),
            _ => {}
        }
        diagnostic
    }

    /// Where a span is in the generated file, through macros if need be, for those who look at it
    /// with `--emit source`.
    fn generated(&self, span: &RustSpan) -> Option<String> {
        let file = span.file_name.rsplit('/').next().unwrap_or_default();
        if self.lines.file.as_deref() == Some(file) {
            return Some(generated(file, span.line_start, span.column_start));
        }
        self.generated(&span.expansion.as_ref()?.span)
    }

    /// The author's text that a span comes from, through macros if need be.
    fn home(&self, span: &RustSpan) -> Option<Span> {
        let file = span.file_name.as_str();
        let start = Position { line: span.line_start, column: span.column_start };
        let end = Position { line: span.line_end, column: span.column_end };
        let here = self.lines.home(self.sources, file, start).map(|start| {
            let end = self.lines.home(self.sources, file, end).unwrap_or(start);
            Span::new(start, end.max(start))
        });
        here.or_else(|| self.home(&span.expansion.as_ref()?.span))
    }
}

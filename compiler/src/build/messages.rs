// SPDX-License-Identifier: GPL-2.0
//! Maps rustc's messages from a line of generated code back to the author's line.

use super::author::generated;
use super::persistent;
use crate::emit::LineTable;
use kps_diag::{
    Diagnostic, Severity, BUG, LINKER_ERROR, REPEATED_NAME, RUSTC_ERROR, RUSTC_WARNING,
};
use kps_grammar::{identifiers, Language, Position, Sources, Span};
use serde::Deserialize;

/// A message in rustc's `--error-format=json`, without the unneeded members.
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
    #[serde(default)]
    text: Vec<Line>,
    suggested_replacement: Option<String>,
    expansion: Option<Box<Expansion>>,
}

/// A line of the text of a span; the columns count characters, from 1.
#[derive(Debug, Deserialize)]
struct Line {
    text: String,
    highlight_start: usize,
    highlight_end: usize,
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
    /// The error that a name bound by generated code is also that of a value. `check` knows the
    /// values of the author's own items. An import of everything from another crate, or a macro,
    /// may bring others into scope.
    fn two_meanings(&self) -> Option<Diagnostic> {
        const BINDING_SHADOWS: &str = "E0530";
        let line = self.spans.iter().find(|span| span.is_primary)?.text.first()?;
        let (start, end) = (line.highlight_start.checked_sub(1)?, line.highlight_end);
        let name: String = line.text.chars().take(end.checked_sub(1)?).skip(start).collect();
        let name = name.trim_start_matches("mut ");
        self.has_code(BINDING_SHADOWS).then(|| {
            Diagnostic::new(REPEATED_NAME, format!("`{name}` has two meanings"))
                .note("it is a parameter, and a static or constant that an import of the patch, or a macro, brings into scope")
                .help(format!("import the names one by one, or write the function's prototype with another name than `{name}`"))
        })
    }

    /// Whether the message has this code of rustc.
    fn has_code(&self, wanted: &str) -> bool {
        self.code.as_ref().is_some_and(|Code { code }| code == wanted)
    }

    /// Advice about generated definitions, which rustc cannot know.
    fn help(&self) -> Option<String> {
        // Generated structs have methods only for bitfields. rustc does not say how to set one.
        const METHOD_AS_FIELD: &str = "E0615";
        // `let hits = hits.get(..)`: `param`, `state` and `shadow` declare statics.
        const SHADOWS_A_STATIC: &str = "E0530";
        if self.has_code(METHOD_AS_FIELD) {
            let name = self.message.split('`').nth(1)?;
            return Some(format!(
                "read it as `{name}()`; a bitfield is written with `set_{name}(value)`"
            ));
        }
        // A pointer to a program's memory, used as if it were the kernel's.
        if self.rendered.as_ref().is_some_and(|text| text.contains("UserPtr<")) {
            return Some(
                "it points to memory of the program: copy with `read()`, `read_str(..)` or `write(..)`, or pass `as_ptr()` to a function with a `__user` parameter"
                    .to_owned(),
            );
        }
        let shadows = self.has_code(SHADOWS_A_STATIC);
        shadows.then(|| {
            "choose another name: a static, parameter, state, shadow variable or resource of the patch has this one"
                .to_owned()
        })
    }
}

impl<'a> Messages<'a> {
    /// Collects messages about the code that was generated from these sources.
    pub fn new(lines: &'a LineTable, sources: &'a Sources) -> Self {
        Messages { lines, sources, diagnostics: Vec::new() }
    }

    /// Reads a line of the compiler's output. Returns false if it is not a message of rustc.
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
        // "aborting due to 2 previous errors" and similar messages carry no information.
        if message.spans.is_empty() {
            return;
        }
        let (labels, missing_value) = self.labels(message);
        if labels.is_empty() && severity == Severity::Error {
            if let Some(lasting) = self.persistent(message) {
                // The variable and its value have the same type.
                if !self.diagnostics.iter().any(|known| known.is_about_the_same(&lasting)) {
                    self.diagnostics.push(lasting);
                }
                return;
            }
        }
        if let (true, Some(error)) = (labels.is_empty(), message.two_meanings()) {
            self.diagnostics.push(error);
            return;
        }
        if labels.is_empty() {
            // Not the author's code: ignore a warning there; an error is a bug of kpsc.
            if severity == Severity::Error {
                let text = message.rendered.as_ref().unwrap_or(&message.message);
                let bug = Diagnostic::new(BUG, "the generated code does not compile");
                self.diagnostics.push(bug.note(text.clone()).help("report this with the spec"));
            }
            return;
        }
        // rustc reports the assembler's message, together with the assembler's input.
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
            let is_of_generated =
                child.message.contains("available field") && !self.is_about_own_type(message);
            if !is_of_generated {
                diagnostic = self.child(diagnostic, child);
            }
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

    /// The spans of a message in the author's text, the primary one first, and whether a body lacks
    /// its final value.
    fn labels(&self, message: &Message) -> (Vec<(bool, Span, String)>, bool) {
        let label = |span: &RustSpan, place| {
            (span.is_primary, place, span.label.clone().unwrap_or_default())
        };
        let spans = message.spans.iter();
        let mut labels: Vec<_> =
            spans.filter_map(|span| Some(label(span, self.home(span)?))).collect();
        labels.sort_by_key(|(primary, ..)| !primary);
        // A body without its final value is wrong as a whole: rustc points to the generated block
        // around it.
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

    /// The error about the type of a state or shadow variable. The type is on the line that rustc
    /// points to or refers to.
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
        // rustc's suggestion, if it is a single one in the author's text.
        let mut replacements =
            child.spans.iter().filter(|span| span.suggested_replacement.is_some());
        let replacement = match (replacements.next(), replacements.next()) {
            (Some(span), None) if self.home(span).is_some() => {
                span.suggested_replacement.as_deref().map(str::trim)
            }
            _ => None,
        };
        // kpsc sets the lint levels.
        const NOISE: &[&str] = &[
            "#[warn(",
            "#[deny(",
            "requested on the command line",
            "for more information, see",
            // A panic stops the kernel, and a made-up value is useless.
            "panic if the converted value",
            "a value of the expected type",
        ];
        let elsewhere =
            !child.spans.is_empty() && child.spans.iter().all(|span| self.home(span).is_none());
        if let Some(help) = import(child).filter(|_| elsewhere) {
            diagnostic.help = Some(help);
            return diagnostic;
        }
        if elsewhere || NOISE.iter().any(|noise| child.message.contains(noise)) {
            return diagnostic;
        }
        match (child.level.as_str(), replacement) {
            ("help", Some(text)) if !text.is_empty() => {
                diagnostic.help = Some(format!("{}: `{text}`", child.message));
            }
            // A list, such as that of the types that implement a trait.
            ("help", _) if child.message.contains('\n') || diagnostic.help.is_some() => {
                diagnostic = diagnostic.note(child.message.clone());
            }
            ("help", _) => diagnostic.help = Some(child.message.clone()),
            ("note", _) => diagnostic = diagnostic.note(child.message.clone()),
            _ => {}
        }
        diagnostic
    }

    /// Whether a message about fields is about a type that the author defines. kpsc generates only
    /// the fields that bodies name, so a list of those of the kernel's would mislead.
    fn is_about_own_type(&self, message: &Message) -> bool {
        let texts = || {
            let has_rust = |language| matches!(language, Language::Spec | Language::Rust);
            self.sources.files().filter(move |file| has_rust(file.language))
        };
        let defines = |name: &str| {
            texts().any(|file| {
                let words: Vec<_> =
                    identifiers(&file.source.text, file.language).map(|(_, word)| word).collect();
                let is_type = |word: &str| ["struct", "union", "enum"].contains(&word);
                words.windows(2).any(|pair| is_type(pair[0]) && pair[1] == name)
            })
        };
        message.message.split('`').skip(1).step_by(2).any(defines)
    }

    /// The position of a span in the generated file, through macros if needed, for readers of
    /// `--emit source`.
    fn generated(&self, span: &RustSpan) -> Option<String> {
        let file = span.file_name.rsplit('/').next().unwrap_or_default();
        if self.lines.file.as_deref() == Some(file) {
            return Some(generated(file, span.line_start, span.column_start));
        }
        self.generated(&span.expansion.as_ref()?.span)
    }

    /// The author's text that a span comes from, through macros if needed.
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

/// What to write for the imports that rustc suggests, which it would put into generated code.
fn import(child: &Child) -> Option<String> {
    const MOST: usize = 3;
    let replacements = child.spans.iter().filter_map(|span| span.suggested_replacement.as_deref());
    let of_libraries = ["use kernel::", "use core::"];
    let lines = replacements.map(str::trim).filter(|line| {
        of_libraries.iter().any(|start| line.starts_with(start)) && line.ends_with(';')
    });
    let lines: Vec<_> = lines.take(MOST).map(|line| format!("`{line}`")).collect();
    (!lines.is_empty()).then(|| format!("write {} in the patch", lines.join(" or ")))
}

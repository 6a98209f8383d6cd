// SPDX-License-Identifier: GPL-2.0
//! Messages for people, in the style of rustc.

use super::{line, plain};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use kps_diag::{is_hidden, Diagnostic, File, Label, Severity, Sources};

/// The number of columns.
const WIDTH: usize = 100;

/// Renders a message; `sources` is the text that its spans refer to, and `program` is the one that
/// explains its code. The text has colours; a stream without colour support removes them.
pub(super) fn render(diagnostic: &Diagnostic, sources: Option<&Sources>, program: &str) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(plain(&line(&diagnostic.message))).id(diagnostic.code.id());
    let mut group = Group::with_title(title);
    for file in sources.map_or(Vec::new(), |sources| concerned(diagnostic, sources)) {
        let here = |label: &&Label| file.holds(label.span);
        let annotations = diagnostic.labels.iter().enumerate().filter(|(_, label)| here(label));
        let annotations = annotations.map(|(n, label)| {
            let kind = if n == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let span = file.local(label.span);
            let annotation = kind.span(span.start..span.end);
            match label.text.as_str() {
                "" => annotation,
                text => annotation.label(plain(&line(text))),
            }
        });
        let snippet = Snippet::source(&file.source.text).path(plain(&line(&file.source.name)));
        group = group.element(snippet.annotations(annotations));
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(plain(note)));
    }
    let more = format!("more: `{program} explain {}`", diagnostic.code.id());
    let help = match &diagnostic.help {
        Some(help) if help.ends_with('?') => format!("{help} {more}"),
        Some(help) => format!("{help}; {more}"),
        None => more,
    };
    let group = group.element(Level::HELP.message(plain(&help)));
    let text = Renderer::styled().term_width(WIDTH).render(&[group]);
    // The renderer replaces the ASCII control characters by pictures, but not all others that hide
    // something.
    text.replace(|c: char| !c.is_ascii() && is_hidden(c), "\u{fffd}")
}

/// The files that a message shows, each once, that of the first span first.
fn concerned<'s>(diagnostic: &Diagnostic, sources: &'s Sources) -> Vec<&'s File> {
    let mut files: Vec<&File> = Vec::new();
    for label in &diagnostic.labels {
        if !files.iter().any(|file| file.holds(label.span)) {
            files.push(sources.file(label.span.start));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use kps_diag::{Source, Span, UNKNOWN_KEYWORD};

    #[test]
    fn no_control_character_of_a_spec_reaches_the_terminal() {
        let text = "\u{1b}[31m \u{9b}31m \u{85} \u{7f} \u{7} \r \u{200b}\u{e0061}\u{3164}x";
        let diagnostic = Diagnostic::new(UNKNOWN_KEYWORD, text)
            .at(Span::new(0, text.len()), text)
            .note(text)
            .help(text);
        let rendered = render(&diagnostic, Some(&Sources::new(Source::new("x.kps", text))), "kpsc");
        let plain = anstream::adapter::strip_str(&rendered).to_string();
        assert!(!plain.contains(is_hidden), "{plain:?}");
        assert!(!rendered.contains("\u{1b}[31m "), "{rendered:?}");
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Messages as lines, for editors and other programs. The texts are the same as for people.

use super::{line, plain};
use kps_diag::{is_hidden, Diagnostic, Label, Severity, Sources, Span};
use serde::Serialize;

/// A message in JSON. For compatibility, members are only added and never change their meaning.
#[derive(Serialize)]
struct Message<'a> {
    severity: &'static str,
    code: &'static str,
    message: String,
    places: Vec<Place<'a>>,
    notes: Vec<String>,
    help: Option<String>,
    /// The target, in a run for several.
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<&'a str>,
}

/// A range of a file. Lines and columns count from 1, columns count characters, and the end is
/// exclusive.
#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    label: Option<String>,
}

/// `FILE:LINE:COLUMN: error[CODE]: TEXT`; without a span, only the part after the position.
pub(super) fn short(diagnostic: &Diagnostic, sources: Option<&Sources>) -> String {
    let place = diagnostic.labels.first().zip(sources).map(|(label, sources)| {
        let Place { file, line: row, column, .. } = place(label, sources);
        format!("{}:{row}:{column}: ", plain(&line(file)))
    });
    let Diagnostic { severity, code, message, .. } = diagnostic;
    format!("{}{}[{}]: {}", place.unwrap_or_default(), word(*severity), code.id(), text(message))
}

/// A JSON object on one line.
pub(super) fn json(
    diagnostic: &Diagnostic,
    sources: Option<&Sources>,
    kernel: Option<&str>,
) -> String {
    let places = sources.into_iter().flat_map(|sources| {
        let labels = diagnostic.labels.iter();
        labels.map(move |label| place(label, sources))
    });
    let message = Message {
        severity: word(diagnostic.severity),
        code: diagnostic.code.id(),
        message: text(&diagnostic.message),
        places: places.collect(),
        notes: diagnostic.notes.iter().map(|note| plain(note)).collect(),
        help: diagnostic.help.as_deref().map(plain),
        kernel,
    };
    to_json(&message)
}

/// A value as JSON on one line, with JSON's own escapes for hidden characters. They are in strings,
/// which keep their values.
pub fn to_json(value: &impl Serialize) -> String {
    // Texts, numbers, and lists and structs of them cannot fail.
    escaped(&serde_json::to_string(value).unwrap_or_default())
}

fn escaped(json: &str) -> String {
    let mut out = String::new();
    for c in json.chars() {
        match is_hidden(c) {
            true => {
                let mut units = [0; 2];
                let units = c.encode_utf16(&mut units).iter();
                out.extend(units.map(|unit| format!("\\u{unit:04x}")));
            }
            false => out.push(c),
        }
    }
    out
}

fn place<'s>(label: &Label, sources: &'s Sources) -> Place<'s> {
    let Span { start, end } = label.span;
    let file = sources.file(start);
    let (from, to) = (sources.place(start), sources.place(end.clamp(start, file.span().end)));
    let label = (!label.text.is_empty()).then(|| text(&label.text));
    Place {
        file: &file.source.name,
        line: from.line,
        column: from.column,
        end_line: to.line,
        end_column: to.column,
        label,
    }
}

fn text(text: &str) -> String {
    plain(&line(text))
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kps_diag::{Language, Source, AMBIGUOUS_NAME};

    fn sources() -> Sources {
        let mut sources = Sources::new(Source::new("a.kps", "one\ntwö three\n"));
        sources.add(Language::C, "b.c", Source::new("b.c", "four\n"));
        sources
    }

    #[test]
    fn a_place_is_in_its_own_file() {
        let sources = sources();
        let start = sources.find(Language::C, "b.c").map_or(0, |file| file.span().start);
        let warning = Diagnostic::with(Severity::Warning, AMBIGUOUS_NAME, "two\u{1b}")
            .at(Span::new(start, start + 4), "")
            .help("drop\none");
        assert_eq!(short(&warning, Some(&sources)), "b.c:1:1: warning[KPS0203]: two\\u{1b}");
        assert_eq!(short(&warning, None), "warning[KPS0203]: two\\u{1b}");
        assert_eq!(
            json(&warning, Some(&sources), None),
            concat!(
                r#"{"severity":"warning","code":"KPS0203","message":"two\\u{1b}","places":"#,
                r#"[{"file":"b.c","line":1,"column":1,"end_line":1,"end_column":5,"label":null}],"#,
                r#""notes":[],"help":"drop\none"}"#
            )
        );
    }

    #[test]
    fn a_hidden_character_in_the_name_of_a_file_is_escaped_and_kept() {
        let name = "a\u{9b}\u{202e}\u{e0061}.kps";
        let sources = Sources::new(Source::new(name, "one\n"));
        let error = Diagnostic::new(AMBIGUOUS_NAME, "x").at(Span::new(0, 1), "");
        let said = json(&error, Some(&sources), None);
        assert!(said.contains(r#""file":"a\u009b\u202e\udb40\udc61.kps""#), "{said}");
        let read: serde_json::Value = serde_json::from_str(&said).unwrap_or_default();
        assert_eq!(read["places"][0]["file"], name);
    }

    #[test]
    fn columns_count_characters() {
        let remark = Diagnostic::with(Severity::Note, AMBIGUOUS_NAME, "x")
            .at(Span::new(9, 14), "here")
            .note("n");
        let said = json(&remark, Some(&sources()), Some("7.3"));
        let wanted = r#"[{"file":"a.kps","line":2,"column":5,"end_line":2,"end_column":10,"label":"here"}],"notes":["n"],"help":null,"kernel":"7.3"}"#;
        assert!(said.contains(wanted), "{said}");
        assert!(said.starts_with(r#"{"severity":"note""#), "{said}");
    }
}

// SPDX-License-Identifier: GPL-2.0
//! What `check` has found, as diagnostics of the protocol.

use super::documents::{Document, Found};
use super::pages::href;
use super::position::Encoding;
use kps_diag::{Diagnostic, Label, Severity};
use kps_report::{line, plain};
use lsp_types::{
    CodeDescription, DiagnosticRelatedInformation, DiagnosticSeverity, Location, NumberOrString,
    Uri,
};

/// A diagnostic with the file that it is in.
pub(super) type Placed = (Uri, lsp_types::Diagnostic);

/// The diagnostics of a spec, each in the file where it was found: the spec, or one beside it.
pub(super) fn diagnostics(document: &Document, found: &Found, encoding: Encoding) -> Vec<Placed> {
    let place = |label: &Label| place(document, found, encoding, label);
    let placed = found.diagnostics.iter().filter_map(|diagnostic| {
        let (first, others) = diagnostic.labels.split_first()?;
        let Location { uri, range } = place(first)?;
        let related = others.iter().chain(Some(first).filter(|first| !first.text.is_empty()));
        let related = related.filter_map(|label| {
            Some(DiagnosticRelatedInformation {
                location: place(label)?,
                message: plain(&line(&label.text)),
            })
        });
        let of_protocol = lsp_types::Diagnostic {
            range,
            severity: Some(severity(diagnostic.severity)),
            code: Some(NumberOrString::String(diagnostic.code.id().to_owned())),
            code_description: href(diagnostic.code).map(|href| CodeDescription { href }),
            source: Some("kpsc".to_owned()),
            message: message(diagnostic),
            related_information: Some(related.collect()),
            ..lsp_types::Diagnostic::default()
        };
        Some((uri, of_protocol))
    });
    placed.collect()
}

fn place(
    document: &Document,
    found: &Found,
    encoding: Encoding,
    label: &Label,
) -> Option<Location> {
    let file = found.sources.file(label.span.start);
    let is_spec = file.span().start == 0;
    let uri = if is_spec { document.uri.clone() } else { document.beside(&file.path)? };
    Some(Location { uri, range: encoding.range(&file.source, file.local(label.span)) })
}

fn severity(severity: Severity) -> DiagnosticSeverity {
    match severity {
        Severity::Error => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
        Severity::Note => DiagnosticSeverity::INFORMATION,
    }
}

/// Everything that a message says: an editor shows it as one text.
pub(super) fn message(diagnostic: &Diagnostic) -> String {
    let notes = diagnostic.notes.iter().map(|note| format!("\nnote: {note}"));
    let help = diagnostic.help.iter().map(|help| format!("\nhelp: {help}"));
    plain(
        &std::iter::once(line(&diagnostic.message).into_owned())
            .chain(notes)
            .chain(help)
            .collect::<String>(),
    )
}

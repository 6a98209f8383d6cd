//! Messages on their way to the compiler, which knows errors and where they are, and nothing else.

use crate::tokens::Tokens;
use kps_resolve::diag::{Diagnostic, Severity};
use proc_macro2::TokenStream;

/// The errors among some messages, each at its place. Warnings have no way through a macro: `kpsc check` says them.
pub(crate) fn errors(diagnostics: &[Diagnostic], tokens: &Tokens<'_>) -> TokenStream {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let errors = errors.map(|error| {
        let place = error.labels.first().map(|label| tokens.span(label.span));
        syn::Error::new(place.unwrap_or_else(proc_macro2::Span::call_site), text(error)).to_compile_error()
    });
    errors.collect()
}

/// A message as one text: what is wrong, and below it what explains it and what to do.
fn text(error: &Diagnostic) -> String {
    let mut text = format!("{} [{}]", error.message, error.code.id());
    let first = error.labels.first().map(|label| label.text.as_str()).filter(|text| !text.is_empty());
    let notes = first.into_iter().chain(error.notes.iter().map(String::as_str));
    text.extend(notes.map(|note| format!("\nnote: {note}")));
    text.extend(error.help.iter().map(|help| format!("\nhelp: {help}")));
    text
}

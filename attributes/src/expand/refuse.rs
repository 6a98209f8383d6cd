//! Messages on their way to the compiler, which knows errors and where they are, and nothing else.

use super::tokens::Tokens;
use kps_resolve::diag::{Diagnostic, Severity};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

/// The errors among some messages, each at its place. Warnings have no way through a macro: `kpsc check` says them.
pub(super) fn errors(diagnostics: &[Diagnostic], tokens: &Tokens<'_>) -> TokenStream {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let errors = errors.map(|diagnostic| {
        let (start, end) = match diagnostic.labels.first() {
            Some(label) => tokens.spans(label.span),
            None => (Span::call_site(), Span::call_site()),
        };
        error(diagnostic, start, end)
    });
    errors.collect()
}

/// A message that is shown from one token to another.
pub(super) fn error(diagnostic: &Diagnostic, start: Span, end: Span) -> TokenStream {
    // An error over some tokens is shown from the first one to the last.
    let (start, end) = (Ident::new("start", start), Ident::new("end", end));
    syn::Error::new_spanned(quote!(#start #end), text(diagnostic)).to_compile_error()
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

// SPDX-License-Identifier: GPL-2.0
//! Diagnostics for the compiler, which accepts only errors and their spans from a macro.

use super::tokens::Tokens;
use kps_diag::{Diagnostic, Severity};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

/// The errors among some diagnostics, each at its span.
pub(super) fn errors(diagnostics: &[Diagnostic], tokens: &Tokens<'_>) -> TokenStream {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let errors = errors.map(|diagnostic| {
        let (start, end) = place(diagnostic, tokens);
        error(diagnostic, start, end)
    });
    errors.collect()
}

/// The warnings among some diagnostics, each at its span. A macro cannot warn, but the compiler
/// warns about deprecated items and prints their note.
pub(super) fn warnings(diagnostics: &[Diagnostic], tokens: &Tokens<'_>) -> TokenStream {
    let warnings = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning);
    let warnings = warnings.map(|diagnostic| {
        let (start, end) = place(diagnostic, tokens);
        let text = text(diagnostic);
        let name = format_ident!("{}", diagnostic.code.id());
        let (warning, shown) =
            (Ident::new("warning", start), Ident::new(diagnostic.code.id(), end));
        quote! {
            #[cfg(not(kps_kernel))]
            const _: () = {
                mod #warning {
                    #[deprecated(note = #text)]
                    pub(super) const #name: () = ();
                }
                #warning::#shown
            };
        }
    });
    warnings.collect()
}

/// The first and the last token of a diagnostic's first span.
fn place(diagnostic: &Diagnostic, tokens: &Tokens<'_>) -> (Span, Span) {
    let first = diagnostic.labels.first();
    first.map_or_else(|| (Span::call_site(), Span::call_site()), |label| tokens.spans(label.span))
}

/// An error that spans from one token to another.
pub(super) fn error(diagnostic: &Diagnostic, start: Span, end: Span) -> TokenStream {
    // The compiler shows an error over several tokens from the first one to the last.
    let (start, end) = (Ident::new("start", start), Ident::new("end", end));
    syn::Error::new_spanned(quote!(#start #end), text(diagnostic)).to_compile_error()
}

/// A diagnostic as one text: the message, and below it the notes and the help.
fn text(error: &Diagnostic) -> String {
    let mut text = format!("{} [{}]", error.message, error.code.id());
    let first =
        error.labels.first().map(|label| label.text.as_str()).filter(|text| !text.is_empty());
    let notes = first.into_iter().chain(error.notes.iter().map(String::as_str));
    text.extend(notes.map(|note| format!("\nnote: {note}")));
    text.extend(error.help.iter().map(|help| format!("\nhelp: {help}")));
    text
}

// SPDX-License-Identifier: GPL-2.0
//! The repairs that messages offer: another name for the one at the message's place.

use super::diagnostics::message;
use super::documents::Document;
use super::position::Encoding;
use kps_diag::Diagnostic;
use kps_grammar::Span;
use lsp_types::{CodeAction, CodeActionKind, TextEdit, WorkspaceEdit};
use std::collections::HashMap;

/// A name to write in place of another.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repair {
    /// The span of the other name.
    pub(super) span: Span,
    /// The other name.
    pub(super) before: String,
    /// What to write.
    pub(super) after: String,
    /// The message that offers it.
    pub(super) message: String,
}

/// The repairs that the messages at a byte of the spec offer.
pub(super) fn at(document: &Document, byte: usize) -> Vec<Repair> {
    let found = document.found_at(byte);
    found.flat_map(|(diagnostic, span)| of(document, diagnostic, span)).collect()
}

fn of(document: &Document, diagnostic: &Diagnostic, span: Span) -> Vec<Repair> {
    // Files beside the spec are not open here.
    let Some(before) = document.source.text.get(span.start..span.end) else { return Vec::new() };
    let quote = if before.starts_with('"') { "\"" } else { "" };
    let offered = offered(diagnostic).into_iter().map(|name| format!("{quote}{name}{quote}"));
    let repair =
        |after| Repair { span, before: before.to_owned(), after, message: message(diagnostic) };
    offered.map(repair).collect()
}

/// The names in "did you mean `a`, `b` or `c`?".
fn offered(diagnostic: &Diagnostic) -> Vec<&str> {
    let help = diagnostic.help.as_deref().unwrap_or_default();
    let list = help.strip_prefix("did you mean ").and_then(|list| list.split_once('?'));
    list.map_or(Vec::new(), |(list, _)| list.split('`').skip(1).step_by(2).collect())
}

/// The repairs at a byte as actions.
pub(super) fn actions(document: &Document, byte: usize, encoding: Encoding) -> Vec<CodeAction> {
    let repairs = at(document, byte);
    let is_only = repairs.len() == 1;
    let action = |repair: Repair| {
        let range = encoding.range(&document.source, repair.span);
        let edit = TextEdit { range, new_text: repair.after.clone() };
        CodeAction {
            title: format!("replace by `{}`", repair.after.trim_matches('"')),
            kind: Some(CodeActionKind::QUICKFIX),
            edit: Some(WorkspaceEdit::new(HashMap::from([(document.uri.clone(), vec![edit])]))),
            is_preferred: Some(is_only),
            ..CodeAction::default()
        }
    };
    repairs.into_iter().map(action).collect()
}

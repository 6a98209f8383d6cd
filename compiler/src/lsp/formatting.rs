// SPDX-License-Identifier: GPL-2.0
//! The layout of `kpsc fmt`.

use super::documents::Document;
use super::position::Encoding;
use kps_grammar::Span;
use lsp_types::TextEdit;

/// The edits that lay out a spec; `None` if it has syntax errors, which are shown already.
pub(super) fn edits(document: &Document, encoding: Encoding) -> Option<Vec<TextEdit>> {
    let source = &document.source;
    let new_text = kps_grammar::format(source).ok()?;
    if new_text == source.text {
        return Some(Vec::new());
    }
    let range = encoding.range(source, Span::new(0, source.text.len()));
    Some(vec![TextEdit { range, new_text }])
}

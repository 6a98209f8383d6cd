// SPDX-License-Identifier: GPL-2.0
//! The tests of a spec, which keep the syntax of specs.

use super::pieces::{Piece, What};
use super::INDENT;
use kps_grammar::ast;
use kps_grammar::Sources;

/// The contents of `tests.kps`; `None` without tests.
pub(super) fn file(patch: &ast::Patch, sources: &Sources, pieces: &[Piece]) -> Option<String> {
    let tests: Vec<_> = pieces
        .iter()
        .filter(|piece| matches!(piece.what, What::Test))
        .map(|piece| {
            format!("{}{:INDENT$}{}\n", piece.comments_above(sources, INDENT), "", piece.text)
        })
        .collect();
    (!tests.is_empty()).then(|| format!("patch {} {{\n{}}}\n", patch.name.value, tests.join("\n")))
}

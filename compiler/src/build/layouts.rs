// SPDX-License-Identifier: GPL-2.0
//! Compares the structs, unions and enumerations that a C file defines with the kernel's of the
//! same name: a definition that was copied from another version reads the wrong memory.

use super::author::Author;
use crate::known::{Known, Type};
use kps_diag::{Diagnostic, OTHER_LAYOUT};
use kps_grammar::Span;
use kps_link::{Declared, DeclaredKind, Layout};
use std::collections::BTreeMap;

/// The errors about an object, one for each type.
pub(super) fn other_layouts(
    declared: &[Declared],
    known: &Known,
    author: Author<'_>,
) -> Vec<Diagnostic> {
    let mut found = BTreeMap::new();
    for Declared { name, at, kind } in declared {
        let (layout, is_typedef) = match kind {
            DeclaredKind::Type(layout) => (layout, false),
            DeclaredKind::Typedef(layout) => (layout, true),
            _ => continue,
        };
        let of_name = known.types.iter().filter(|ty| {
            ty.name == *name && ty.is_typedef == is_typedef && ty.layout.kind == layout.kind
        });
        let Some(difference) = difference(layout, of_name) else { continue };
        let Some(span) = author.at(at) else { continue };
        let title = match is_typedef {
            true => name.clone(),
            false => format!("{} {name}", layout.kind.keyword()),
        };
        found.entry(span.start).or_insert_with(|| error(&title, difference, span));
    }
    found.into_values().collect()
}

/// The difference to the most similar of the kernel's types; `None` if it is like one of them.
fn difference<'k>(layout: &Layout, kernels: impl Iterator<Item = &'k Type>) -> Option<String> {
    let mut kernels: Vec<&Layout> = kernels.map(|ty| &ty.layout).collect();
    kernels.sort_by_key(|kernels| std::cmp::Reverse(layout.shared(kernels)));
    let differences: Option<Vec<String>> =
        kernels.into_iter().map(|kernels| layout.difference(kernels)).collect();
    differences?.into_iter().next()
}

fn error(title: &str, difference: String, span: Span) -> Diagnostic {
    Diagnostic::new(OTHER_LAYOUT, format!("`{title}` differs from the kernel's"))
        .at(span, "")
        .note(difference)
        .help("copy the definition from the source of the target; rename it if it is another type")
}

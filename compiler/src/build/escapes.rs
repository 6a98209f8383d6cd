// SPDX-License-Identifier: GPL-2.0
//! Reports functions of the patch whose addresses the kernel keeps. It may call them after the
//! patch has been unloaded.

use super::author::Author;
use kps_diag::{Diagnostic, ESCAPING_FUNCTION};
use kps_grammar::Span;
use kps_link::{escapes, CodeLine, CodeLines, Declared, DeclaredKind, ObjectFile};
use std::collections::BTreeMap;

/// The warnings about an object, one for each function.
pub(super) fn escaping(
    object: &ObjectFile<'_>,
    declared: &[Declared],
    author: Author<'_>,
) -> Vec<Diagnostic> {
    let Some(lines) = CodeLines::read(object) else { return Vec::new() };
    let mut found: BTreeMap<String, (BTreeMap<Span, String>, CodeLine)> = BTreeMap::new();
    for escape in escapes(object) {
        let giver = object.function_at(escape.at).unwrap_or_default();
        if is_taken_back(giver) || !is_authors(&escape.function, declared, author) {
            continue;
        }
        let chain = lines.at(escape.at);
        let place = chain.into_iter().find_map(|line| Some((author.at(&line)?, line)));
        let Some((span, line)) = place else { continue };
        let kept = match &escape.keeper {
            Some(keeper) => format!("`{keeper}` keeps it"),
            None => "it is stored outside of the patch".to_owned(),
        };
        let name = plain_name(&escape.function);
        found.entry(name).or_insert((BTreeMap::new(), line)).0.entry(span).or_insert(kept);
    }
    let warning = |(name, (places, line)): (String, (BTreeMap<Span, String>, CodeLine))| {
        let message = format!("the kernel may keep a pointer to `{name}`");
        let warning = Diagnostic::new(ESCAPING_FUNCTION, message);
        let warning = places.into_iter().fold(warning, |warning, (at, kept)| warning.at(at, kept));
        author.note(warning.note(DANGER), &line).help(HELP)
    };
    found.into_iter().map(warning).collect()
}

/// Whether a function is one of the author's: not of a library, nor of a header.
fn is_authors(symbol: &str, declared: &[Declared], author: Author<'_>) -> bool {
    const LIBRARIES: [&str; 6] =
        ["core::", "alloc::", "kernel::", "compiler_builtins::", "<core::", "<kernel::"];
    if let Ok(rust) = rustc_demangle::try_demangle(symbol) {
        let path = format!("{rust:#}");
        return !LIBRARIES.iter().any(|library| path.starts_with(library));
    }
    let name = plain_name(symbol);
    let is_declared = |declared: &Declared| {
        declared.kind == DeclaredKind::Function && declared.plain_name() == name
    };
    declared.iter().any(is_declared) || !author.naming(&name).is_empty()
}

/// Whether the language undoes what a function does in every way in which a patch can end. This is
/// the one place for constructs that promise it.
fn is_taken_back(_giver: &str) -> bool {
    false
}

/// The name of a function in the author's text.
fn plain_name(symbol: &str) -> String {
    if let Ok(rust) = rustc_demangle::try_demangle(symbol) {
        let path = format!("{rust:#}");
        let named = path.split("::").filter(|part| !part.starts_with('{'));
        return named.last().unwrap_or_default().to_owned();
    }
    symbol.trim_start_matches("kps_c_").split('.').next().unwrap_or_default().to_owned()
}

const DANGER: &str =
    "after unloading, a call of it jumps to freed memory: the kernel waits only for the new bodies";
const HELP: &str = "take the pointer back in `post_unpatch` and wait there until no call runs; if another patch replaces this one, that callback does not run";

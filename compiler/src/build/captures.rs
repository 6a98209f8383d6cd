// SPDX-License-Identifier: GPL-2.0
//! Reports definitions of the author's that take the place of a function or variable of the kernel,
//! for generated code and for what the compilers call by themselves.

use super::author::Author;
use super::{exports, originals, pads};
use kps_codegen::names::{body, ENTRY};
use kps_diag::{Diagnostic, CAPTURED_SYMBOL};
use kps_grammar::Span;
use kps_link::{captures, taken_originals, Capture, CodeLines, ObjectFile};
use kps_plan::PLACEHOLDER;
use std::collections::BTreeSet;
use std::path::Path;

/// The errors about an object, for a kernel with these exports.
pub(super) fn captured(
    object: &ObjectFile<'_>,
    exports: &BTreeSet<String>,
    author: Author<'_>,
) -> Vec<Diagnostic> {
    let found = captures(object, &|name| exports.contains(name));
    let error = |capture: &Capture| {
        let places = places(capture, object, author);
        places.into_iter().fold(about(&capture.name), |error, span| error.at(span, ""))
    };
    let found: Vec<Diagnostic> = found.iter().map(error).collect();
    match found.is_empty() {
        true => enables_nothing(object, author)
            .or_else(|| redirected(object).map(elsewhere))
            .into_iter()
            .collect(),
        false => found,
    }
}

/// The error about a patch whose generated code calls something else than `klp_enable_patch()`.
fn enables_nothing(object: &ObjectFile<'_>, author: Author<'_>) -> Option<Diagnostic> {
    const CALLED: &str = "klp_enable_patch";
    let is_call = |used: &kps_link::Use<'_>| used.symbol == CALLED && used.target.is_none();
    if object.uses().any(is_call) {
        return None;
    }
    let message = format!("the patch defines `{CALLED}` as another symbol");
    let error = Diagnostic::new(CAPTURED_SYMBOL, message).note(WHY).help(HELP);
    Some(author.saying(CALLED).into_iter().fold(error, |error, span| error.at(span, "")))
}

/// Where the author's text makes a definition: where it has the name, also in a text, or where the
/// definition is.
fn places(capture: &Capture, object: &ObjectFile<'_>, author: Author<'_>) -> Vec<Span> {
    let named = author.naming(&capture.name);
    if !named.is_empty() {
        return named;
    }
    let said = author.saying(&capture.name);
    if !said.is_empty() {
        return said;
    }
    let lines = CodeLines::read(object).zip(capture.at);
    let lines = lines.map(|(lines, at)| lines.at(at)).unwrap_or_default();
    lines.iter().find_map(|line| author.at(line)).into_iter().collect()
}

/// What the entry of a changed function names in place of what was generated. An assembler that is
/// told that one symbol is another leaves no definition.
fn redirected(object: &ObjectFile<'_>) -> Option<(String, String)> {
    let entry = |at| Some(object.function_at(at)?.to_owned()).filter(|it| it.starts_with(ENTRY));
    let entries = object.uses().filter(|used| used.in_code);
    let entries = entries.filter_map(|used| Some((entry(used.at)?, used)));
    let mut others = entries.filter(|(entry, used)| {
        let stem = entry.trim_start_matches(ENTRY);
        let is_generated = object.is_implied(used.symbol)
            || used.symbol == body(stem)
            || used.symbol.starts_with(PLACEHOLDER);
        !is_generated
    });
    let (entry, used) = others.next()?;
    Some((entry, used.symbol.to_owned()))
}

fn elsewhere((entry, symbol): (String, String)) -> Diagnostic {
    let by = match symbol.as_str() {
        "" => "code of the patch".to_owned(),
        symbol => format!("`{symbol}`"),
    };
    let message = format!("`{entry}` calls {by} in place of what kpsc has generated");
    Diagnostic::new(CAPTURED_SYMBOL, message).note(WHY).help(HELP)
}

/// The error, without a place in the author's text.
fn about(name: &str) -> Diagnostic {
    let message = format!("the patch defines `{name}`, which is the kernel's");
    Diagnostic::new(CAPTURED_SYMBOL, message).note(WHY).help(HELP)
}

const WHY: &str =
    "generated code and the compilers name symbols of the kernel, and would get the patch's";
const HELP: &str = "give it another name, or in C make it `static`";

/// The errors about a module that the linker has made, for builds without kpsc: only their text.
/// Kbuild tells its programs where the build tree is.
pub(crate) fn of_linked(linked: &[u8]) -> Vec<Diagnostic> {
    let Some(object) = ObjectFile::read(linked) else { return Vec::new() };
    let tree = std::env::var_os("objtree");
    let exports = tree.and_then(|tree| exports::names(Path::new(&tree)).ok()).unwrap_or_default();
    let taken = taken_originals(&object);
    let captures = captures(&object, &|name| exports.contains(name));
    let taken = taken.iter().map(originals::about);
    let captures = captures.iter().map(|capture| about(&capture.name));
    taken.chain(captures).chain(pads::of_linked(&object)).collect()
}

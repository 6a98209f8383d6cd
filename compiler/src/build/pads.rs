// SPDX-License-Identifier: GPL-2.0
//! Reports functions without a landing pad whose addresses are taken. The compilers give each
//! function one, so these are the author's assembly.

use super::author::Author;
use kps_codegen::names::ENTRY;
use kps_diag::{Diagnostic, NO_LANDING_PAD};
use kps_link::{bare_functions, Bare, CodeLines, ObjectFile};
use kps_plan::ORIGINAL;

/// The errors about an object, one for each function.
pub(super) fn bare(object: &ObjectFile<'_>, author: Author<'_>) -> Vec<Diagnostic> {
    let lines = CodeLines::read(object);
    let mut errors: Vec<Diagnostic> = Vec::new();
    for bare in of_authors(object) {
        let error = about(&bare);
        if errors.iter().any(|known| known.message == error.message) {
            continue;
        }
        let found = lines.iter().flat_map(|lines| lines.at(bare.at));
        let place = found.filter_map(|line| Some((author.at(&line)?, line))).next();
        errors.push(match place {
            Some((span, line)) => author.note(error.at(span, ""), &line),
            // Data has no lines, and assembly may have none.
            None => {
                let holder = object.holding(bare.at);
                let named = holder.map(|name| author.naming(name)).unwrap_or_default();
                let places = if named.is_empty() { author.naming(&bare.function) } else { named };
                places.into_iter().fold(error, |error, span| error.at(span, ""))
            }
        });
    }
    errors
}

/// The errors about a module that the linker has made: only their text.
pub(super) fn of_linked(object: &ObjectFile<'_>) -> Vec<Diagnostic> {
    let mut errors: Vec<Diagnostic> = of_authors(object).iter().map(about).collect();
    errors.dedup_by(|one, other| one.message == other.message);
    errors
}

/// What is wrong with generated functions is for `verify` to say.
fn of_authors(object: &ObjectFile<'_>) -> Vec<Bare> {
    let mut found = bare_functions(object);
    let is_generated = |name: &str| [ENTRY, ORIGINAL].iter().any(|start| name.starts_with(start));
    found.retain(|bare| !is_generated(&bare.function));
    found.sort_by(|one, other| one.function.cmp(&other.function));
    found
}

/// The error, without a place in the author's text.
fn about(bare: &Bare) -> Diagnostic {
    let Bare { function, pad, .. } = bare;
    let message = format!("the address of `{function}` is taken, and it has no landing pad");
    Diagnostic::new(NO_LANDING_PAD, message)
        .note("a call through its address would fault on a processor that checks indirect branches")
        .help(format!("start it with {pad}, or call it directly"))
}

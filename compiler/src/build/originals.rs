// SPDX-License-Identifier: GPL-2.0
//! Reports addresses of old functions that are used for more than a call, by whatever name.

use super::author::Author;
use kps_diag::{Diagnostic, MISPLACED_ORIGINAL};
use kps_link::{taken_originals, CodeLines, ObjectFile, Taken};
use kps_plan::ORIGINAL;

/// The errors about an object, one for each line of the author's text.
pub(super) fn taken(object: &ObjectFile<'_>, author: Author<'_>) -> Vec<Diagnostic> {
    let lines = CodeLines::read(object);
    let mut errors: Vec<Diagnostic> = Vec::new();
    for taken in taken_originals(object) {
        let found = lines.iter().flat_map(|lines| lines.at(taken.at));
        let place = found.filter_map(|line| Some((author.at(&line)?, line))).next();
        let error = about(&taken);
        let error = match place {
            Some((span, line)) => author.note(error.at(span, ""), &line),
            // Data has no lines, and assembly may have none.
            None => {
                let holder = object.holding(taken.at);
                let named = holder.map(|name| author.naming(name)).unwrap_or_default();
                let of_function = || author.function(&taken.original).into_iter().collect();
                let places = if named.is_empty() { of_function() } else { named };
                places.into_iter().fold(error, |error, span| error.at(span, ""))
            }
        };
        let is_known = |known: &Diagnostic| {
            known.message == error.message
                && (known.labels.is_empty() || known.is_about_the_same(&error))
        };
        if !errors.iter().any(is_known) {
            errors.push(error);
        }
    }
    errors
}

/// The error, without a place in the author's text.
pub(crate) fn about(taken: &Taken) -> Diagnostic {
    let function = taken.original.trim_start_matches(ORIGINAL);
    let what = if taken.in_code { "code takes" } else { "data holds" };
    let message = format!("{what} the address of the old `{function}`, which can only be called");
    Diagnostic::new(MISPLACED_ORIGINAL, message)
        .note("its address is not that of a function: a call through it would fault under IBT and kCFI")
        .help("call it: `original(..)`")
}

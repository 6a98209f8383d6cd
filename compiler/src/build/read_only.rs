// SPDX-License-Identifier: GPL-2.0
//! Reports writes of C files to variables that the kernel maps read-only. In Rust they are
//! immutable, but C casts `const` away, and `__ro_after_init` variables have none.

use super::author::Author;
use crate::known::{Known, Variable};
use kps_diag::{Diagnostic, READ_ONLY_VARIABLE};
use kps_link::{writes, CodeLines, ObjectFile, Write};
use std::collections::BTreeMap;

/// The errors about an object, one for each line.
pub(super) fn read_only_writes(
    object: &ObjectFile<'_>,
    known: &Known,
    author: Author<'_>,
) -> Vec<Diagnostic> {
    let read_only = || known.variables.iter().filter(|variable| variable.is_read_only);
    if read_only().next().is_none() {
        return Vec::new();
    }
    let Some(lines) = CodeLines::read(object) else { return Vec::new() };
    let mut found = BTreeMap::new();
    for write in writes(object) {
        let Some(variable) = read_only().find(|variable| is_it(variable, &write)) else { continue };
        let mut places = lines.at(write.at).into_iter();
        let Some(span) = places.find_map(|line| author.at(&line)) else { continue };
        found.entry((span.start, &variable.name)).or_insert_with(|| {
            let message = format!("`{}` is read-only, and this write would fault", variable.name);
            Diagnostic::new(READ_ONLY_VARIABLE, message)
                .at(span, "")
                .note("it is `const` or `__ro_after_init`: the kernel maps it read-only after it is set up")
                .help("change the functions that read it instead")
        });
    }
    found.into_values().collect()
}

/// Whether a write is to a variable, which may be one of several of its name.
fn is_it(variable: &Variable, write: &Write) -> bool {
    let (name, position) = match variable.symbol.split_once('@') {
        Some((name, position)) => (name, position.parse().unwrap_or(0)),
        None => (variable.symbol.as_str(), 0),
    };
    let is_object = write.object.as_ref().is_none_or(|object| object == variable.object.as_str());
    name == write.symbol && is_object && (position == 0 || position == write.position)
}

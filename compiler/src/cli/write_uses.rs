// SPDX-License-Identifier: GPL-2.0
//! `kpsc build --write-uses`: adds the `use` lines that a build has found missing to the spec.

use super::{read_patch, report};
use crate::build::{Built, MissingUse};
use crate::driver::Compiled;
use crate::input::{read_bytes, Input};
use kps_diag::{Diagnostic, USES_ADDED, USES_NOT_ADDED};
use kps_grammar::ast::Form;
use kps_grammar::{with_uses, Uses};
use kps_host::disk::rewrite;
use std::collections::BTreeMap;
use std::path::Path;

/// Writes the lines that a build lacks into the spec and reports them. Returns the spec as it is
/// now.
pub(super) fn write(spec: &Path, compiled: &Compiled, built: &Built) -> Result<Input, Diagnostic> {
    let missing = &built.missing;
    if compiled.form() == Form::Crate {
        report(&built.diagnostics, Some(&compiled.sources));
        return Err(in_crate(missing));
    }
    let source = compiled.sources.spec();
    // What has been saved since then stays.
    if read_bytes(spec)? != source.text.as_bytes() {
        let message = format!("{} has changed during the build", spec.display());
        return Err(Diagnostic::new(USES_NOT_ADDED, message).help("run the command again"));
    }
    let mut by_object: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for MissingUse { object, line } in missing {
        by_object.entry(object).or_default().push(line.clone());
    }
    // Of the blocks of an object, the one that is for this kernel.
    let objects = &compiled.passed.checked.written().objects;
    let place = |name: &str| objects.iter().find(|object| object.name.value == name);
    let all: Vec<Uses<'_>> = by_object
        .into_iter()
        .map(|(object, lines)| {
            let place = place(object).map(|object| object.name.span);
            Uses { object, place, lines }
        })
        .collect();
    let (text, added) = with_uses(source, &all);
    rewrite(spec, text.as_bytes())?;
    let input = read_patch(spec)?;
    let count = added.len();
    let lines =
        if count == 1 { "one `use` line".to_owned() } else { format!("{count} `use` lines") };
    let note = Diagnostic::new(USES_ADDED, format!("added {lines} to {}", spec.display()));
    let note = added.into_iter().fold(note, |note, span| note.at(span, ""));
    report(
        &[note.help("review them: each is a kernel internal that the patch depends on")],
        Some(&input.sources),
    );
    Ok(input)
}

/// The error about a crate: kpsc does not edit its Rust.
fn in_crate(missing: &[MissingUse]) -> Diagnostic {
    let count = match missing.len() {
        1 => "one symbol".to_owned(),
        count => format!("{count} symbols"),
    };
    Diagnostic::new(USES_NOT_ADDED, format!("{count} must be declared in src/lib.rs by hand"))
        .note("`--write-uses` writes into specs, and not into the Rust of a crate")
        .help("add the declarations that the errors show")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kps_plan::ObjectName;

    #[test]
    fn a_crate_is_not_edited() {
        let line = MissingUse { object: ObjectName::IMAGE.to_owned(), line: String::new() };
        let one = in_crate(std::slice::from_ref(&line));
        assert_eq!(one.message, "one symbol must be declared in src/lib.rs by hand");
        assert!(in_crate(&[line.clone(), line]).message.starts_with("2 symbols"));
    }
}

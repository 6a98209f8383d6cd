// SPDX-License-Identifier: GPL-2.0
//! Reports uses of modules' static keys, static calls and tracepoints in bodies.

use super::author::Author;
use kps_diag::{Diagnostic, EARLY_TABLE};
use kps_link::{early, CodeLines, Early, EarlyKind, ObjectFile};

/// The errors about an object, one for each line of the author's text.
pub(super) fn too_early(object: &ObjectFile<'_>, author: Author<'_>) -> Vec<Diagnostic> {
    let mut errors: Vec<Diagnostic> = Vec::new();
    for early in early(object) {
        let error = too_early_one(object, &early, author);
        if !errors
            .iter()
            .any(|known| known.message == error.message && known.is_about_the_same(&error))
        {
            errors.push(error);
        }
    }
    errors
}

fn too_early_one(object: &ObjectFile<'_>, early: &Early, author: Author<'_>) -> Diagnostic {
    let Early { kind, name, object: module, code } = early;
    let message = format!("the {} `{name}` belongs to the module {module}", kind.word());
    let lines =
        CodeLines::read(object).zip(*code).map(|(lines, code)| lines.at(code)).unwrap_or_default();
    let place = lines.iter().find_map(|line| Some((author.at(line)?, line)));
    let error = Diagnostic::new(EARLY_TABLE, message);
    let error = match place {
        Some((span, line)) => author.note(error.at(span, "it is used here"), line),
        None => author
            .naming(name)
            .into_iter()
            .fold(error, |error, span| error.at(span, "it is named here")),
    };
    let error = error
        .note("the kernel reads the patch's table of these before it resolves those of the module");
    match kind {
        EarlyKind::Key => error.help(format!("read the key itself: `static_key_enabled(&{name})`")),
        EarlyKind::Call => {
            error.help(format!("call it through its pointer: `KLP_STATIC_CALL({name})(..)`"))
        }
        EarlyKind::Tracepoint => error.help(format!("drop `trace_{name}()`")),
    }
}

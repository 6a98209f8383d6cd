// SPDX-License-Identifier: GPL-2.0
//! The rules for the text of a spec and of every file that it names.

use crate::{characters, tokens, File, Language, SyntaxError};

/// Finds text that a person could misread: characters that are not what they look like and, in
/// Rust, brackets that do not match or are nested too deeply.
pub fn check(file: &File) -> Vec<SyntaxError> {
    let text = &file.source.text;
    let mut errors = Vec::new();
    characters::check(text, &mut errors);
    if file.language == Language::Rust {
        errors.extend(tokens::unbalanced(text));
    }
    errors.into_iter().map(|error| error.moved(file.span().start)).collect()
}

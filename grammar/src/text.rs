// SPDX-License-Identifier: GPL-2.0
//! What holds for the text of every file that a spec names, as it does for the spec.

use crate::{characters, tokens, File, Language, SyntaxError};

/// What nobody should have to read, or could, in a file: characters that are not what they look
/// like and, in Rust, brackets that do not fit together or are too deep.
pub fn check(file: &File) -> Vec<SyntaxError> {
    let text = &file.source.text;
    let mut errors = Vec::new();
    characters::check(text, &mut errors);
    if file.language == Language::Rust {
        errors.extend(tokens::unbalanced(text));
    }
    errors.into_iter().map(|error| error.moved(file.span().start)).collect()
}

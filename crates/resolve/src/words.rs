// SPDX-License-Identifier: GPL-2.0
//! Words in files that programs other than rustc read.

/// Letters, digits and underscores: make, the shell and Rust all read them as a plain name.
pub fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

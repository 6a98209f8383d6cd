// SPDX-License-Identifier: GPL-2.0
//! Words that programs other than rustc read.

/// Letters, digits and underscores: nothing that make, the shell or Rust could take for anything
/// else.
pub fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

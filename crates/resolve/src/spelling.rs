// SPDX-License-Identifier: GPL-2.0
//! Comparing and demangling names with crates that are not part of the kernel. The macros do
//! without, because the target's rustc compiles them.

/// The edit distance of two names. Without the crate that computes it, no names are near.
#[cfg(feature = "spelling")]
pub(super) fn distance(a: &str, b: &str) -> usize {
    strsim::damerau_levenshtein(a, b)
}

/// The edit distance of two names. Without the crate that computes it, no names are near.
#[cfg(not(feature = "spelling"))]
pub(super) fn distance(_: &str, _: &str) -> usize {
    usize::MAX
}

/// A Rust symbol, demangled.
#[cfg(feature = "spelling")]
pub(super) fn demangled(symbol: &str) -> String {
    rustc_demangle::demangle(symbol).to_string()
}

/// A Rust symbol, demangled.
#[cfg(not(feature = "spelling"))]
pub(super) fn demangled(symbol: &str) -> String {
    symbol.to_owned()
}

// SPDX-License-Identifier: GPL-2.0
//! How names are compared and shown, by crates that a kernel does not come with: macros that the
//! target's rustc compiles do without.

/// How many letters differ between two names. Without the crate, which would tell, nothing is near.
#[cfg(feature = "spelling")]
pub(super) fn distance(a: &str, b: &str) -> usize {
    strsim::damerau_levenshtein(a, b)
}

/// How many letters differ between two names. Without the crate, which would tell, nothing is near.
#[cfg(not(feature = "spelling"))]
pub(super) fn distance(_: &str, _: &str) -> usize {
    usize::MAX
}

/// A symbol of Rust as its source names it.
#[cfg(feature = "spelling")]
pub(super) fn demangled(symbol: &str) -> String {
    rustc_demangle::demangle(symbol).to_string()
}

/// A symbol of Rust as its source names it.
#[cfg(not(feature = "spelling"))]
pub(super) fn demangled(symbol: &str) -> String {
    symbol.to_owned()
}

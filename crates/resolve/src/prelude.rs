// SPDX-License-Identifier: GPL-2.0
//! The names that every body has in scope, whatever the kernel: those of Rust and of the runtime.

use kps_codegen::refs;
use std::collections::BTreeSet;

/// Crates that a path may start with.
const CRATES: &[&str] = &["core", "kernel", "kps"];

/// Names in Rust's own prelude that a kernel symbol may have.
const RUST_PRELUDE: &[&str] = &[
    "Some",
    "None",
    "Ok",
    "Err",
    "Option",
    "Result",
    "drop",
    "Self",
    "bool",
    "char",
    "str",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "f32",
    "f64",
    "align_of",
    "align_of_val",
    "size_of",
    "size_of_val",
];

/// The runtime's errors and what it does with them.
const ERRNO: &str = include_str!("../../runtime/src/errno.rs");

/// All names that a body has in scope without the kernel and the patch.
pub(super) fn names() -> BTreeSet<String> {
    let of_rust = RUST_PRELUDE.iter().chain(CRATES).map(|name| (*name).to_owned());
    of_runtime().into_iter().chain(of_rust).collect()
}

/// The names that the runtime's prelude adds to every body.
fn of_runtime() -> BTreeSet<String> {
    const TEXTS: [&str; 3] = [
        include_str!("../../runtime/src/prelude.rs"),
        include_str!("../../runtime/src/ctypes.rs"),
        ERRNO,
    ];
    // A test parses these files, so this does not fail.
    let defined =
        |text| syn::parse_file(text).map(|file| refs::defined(&file.items)).unwrap_or_default();
    TEXTS.into_iter().flat_map(defined).chain(errors()).collect()
}

/// The error numbers, each a line `NAME = NUMBER,` of the runtime's macro.
pub(super) fn errors() -> Vec<String> {
    let name = |line: &str| {
        let (name, number) = line.trim().strip_suffix(',')?.split_once(" = ")?;
        number.parse::<u32>().ok()?;
        Some(name.to_owned())
    };
    ERRNO.lines().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prelude_is_known() {
        let known = of_runtime();
        for name in [
            "AtomicU32",
            "c_char",
            "size_t",
            "null_mut",
            "pr_info",
            "container_of",
            "EPERM",
            "IS_ERR",
        ] {
            assert!(known.contains(name), "{name} is not in {known:?}");
        }
    }
}

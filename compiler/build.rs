// SPDX-License-Identifier: GPL-2.0
//! Puts the text of the library into kpsc: a patch crate gets it from there, whichever machine it
//! is built on.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The crates that a patch crate is built with, by their folders, each behind those that it needs.
/// In a patch crate they lie side by side.
const CRATES: &[&str] = &[
    "crates/arch",
    "crates/diag",
    "crates/plan",
    "crates/ast",
    "crates/facts",
    "crates/codegen",
    "crates/resolve",
    "crates/attributes",
    "runtime-macros",
    "crates/runtime",
];

fn main() -> std::io::Result<()> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).unwrap_or_default();
    let root = variable("CARGO_MANIFEST_DIR").join("..");
    let mut text = String::from("&[\n");
    for name in CRATES {
        println!("cargo::rerun-if-changed=../{name}");
        let mut files = vec![PathBuf::from(name).join("Cargo.toml")];
        for below in ["src", "kernel"].map(|below| Path::new(name).join(below)) {
            if root.join(&below).exists() {
                collect(&root, &below, &mut files)?;
            }
        }
        files.sort();
        for file in files {
            let full = root.join(&file).canonicalize()?;
            let file = file.strip_prefix("crates").unwrap_or(&file);
            let _ = writeln!(text, "    ({file:?}, include_str!({full:?})),");
        }
    }
    text.push_str("]\n");
    std::fs::write(variable("OUT_DIR").join("library.rs"), text)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(root, &path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| ["rs", "c", "md"].iter().any(|known| extension == *known))
        {
            files.push(path);
        }
    }
    Ok(())
}

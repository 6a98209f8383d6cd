//! The manifest of a patch crate. Cargo reads it on the host; Kbuild does not, so it must want nothing that Kbuild does not do.

use super::MANIFEST;
use crate::diag::{Diagnostic, KPS1208};
use toml::{Table, Value};

/// The one crate that a patch crate may depend on.
const LIBRARY: &str = "kps";

/// What is wrong with a manifest, which is known by this path.
/// `has_script` is whether there is a `build.rs`, which cargo runs unless it is told not to.
pub fn check_manifest(path: &str, text: &str, has_script: bool) -> Vec<Diagnostic> {
    let manifest: Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => {
            let error = Diagnostic::error(KPS1208, format!("{path} is no manifest: {error}"));
            return vec![error.help("cargo says more: `cargo check`")];
        }
    };
    let mut errors = Vec::new();
    let of_targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = std::iter::once(&manifest).chain(of_targets.filter_map(Value::as_table));
    for (table, key) in tables.flat_map(|table| [(table, "dependencies"), (table, "build-dependencies")]) {
        let others = table.get(key).and_then(Value::as_table).into_iter().flatten();
        let is_library = |name: &str, value: &Value| {
            key == "dependencies" && name == LIBRARY && value.get("package").is_none()
        };
        errors.extend(others.filter(|(name, value)| !is_library(name, value)).map(|(name, _)| {
            Diagnostic::error(KPS1208, format!("{path} wants the crate `{name}`"))
                .note("Kbuild compiles a patch with the kernel's crates and `kps`, and knows no others")
                .help(format!(
                    "drop it, or copy what you need of it into `src/`; what tests alone need belongs to `[dev-dependencies]` of {MANIFEST}"
                ))
        }));
    }
    let script = manifest.get("package").and_then(|package| package.get("build"));
    if script.map_or(has_script, |script| script.as_bool() != Some(false)) {
        errors.push(
            Diagnostic::error(KPS1208, format!("{path} has a build script"))
                .note("Kbuild runs none")
                .help("write what it generates into `src/`"),
        );
    }
    errors
}

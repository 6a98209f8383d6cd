//! The manifest of a patch crate. Cargo reads it on the host; Kbuild does not, so it must want nothing that Kbuild does not do.

use super::MANIFEST;
use crate::diag::{Diagnostic, KPS1208};
use toml::{Table, Value};

/// The one crate that a patch crate may depend on.
const LIBRARY: &str = "kps";

/// What is wrong with a manifest, which is known by this path.
pub fn check_manifest(path: &str, text: &str) -> Vec<Diagnostic> {
    let manifest: Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => {
            let error = Diagnostic::error(KPS1208, format!("{path} is no manifest: {error}"));
            return vec![error.help("cargo says more: `cargo check`")];
        }
    };
    let mut errors = Vec::new();
    for key in ["dependencies", "build-dependencies"] {
        let others = manifest.get(key).and_then(Value::as_table).into_iter().flat_map(Table::keys);
        errors.extend(others.filter(|name| key != "dependencies" || *name != LIBRARY).map(|name| {
            Diagnostic::error(KPS1208, format!("{path} wants the crate `{name}`"))
                .note("Kbuild compiles a patch with the kernel's crates and `kps`, and knows no others")
                .help(format!(
                    "drop it, or copy what you need of it into `src/`; what tests alone need belongs to `[dev-dependencies]` of {MANIFEST}"
                ))
        }));
    }
    if manifest.get("package").and_then(|package| package.get("build")).is_some() {
        errors.push(
            Diagnostic::error(KPS1208, format!("{path} has a build script"))
                .note("Kbuild runs none")
                .help("write what it generates into `src/`"),
        );
    }
    errors
}

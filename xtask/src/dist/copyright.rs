// SPDX-License-Identifier: GPL-2.0
//! The copyright file of a package, in Debian's machine-readable format 1.0: who holds the rights in
//! what is linked into its program.

use super::linked::Crate;
use anyhow::{bail, Context as _, Result};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// The texts of the licenses that `kps-package` does not know, in files of their names.
const TEXTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../templates/dist/licenses");

/// Code that is linked in and has another license than the crate that brings it, or comes with no
/// crate.
struct Part {
    files: &'static str,
    holder: &'static str,
    license: &'static str,
    /// The crate that brings it; `None` if it is in every program, or in a static one.
    of: Option<&'static str>,
    is_in_static: bool,
}

const PARTS: [Part; 5] = [
    Part {
        files: "rust/library/*",
        holder: "the contributors of the Rust project",
        license: "MIT OR Apache-2.0",
        of: None,
        is_in_static: false,
    },
    Part {
        files: "glibc/*",
        holder: "the Free Software Foundation, Inc., and the contributors of the GNU C Library",
        license: "LGPL-2.1-or-later",
        of: None,
        is_in_static: true,
    },
    Part {
        files: "gcc/libgcc/*",
        holder: "the Free Software Foundation, Inc.",
        license: "GPL-3.0-or-later WITH GCC-exception-3.1",
        of: None,
        is_in_static: true,
    },
    Part {
        files: "vendor/liblzma-sys/xz/*",
        holder: "the authors and contributors of XZ Utils",
        license: "0BSD",
        of: Some("liblzma-sys"),
        is_in_static: false,
    },
    Part {
        files: "vendor/zstd-sys/zstd/*",
        holder: "Meta Platforms, Inc. and affiliates",
        license: "BSD-3-Clause",
        of: Some("zstd-sys"),
        is_in_static: false,
    },
];

/// The text of the file.
///
/// # Errors
/// If a license is not compatible with that of the program, or has no text.
pub fn copyright(
    program: &str,
    contact: &str,
    crates: &[Crate],
    is_static: bool,
) -> Result<String> {
    if let Some(other) = crates.iter().find(|other| !other.is_compatible()) {
        let Crate { name, version, license, .. } = other;
        bail!(
            "{name} {version} is under `{license}`, which a program under the GPL, version 2, \
             cannot be linked with: replace the crate"
        );
    }
    let mut text = format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: {program}\n\
         Upstream-Contact: {contact}\n\
         Comment: The files below vendor are those that `cargo vendor --versioned-dirs` writes.\n"
    );
    let mut licenses = BTreeSet::new();
    stanza(&mut text, "*", &["the contributors of kpsc".to_owned()], "GPL-2.0-only", &mut licenses);
    for Crate { name, version, license, holders } in crates {
        let files = format!("vendor/{name}-{version}/*");
        stanza(&mut text, &files, holders, license, &mut licenses);
    }
    for part in PARTS {
        let is_linked = match part.of {
            Some(name) => crates.iter().any(|linked| linked.name == name),
            None => is_static || !part.is_in_static,
        };
        if is_linked {
            let holders = [part.holder.to_owned()];
            stanza(&mut text, part.files, &holders, part.license, &mut licenses);
        }
    }
    for license in licenses {
        // Writing to a string cannot fail.
        let _ = write!(text, "\nLicense: {license}\n{}", full(&license)?);
    }
    Ok(text)
}

fn stanza(
    text: &mut String,
    files: &str,
    holders: &[String],
    license: &str,
    licenses: &mut BTreeSet<String>,
) {
    let of = Crate {
        name: String::new(),
        version: String::new(),
        license: license.to_owned(),
        holders: Vec::new(),
    };
    licenses.extend(of.licenses());
    // The format has its operators in small letters, and a comma in place of parentheses.
    let license = license.replace(" WITH ", "-with-").replace(" OR ", " or ");
    let license = license.replace(" AND ", " and ").replace('(', "").replace(')', ",");
    let holders = holders.join("\n           ");
    // Writing to a string cannot fail.
    let _ = write!(text, "\nFiles: {files}\nCopyright: {holders}\nLicense: {license}\n");
}

/// The text of a license, as further lines of a field.
fn full(license: &str) -> Result<String> {
    let text = match kps_package::license_text(license) {
        Some(paragraphs) => paragraphs.join("\n\n"),
        None => {
            let path = Path::new(TEXTS).join(license);
            std::fs::read_to_string(&path)
                .with_context(|| format!("the license {license} has no text: {}", path.display()))?
        }
    };
    Ok(text
        .lines()
        .map(|line| match line.trim_end() {
            "" => " .\n".to_owned(),
            line => format!(" {line}\n"),
        })
        .collect())
}

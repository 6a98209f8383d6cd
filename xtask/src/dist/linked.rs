// SPDX-License-Identifier: GPL-2.0
//! The crates of the registry that are linked into a program, and whether their licenses allow that.

use anyhow::{bail, Context as _, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::path::Path;
use std::process::Command;

/// A crate that is compiled into a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its license, as an SPDX expression.
    pub license: String,
    /// Who holds the copyright, as the crate's own files name them.
    pub holders: Vec<String>,
}

/// Licenses whose terms a program under the GPL, version 2 alone, can satisfy. The Apache License
/// is not among them (<https://www.gnu.org/licenses/license-list.html#apache2>).
const COMPATIBLE: [&str; 12] = [
    "0BSD",
    "Apache-2.0-with-LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

impl Crate {
    /// Whether the program may be given out with it.
    pub fn is_compatible(&self) -> bool {
        any(&mut tokens(&self.license).into_iter().peekable())
    }

    /// The licenses that its license names.
    pub fn licenses(&self) -> BTreeSet<String> {
        let names = tokens(&self.license).into_iter();
        names.filter(|token| !["(", ")", "AND", "OR"].contains(&token.as_str())).collect()
    }
}

/// The crates that a program of this workspace is linked with, as `cargo xtask dist` builds it.
/// What only runs while it is compiled is not among them.
///
/// # Errors
/// If cargo fails.
pub fn crates(program: &str, built_with: &[&str]) -> Result<Vec<Crate>> {
    let mut tree = cargo();
    tree.args(["tree", "--edges", "normal,no-proc-macro", "--no-dedupe", "--prefix", "none"]);
    tree.args(["--format", "{p}", "--package", program]);
    built_with.iter().for_each(|package| {
        tree.args(["--package", package]);
    });
    let text = output(&mut tree)?;
    // A tree for each package, with empty lines between them.
    let root = format!("{program} v");
    let tree = text.split("\n\n").find(|tree| tree.starts_with(&root));
    let tree = tree.with_context(|| format!("cargo knows no package {program}"))?;
    // Behind those of this workspace is their folder.
    let foreign = tree.lines().filter(|line| !line.contains('('));
    let linked: BTreeSet<(&str, &str)> =
        foreign.filter_map(|line| line.trim().split_once(" v")).collect();
    let known = metadata()?;
    let found = linked.into_iter().map(|(name, version)| {
        let found = known.get(&(name.to_owned(), version.to_owned()));
        found.cloned().with_context(|| format!("cargo does not describe {name} {version}"))
    });
    found.collect()
}

/// All crates that cargo knows for this workspace, by name and version.
fn metadata() -> Result<BTreeMap<(String, String), Crate>> {
    let text = output(cargo().args(["metadata", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    let packages = metadata["packages"].as_array().context("cargo describes no packages")?;
    let described = packages.iter().map(|package| {
        let field = |name: &str| package[name].as_str().unwrap_or_default().to_owned();
        let (name, version) = (field("name"), field("version"));
        let manifest = field("manifest_path");
        let folder = Path::new(&manifest).parent().unwrap_or(Path::new("."));
        let mut holders = holders(folder)?;
        if holders.is_empty() {
            let authors = package["authors"].as_array().into_iter().flatten();
            holders.extend(authors.filter_map(|author| author.as_str()).map(str::to_owned));
        }
        if holders.is_empty() {
            holders.push(format!("the authors of {name}"));
        }
        // Cargo accepts a slash from the time before SPDX.
        let license = field("license").replace('/', " OR ");
        Ok(((name.clone(), version.clone()), Crate { name, version, license, holders }))
    });
    described.collect()
}

/// The lines about copyright in the files beside a manifest, without the first word.
fn holders(folder: &Path) -> Result<Vec<String>> {
    const FILES: [&str; 4] = ["LICEN", "COPY", "UNLICENSE", "NOTICE"];
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if FILES.iter().any(|start| name.starts_with(start)) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read(&file).with_context(|| file.display().to_string())?;
        for line in String::from_utf8_lossy(&text).lines() {
            found.extend(holder(line));
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|holder| seen.insert(holder.clone()));
    Ok(found)
}

/// Who a line gives the copyright to. Licenses have other lines with the word, and forms to fill in.
fn holder(line: &str) -> Option<String> {
    let line = line.trim().trim_end_matches(". All rights reserved.");
    let rest = line.strip_prefix("Copyright").or_else(|| line.strip_prefix("COPYRIGHT"))?.trim();
    let signs = ["(c)", "(C)", "©"];
    let named = signs.iter().find_map(|sign| rest.strip_prefix(sign));
    let starts_with_year = rest.starts_with(|c: char| c.is_ascii_digit());
    if rest.contains(['[', '{', '<']) && rest.contains("yyyy") {
        return None;
    }
    let holder = named.or(starts_with_year.then_some(rest))?.trim();
    (!holder.is_empty()).then(|| holder.to_owned())
}

/// The words of an SPDX expression. A license with its exception is one.
fn tokens(license: &str) -> Vec<String> {
    let license = license.replace(" WITH ", "-with-").replace('(', " ( ").replace(')', " ) ");
    license.split_whitespace().map(str::to_owned).collect()
}

/// Alternatives, of which one suffices.
fn any(tokens: &mut Peekable<impl Iterator<Item = String>>) -> bool {
    let mut is_any = all(tokens);
    while tokens.next_if(|token| token == "OR").is_some() {
        is_any |= all(tokens);
    }
    is_any
}

/// What is demanded together. `AND` binds more tightly than `OR`.
fn all(tokens: &mut Peekable<impl Iterator<Item = String>>) -> bool {
    let mut is_all = one(tokens);
    while tokens.next_if(|token| token == "AND").is_some() {
        is_all &= one(tokens);
    }
    is_all
}

fn one(tokens: &mut Peekable<impl Iterator<Item = String>>) -> bool {
    match tokens.next() {
        Some(token) if token == "(" => {
            let is_any = any(tokens);
            tokens.next_if(|token| token == ")").is_some() && is_any
        }
        Some(license) => COMPATIBLE.contains(&license.as_str()),
        None => false,
    }
}

fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    cargo
}

/// What a program prints, which must succeed.
pub(super) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(license: &str) -> Crate {
        let license = license.to_owned();
        Crate { name: "x".into(), version: "1.0.0".into(), license, holders: Vec::new() }
    }

    #[test]
    fn a_license_is_compatible_if_one_way_to_read_it_is() {
        for license in [
            "MIT",
            "MIT OR Apache-2.0",
            "Apache-2.0 OR MIT",
            "Apache-2.0 WITH LLVM-exception",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "MIT OR Apache-2.0 AND Unicode-3.0",
        ] {
            assert!(of(license).is_compatible(), "{license}");
        }
        for license in ["Apache-2.0", "MIT AND Apache-2.0", "(MIT OR Zlib) AND Apache-2.0", "", "("]
        {
            assert!(!of(license).is_compatible(), "{license}");
        }
    }

    #[test]
    fn a_holder_is_told_from_other_lines_with_the_word() {
        assert_eq!(holder("Copyright (c) 2019 Jane Doe").as_deref(), Some("2019 Jane Doe"));
        assert_eq!(holder("  Copyright 2019 Jane Doe").as_deref(), Some("2019 Jane Doe"));
        assert_eq!(holder("   Copyright [yyyy] [name of copyright owner]"), None);
        assert_eq!(holder("Copyright notice, this list of conditions"), None);
        assert_eq!(holder("COPYRIGHT AND PERMISSION NOTICE"), None);
    }
}

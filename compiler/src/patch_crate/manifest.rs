// SPDX-License-Identifier: GPL-2.0
//! The manifest of a patch crate. Cargo reads it on the host and Kbuild does not, so it must not
//! request anything that Kbuild does not do.

use super::ROOT;
use kps_diag::{Diagnostic, UNSUPPORTED_MANIFEST};
use kps_grammar::{File, Span};
use std::borrow::Cow;
use std::ops::Range;
use toml::de::{DeTable, DeValue};
use toml::Spanned;

/// The only crate that a patch crate may depend on.
const LIBRARY: &str = "kps";

/// The edition that the kernel's Rust is written in, `rust_common_flags` in its `Makefile`.
const EDITION: &str = "2021";

/// The errors of a manifest. `workspace` is the text of the manifest that it inherits from, and
/// `has_script` whether there is a `build.rs`, which cargo runs unless the manifest disables it.
pub(super) fn check_manifest(
    file: &File,
    workspace: Option<&str>,
    has_script: bool,
) -> Vec<Diagnostic> {
    let mut manifest = Manifest { file, workspace, errors: Vec::new() };
    match DeTable::parse(&file.source.text) {
        Ok(table) => manifest.check(table.get_ref(), has_script),
        Err(error) => {
            let message = format!("invalid manifest: {}", error.message());
            let range = error.span().unwrap_or_default();
            manifest.refuse(range, message, "", "run `cargo check` for details");
        }
    }
    manifest.errors
}

/// A manifest while it is checked.
struct Manifest<'a> {
    file: &'a File,
    workspace: Option<&'a str>,
    errors: Vec<Diagnostic>,
}

impl Manifest<'_> {
    fn check(&mut self, manifest: &DeTable<'_>, has_script: bool) {
        for name in crates(manifest) {
            let message = format!("the crate depends on `{}`", name.get_ref());
            self.refuse(name.span(), message, "Kbuild provides only the kernel's crates and `kps`", "drop it, or copy the code that you need into `src/`; dependencies of tests belong in `[dev-dependencies]`");
        }
        let Some((package, table)) = manifest.get_key_value("package") else {
            let help = "run `kpsc new --crate NAME` to see a complete manifest";
            return self.refuse(0..0, "the manifest has no `[package]`".to_owned(), "", help);
        };
        let table = table.get_ref().as_table();
        let of_package = |key| table.and_then(|table| table.get(key));
        if of_package("name").is_none() {
            let help = "write `name = \"NAME\"`";
            self.refuse(
                package.span(),
                "the crate has no name".to_owned(),
                "cargo requires one",
                help,
            );
        }
        self.library(package, manifest);
        let script = of_package("build");
        if script.map_or(has_script, |script| script.get_ref().as_bool() != Some(false)) {
            let range = script.map_or(package.span(), Spanned::span);
            let help = "put the code that it generates into `src/`";
            self.refuse(
                range,
                "the crate has a build script".to_owned(),
                "Kbuild does not run it",
                help,
            );
        }
        let root = manifest.get("lib").and_then(|lib| lib.get_ref().as_table()?.get("path"));
        if let Some(root) = root.filter(|root| root.get_ref().as_str() != Some(ROOT)) {
            let note = format!("Kbuild compiles {ROOT}");
            let help = "drop `path`, and move the file there";
            self.refuse(root.span(), "the crate root is another file".to_owned(), &note, help);
        }
        self.edition(package, of_package("edition"));
    }

    /// The crate depends on the library, as cargo sees it, too.
    fn library(&mut self, package: &Spanned<Cow<'_, str>>, manifest: &DeTable<'_>) {
        let dependency =
            manifest.get("dependencies").and_then(|it| it.get_ref().as_table()?.get(LIBRARY));
        let is_inherited = dependency.is_some_and(inherits);
        let missing = match dependency {
            None => Some((package.span(), format!("the crate does not depend on `{LIBRARY}`"))),
            Some(dependency)
                if is_inherited && !self.workspace_has("dependencies", LIBRARY, |_| true) =>
            {
                Some((dependency.span(), format!("no workspace has the dependency `{LIBRARY}`")))
            }
            // It is in no registry.
            Some(dependency) if dependency.get_ref().as_str().is_some() => {
                Some((dependency.span(), format!("`{LIBRARY}` is in a folder, not in a registry")))
            }
            Some(_) => None,
        };
        if let Some((range, message)) = missing {
            let help = "write `kps = { path = \"kps/runtime\" }` below `[dependencies]`, with the way to the folder that `kpsc sync` writes";
            self.refuse(range, message, "cargo finds the macros of the crate there", help);
        }
    }

    fn edition(&mut self, package: &Spanned<Cow<'_, str>>, edition: Option<&Spanned<DeValue<'_>>>) {
        let is_right = |edition: &DeValue<'_>| edition.as_str() == Some(EDITION);
        let of_workspace = || self.workspace_has("package", "edition", is_right);
        let holds =
            |it: &Spanned<DeValue<'_>>| is_right(it.get_ref()) || (inherits(it) && of_workspace());
        if !edition.is_some_and(holds) {
            let range = edition.map_or(package.span(), Spanned::span);
            let note = format!("Kbuild compiles all Rust code as edition {EDITION}");
            let help = format!("write `edition = \"{EDITION}\"`");
            let message = "the crate does not use the kernel's Rust edition".to_owned();
            self.refuse(range, message, &note, &help);
        }
    }

    /// Whether the workspace has a value that its members can inherit.
    fn workspace_has(
        &self,
        table: &str,
        key: &str,
        is_right: impl Fn(&DeValue<'_>) -> bool,
    ) -> bool {
        let Some(Ok(manifest)) = self.workspace.map(DeTable::parse) else { return false };
        let find = || {
            let workspace = manifest.get_ref().get("workspace")?.get_ref().as_table()?;
            let value = workspace.get(table)?.get_ref().as_table()?.get(key)?;
            Some(is_right(value.get_ref()))
        };
        find().unwrap_or(false)
    }

    fn refuse(&mut self, range: Range<usize>, message: String, note: &str, help: &str) {
        let place = self.file.global(Span::new(range.start, range.end));
        let mut error = Diagnostic::new(UNSUPPORTED_MANIFEST, message).at(place, "").help(help);
        error.notes.extend((!note.is_empty()).then(|| note.to_owned()));
        self.errors.push(error);
    }
}

/// Whether a value is that of the workspace: `{ workspace = true }`.
fn inherits(value: &Spanned<DeValue<'_>>) -> bool {
    let workspace = value.get_ref().as_table().and_then(|table| table.get("workspace"));
    workspace.is_some_and(|value| value.get_ref().as_bool() == Some(true))
}

/// Whether this is the manifest of a crate that depends on the library; `None` if it is none at
/// all.
pub fn depends_on_library(text: &str) -> Option<bool> {
    let manifest = DeTable::parse(text).ok()?;
    let dependencies = manifest.get_ref().get("dependencies");
    let dependencies = dependencies.and_then(|value| value.get_ref().as_table());
    Some(dependencies.is_some_and(|dependencies| dependencies.contains_key(LIBRARY)))
}

/// The dependencies of the patch itself, except for the library, by name.
fn crates<'a>(manifest: &'a DeTable<'a>) -> impl Iterator<Item = &'a Spanned<Cow<'a, str>>> {
    let table = |value: &'a Spanned<DeValue<'a>>| value.get_ref().as_table();
    let of_targets = manifest.get("target").and_then(table).into_iter().flatten();
    let tables =
        std::iter::once(manifest).chain(of_targets.filter_map(move |(_, value)| table(value)));
    let wanted = tables.flat_map(|table| {
        ["dependencies", "build-dependencies"]
            .into_iter()
            .filter_map(|key| Some((key, table.get(key)?)))
    });
    let wanted = wanted.filter_map(move |(key, crates)| Some((key, table(crates)?)));
    let wanted =
        wanted.flat_map(|(key, crates)| crates.iter().map(move |(name, value)| (key, name, value)));
    let is_library = move |key: &str, name: &str, value| {
        let is_renamed = table(value).is_some_and(|value| value.contains_key("package"));
        key == "dependencies" && name == LIBRARY && !is_renamed
    };
    wanted
        .filter(move |(key, name, value)| !is_library(key, name.get_ref(), value))
        .map(|(_, name, _)| name)
}

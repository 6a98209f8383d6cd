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

/// The errors of a manifest. `has_script` is whether there is a `build.rs`, which cargo runs unless
/// the manifest disables it.
pub(super) fn check_manifest(file: &File, has_script: bool) -> Vec<Diagnostic> {
    let place = |range: Range<usize>| file.global(Span::new(range.start, range.end));
    let refuse = |range, message: String| {
        Diagnostic::new(UNSUPPORTED_MANIFEST, message).at(place(range), "")
    };
    let manifest = match DeTable::parse(&file.source.text) {
        Ok(manifest) => manifest.into_inner(),
        Err(error) => {
            let message = format!("invalid manifest: {}", error.message());
            let error = refuse(error.span().unwrap_or_default(), message);
            return vec![error.help("run `cargo check` for details")];
        }
    };
    let others = crates(&manifest).map(|name| {
        refuse(name.span(), format!("the crate depends on `{}`", name.get_ref()))
            .note("Kbuild provides only the kernel's crates and `kps`")
            .help("drop it, or copy the code that you need into `src/`; dependencies of tests belong in `[dev-dependencies]`")
    });
    let mut errors: Vec<Diagnostic> = others.collect();
    let Some((package, _)) = manifest.get_key_value("package") else {
        let error = refuse(0..0, "the manifest has no `[package]`".to_owned());
        errors.push(error.help("run `kpsc new --crate NAME` to see a complete manifest"));
        return errors;
    };
    let of = |section, key| manifest.get(section)?.get_ref().as_table()?.get(key);
    let script: Option<&Spanned<DeValue>> = of("package", "build");
    if script.map_or(has_script, |script| script.get_ref().as_bool() != Some(false)) {
        let error = Diagnostic::new(UNSUPPORTED_MANIFEST, "the crate has a build script");
        let error =
            script.into_iter().fold(error, |error, script| error.at(place(script.span()), ""));
        errors.push(
            error.note("Kbuild does not run it").help("put the code that it generates into `src/`"),
        );
    }
    let is = |value: &Spanned<DeValue>, wanted| value.get_ref().as_str() == Some(wanted);
    if let Some(root) = of("lib", "path").filter(|root| !is(root, ROOT)) {
        let error = refuse(root.span(), "the crate root is another file".to_owned());
        errors.push(
            error
                .note(format!("Kbuild compiles {ROOT}"))
                .help("drop `path`, and move the file there"),
        );
    }
    let edition = of("package", "edition");
    if !edition.is_some_and(|edition| is(edition, EDITION)) {
        let range = edition.map_or(package.span(), Spanned::span);
        let error = refuse(range, "the crate does not use the kernel's Rust edition".to_owned());
        let help = format!("write `edition = \"{EDITION}\"`");
        errors.push(
            error.note(format!("Kbuild compiles all Rust code as edition {EDITION}")).help(help),
        );
    }
    errors
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

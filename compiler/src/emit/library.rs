// SPDX-License-Identifier: GPL-2.0
//! The library that patch crates are built with: the runtime, the macros and their dependencies, as
//! this kpsc contains them.

use super::{print, templates, Emitted};
use crate::project::WRITTEN;
use kps_plan::{Mode, Patch};
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// The folder of the library in a patch crate.
pub const LIBRARY: &str = "kps";

/// The files of the library's crates.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/library.rs"));

/// Where its files have the crate `kernel` of core mode.
const KERNEL_CRATE: &str = "runtime/kernel/";

/// The makefile of core mode in the folder of the library.
const CORE_RULES: &str = "core.mk";

/// The manifest of the workspace that the library comes from.
const MANIFEST: &str = include_str!("../../../Cargo.toml");

/// The library, below the folder of a patch crate.
pub fn library() -> BTreeMap<String, String> {
    let files = FILES.iter().filter(|(path, _)| !path.starts_with(KERNEL_CRATE));
    let files = files.map(|(path, text)| (format!("{LIBRARY}/{path}"), (*text).to_owned()));
    let more = [("Cargo.toml", manifest()), (".gitignore", templates::LIBRARY_IGNORED.to_owned())];
    files.chain(more.map(|(path, text)| (format!("{LIBRARY}/{path}"), text))).collect()
}

/// The runtime as a module of a patch, without its part for the host.
pub(super) fn runtime() -> impl Iterator<Item = (String, &'static str)> {
    let files =
        FILES.iter().filter_map(|(path, text)| Some((path.strip_prefix("runtime/src/")?, *text)));
    files
        .filter(|(path, _)| *path != "host.rs")
        .map(|(path, text)| (format!("{LIBRARY}/{path}"), text))
}

/// What a patch is built with in core mode beside the runtime: the crate `kernel`, with the
/// constants of the target's headers, and the rules that compile it. Nothing in the other mode.
pub(super) fn of_core_mode<B>(patch: &Patch<B>) -> BTreeMap<String, String> {
    if patch.target.mode != Mode::Core {
        return BTreeMap::new();
    }
    let is_source = |path: &&str| [".rs", ".c"].iter().any(|end| path.ends_with(end));
    let files = FILES
        .iter()
        .filter_map(|(path, text)| Some((path.strip_prefix(KERNEL_CRATE)?, *text)))
        .filter(|(path, _)| is_source(path));
    let constants = ("bindings/constants.rs", print(kps_codegen::constants(patch)));
    files
        .map(|(path, text)| (path, text.to_owned()))
        .chain([constants])
        .map(|(path, text)| (format!("{LIBRARY}/kernel/{path}"), text))
        .chain([(format!("{LIBRARY}/{CORE_RULES}"), templates::CORE.to_owned())])
        .collect()
}

/// The files of [`of_core_mode`] among those of a patch.
pub fn core_library(emitted: &Emitted) -> BTreeMap<&str, &str> {
    let folder = format!("{LIBRARY}/kernel/");
    let rules = format!("{LIBRARY}/{CORE_RULES}");
    let files = emitted.files.0.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    files.filter(|(path, _)| path.starts_with(&folder) || *path == rules).collect()
}

/// The manifest of a workspace of the library's crates, with the settings that they inherit from
/// this workspace.
fn manifest() -> String {
    let manifests: Vec<(&str, Table)> = FILES
        .iter()
        .filter_map(|(path, text)| Some((path.strip_suffix("/Cargo.toml")?, parse(text))))
        .collect();
    let names = |manifest: &Table| -> Vec<String> {
        let tables =
            ["dependencies", "dev-dependencies"].map(|name| manifest.get(name)?.as_table());
        tables.into_iter().flatten().flat_map(Table::keys).cloned().collect()
    };
    let wanted: BTreeSet<String> =
        manifests.iter().flat_map(|(_, manifest)| names(manifest)).collect();
    let mut root = parse(MANIFEST);
    let Some(workspace) = root.get_mut("workspace").and_then(Value::as_table_mut) else {
        unreachable!("the manifest is that of a workspace");
    };
    workspace.remove("exclude");
    let members = manifests.iter().map(|(name, _)| Value::from(*name));
    workspace.insert("members".to_owned(), members.collect::<Vec<_>>().into());
    if let Some(dependencies) = workspace.get_mut("dependencies").and_then(Value::as_table_mut) {
        dependencies.retain(|name, _| wanted.contains(name));
        let paths =
            dependencies.iter_mut().filter_map(|(_, dependency)| dependency.get_mut("path"));
        for path in paths {
            let beside =
                path.as_str().and_then(|path| path.strip_prefix("crates/")).map(Value::from);
            *path = beside.unwrap_or_else(|| path.clone());
        }
    }
    root.retain(|name, _| name == "workspace");
    format!("{WRITTEN}: the library that patch crates are built with.\n{root}")
}

fn parse(text: &str) -> Table {
    text.parse().unwrap_or_else(|error| unreachable!("cargo reads these manifests too: {error}"))
}

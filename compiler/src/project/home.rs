// SPDX-License-Identifier: GPL-2.0
//! Where a patch crate is at home: the folder that holds its library, and the cargo workspace that
//! it is a member of.

use super::{read_text, resolved, Project};
use crate::patch_crate::MANIFEST;
use glob::{MatchOptions, Pattern};
use kps_diag::{Diagnostic, NOT_A_CRATE, UNSUPPORTED_MANIFEST};
use kps_host::input;
use std::path::{Path, PathBuf};
use toml::de::DeTable;
use toml_edit::{Array, DocumentMut, Item, Value};

/// The folder of the library in the one that holds it.
const LIBRARY: &str = "kps";

/// The home of a crate that does not exist yet.
#[derive(Debug, Default)]
pub struct Home {
    /// The folder that holds the library, if it is that of a project; else the crate has its own.
    pub shared: Option<PathBuf>,
    /// How many folders above the crate that is.
    pub up: usize,
    /// The workspace that the crate becomes a member of.
    pub workspace: Option<Workspace>,
}

/// A cargo workspace.
#[derive(Debug)]
pub struct Workspace {
    /// Its manifest.
    pub manifest: PathBuf,
    /// The text that makes the crate a member; `None` if it is one already.
    pub changed: Option<String>,
}

impl Home {
    /// The home of a crate in this folder.
    pub fn of(folder: &Path) -> Result<Home, Diagnostic> {
        let folder = resolved(folder);
        if let Some(library) = folder.ancestors().skip(1).find(|above| is_library(above)) {
            let message =
                format!("{} is in {}, which kpsc writes", folder.display(), library.display());
            return Err(Diagnostic::new(NOT_A_CRATE, message).help("make it in another folder"));
        }
        let project = Project::of(&folder).map_err(|unusable| unusable.error)?;
        let shared = project.map(|project| project.folder);
        let up = shared.as_ref().and_then(|shared| folder.strip_prefix(shared).ok());
        let up = up.map_or(0, |path| path.components().count());
        let library = shared.as_ref().unwrap_or(&folder).join(LIBRARY);
        let workspace = match workspace_of(&folder)? {
            Some((manifest, text)) => joined(&manifest, &text, &folder, &library)?
                .map(|changed| Workspace { manifest, changed }),
            None => None,
        };
        Ok(Home { shared, up, workspace })
    }
}

/// The folder that holds the library of a crate: that of its project, if the crate does not depend
/// on a library of its own.
pub fn shared_library(folder: &Path) -> Result<Option<PathBuf>, Diagnostic> {
    let project = Project::of(folder).map_err(|unusable| unusable.error)?;
    let text = read_text(folder, MANIFEST, input::RUST_FILE)?;
    let path = DeTable::parse(&text).ok().and_then(|manifest| {
        let dependency =
            manifest.get_ref().get("dependencies")?.get_ref().as_table()?.get(LIBRARY)?;
        Some(dependency.get_ref().as_table()?.get("path")?.get_ref().as_str()?.to_owned())
    });
    let is_own = path.is_some_and(|path| Path::new(&path).starts_with(LIBRARY));
    Ok(project.map(|project| project.folder).filter(|_| !is_own))
}

/// The words by which kpsc knows the folder of a library.
pub const WRITTEN: &str = "# kpsc wrote this folder";

/// Whether kpsc has written a folder.
pub(super) fn is_library(folder: &Path) -> bool {
    let is_named = folder.file_name().is_some_and(|name| name == LIBRARY);
    let text = || read_text(folder, MANIFEST, input::RUST_FILE);
    is_named && text().is_ok_and(|text| text.starts_with(WRITTEN))
}

/// The manifest of the workspace that a folder is in, with its text.
pub(crate) fn workspace_of(folder: &Path) -> Result<Option<(PathBuf, String)>, Diagnostic> {
    let folder = resolved(folder);
    for above in folder.ancestors().skip(1) {
        if above.join(MANIFEST).symlink_metadata().is_ok() {
            let text = read_text(above, MANIFEST, input::RUST_FILE)?;
            let manifest = DeTable::parse(&text)
                .map_err(|error| unusable(&above.join(MANIFEST), error.message()))?;
            let is_root = manifest.get_ref().contains_key("workspace");
            if is_root {
                return Ok(Some((above.join(MANIFEST), text)));
            }
        }
    }
    Ok(None)
}

/// The manifest of a workspace with a crate among its members, and without its library, which is a
/// workspace of its own. The inner `None` stands for an unchanged manifest, the outer one for a
/// workspace that excludes the crate.
fn joined(
    manifest: &Path,
    text: &str,
    folder: &Path,
    library: &Path,
) -> Result<Option<Option<String>>, Diagnostic> {
    let top = manifest.parent().unwrap_or(Path::new("/"));
    let below = |path: &Path| Some(path.strip_prefix(top).ok()?.to_str()?.to_owned());
    let Some(member) = below(folder) else { return Ok(None) };
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| unusable(manifest, error.message()))?;
    let workspace = &mut document["workspace"];
    let is_list = |key| workspace.get(key).is_none_or(Item::is_array);
    if !workspace.is_table_like() || !is_list("members") || !is_list("exclude") {
        return Err(unusable(manifest, "`[workspace]` has no lists `members` and `exclude`"));
    }
    if list(workspace, "exclude").any(|excluded| Path::new(&member).starts_with(excluded)) {
        return Ok(None);
    }
    let mut is_changed = false;
    if !list(workspace, "members").any(|pattern| is_like(pattern, &member)) {
        add(workspace, "members", &member);
        is_changed = true;
    }
    if let Some(library) = below(library) {
        if !list(workspace, "exclude").any(|excluded| Path::new(&library).starts_with(excluded)) {
            add(workspace, "exclude", &library);
            is_changed = true;
        }
    }
    let ends = if text.contains("\r\n") { "\r\n" } else { "\n" };
    Ok(Some(is_changed.then(|| document.to_string().replace('\n', ends))))
}

/// The error for the manifest of a workspace.
fn unusable(manifest: &Path, why: &str) -> Diagnostic {
    let message = format!("{} cannot be used: {why}", manifest.display());
    Diagnostic::new(UNSUPPORTED_MANIFEST, message).help("run `cargo check` for details")
}

/// The texts of a list in `[workspace]`.
fn list<'a>(workspace: &'a Item, key: &str) -> impl Iterator<Item = &'a str> {
    let list = workspace.get(key).and_then(Item::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// Adds a text to a list in `[workspace]`, on a line of its own if its last element is.
fn add(workspace: &mut Item, key: &str, text: &str) {
    if workspace.get(key).is_none() {
        workspace[key] = toml_edit::value(Array::new());
    }
    let Some(list) = workspace[key].as_array_mut() else { return };
    let mut value = Value::from(text);
    if let Some(last) = list.iter().last() {
        let before = last.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
        value.decor_mut().set_prefix(if before.is_empty() { " " } else { before }.to_owned());
    }
    list.push_formatted(value);
}

/// Whether cargo finds this member by a pattern.
fn is_like(pattern: &str, member: &str) -> bool {
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    Pattern::new(pattern).is_ok_and(|pattern| pattern.matches_with(member, options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(text: &str, member: &str) -> Option<Option<String>> {
        let top = Path::new("/top");
        joined(&top.join(MANIFEST), text, &top.join(member), &top.join("kps")).unwrap_or_default()
    }

    #[test]
    fn a_workspace_gets_the_crate_and_leaves_out_the_library() {
        let text = "[workspace]\nmembers = [\n    \"tools\",\n]\n";
        let joined =
            "[workspace]\nmembers = [\n    \"tools\",\n    \"one\",\n]\nexclude = [\"kps\"]\n";
        assert_eq!(join(text, "one"), Some(Some(joined.to_owned())));
        assert_eq!(join(joined, "one"), Some(None));
        let like = "[workspace]\nmembers = [\"fixes/*\"]\nexclude = [\"kps\"]\n";
        assert_eq!(join(like, "fixes/one"), Some(None));
        assert!(join(like, "fixes/old/one").is_some_and(|changed| changed.is_some()));
        let excluded = "[workspace]\nexclude = [\"fixes\"]\n";
        assert_eq!(join(excluded, "fixes/one"), None);
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The modules that came with a kernel, and their files.

use super::inventory;
use kps_diag::Diagnostic;
use kps_facts::is_module_name;
use kps_host::disk::{entries, fill_folder};
use kps_host::input;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The target's folder for them. It has its own inventory, because it may come later.
pub(super) const FOLDER: &str = "modules";

/// The suffixes of a module's file.
const ENDINGS: [&str; 4] = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"];
/// Those of a module with debug information, as distributions install it.
const DEBUG_ENDINGS: [&str; 2] = [".ko", ".ko.debug"];

/// The modules in a folder, by name.
pub(super) fn in_folder(folder: &Path) -> Result<BTreeMap<String, PathBuf>, Diagnostic> {
    Ok(entries(folder)?.into_iter().filter_map(|path| Some((name_of(&path)?, path))).collect())
}

/// The modules in a folder and all folders below, by name. `None` if there is no such folder.
pub(super) fn below(folder: &Path) -> BTreeMap<String, PathBuf> {
    let files =
        WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    files.filter_map(|entry| Some((name_of(entry.path())?, entry.into_path()))).collect()
}

/// The modules with debug information in a folder and all folders below, by name.
pub(super) fn with_debug_below(folder: &Path) -> BTreeMap<String, PathBuf> {
    let files =
        WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    files.filter_map(|entry| Some((name_with_debug(entry.path())?, entry.into_path()))).collect()
}

/// The modules of a kernel's build, by name. The build lists them by their object files.
pub(super) fn in_build_dir(folder: &Path) -> Result<BTreeMap<String, PathBuf>, Diagnostic> {
    let list = folder.join("modules.order");
    if !list.exists() {
        return Ok(BTreeMap::new());
    }
    let text = input::read_text(&list, input::MODULES_ORDER)?;
    let paths = text.lines().map(|line| folder.join(line).with_extension("ko"));
    Ok(paths.filter_map(|path| Some((name_of(&path)?, path))).collect())
}

/// Fills the folder of a target's modules, completely or not at all.
pub(super) fn keep(
    target: &Path,
    fill: impl FnOnce(&Path) -> Result<(), Diagnostic>,
) -> Result<(), Diagnostic> {
    fill_folder(&target.join(FOLDER), |folder| {
        fill(folder)?;
        inventory::record(folder, &[])
    })
}

/// Whether a file is a module.
pub(super) fn is_module(path: &Path) -> bool {
    name_of(path).is_some()
}

/// Whether a file is a module with debug information.
pub(super) fn has_debug(path: &Path) -> bool {
    name_with_debug(path).is_some()
}

/// The kernel's name for a module with debug information.
pub(super) fn name_with_debug(path: &Path) -> Option<String> {
    name_with(path, &DEBUG_ENDINGS)
}

/// The kernel's name for a module: its file name, with underscores. `None` if that is not a valid
/// name.
fn name_of(path: &Path) -> Option<String> {
    name_with(path, &ENDINGS)
}

fn name_with(path: &Path, endings: &[&str]) -> Option<String> {
    let file = path.file_name()?.to_str()?;
    let stem = endings.iter().find_map(|ending| file.strip_suffix(ending))?;
    Some(stem.replace('-', "_")).filter(|name| is_module_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_has_the_name_that_the_kernel_gives_it() {
        let name = |path: &str| name_of(Path::new(path));
        assert_eq!(name("a/nf_tables.ko.xz").as_deref(), Some("nf_tables"));
        assert_eq!(name("snd-pcm.ko").as_deref(), Some("snd_pcm"));
        assert_eq!(name("modules.order"), None);
        assert_eq!(name("a b.ko"), None);
    }
}

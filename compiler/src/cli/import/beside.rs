// SPDX-License-Identifier: GPL-2.0
//! Headers beside the kernel's sources. A build in core mode, or with the headers of an installed
//! kernel, has only those in `include`.

use crate::cli::progress;
use crate::input::included;
use kps_diag::Diagnostic;
use kps_host::below::{try_below, Unread};
use kps_host::input::{self, C_FILE};
use kps_targets::{Cache, Target};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Adds the headers of the target's source that files of a patch include from beside them, and that
/// the build of the patch would not find. Both are named from the top of the source.
pub(super) fn add(
    files: &mut BTreeMap<String, String>,
    target: &mut Target,
    cache: &Cache,
) -> Result<(), Diagnostic> {
    let tree = target.prepare(cache, progress())?;
    let source = target.source_tree(cache, progress())?;
    let has = |path: &str| {
        let mut folders = tree.sources.iter().chain([&tree.build]);
        folders.any(|folder: &PathBuf| folder.join(path).is_file())
    };
    let mut pending: Vec<String> = files.keys().cloned().collect();
    while let Some(path) = pending.pop() {
        let text = files.get(&path).map_or("", String::as_str);
        for header in included(&path, text) {
            if files.contains_key(&header) || has(&header) {
                continue;
            }
            if let Some(text) = text_of(&source, &header)? {
                files.insert(header.clone(), text);
                pending.push(header);
            }
        }
    }
    Ok(())
}

/// A header of the source, if it has one of this path.
fn text_of(source: &Path, path: &str) -> Result<Option<String>, Diagnostic> {
    match try_below(source, Path::new(path), C_FILE) {
        Ok(bytes) => input::text(Path::new(path), bytes).map(Some),
        Err(Unread::Missing) => Ok(None),
        Err(unread) => Err(unread.about(&source.join(path))),
    }
}

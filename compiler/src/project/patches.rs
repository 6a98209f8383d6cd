// SPDX-License-Identifier: GPL-2.0
//! Finds the specs and patch crates of a project.

use super::home::is_library;
use super::{read_text, Project, FILE};
use crate::patch_crate::{depends_on_library, MANIFEST, TESTS};
use kps_diag::{Diagnostic, PATCH_TOO_LARGE, UNUSABLE_PROJECT};
use kps_host::disk::cannot;
use kps_host::input;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

impl Project {
    /// Every spec and patch crate below the folder, by path, and what may be one and cannot be
    /// read. Hidden folders, libraries, and those of cargo and of other projects are left out.
    /// Links are not followed.
    pub fn patches(&self) -> Result<Vec<PathBuf>, Diagnostic> {
        /// With all that is in the folders besides patches.
        const MOST: usize = 1 << 18;
        let (mut found, mut seen) = (Vec::new(), 0);
        let walk = WalkDir::new(&self.folder).sort_by_file_name().into_iter();
        for entry in walk.filter_entry(|entry| self.is_of_project(entry)).take(MOST + 1) {
            seen += 1;
            let entry = match entry {
                Ok(entry) => entry,
                // Who reads the patch says why that is impossible, and the others have their turn.
                Err(error) => match error.path() {
                    Some(path) => {
                        found.push(path.to_owned());
                        continue;
                    }
                    None => return Err(cannot("read", &self.folder, &error.into())),
                },
            };
            let (kind, path) = (entry.file_type(), entry.path());
            if (kind.is_dir() && is_patch_crate(path)) || (kind.is_file() && is_spec(path)) {
                found.push(path.to_owned());
            }
        }
        if seen > MOST {
            let message = format!("{} contains too many files", self.folder.display());
            return Err(Diagnostic::new(PATCH_TOO_LARGE, message)
                .note(format!("kpsc reads at most {MOST} files and folders below {FILE}"))
                .help("name the specs"));
        }
        if found.is_empty() {
            let message =
                format!("there is no spec or patch crate below {}", self.folder.display());
            return Err(Diagnostic::new(UNUSABLE_PROJECT, message)
                .help("name a spec, or `kpsc new NAME` for a first one"));
        }
        Ok(found)
    }

    /// Whether what is in a folder belongs to the project.
    fn is_of_project(&self, entry: &DirEntry) -> bool {
        if entry.depth() == 0 || !entry.file_type().is_dir() {
            return true;
        }
        let name = entry.file_name().to_string_lossy();
        let is_hidden = name.starts_with('.');
        // Cargo marks its own folders, wherever they are.
        let is_cargos = entry.path().join("CACHEDIR.TAG").exists();
        let is_of_other = entry.path().join(FILE).symlink_metadata().is_ok();
        !is_hidden && !is_cargos && !is_of_other && !is_library(entry.path())
    }
}

/// Whether a file is a spec. The tests of a crate are a part of it.
fn is_spec(path: &Path) -> bool {
    let is_of_crate = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        path.ends_with(TESTS) && folder.join(MANIFEST).is_file()
    };
    path.extension().is_some_and(|extension| extension == "kps") && !is_of_crate()
}

/// Whether a folder is a patch crate: it depends on the library, as no other crate of a workspace
/// does. One whose manifest cannot be read may be one, and is not passed over in silence.
fn is_patch_crate(folder: &Path) -> bool {
    let has_manifest = folder.join(MANIFEST).symlink_metadata().is_ok();
    let text = || read_text(folder, MANIFEST, input::RUST_FILE);
    has_manifest && text().map_or(true, |text| depends_on_library(&text).unwrap_or(true))
}

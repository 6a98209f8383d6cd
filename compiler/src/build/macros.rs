//! The macros of patch crates, compiled by a target's rustc: they are the same for every crate, so they are kept.

use crate::diag::Diagnostic;
use crate::disk::{cannot, entries, fill_folder, make_folder, remove};
use crate::emit::{library, LIBRARY};
use crate::target::{Cache, Target};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// Where Kbuild leaves them in a crate's folder.
fn built(folder: &Path) -> PathBuf {
    folder.join(LIBRARY).join("lib")
}

/// Where they are kept: one folder for a target, which says of what text they were made.
fn kept(target: &Target, cache: &Cache) -> (PathBuf, String) {
    let mut sum = Sha256::new();
    for (path, text) in library() {
        sum.update(format!("{path} {}\n{text}", text.len()));
    }
    // Another toolchain makes libraries that the first one's rustc does not read.
    sum.update(format!("{:?} {:?}", target.release(), target.tree()));
    let digest = sum.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    (cache.root().join("macros").join(&target.name), digest)
}

/// Puts those that are kept into a folder that is going to be built.
pub fn bring(folder: &Path, target: &Target, cache: &Cache) {
    let (kept, digest) = kept(target, cache);
    // Make builds what is not there.
    let Ok(files) = entries(&kept.join(digest)) else { return };
    let into = built(folder);
    if make_folder(&into).is_ok() {
        for file in files {
            let Some(name) = file.file_name() else { continue };
            if std::fs::copy(&file, into.join(name)).is_err() {
                let _ = std::fs::remove_dir_all(&into);
                return;
            }
        }
    }
}

/// Keeps those that have been built, in the place of what an earlier kpsc has kept for the target.
pub fn keep(folder: &Path, target: &Target, cache: &Cache) -> Result<(), Diagnostic> {
    let (kept, digest) = kept(target, cache);
    let place = kept.join(digest);
    if place.exists() {
        return Ok(());
    }
    let _held = cache.change()?;
    remove(&kept)?;
    fill_folder(&place, |into| {
        for file in entries(&built(folder))? {
            let Some(name) = file.file_name() else { continue };
            std::fs::copy(&file, into.join(name)).map_err(|error| cannot("keep", &file, &error))?;
        }
        Ok(())
    })
}

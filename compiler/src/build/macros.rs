// SPDX-License-Identifier: GPL-2.0
//! The macros of patch crates, compiled by a target's rustc: they are the same for every crate, so
//! they are kept.

use crate::emit::{library, LIBRARY, RULES};
use kps_diag::Diagnostic;
use kps_host::disk::{cannot, entries, fill_folder, make_folder, remove};
use kps_targets::{Cache, Target};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

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
    sum.update(RULES);
    sum.update(compilers(target));
    (cache.macros(&target.name), short(sum))
}

/// What tells the compilers of a target from others. Another toolchain has made the kernel's own
/// libraries anew, and the first one's rustc does not read those.
pub(super) fn compilers(target: &Target) -> String {
    let own = target.tree().map(|tree| tree.build.join("rust/libmacros.so"));
    let made = own.and_then(|path| std::fs::metadata(path).ok()?.modified().ok());
    format!("{:?} {:?} {made:?}", target.release(), target.tree())
}

/// A digest that is the name of a folder.
pub(super) fn short(sum: Sha256) -> String {
    sum.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Puts those that are kept into a folder that is going to be built, and says whether there are
/// any: make builds what is not there.
pub fn bring(folder: &Path, target: &Target, cache: &Cache) -> bool {
    let (kept, digest) = kept(target, cache);
    let files = entries(&kept.join(digest)).unwrap_or_default();
    let into = built(folder);
    // All of one age, so that make takes none for older than what it is made of.
    let now = SystemTime::now();
    let copy = |file: &PathBuf| -> std::io::Result<()> {
        let copy = into.join(file.file_name().unwrap_or_default());
        std::fs::copy(file, &copy)?;
        std::fs::File::options().write(true).open(&copy)?.set_modified(now)
    };
    let brought = !files.is_empty()
        && make_folder(&into).is_ok()
        && files.iter().all(|file| copy(file).is_ok());
    if !brought {
        let _ = std::fs::remove_dir_all(&into);
    }
    brought
}

/// Keeps those that have been built, in the place of what an earlier kpsc has kept for the target.
pub fn keep(folder: &Path, target: &Target, cache: &Cache) -> Result<(), Diagnostic> {
    let (kept, digest) = kept(target, cache);
    let place = kept.join(digest);
    if place.exists() {
        return Ok(());
    }
    let _held = cache.change()?;
    if place.exists() {
        return Ok(());
    }
    remove(&kept)?;
    fill_folder(&place, |into| {
        for file in entries(&built(folder))? {
            let Some(name) = file.file_name() else { continue };
            std::fs::copy(&file, into.join(name)).map_err(|error| cannot("keep", &file, &error))?;
        }
        Ok(())
    })
}

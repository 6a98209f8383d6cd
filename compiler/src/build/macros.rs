// SPDX-License-Identifier: GPL-2.0
//! The macros of patch crates, compiled by a target's rustc. They are the same for every crate, so
//! they are cached.

use crate::emit::{library, LIBRARY, RULES};
use kps_diag::Diagnostic;
use kps_host::disk::{cannot, entries, fill_folder, make_folder, remove};
use kps_targets::{Cache, Target};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The folder of a crate in which Kbuild builds them.
fn built(folder: &Path) -> PathBuf {
    folder.join(LIBRARY).join("lib")
}

/// Their place in the cache: a folder for a target, and a digest of the sources.
fn kept(target: &Target, cache: &Cache) -> (PathBuf, String) {
    let mut sum = Sha256::new();
    for (path, text) in library() {
        sum.update(format!("{path} {}\n{text}", text.len()));
    }
    sum.update(RULES);
    sum.update(compilers(target));
    (cache.macros(&target.name), short(sum))
}

/// Identifies the compilers of a target. Another toolchain has rebuilt the kernel's own libraries,
/// which the earlier rustc cannot read.
pub(super) fn compilers(target: &Target) -> String {
    let own = target.tree().map(|tree| tree.build.join("rust/libmacros.so"));
    let made = own.and_then(|path| std::fs::metadata(path).ok()?.modified().ok());
    format!("{:?} {:?} {made:?}", target.release(), target.tree())
}

/// A digest as the name of a folder.
pub(super) fn short(sum: Sha256) -> String {
    sum.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Copies the cached macros into a folder before it is built. Returns whether there are any: make
/// builds missing ones.
pub fn bring(folder: &Path, target: &Target, cache: &Cache) -> bool {
    let (kept, digest) = kept(target, cache);
    let files = entries(&kept.join(digest)).unwrap_or_default();
    let into = built(folder);
    // All get the same time, so that make does not take one for older than its sources.
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

/// Caches the macros after a build, and removes those of an earlier kpsc for the target.
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

// SPDX-License-Identifier: GPL-2.0
//! The macros of patch crates, compiled by a target's rustc. They are the same for every crate, so
//! they are cached.

use crate::emit::{library, LIBRARY, RULES};
use kps_diag::Diagnostic;
use kps_host::below::read_below;
use kps_host::disk::{cannot, entries, make_below};
use kps_host::input;
use kps_targets::{Kept, KeptKind, Target};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// The folder of a crate in which Kbuild builds them.
fn built(folder: &Path) -> PathBuf {
    folder.join(LIBRARY).join("lib")
}

/// Those of a target in the cache, by a digest of the sources.
fn kept(target: &Target) -> Kept {
    let mut sum = Sha256::new();
    for (path, text) in library() {
        sum.update(format!("{path} {}\n{text}", text.len()));
    }
    sum.update(RULES);
    sum.update(compilers(target));
    target.kept(KeptKind::Macros, &short(sum))
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
pub fn bring(folder: &Path, target: &Target) -> bool {
    let into = built(folder);
    let brought = make_below(folder, &into).is_ok() && kept(target).bring(&into);
    if !brought {
        let _ = std::fs::remove_dir_all(&into);
    }
    brought
}

/// Caches the macros after a build, and removes those of an earlier kpsc for the target.
pub fn keep(folder: &Path, target: &Target) -> Result<(), Diagnostic> {
    let kept = kept(target);
    if kept.exist() {
        return Ok(());
    }
    kept.keep(|into| {
        for file in entries(&built(folder))? {
            let Some(name) = file.file_name() else { continue };
            let bytes = read_below(folder, built(Path::new("")).join(name), input::MODULE)?;
            std::fs::write(into.join(name), bytes)
                .map_err(|error| cannot("keep", &file, &error))?;
        }
        Ok(())
    })
}

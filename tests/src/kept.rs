// SPDX-License-Identifier: GPL-2.0
//! What takes long to make and is kept below `target/` for the next run, in a folder named after
//! all that it is made of.

use crate::repository;
use kps_targets::seal;
use std::path::{Path, PathBuf};

/// The folder of a thing that is made of these texts.
pub fn folder(thing: &str, made_of: &[String]) -> PathBuf {
    // A sealed text starts with its digest.
    let sealed = seal(&made_of.join("\0"));
    let digest = sealed.lines().next().and_then(|line| line.rsplit(' ').next()).unwrap_or_default();
    repository().join("target").join(thing).join(&digest[..16])
}

/// Removes the folders of the same thing that was made of something else: nobody needs them again.
pub fn forget_others(folder: &Path) {
    let all = folder.parent().and_then(|parent| std::fs::read_dir(parent).ok());
    let paths = all.into_iter().flatten().flatten().map(|entry| entry.path());
    for other in paths.filter(|path| path.is_dir() && path != folder) {
        std::fs::remove_dir_all(&other)
            .unwrap_or_else(|error| panic!("{}: {error}", other.display()));
    }
}

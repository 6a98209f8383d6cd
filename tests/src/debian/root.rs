// SPDX-License-Identifier: GPL-2.0
//! The image that every disk is a copy of. It is made once, by `tests/debian/root.sh` from the
//! packages of the Debian that this machine's apt knows, and kept.

use crate::{files, kept, pages, printed, repository};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The folder of the script, and of what it puts on the disk.
const FOLDER: &str = "tests/debian";

/// The image. If it cannot be made, that is not tried again for the next case.
pub(super) fn image() -> &'static Path {
    static IMAGE: LazyLock<PathBuf> = LazyLock::new(|| made().join("root.img"));
    &IMAGE
}

/// The folder of the image. A folder has its name when it is finished, and not before.
fn made() -> PathBuf {
    let sources = files(&repository().join(FOLDER)).into_iter();
    let read = |path: PathBuf| {
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    };
    let mut made_of: Vec<_> = sources.map(read).collect();
    made_of.push(pages::read("crates/vm/src/agent.sh"));
    let folder = kept::folder("debian", &made_of);
    let parent = folder.parent().unwrap_or(Path::new("target"));
    let locked = std::fs::create_dir_all(parent)
        .and_then(|()| File::create(parent.join("lock")))
        .and_then(|lock| lock.lock().map(|()| lock));
    let _lock = locked.unwrap_or_else(|error| panic!("{}: {error}", parent.display()));
    if folder.exists() {
        return folder;
    }
    // What an interrupted run has left is removed as well.
    kept::forget_others(&folder);
    let unfinished = folder.with_extension("unfinished");
    let mut script = Command::new(repository().join(FOLDER).join("root.sh"));
    let output = script.arg(&unfinished).output();
    let output = output.unwrap_or_else(|error| panic!("{script:?}: {error}"));
    assert!(output.status.success(), "{script:?}:\n{}", printed(&output));
    std::fs::rename(&unfinished, &folder).unwrap_or_else(|error| panic!("{error}"));
    folder
}

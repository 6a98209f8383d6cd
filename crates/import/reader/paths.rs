// SPDX-License-Identifier: GPL-2.0
//! The paths of headers, below the top of the source.

use std::path::{Component, Path, PathBuf};

/// Where paths begin.
pub struct Paths {
    top: PathBuf,
    here: PathBuf,
}

impl Paths {
    /// For the source in this folder, where the reader runs.
    pub fn new(top: &str) -> Paths {
        let here = std::env::current_dir().unwrap_or_default();
        Paths { top: plain(&here.join(top)), here }
    }

    /// The path of a file below the top, or its absolute path.
    pub fn of(&self, name: &str) -> String {
        let path = plain(&self.here.join(name));
        path.strip_prefix(&self.top).unwrap_or(&path).to_string_lossy().into_owned()
    }

    /// The same, if the file is below the top.
    pub fn below(&self, name: &str) -> Option<String> {
        let path = plain(&self.here.join(name));
        Some(path.strip_prefix(&self.top).ok()?.to_string_lossy().into_owned())
    }
}

/// A path without `.` and `..`. What it names need not exist here.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    plain
}

// SPDX-License-Identifier: GPL-2.0
//! The state of a file that is not kpsc's, at the time when kpsc read it: its owner may change it.

use super::gone;
use kps_diag::Diagnostic;
use kps_host::disk::cannot;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The state of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stamp {
    path: PathBuf,
    /// Its size in bytes, and its modification time, in nanoseconds since 1970.
    size: u64,
    written: i64,
}

impl Stamp {
    /// The state of a file now.
    pub(super) fn of(path: &Path) -> Result<Stamp, Diagnostic> {
        let metadata = path.metadata().map_err(|error| cannot("read", path, &error))?;
        let written =
            metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Ok(Stamp {
            path: path.to_owned(),
            size: metadata.len(),
            written: written.and_then(|since| since.as_nanos().try_into().ok()).unwrap_or_default(),
        })
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Fails if the file is gone, for the target of this name.
    pub(super) fn is_there(&self, target: &str) -> Result<(), Diagnostic> {
        match self.path.exists() {
            true => Ok(()),
            false => Err(gone(target, &self.path)),
        }
    }

    /// Whether the file is unchanged.
    pub(super) fn holds(&self) -> bool {
        Stamp::of(&self.path).is_ok_and(|now| now == *self)
    }
}

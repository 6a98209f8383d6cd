// SPDX-License-Identifier: GPL-2.0
//! `target.toml`: what cannot be seen in a target's folder itself.
//!
//! It is written last and at once, so a folder without it is no target, however much else is there.

use super::damaged;
use super::origin::Origin;
use super::seal::{seal, unseal};
use super::toolchain::Toolchain;
use kps_diag::{Diagnostic, FILE_ERROR};
use kps_host::disk::write_atomically;
use kps_host::input;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FILE: &str = "target.toml";

/// What a target is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// `uname -r`.
    pub(super) release: String,
    /// The image to boot.
    pub(super) image: PathBuf,
    /// A static busybox for the virtual machine, where the provider has one.
    pub(super) busybox: Option<PathBuf>,
    /// Who provides it.
    pub(super) origin: Origin,
    /// What building needs, once it is there.
    pub(super) tree: Option<Tree>,
}

/// What building needs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// The kernel's build folder, for `make -C`.
    pub build: PathBuf,
    /// Folders that the build reads besides.
    pub sources: Vec<PathBuf>,
    /// The folder whose `usr` holds the compilers; none for the host's own.
    pub toolchain: Option<PathBuf>,
    /// Variables for make, such as `CC=gcc-14`.
    pub make: Vec<String>,
}

impl Tree {
    /// Where the compilers run.
    pub fn toolchain(&self) -> Toolchain {
        match &self.toolchain {
            Some(folder) => Toolchain::Folder(folder.clone()),
            None => Toolchain::Host,
        }
    }
}

impl Manifest {
    /// Whether a folder is a target.
    pub(super) fn exists(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Reads the manifest of a target; none if the folder is not one.
    pub(super) fn read(folder: &Path, name: &str) -> Result<Option<Manifest>, Diagnostic> {
        if !Manifest::exists(folder) {
            return Ok(None);
        }
        let bytes = input::read(&folder.join(FILE), input::MANIFEST)?;
        let text = std::str::from_utf8(&bytes).ok().and_then(unseal);
        let Some(text) = text else { return Err(damaged(name, &format!("{FILE} was changed"))) };
        toml::from_str(text).map(Some).map_err(|error| damaged(name, error.message()))
    }

    /// Writes the manifest, whole or not at all. From then on the folder is a target.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Diagnostic> {
        let text = toml::to_string(self).map_err(|error| {
            Diagnostic::new(FILE_ERROR, format!("the target's manifest cannot be written: {error}"))
        })?;
        write_atomically(&folder.join(FILE), seal(&text).as_bytes())
    }

    /// Takes a folder's being a target back.
    pub(super) fn remove(folder: &Path) -> Result<(), Diagnostic> {
        kps_host::disk::remove(&folder.join(FILE))
    }
}

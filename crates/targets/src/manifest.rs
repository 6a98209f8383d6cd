// SPDX-License-Identifier: GPL-2.0
//! `target.toml`: the properties of a target that its folder does not show.
//!
//! It is written last and in one step, so a folder without it is not a target, whatever else it
//! has.

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

/// A target.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// `uname -r`.
    pub(super) release: String,
    /// The image to boot.
    pub(super) image: PathBuf,
    /// A static busybox for the virtual machine, if the provider has one.
    pub(super) busybox: Option<PathBuf>,
    /// The provider.
    pub(super) origin: Origin,
    /// The build tree and compilers, once they are there.
    pub(super) tree: Option<Tree>,
}

/// The build tree and compilers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// The kernel's build folder, for `make -C`.
    pub build: PathBuf,
    /// Other folders that the build reads.
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

    /// All folders that a build reads.
    pub(super) fn folders(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let compilers = self.toolchain.as_ref().map(|folder| folder.join("usr"));
        self.sources.iter().chain([&self.build]).cloned().chain(compilers)
    }
}

impl Manifest {
    /// Whether a folder is a target.
    pub(super) fn exists(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Reads the manifest of a target; `None` if the folder is not one.
    pub(super) fn read(folder: &Path, name: &str) -> Result<Option<Manifest>, Diagnostic> {
        if !Manifest::exists(folder) {
            return Ok(None);
        }
        let bytes = input::read(&folder.join(FILE), input::MANIFEST)?;
        let text = std::str::from_utf8(&bytes).ok().and_then(unseal);
        let Some(text) = text else { return Err(damaged(name, &format!("{FILE} was changed"))) };
        toml::from_str(text).map(Some).map_err(|error| damaged(name, error.message()))
    }

    /// Writes the manifest, completely or not at all. From then on the folder is a target.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Diagnostic> {
        let text = toml::to_string(self).map_err(|error| {
            Diagnostic::new(FILE_ERROR, format!("the target's manifest cannot be written: {error}"))
        })?;
        write_atomically(&folder.join(FILE), seal(&text).as_bytes())
    }

    /// Removes the manifest, so that the folder is no longer a target.
    pub(super) fn remove(folder: &Path) -> Result<(), Diagnostic> {
        kps_host::disk::remove(&folder.join(FILE))
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Who provides a target, and what only they know of it.
//!
//! A provider is a module with two types: a request, which says what to add, and an origin, which
//! is a part of the manifest and answers for the target ever after.

use super::manifest::Tree;
use super::{build_dir, debian, root, Cache, Progress};
use kps_diag::{Diagnostic, NO_SUCH_TARGET};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What `kpsc kernel add` is asked for.
#[derive(Debug, Clone)]
pub enum Request {
    /// A stock kernel of Debian.
    Debian(debian::Request),
    /// A kernel build folder of the user's own.
    BuildDir(build_dir::Request),
    /// A kernel that a distribution has installed below a folder.
    Root(root::Request),
}

impl Request {
    /// Adds a target by way of an empty folder of the cache, unless it is there already. Returns
    /// its name.
    pub(super) fn add(
        &self,
        cache: &Cache,
        adding: &Path,
        name: Option<&str>,
        progress: Progress,
    ) -> Result<String, Diagnostic> {
        match self {
            Request::Debian(request) => debian::add(cache, adding, name, request, progress),
            Request::BuildDir(request) => build_dir::add(cache, adding, name, request, progress),
            Request::Root(request) => root::add(cache, adding, name, request, progress),
        }
    }
}

/// Where a target comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "provider", rename_all = "kebab-case")]
pub(super) enum Origin {
    /// A stock kernel of Debian.
    Debian(debian::Origin),
    /// A kernel build folder of the user's own.
    BuildDir(build_dir::Origin),
    /// A kernel that a distribution has installed below a folder.
    Root(root::Origin),
}

impl Origin {
    /// Who answers for it.
    pub(super) fn provider(&self) -> &dyn Provider {
        match self {
            Origin::Debian(origin) => origin,
            Origin::BuildDir(origin) => origin,
            Origin::Root(origin) => origin,
        }
    }
}

/// What facts are made from.
#[derive(Debug, Clone)]
pub(super) struct KernelFiles {
    /// The image: a compressed one, or an ELF file.
    pub(super) image: PathBuf,
    /// The configuration.
    pub(super) config: PathBuf,
    /// The list of exports.
    pub(super) symvers: PathBuf,
}

/// What a provider does when more of a target is needed. `folder` is the target's own, in the
/// cache.
pub(super) trait Provider {
    /// Where the kernel comes from, for people.
    fn title(&self) -> String;

    /// What `kpsc kernel add` is given to add the target once more.
    fn arguments(&self, release: &str, tree: Option<&Tree>) -> String;

    /// What the facts of the target are made from.
    fn files(&self, folder: &Path) -> KernelFiles;

    /// The modules that came with the kernel, by name.
    fn modules(
        &self,
        cache: &Cache,
        folder: &Path,
        progress: Progress,
    ) -> Result<BTreeMap<String, PathBuf>, Diagnostic>;

    /// The kernel with debug information. What has to be fetched for it goes into a folder that is
    /// removed afterwards.
    fn vmlinux(
        &self,
        cache: &Cache,
        scratch: &Path,
        progress: Progress,
    ) -> Result<PathBuf, Diagnostic>;

    /// Whether the kernel is still the one that was read. An error names the `command` that reads
    /// it again.
    fn check(&self, _name: &str, _command: &str) -> Result<(), Diagnostic> {
        Ok(())
    }

    /// What building needs, made or fetched now.
    fn prepare(
        &self,
        _cache: &Cache,
        _folder: &Path,
        _progress: Progress,
    ) -> Result<Tree, Diagnostic> {
        Err(nothing_to_fetch(&self.title()))
    }

    /// Unpacks all of the kernel's source into a folder that is not there yet.
    fn source(&self, _cache: &Cache, _into: &Path, _progress: Progress) -> Result<(), Diagnostic> {
        Err(nothing_to_fetch(&self.title()))
    }
}

fn nothing_to_fetch(title: &str) -> Diagnostic {
    Diagnostic::new(
        NO_SUCH_TARGET,
        format!("{title} is not a stock kernel: there is nothing to fetch"),
    )
}

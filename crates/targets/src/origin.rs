// SPDX-License-Identifier: GPL-2.0
//! The providers of targets, and the data that only they need.
//!
//! A provider is a module with two types: a request, which says what to add, and an origin, which
//! is stored in the manifest and provides more of the target later.

use super::manifest::Tree;
use super::{build_dir, debian, root, Cache, Progress};
use kps_diag::{Diagnostic, NO_SUCH_TARGET};
use kps_facts::Mode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The request of `kpsc kernel add`.
#[derive(Debug, Clone)]
pub enum Request {
    /// A stock kernel of Debian.
    Debian(debian::Request),
    /// The user's own kernel build folder.
    BuildDir(build_dir::Request),
    /// A kernel that a distribution has installed below a folder.
    Root(root::Request),
}

impl Request {
    /// Adds a target through an empty folder of the cache, unless it is already there. Returns its
    /// name.
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
    /// The user's own kernel build folder.
    BuildDir(build_dir::Origin),
    /// A kernel that a distribution has installed below a folder.
    Root(root::Origin),
}

impl Origin {
    /// The provider.
    pub(super) fn provider(&self) -> &dyn Provider {
        match self {
            Origin::Debian(origin) => origin,
            Origin::BuildDir(origin) => origin,
            Origin::Root(origin) => origin,
        }
    }
}

/// The files that facts are made from.
#[derive(Debug, Clone)]
pub(super) struct KernelFiles {
    /// The image: a compressed one, or an ELF file.
    pub(super) image: PathBuf,
    /// The configuration.
    pub(super) config: PathBuf,
    /// The list of exports.
    pub(super) symvers: PathBuf,
}

/// A provider's operations on a target. `folder` is the target's own, in the cache.
pub(super) trait Provider {
    /// The name and the version of the kernel's package, if it is known.
    fn package(&self) -> Option<(String, String)> {
        None
    }

    /// Where the kernel comes from, for messages.
    fn title(&self) -> String;

    /// What the Rust of the target's patches stands on.
    fn mode(&self) -> Mode {
        Mode::KernelCrate
    }

    /// The arguments of `kpsc kernel add` that add the target again.
    fn arguments(&self, release: &str, tree: Option<&Tree>) -> String;

    /// Whether kpsc has made the build tree and the compilers, in a cache. Others are a user's, who
    /// knows whom they belong to.
    fn keeps_tree(&self) -> bool {
        false
    }

    /// The files that the target's facts are made from.
    fn files(&self, folder: &Path) -> KernelFiles;

    /// The modules that came with the kernel, by name.
    fn modules(
        &self,
        cache: &Cache,
        folder: &Path,
        progress: Progress,
    ) -> Result<BTreeMap<String, PathBuf>, Diagnostic>;

    /// Whether these are there and need not be fetched.
    fn has_modules(&self, _folder: &Path) -> bool {
        true
    }

    /// The kernel with debug information. `module` gets each module with debug information as soon
    /// as it is there. Files fetched for it go into a folder that is removed afterwards.
    fn debug_files(
        &self,
        cache: &Cache,
        scratch: &Path,
        module: &dyn Fn(PathBuf),
        progress: Progress,
    ) -> Result<PathBuf, Diagnostic>;

    /// Fails if the kernel has changed since it was read. The error names the `command` that reads
    /// it again.
    fn check(&self, _name: &str, _command: &str) -> Result<(), Diagnostic> {
        Ok(())
    }

    /// The build tree and compilers, made or fetched now. The caller has locked the target.
    fn prepare(
        &self,
        _cache: &Cache,
        _folder: &Path,
        _progress: Progress,
    ) -> Result<Tree, Diagnostic> {
        Err(nothing_to_fetch(&self.title()))
    }

    /// Brings a build tree that an earlier kpsc has made up to date.
    fn renew(&self, _cache: &Cache, _folder: &Path, _tree: &Tree) -> Result<(), Diagnostic> {
        Ok(())
    }

    /// The folder with all of the kernel's source that its configuration can compile; fetched now
    /// if it is missing.
    fn source_tree(&self, cache: &Cache, progress: Progress) -> Result<PathBuf, Diagnostic>;

    /// The name of that folder in the cache, if it is there or will be.
    fn source_name(&self) -> Option<&str> {
        None
    }

    /// Unpacks the wanted files of the kernel's source into a folder that does not exist yet.
    fn source(
        &self,
        _cache: &Cache,
        _into: &Path,
        _wanted: &dyn Fn(&Path) -> bool,
        _progress: Progress,
    ) -> Result<(), Diagnostic> {
        Err(nothing_to_fetch(&self.title()))
    }
}

fn nothing_to_fetch(title: &str) -> Diagnostic {
    Diagnostic::new(
        NO_SUCH_TARGET,
        format!("{title} is not a stock kernel: there is nothing to fetch"),
    )
}

// SPDX-License-Identifier: GPL-2.0
//! Removes targets, and leftovers of interrupted preparations.

use super::cache::{is_name, Cache};
use super::debian::{is_clang_alone, is_for_tokens};
use super::kept::Kind;
use super::manifest::Manifest;
use super::templates::Templates;
use kps_diag::Diagnostic;
use kps_facts::Mode;
use kps_host::disk::{entries, remove};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

impl Cache {
    /// Removes a target, and every toolchain and source that no target needs any more. Waits for
    /// the target's users, and for those who prepare others.
    pub fn remove(&self, name: &str) -> Result<(), Diagnostic> {
        let folder = self.kernel(name);
        if !is_name(name) || !Manifest::exists(&folder) {
            return Err(self.no_target(name)?);
        }
        let _removing = self.removing(name)?;
        // Without its manifest it is no longer a target, even if the rest is interrupted.
        Manifest::remove(&folder)?;
        remove(&folder)?;
        remove(&self.templates(name))?;
        Kind::ALL.iter().try_for_each(|&kind| remove(&self.kept(kind, name)))?;
        self.needless_toolchains()?.iter().try_for_each(|path| remove(path))?;
        self.needless_sources()?.iter().try_for_each(|path| remove(path))
    }

    /// Removes data that no target needs: interrupted preparations, downloads, compilers, sources,
    /// and data of older versions of kpsc. Returns each with its size in bytes. Waits until nothing
    /// is being prepared: what is found then belongs to runs that have ended.
    pub fn remove_unused(&self) -> Result<Vec<(PathBuf, u64)>, Diagnostic> {
        let _clearing = self.clearing()?;
        let mut unused = self.older()?;
        let half = |path: &PathBuf| !Manifest::exists(path);
        unused.extend(entries(&self.root().join("kernels"))?.into_iter().filter(half));
        for kernel in entries(&self.root().join("kernels"))?.into_iter().filter(|path| !half(path))
        {
            unused.extend(
                ["debug.partial", "modules.partial"]
                    .map(|name| kernel.join(name))
                    .into_iter()
                    .filter(|p| p.exists()),
            );
        }
        unused.extend(self.needless_toolchains()?);
        unused.extend(self.needless_sources()?);
        let names = self.names()?;
        let kept = Kind::ALL.map(Kind::folder);
        for folder in kept.iter().chain(&["machines"]).map(|name| self.root().join(name)) {
            let is_needless = |path: &PathBuf| !names.iter().any(|name| folder.join(name) == *path);
            unused.extend(entries(&folder)?.into_iter().filter(is_needless));
        }
        unused
            .extend(names.iter().filter_map(|name| Templates::at(self.templates(name)).leftover()));
        unused.extend(self.leftovers_of_runs()?);
        let mut removed = Vec::new();
        for path in unused {
            let size = size(&path);
            remove(&path)?;
            removed.push((path, size));
        }
        Ok(removed)
    }

    /// Compilers that no target uses. If a target cannot be read, the compilers that it needs are
    /// unknown, and all stay.
    fn needless_toolchains(&self) -> Result<Vec<PathBuf>, Diagnostic> {
        let (mut needed, mut has_core) = (Vec::new(), false);
        for name in self.names()? {
            match Manifest::read(&self.kernel(&name), &name) {
                Ok(manifest) => {
                    let origin = manifest.as_ref().map(|manifest| &manifest.origin);
                    has_core |= origin.is_some_and(|it| it.provider().mode() == Mode::Core);
                    needed.extend(manifest.and_then(|manifest| manifest.tree?.toolchain));
                }
                Err(_) => return Ok(Vec::new()),
            }
        }
        let mut toolchains = entries(&self.toolchains())?;
        let is_shared = |path: &PathBuf| {
            has_core && is_clang_alone(path) || !needed.is_empty() && is_for_tokens(path)
        };
        toolchains.retain(|path| !needed.contains(path) && !is_shared(path));
        Ok(toolchains)
    }

    /// Sources that are of no target's version, by the same rule.
    fn needless_sources(&self) -> Result<Vec<PathBuf>, Diagnostic> {
        let mut needed = Vec::new();
        for name in self.names()? {
            let Ok(manifest) = Manifest::read(&self.kernel(&name), &name) else {
                return Ok(Vec::new());
            };
            let origin = manifest.map(|manifest| manifest.origin);
            let version = origin.as_ref().and_then(|origin| origin.provider().source_name());
            needed.extend(version.map(|version| self.sources().join(version)));
        }
        let mut sources = entries(&self.sources())?;
        sources.retain(|path| !needed.contains(path));
        Ok(sources)
    }
}

/// The size of a folder on the disk, in bytes.
pub(super) fn size(path: &Path) -> u64 {
    let files = WalkDir::new(path).into_iter().flatten();
    files
        .filter_map(|entry| {
            Some(std::os::unix::fs::MetadataExt::blocks(&entry.metadata().ok()?) * 512)
        })
        .sum()
}

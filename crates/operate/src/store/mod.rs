// SPDX-License-Identifier: GPL-2.0
//! The installed patches: those that a machine loads when it boots.
//!
//! ```text
//! /var/lib/kpsc/
//!   .lock                     held by whoever writes
//!   RELEASE/                  the patches for one kernel, named as `uname -r` names it
//!     current                 a link to generations/N, the set that is installed
//!     generations/N/          one whole set, which never changes
//!       manifest.toml
//!       NAME.BUILD_ID.ko
//!     attempt                 a boot has begun to load the set, and has not ended (`attempt.rs`)
//! ```
//!
//! A writer makes the next generation under another name, has it on the disk, and only then names
//! it and renames a new link over `current`. So a machine that loses its power at any moment has
//! the old set or the new one. Readers take no lock: they read `current` once.

mod attempt;
mod change;
mod manifest;
mod modprobe;
mod release;
mod set;
mod writer;

pub use attempt::{Stage, Verdict};
pub use change::Change;
pub use manifest::{Entry, SET_MANIFEST};
pub use modprobe::CONFIG;
pub use release::Release;
pub use set::Set;

use super::System;
use kps_diag::{Diagnostic, DAMAGED_STORE, FOREIGN_STORE};
use kps_host::below::{OpenFolder, Unread};
use kps_host::owner;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the store is, below the root of the system.
const PLACE: &str = "var/lib/kpsc";

/// The installed patches of a machine.
#[derive(Debug, Clone)]
pub struct Store {
    system: System,
}

/// A patch that is installed for other kernels, and not for this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The patch.
    pub name: String,
    /// The kernels that it is installed for.
    pub releases: Vec<Release>,
}

impl Store {
    /// The store of a system, which need not exist yet.
    pub fn of(system: &System) -> Store {
        Store { system: system.clone() }
    }

    /// The kernels that patches are installed for, or have been.
    pub fn releases(&self) -> Result<Vec<Release>, Diagnostic> {
        let Some(top) = OpenFolder::open(&self.folder())? else { return Ok(Vec::new()) };
        let mut releases: Vec<_> =
            top.names()?.iter().filter_map(|name| Release::of(name)).collect();
        releases.retain(|release| top.folder(release.as_str()).is_ok());
        Ok(releases)
    }

    /// The patches that are installed for other kernels, and not for this one, by name.
    pub fn missing(&self, release: &Release) -> Result<Vec<Missing>, Diagnostic> {
        let mut elsewhere: BTreeMap<String, Vec<Release>> = BTreeMap::new();
        let mut here = Vec::new();
        for other in self.releases()? {
            let Some(set) = self.set(&other)? else { continue };
            let names = set.entries.into_iter().map(|entry| entry.name);
            if other == *release {
                here.extend(names);
                continue;
            }
            for name in names {
                let releases = elsewhere.entry(name).or_default();
                if releases.last() != Some(&other) {
                    releases.push(other.clone());
                }
            }
        }
        elsewhere.retain(|name, _| !here.contains(name));
        let missing = elsewhere.into_iter().map(|(name, releases)| Missing { name, releases });
        Ok(missing.collect())
    }

    fn folder(&self) -> PathBuf {
        self.system.path(PLACE)
    }

    /// Refuses a store that another user can change: root loads what it holds.
    fn check_owner(&self) -> Result<(), Diagnostic> {
        /// `RELEASE/generations/N/NAME.ko`.
        const LEVELS: usize = 4;
        let folder = self.folder();
        match owner::other(&folder).or_else(|| owner::other_below(&folder, LEVELS)) {
            None => Ok(()),
            Some(other) => Err(Diagnostic::new(
                FOREIGN_STORE,
                format!("somebody else can change the installed patches: {other}"),
            )
            .note("the kernel runs what they hold")
            .help("give it to root, with `chown root:root` and `chmod go-w`")),
        }
    }

    /// The error for what no writer leaves.
    fn damaged(&self, path: &Path, why: &str) -> Diagnostic {
        let error = Diagnostic::new(DAMAGED_STORE, format!("{} is damaged: {why}", path.display()));
        let release = self.release_of(path);
        error.help(format!("remove {} and install the patches again", release.display()))
    }

    /// The folder of the release that a path is below.
    fn release_of(&self, path: &Path) -> PathBuf {
        let folder = self.folder();
        let release = path.strip_prefix(&folder).ok().and_then(|below| below.iter().next());
        release.map_or(folder.clone(), |release| folder.join(release))
    }

    /// The error for a file that no writer leaves, or the one of the system that cannot read it.
    fn unread(&self, path: &Path, unread: Unread) -> Diagnostic {
        match unread {
            Unread::Failed(_) => unread.about(path),
            Unread::Missing => self.damaged(path, "it is missing"),
            Unread::Link => self.damaged(path, "it is a link"),
            Unread::TooLarge(_) | Unread::Exhausted(_) => self.damaged(path, "it is too large"),
        }
    }
}

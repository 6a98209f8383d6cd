// SPDX-License-Identifier: GPL-2.0
//! Writes generations and switches between them. Everything is on the disk before anything refers
//! to it.

use super::manifest::{self, Entry, Manifest};
use super::set::{number, Set, CURRENT, GENERATIONS};
use super::{Release, Store, PLACE};
use kps_diag::{Diagnostic, DISK_FULL, NOT_INSTALLABLE};
use kps_host::below::{OpenFolder, Unread};
use kps_host::disk::cannot;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;

/// How many generations before the installed one are kept for `rollback`.
const KEPT: usize = 5;
/// What a name ends in that a cut may leave, and the next writer removes.
const DRAFT: &str = ".tmp";

/// The one process that writes to the store.
pub(super) struct Writer<'s> {
    store: &'s Store,
    top: OpenFolder,
    /// Held until it is closed.
    _lock: File,
}

/// The patches for one kernel, and the writer that has them to itself.
pub(super) struct Branch<'w> {
    writer: &'w Writer<'w>,
    pub(super) release: Release,
    pub(super) folder: OpenFolder,
    /// The installed set.
    pub(super) installed: Option<Set>,
    /// The generations that were there when it was entered.
    found: BTreeSet<u32>,
}

/// What an entry of the next generation consists of.
pub(super) enum Content {
    /// A new module.
    New(Vec<u8>),
    /// The module of the installed set.
    Kept,
}

impl Store {
    /// Waits for other writers, and keeps them out; `None` if there is no store.
    pub(super) fn writer(&self) -> Result<Option<Writer<'_>>, Diagnostic> {
        let top = OpenFolder::open(&self.folder())?;
        top.map(|top| self.writer_in(top)).transpose()
    }

    /// The same, in a store that is made if it is missing.
    pub(super) fn first_writer(&self) -> Result<Writer<'_>, Diagnostic> {
        let (above, name) = PLACE.rsplit_once('/').unwrap_or((".", PLACE));
        let path = self.system.path(above);
        let missing = || cannot("open", &path, &ErrorKind::NotFound.into());
        match self.writer()? {
            Some(writer) => Ok(writer),
            None => self.writer_in(OpenFolder::open(&path)?.ok_or_else(missing)?.make(name)?),
        }
    }

    fn writer_in(&self, top: OpenFolder) -> Result<Writer<'_>, Diagnostic> {
        const LOCK: &str = ".lock";
        self.check_owner()?;
        let lock = top.lock_file(LOCK)?;
        lock.lock().map_err(|error| cannot("lock", &top.path().join(LOCK), &error))?;
        Ok(Writer { store: self, top, _lock: lock })
    }
}

impl Writer<'_> {
    /// The patches for a kernel, if there have ever been any.
    pub(super) fn branch(&self, release: &Release) -> Result<Option<Branch<'_>>, Diagnostic> {
        match self.top.folder(release.as_str()) {
            Ok(folder) => self.enter(release, folder).map(Some),
            Err(Unread::Missing) => Ok(None),
            Err(unread) => Err(self.store.unread(&self.top.path().join(release.as_str()), unread)),
        }
    }

    /// The same, in a folder that is made if it is missing.
    pub(super) fn first_branch(&self, release: &Release) -> Result<Branch<'_>, Diagnostic> {
        self.enter(release, self.top.make(release.as_str())?)
    }

    fn enter(&self, release: &Release, folder: OpenFolder) -> Result<Branch<'_>, Diagnostic> {
        let installed = self.store.current(&folder, release)?;
        let found = match folder.folder(GENERATIONS) {
            Ok(generations) => numbers(&generations)?,
            Err(_) => BTreeSet::new(),
        };
        let branch = Branch { writer: self, release: release.clone(), folder, installed, found };
        branch.remove_drafts()?;
        Ok(branch)
    }
}

impl Branch<'_> {
    pub(super) fn store(&self) -> &Store {
        self.writer.store
    }

    /// The number of the installed generation.
    pub(super) fn generation(&self) -> Option<u32> {
        self.installed.as_ref().map(|set| set.generation)
    }

    /// Whether a generation is there to be returned to.
    pub(super) fn has(&self, generation: u32) -> bool {
        let generations = self.folder.folder(GENERATIONS);
        generations.is_ok_and(|all| all.folder(&generation.to_string()).is_ok())
    }

    /// Whether exactly these modules are installed, undamaged.
    pub(super) fn has_installed(&self, modules: &[(Entry, Content)]) -> bool {
        self.installed.as_ref().is_some_and(|set| {
            set.entries.iter().eq(modules.iter().map(|(entry, _)| entry))
                && set.entries.iter().all(|entry| self.store().verified(set, entry).is_ok())
        })
    }

    /// Makes a generation that follows the installed one. It is on the disk, and not yet installed.
    pub(super) fn prepare(&self, modules: &[(Entry, Content)]) -> Result<u32, Diagnostic> {
        let entries = modules.iter().map(|(entry, _)| entry.clone()).collect();
        let parent = self.generation();
        let text = Manifest::new(parent, entries).to_text();
        let text = text.map_err(|why| {
            Diagnostic::new(NOT_INSTALLABLE, why).help("uninstall patches that are not needed")
        })?;
        let generations = self.folder.make(GENERATIONS)?;
        let next = self.next()?;
        let draft = format!("{next}{DRAFT}");
        let folder = generations.make_empty(&draft)?;
        for (entry, content) in modules {
            match (content, &self.installed) {
                (Content::New(bytes), _) => folder.write_new(&entry.file(), bytes)?,
                (Content::Kept, Some(set)) => {
                    let (_, bytes) = self.store().verified(set, entry)?;
                    folder.write_new(&entry.file(), &bytes)?;
                }
                (Content::Kept, None) => unreachable!("nothing is installed that could be kept"),
            }
        }
        folder.write_new(manifest::NAME, text.as_bytes())?;
        folder.sync()?;
        generations.rename(&draft, &next.to_string())?;
        generations.sync()?;
        Ok(next)
    }

    /// Installs a generation, or none at all.
    pub(super) fn switch(&self, to: Option<u32>) -> Result<(), Diagnostic> {
        match to == self.generation() {
            true => Ok(()),
            false => self.point(to),
        }
    }

    fn point(&self, to: Option<u32>) -> Result<(), Diagnostic> {
        let draft = format!("{CURRENT}{DRAFT}");
        self.folder.remove(&draft)?;
        match to {
            Some(generation) => {
                self.folder.make_link(&draft, &format!("{GENERATIONS}/{generation}"))?;
                self.folder.rename(&draft, CURRENT)?;
            }
            None => drop(self.folder.remove(CURRENT)?),
        }
        self.folder.sync()
    }

    /// Puts everything back after a failure, as far as that is possible. The new link may be named
    /// already, without being on the disk.
    pub(super) fn undo(&self) {
        let before = self.generation();
        let now = self.store().number(&self.folder);
        if now.is_ok_and(|now| now != before) {
            let _ = self.point(before);
        }
        let _ = self.keep(&self.found);
        if before.is_none() {
            // What is in use is not empty.
            let _ = self.folder.remove_empty(GENERATIONS);
            let _ = self.writer.top.remove_empty(self.release.as_str());
        }
    }

    /// Removes the generations that nobody can return to. The set that was installed until now
    /// stays, because somebody may be reading it.
    pub(super) fn tidy(&self) -> Result<(), Diagnostic> {
        let installed = self.store().current(&self.folder, &self.release)?;
        self.keep(&self.kept(&installed))
    }

    /// Removes all other generations. Each loses its name first, so that none is ever there in
    /// part.
    fn keep(&self, kept: &BTreeSet<u32>) -> Result<(), Diagnostic> {
        if let Ok(generations) = self.folder.folder(GENERATIONS) {
            let unused = numbers(&generations)?.difference(kept).copied().collect::<Vec<_>>();
            for number in &unused {
                generations.rename(&number.to_string(), &format!("{number}{DRAFT}"))?;
            }
            if !unused.is_empty() {
                generations.sync()?;
            }
        }
        self.remove_drafts()
    }

    /// The generations that are not removed.
    fn kept(&self, installed: &Option<Set>) -> BTreeSet<u32> {
        let until_now = self.generation();
        let mut kept = BTreeSet::from_iter(until_now);
        kept.extend(installed.as_ref().map(|set| set.generation));
        let mut parent = installed.as_ref().and_then(|set| set.parent);
        for _ in 0..KEPT {
            let Some(number) = parent else { break };
            kept.insert(number);
            let set = self.store().generation(&self.folder, &self.release, number);
            parent = set.ok().and_then(|set| set.parent);
        }
        kept
    }

    fn remove_drafts(&self) -> Result<(), Diagnostic> {
        let generations = self.folder.folder(GENERATIONS).ok();
        for folder in generations.iter().chain([&self.folder]) {
            for name in folder.names()?.iter().filter(|name| name.ends_with(DRAFT)) {
                folder.remove(name)?;
            }
        }
        Ok(())
    }

    /// A number above those of all generations.
    fn next(&self) -> Result<u32, Diagnostic> {
        let next = self.found.last().map_or(Some(1), |last| last.checked_add(1));
        let path = self.folder.path().join(GENERATIONS);
        next.ok_or_else(|| self.store().damaged(&path, "its numbers are used up"))
    }
}

/// The numbers of the generations in their folder.
fn numbers(generations: &OpenFolder) -> Result<BTreeSet<u32>, Diagnostic> {
    Ok(generations.names()?.iter().filter_map(|name| number(name)).collect())
}

/// The error for a full disk says what is left as it was.
pub(super) fn unchanged(error: Diagnostic) -> Diagnostic {
    match error.code == DISK_FULL {
        true => error
            .note("the installed set is as it was")
            .help("free some space and run the command again"),
        false => error,
    }
}

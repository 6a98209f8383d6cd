// SPDX-License-Identifier: GPL-2.0
//! Reads a set of installed patches.

use super::manifest::{self, digest, Entry, Manifest, SET_MANIFEST};
use super::{Release, Store};
use crate::module::{look_into, ModuleFile};
use kps_diag::Diagnostic;
use kps_host::below::{OpenFolder, Unread};
use kps_host::disk::cannot;
use kps_host::input::{read_opened, MODULE};
use std::fs::File;
use std::io::{Seek as _, SeekFrom};

/// The link to the installed generation, and the folder that it leads to.
pub(super) const CURRENT: &str = "current";
pub(super) const GENERATIONS: &str = "generations";

/// A set of installed patches, read once. Its files stay while writers install up to five sets
/// after it.
#[derive(Debug)]
pub struct Set {
    /// The kernel that it is for.
    pub release: Release,
    /// Its number.
    pub generation: u32,
    /// The generation that was installed before it. The first has none.
    pub parent: Option<u32>,
    /// The patches, in the order in which they are loaded.
    pub entries: Vec<Entry>,
    folder: OpenFolder,
}

impl Store {
    /// The set that is installed for a kernel.
    pub fn set(&self, release: &Release) -> Result<Option<Set>, Diagnostic> {
        let Some(top) = OpenFolder::open(&self.folder())? else { return Ok(None) };
        match top.folder(release.as_str()) {
            Ok(folder) => self.current(&folder, release),
            Err(Unread::Missing) => Ok(None),
            Err(unread) => Err(self.unread(&top.path().join(release.as_str()), unread)),
        }
    }

    /// Opens the module of a patch for the kernel to load. It is the one that was installed.
    pub fn open(&self, set: &Set, entry: &Entry) -> Result<ModuleFile, Diagnostic> {
        self.check_owner()?;
        let (mut file, bytes) = self.verified(set, entry)?;
        let path = set.folder.path().join(entry.file());
        let incoming = look_into(&bytes).ok().filter(|incoming| incoming.name == entry.name);
        let incoming =
            incoming.ok_or_else(|| self.damaged(&path, "it is not the livepatch of its name"))?;
        file.seek(SeekFrom::Start(0)).map_err(|error| cannot("read", &path, &error))?;
        Ok(ModuleFile { file, incoming })
    }

    /// The file of a patch and its contents, which were installed.
    pub(super) fn verified(&self, set: &Set, entry: &Entry) -> Result<(File, Vec<u8>), Diagnostic> {
        let path = set.folder.path().join(entry.file());
        let advice = format!(
            "install `{}` again, or return to the set before it with `{} rollback`",
            entry.name, self.system.program
        );
        let failed = |unread| self.unread(&path, unread).help(&advice);
        let file = set.folder.file(&entry.file()).map_err(failed)?;
        let bytes = read_opened(&file, MODULE.bytes).map_err(Unread::Failed);
        let bytes =
            bytes.and_then(|bytes| bytes.ok_or(Unread::TooLarge(MODULE))).map_err(failed)?;
        match digest(&bytes) == entry.sha256 {
            true => Ok((file, bytes)),
            false => Err(self.damaged(&path, "it is not what was installed").help(&advice)),
        }
    }

    /// The installed set in the folder of a release.
    pub(super) fn current(
        &self,
        folder: &OpenFolder,
        release: &Release,
    ) -> Result<Option<Set>, Diagnostic> {
        let mut number = self.number(folder)?;
        loop {
            let Some(generation) = number else { return Ok(None) };
            match self.generation(folder, release, generation) {
                // A writer may have removed it. Then there is another one now.
                Err(error) => match self.number(folder)? {
                    now if now == number => return Err(error),
                    now => number = now,
                },
                set => return set.map(Some),
            }
        }
    }

    /// The number of the installed generation.
    pub(super) fn number(&self, folder: &OpenFolder) -> Result<Option<u32>, Diagnostic> {
        let path = folder.path().join(CURRENT);
        let unusable = || self.damaged(&path, "it does not lead to a generation");
        // A file or a folder in its place is no link.
        let link = match folder.link(CURRENT) {
            Err(_) if folder.names()?.iter().any(|name| name == CURRENT) => return Err(unusable()),
            link => link?,
        };
        let Some(to) = link else { return Ok(None) };
        let number = to.to_str().ok().and_then(|to| number(to.strip_prefix("generations/")?));
        number.map(Some).ok_or_else(unusable)
    }

    /// A generation in the folder of a release.
    pub(super) fn generation(
        &self,
        folder: &OpenFolder,
        release: &Release,
        generation: u32,
    ) -> Result<Set, Diagnostic> {
        let path = folder.path().join(GENERATIONS).join(generation.to_string());
        let opened = folder
            .folder(GENERATIONS)
            .and_then(|generations| generations.folder(&generation.to_string()));
        let opened = opened.map_err(|unread| self.unread(&path, unread))?;
        let path = path.join(manifest::NAME);
        let text = opened.read(manifest::NAME, SET_MANIFEST);
        let text = text.map_err(|unread| self.unread(&path, unread))?;
        let manifest = Manifest::parse(&text).map_err(|why| self.damaged(&path, &why))?;
        let Manifest { parent, entries, .. } = manifest;
        if parent.is_some_and(|parent| parent >= generation) {
            return Err(self.damaged(&path, "its parent is not an earlier generation"));
        }
        Ok(Set { release: release.clone(), generation, parent, entries, folder: opened })
    }
}

/// The number of a generation, as a writer names its folder.
pub(super) fn number(name: &str) -> Option<u32> {
    let number: u32 = name.parse().ok()?;
    (number.to_string() == name).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn a_generation_has_one_name() {
        assert_eq!(number("17"), Some(17));
        for name in ["", "+1", "01", "-1", "1.tmp", "1/..", "4294967296", " 1"] {
            assert_eq!(number(name), None, "{name}");
        }
    }
}

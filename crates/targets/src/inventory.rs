// SPDX-License-Identifier: GPL-2.0
//! The inventory of a finished folder: a digest of every file, so that kpsc can find damage.
//!
//! A folder's inventory is its file `files`, sorted by path. Each line has a digest, of the file or
//! of a link's target, a mark and the path. The mark `+` means that the file is executable. Paths
//! are relative to the folder; an absolute path is a file that belongs to the user.

use super::seal::{digest, hex, seal, unseal};
use super::{debug, modules};
use kps_diag::Diagnostic;
use kps_host::disk::{cannot, entries, write_atomically};
use kps_host::input;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// The file in a folder that holds its inventory.
pub(super) const FILE: &str = "files";
/// Files that are not in the inventory. Modules and debug information are added on demand, with
/// inventories of their own.
const LATER: &[&str] =
    &[FILE, "target.toml", modules::FOLDER, "modules.partial", debug::FOLDER, "debug.partial"];

/// A file that differs from the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Damage {
    /// The inventory itself is damaged.
    Inventory,
    /// The file is missing.
    Missing(PathBuf),
    /// It has other contents, or is no longer executable.
    Changed(PathBuf),
    /// It is not in the inventory.
    Unexpected(PathBuf),
}

/// Records the inventory of a folder, and of files elsewhere that belong to it.
pub fn record(folder: &Path, elsewhere: &[PathBuf]) -> Result<(), Diagnostic> {
    let mut text = String::new();
    for (path, state) in states(folder, elsewhere)? {
        text.push_str(&format!("{state}{}\n", path.display()));
    }
    write_atomically(&folder.join(FILE), seal(&text).as_bytes())
}

/// Records the future contents of one file in the inventory of a folder. A damaged inventory stays
/// damaged.
pub(super) fn renew(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Diagnostic> {
    let sealed = input::read_text(&folder.join(FILE), input::INVENTORY).unwrap_or_default();
    let Some(text) = unseal(&sealed) else { return Ok(()) };
    let is_meant = |line: &str| line.split_once(MARKS).is_some_and(|(_, path)| path == name);
    let new = format!("{} {name}", hex(&Sha256::digest(bytes)));
    let lines = text.lines().map(|line| if is_meant(line) { &new } else { line });
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    write_atomically(&folder.join(FILE), seal(&text).as_bytes())
}

/// Compares a folder with its inventory. Returns the damage, and the number of files checked.
pub(super) fn verify(folder: &Path) -> Result<(Vec<Damage>, usize), Diagnostic> {
    let Some(Inventory(recorded)) = Inventory::of(folder) else {
        return Ok((vec![Damage::Inventory], 0));
    };
    let elsewhere: Vec<PathBuf> =
        recorded.keys().filter(|path| path.is_absolute()).cloned().collect();
    let mut found = states(folder, &elsewhere)?;
    let mut damage = Vec::new();
    for (path, state) in &recorded {
        match found.remove(path) {
            None => damage.push(Damage::Missing(path.clone())),
            Some(found) if found != *state => damage.push(Damage::Changed(path.clone())),
            Some(_) => {}
        }
    }
    damage.extend(found.into_keys().map(Damage::Unexpected));
    Ok((damage, recorded.len()))
}

/// The recorded state of each file of a folder, to compare some of them when they are used.
pub(super) struct Inventory(BTreeMap<PathBuf, String>);

impl Inventory {
    /// That of a folder; `None` if it is damaged.
    pub(super) fn of(folder: &Path) -> Option<Inventory> {
        let sealed = input::read_text(&folder.join(FILE), input::INVENTORY).ok()?;
        // A line's state ends behind the mark in front of the path.
        let split = |line: &str| {
            let at = line.find(MARKS)? + 1;
            Some((PathBuf::from(&line[at..]), line[..at].to_owned()))
        };
        Some(Inventory(unseal(&sealed)?.lines().filter_map(split).collect()))
    }

    /// Compares the names of the files in a folder without others below. Their contents are not
    /// read.
    pub(super) fn compare_names(&self, folder: &Path) -> Result<Vec<Damage>, Diagnostic> {
        let found = entries(folder)?.into_iter();
        let found: BTreeSet<PathBuf> =
            found.filter_map(|path| path.file_name().map(PathBuf::from)).collect();
        let missing = self.0.keys().filter(|path| !found.contains(*path)).cloned();
        let is_unexpected = |path: &PathBuf| path != Path::new(FILE) && !self.0.contains_key(path);
        let unexpected = found.iter().filter(|path| is_unexpected(path)).cloned();
        Ok(missing.map(Damage::Missing).chain(unexpected.map(Damage::Unexpected)).collect())
    }

    /// Whether a file is as recorded.
    pub(super) fn matches(&self, folder: &Path, path: &Path) -> Result<bool, Diagnostic> {
        let path = path.strip_prefix(folder).unwrap_or(path);
        let found = folder.join(path);
        let Some(recorded) = self.0.get(path) else { return Ok(false) };
        Ok(found.symlink_metadata().is_ok() && state(&found)? == *recorded)
    }

    /// Whether some bytes are those of a file that is not a link.
    pub(super) fn has(&self, path: &Path, bytes: &[u8]) -> bool {
        let recorded = self.0.get(path).and_then(|state| state.strip_suffix(['+', ' ']));
        recorded.is_some_and(|digest| digest == hex(&Sha256::digest(bytes)))
    }

    /// Whether there is a record of a file.
    pub(super) fn has_path(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    /// The paths of all files.
    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.keys()
    }
}

/// The mark in front of a path: an executable file, another file, a link.
const MARKS: [char; 3] = ['+', ' ', '>'];

/// The state of each file, as a line has it.
fn states(folder: &Path, elsewhere: &[PathBuf]) -> Result<BTreeMap<PathBuf, String>, Diagnostic> {
    let mut states = BTreeMap::new();
    for path in elsewhere.iter().filter(|path| path.exists()) {
        states.insert(path.clone(), state(path)?);
    }
    let later = |entry: &DirEntry| {
        entry.depth() == 1 && LATER.iter().any(|name| entry.file_name() == *name)
    };
    for entry in WalkDir::new(folder).into_iter().filter_entry(|entry| !later(entry)) {
        let entry = entry.map_err(|error| {
            cannot(
                "read",
                error.path().unwrap_or(folder),
                error.io_error().unwrap_or(&io::ErrorKind::Other.into()),
            )
        })?;
        if entry.file_type().is_dir() {
            continue;
        }
        let path = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_owned();
        states.insert(path, state(entry.path())?);
    }
    Ok(states)
}

fn state(path: &Path) -> Result<String, Diagnostic> {
    let read = || -> io::Result<String> {
        let metadata = path.symlink_metadata()?;
        if metadata.is_symlink() {
            let leads = path.read_link()?;
            return Ok(format!("{}>", hex(&Sha256::digest(leads.as_os_str().as_encoded_bytes()))));
        }
        // Reading a pipe or a device may never end.
        if !metadata.is_file() {
            return Ok(format!("special{}", MARKS[1]));
        }
        let mark = if metadata.permissions().mode() & 0o111 != 0 { '+' } else { ' ' };
        Ok(format!("{}{mark}", digest(path)?))
    };
    read().map_err(|error| cannot("read", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A folder with a file, a program and a link, and its inventory taken.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = |name: &str| folder.path().join(name);
        let make = || -> io::Result<()> {
            std::fs::create_dir(path("sub"))?;
            std::fs::write(path("sub/a b"), "text")?;
            std::fs::write(path("program"), "text")?;
            std::fs::set_permissions(path("program"), PermissionsExt::from_mode(0o755))?;
            symlink("program", path("link"))
        };
        make().unwrap_or_else(|error| panic!("{error}"));
        record(folder.path(), &[]).unwrap_or_else(|error| panic!("{}", error.message));
        folder
    }

    fn damage(folder: &Path) -> Vec<Damage> {
        verify(folder).unwrap_or_else(|error| panic!("{}", error.message)).0
    }

    #[test]
    fn what_is_as_it_was_is_not_damaged() {
        let folder = folder();
        assert_eq!(verify(folder.path()).ok(), Some((Vec::new(), 3)));
    }

    #[test]
    fn every_change_is_found() {
        type Change = fn(&Path) -> io::Result<()>;
        let changes: [(Change, Damage); 7] = [
            (
                |path| std::fs::write(path.join("sub/a b"), "tEXt"),
                Damage::Changed("sub/a b".into()),
            ),
            (|path| std::fs::remove_file(path.join("sub/a b")), Damage::Missing("sub/a b".into())),
            (|path| std::fs::write(path.join("new"), ""), Damage::Unexpected("new".into())),
            (
                |path| {
                    std::fs::set_permissions(path.join("program"), PermissionsExt::from_mode(0o644))
                },
                Damage::Changed("program".into()),
            ),
            (
                |path| {
                    std::fs::remove_file(path.join("link"))?;
                    symlink("sub", path.join("link"))
                },
                Damage::Changed("link".into()),
            ),
            (|path| std::fs::write(path.join(FILE), ""), Damage::Inventory),
            (|path| std::fs::remove_file(path.join(FILE)), Damage::Inventory),
        ];
        for (change, wanted) in changes {
            let folder = folder();
            change(folder.path()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(damage(folder.path()), [wanted]);
        }
    }

    #[test]
    fn files_elsewhere_belong_to_it() {
        let (folder, other) = (folder(), folder());
        let file = other.path().join("program");
        record(folder.path(), std::slice::from_ref(&file))
            .unwrap_or_else(|error| panic!("{}", error.message));
        assert_eq!(damage(folder.path()), []);
        std::fs::write(&file, "other").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(damage(folder.path()), [Damage::Changed(file.clone())]);
        std::fs::remove_file(&file).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(damage(folder.path()), [Damage::Missing(file)]);
    }
}

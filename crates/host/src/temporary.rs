// SPDX-License-Identifier: GPL-2.0
//! Temporary files and folders, which a signal that ends kpsc does not leave behind: their names
//! are known here, and files have none where the file system allows that.

use crate::process;
use rustix::fs::{linkat, AtFlags, OFlags, CWD};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use tempfile::{Builder, TempPath};

/// The temporary names that exist. Whoever makes or removes one holds the lock meanwhile.
static NAMES: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn names() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    // A thread that died with the lock held has at worst left one name.
    NAMES.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// What else is put in order when a signal ends kpsc, behind the end of all programs.
static AT_END: Mutex<BTreeSet<fn()>> = Mutex::new(BTreeSet::new());

/// Has this done, too, when a signal ends kpsc, once all programs that it has started have ended.
pub fn at_end(work: fn()) {
    AT_END.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(work);
}

/// Removes all temporary files and folders, and keeps others from being made, for ever: the process
/// is about to end.
pub(crate) fn remove_all() {
    /// A program that another one has started may still add to a folder while it ends.
    const ATTEMPTS: usize = 100;
    const PAUSE: Duration = Duration::from_millis(10);
    let names = std::mem::ManuallyDrop::new(names());
    process::end_all();
    if let Ok(all) = AT_END.lock() {
        all.iter().for_each(|work| work());
    }
    for name in names.iter() {
        let gone = || match std::fs::symlink_metadata(name) {
            Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(name).is_ok(),
            Ok(_) => std::fs::remove_file(name).is_ok(),
            Err(_) => true,
        };
        let _ = (0..ATTEMPTS).any(|_| {
            let is_gone = gone();
            if !is_gone {
                std::thread::sleep(PAUSE);
            }
            is_gone
        });
    }
}

/// Waits for ever if a signal is ending the process, so that its exit status is that of the signal.
pub fn settle() {
    drop(names());
}

/// Does something that must not be cut in half by a signal, such as the second of two renames.
pub fn undisturbed<T>(work: impl FnOnce() -> T) -> T {
    let _names = names();
    work()
}

/// A folder that is removed with all that is in it when it is dropped, or when a signal ends kpsc.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// An empty folder for this user alone.
    pub fn new_in(place: &Path) -> io::Result<Folder> {
        let mut names = names();
        let path = Builder::new().prefix(".kpsc-").tempdir_in(place)?.keep();
        names.insert(path.clone());
        Ok(Folder(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let mut names = names();
        let _ = std::fs::remove_dir_all(&self.0);
        names.remove(&self.0);
    }
}

/// A file that is being written, and gets its name when it is complete.
#[derive(Debug)]
pub(crate) struct Draft {
    file: File,
    /// The temporary name, where files cannot be without one.
    name: Option<TempPath>,
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            names().remove::<Path>(&name);
        }
    }
}

impl Draft {
    /// An empty file in a folder. The umask reduces its mode.
    pub(crate) fn new_in(folder: &Path, mode: u32) -> io::Result<Draft> {
        let unnamed = OpenOptions::new()
            .write(true)
            .mode(mode)
            .custom_flags(OFlags::TMPFILE.bits() as i32)
            .open(folder);
        match unnamed {
            // Its name is made through this link.
            Ok(file) if link_of(&file).exists() => Ok(Draft { file, name: None }),
            _ => Draft::with_name(folder, mode),
        }
    }

    fn with_name(folder: &Path, mode: u32) -> io::Result<Draft> {
        let mut names = names();
        let permissions = Permissions::from_mode(mode);
        let (file, path) =
            Builder::new().permissions(permissions).tempfile_in(folder)?.into_parts();
        names.insert(path.to_path_buf());
        Ok(Draft { file, name: Some(path) })
    }

    /// The file itself.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Names the file, which must not exist.
    pub(crate) fn create(mut self, path: &Path) -> io::Result<()> {
        let mut names = names();
        match self.name.take() {
            Some(name) => {
                names.remove::<Path>(&name);
                name.persist_noclobber(path).map_err(|error| error.error)
            }
            None => link(&self.file, path),
        }
    }

    /// Names the file, in place of an existing one.
    pub(crate) fn replace(mut self, path: &Path) -> io::Result<()> {
        // No signal comes between the name that a file may need for this and the last one.
        let mut names = names();
        let name = match self.name.take() {
            Some(name) => {
                names.remove::<Path>(&name);
                name
            }
            None => match link(&self.file, path) {
                // A link cannot replace a file, but a name can be moved over it.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    let link = |name: &Path| link(&self.file, name);
                    Builder::new().make_in(folder_of(path), link)?.into_temp_path()
                }
                linked => return linked,
            },
        };
        name.persist(path).map_err(|error| error.error)
    }
}

/// The folder of a file.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn link(file: &File, path: &Path) -> io::Result<()> {
    Ok(linkat(CWD, link_of(file), CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

/// The kernel's link to an open file.
fn link_of(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn entries(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Drafts with and without a name act alike.
    #[test]
    fn a_draft_becomes_a_file_or_nothing() -> io::Result<()> {
        type Way = fn(&Path, u32) -> io::Result<Draft>;
        let ways: [Way; 2] = [Draft::new_in, Draft::with_name];
        for draft in ways {
            let folder = Folder::new_in(&std::env::temp_dir())?;
            let path = folder.path().join("file");
            let written = |text: &str| -> io::Result<Draft> {
                let mut draft = draft(folder.path(), 0o600)?;
                draft.file().write_all(text.as_bytes())?;
                Ok(draft)
            };
            drop(written("dropped")?);
            assert!(entries(folder.path()).is_empty());
            written("one")?.create(&path)?;
            let taken = written("two")?.create(&path);
            assert_eq!(taken.map_err(|error| error.kind()), Err(ErrorKind::AlreadyExists));
            assert_eq!(std::fs::read_to_string(&path)?, "one");
            written("three")?.replace(&path)?;
            assert_eq!(std::fs::read_to_string(&path)?, "three");
            written("four")?.replace(&folder.path().join("other"))?;
            std::fs::create_dir(folder.path().join("taken"))?;
            assert!(written("five")?.replace(&folder.path().join("taken")).is_err());
            let mut found = entries(folder.path());
            found.sort();
            assert_eq!(found, ["file", "other", "taken"]);
            let kept = folder.path().to_owned();
            drop(folder);
            assert!(!kept.exists());
        }
        Ok(())
    }
}

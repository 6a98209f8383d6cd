// SPDX-License-Identifier: GPL-2.0
//! Writes and removes files below a folder that somebody else can change.
//!
//! They may put a link in place of a folder between two steps of kpsc's. So each folder is entered
//! once, through no link, and the rest is done in the folder that is open then, whatever its path
//! leads to.

use super::{folder_at, in_words, resolve, unread};
use crate::disk::{cannot, replace};
use kps_diag::Diagnostic;
use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::fs::{mkdirat, statat, unlinkat, AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What is at a path below a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path, relative to the folder.
    pub path: PathBuf,
    /// What it is. A link is not followed.
    pub kind: FileType,
}

/// All entries of a part of a folder, folders before what is in them; none if there is no such
/// folder.
pub fn entries_below(folder: &Path, part: impl AsRef<Path>) -> Result<Vec<Entry>, Diagnostic> {
    let part = part.as_ref();
    let mut found = Vec::new();
    let mut pending = vec![part.to_owned()];
    while let Some(path) = pending.pop() {
        let entries = match list(folder, &path) {
            Err(Errno::NOENT | Errno::NOTDIR) => continue,
            listed => listed.map_err(|error| unread(error).about(&folder.join(&path)))?,
        };
        pending.extend(entries.iter().filter(|entry| entry.kind.is_dir()).map(|e| e.path.clone()));
        found.extend(entries);
    }
    Ok(found)
}

fn list(folder: &Path, path: &Path) -> Result<Vec<Entry>, Errno> {
    let opened = resolve(&folder_at(folder)?, path, OFlags::RDONLY | OFlags::DIRECTORY)?;
    let mut entries = Vec::new();
    for entry in Dir::read_from(&opened)? {
        let entry = entry?;
        let name = entry.file_name();
        if [c".", c".."].contains(&name) {
            continue;
        }
        let kind = match statat(&opened, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => FileType::from_raw_mode(stat.st_mode),
            // Somebody has removed it.
            Err(Errno::NOENT) => continue,
            Err(error) => return Err(error),
        };
        entries.push(Entry { path: path.join(OsStr::from_bytes(name.to_bytes())), kind });
    }
    Ok(entries)
}

/// Writes a file completely or not at all, and makes the folders that it is in.
pub fn write_below(folder: &Path, path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), Diagnostic> {
    let path = path.as_ref();
    let written = enter(folder, path, true).map_err(io::Error::from).and_then(|(at, name)| {
        // The kernel's link to the open folder. It leads there and nowhere else.
        replace(&Path::new("/proc/self/fd").join(at.as_raw_fd().to_string()).join(name), bytes)
    });
    written.map_err(|error| cannot("write", &folder.join(path), &in_words(error)))
}

/// Removes a file or a link, if it is there.
pub fn remove_below(folder: &Path, path: impl AsRef<Path>) -> Result<(), Diagnostic> {
    let path = path.as_ref();
    let removed =
        enter(folder, path, false).and_then(|(at, name)| unlinkat(at, name, AtFlags::empty()));
    match removed {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(cannot("remove", &folder.join(path), &in_words(error.into()))),
    }
}

/// The folder that a file is in, and the file's name there.
fn enter<'p>(folder: &Path, path: &'p Path, make: bool) -> Result<(OwnedFd, &'p OsStr), Errno> {
    let name = path.file_name().ok_or(Errno::INVAL)?;
    let mut at = folder_at(folder)?;
    for above in path.parent().into_iter().flat_map(Path::iter) {
        let opened = |at: &OwnedFd| resolve(at, Path::new(above), OFlags::PATH | OFlags::DIRECTORY);
        at = match opened(&at) {
            Err(Errno::NOENT) if make => {
                match mkdirat(&at, above, Mode::from_raw_mode(0o777)) {
                    // Another kpsc may have made it.
                    Ok(()) | Err(Errno::EXIST) => opened(&at)?,
                    Err(error) => return Err(error),
                }
            }
            opened => opened?,
        };
    }
    Ok((at, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A folder with a file in a folder, and links that lead out of it.
    fn folder() -> io::Result<tempfile::TempDir> {
        let top = tempfile::tempdir()?;
        let at = |path: &str| top.path().join(path);
        std::fs::create_dir_all(at("own/sub"))?;
        std::fs::create_dir(at("outside"))?;
        for file in ["outside/file", "own/sub/file"] {
            std::fs::write(at(file), "old")?;
        }
        symlink("../outside", at("own/folder"))?;
        symlink("../outside/file", at("own/link"))?;
        symlink("../../outside/new", at("own/sub/dangling"))?;
        Ok(top)
    }

    #[test]
    fn nothing_is_written_or_removed_through_a_link() -> io::Result<()> {
        let top = folder()?;
        let own = top.path().join("own");
        let text = |path: &str| std::fs::read_to_string(top.path().join(path)).ok();
        for path in ["folder/file", "folder/new", "folder/sub/new", "link/new"] {
            let error = write_below(&own, path, b"new").err().map(|error| error.message);
            assert!(error.as_ref().is_some_and(|e| e.contains(path)), "{path}: {error:?}");
            assert!(!error.is_some_and(|error| error.contains("/proc")), "{path}");
        }
        assert!(remove_below(&own, "folder/file").is_err());
        for path in ["../outside/file", "/etc/motd", "sub/../../outside/file", "", ".."] {
            assert!(write_below(&own, path, b"new").is_err(), "{path}");
            assert!(remove_below(&own, path).is_err(), "{path}");
        }
        // A link itself is replaced or removed, and not what it leads to.
        for path in ["link", "sub/dangling"] {
            assert!(write_below(&own, path, b"new").is_ok(), "{path}");
            assert_eq!(text(&format!("own/{path}")).as_deref(), Some("new"));
        }
        assert!(remove_below(&own, "folder").is_ok() && !own.join("folder").is_symlink());
        assert_eq!(text("outside/file").as_deref(), Some("old"));
        assert_eq!(std::fs::read_dir(top.path().join("outside"))?.count(), 1);
        Ok(())
    }

    #[test]
    fn files_are_written_with_their_folders_and_removed() -> io::Result<()> {
        let top = folder()?;
        let own = top.path().join("own");
        for (path, text) in [("sub/file", "new"), ("a/b/c", "new"), ("a/b/c", "newer")] {
            assert!(write_below(&own, path, text.as_bytes()).is_ok(), "{path}");
            assert_eq!(std::fs::read_to_string(own.join(path)).ok().as_deref(), Some(text));
        }
        let found = |part: &str| {
            let entries = entries_below(&own, part).unwrap_or_default();
            let mut found: Vec<_> =
                entries.iter().map(|e| format!("{} {:?}", e.path.display(), e.kind)).collect();
            found.sort();
            found
        };
        assert_eq!(found("a"), ["a/b Directory", "a/b/c RegularFile"]);
        assert_eq!(found("sub"), ["sub/dangling Symlink", "sub/file RegularFile"]);
        assert!(found("none").is_empty() && found("sub/file").is_empty());
        assert!(entries_below(&own, "folder").is_err());
        assert!(remove_below(&own, "a/b/c").is_ok() && found("a") == ["a/b Directory"]);
        assert!(remove_below(&own, "a/b/c").is_ok() && remove_below(&own, "none/c").is_ok());
        assert!(remove_below(&own, "a/b").is_err());
        Ok(())
    }
}

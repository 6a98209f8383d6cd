// SPDX-License-Identifier: GPL-2.0
//! A folder that stays open, for readers and writers to whom a power cut must do no harm.
//!
//! Whatever the folder's path leads to by now, its names are looked up in the folder that was
//! opened, and no link is followed. The contents of a new file are on the disk when its function
//! returns. Names are not: the caller syncs a folder before anything refers to what is in it.

use super::{folder_at, in_words, open_in, resolve, unread, Unread};
use crate::disk::cannot;
use crate::input::{read_opened, Limit};
use kps_diag::Diagnostic;
use rustix::fd::OwnedFd;
use rustix::fs::{
    chmodat, fchmod, fsync, mkdirat, openat, readlinkat, renameat, symlinkat, unlinkat, AtFlags,
    Mode, OFlags,
};
use rustix::io::Errno;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

/// An open folder.
#[derive(Debug)]
pub struct OpenFolder {
    at: OwnedFd,
    /// Its path when it was opened, for messages.
    path: PathBuf,
}

impl OpenFolder {
    /// Opens a folder, if it exists. Links in its path are followed.
    pub fn open(path: &Path) -> Result<Option<OpenFolder>, Diagnostic> {
        let opened = folder_at(path).and_then(|at| resolve_self(&at));
        match opened {
            Ok(at) => Ok(Some(OpenFolder { at, path: path.to_owned() })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(cannot("open", path, &error.into())),
        }
    }

    /// Its path when it was opened, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a folder in it.
    pub fn folder(&self, name: &str) -> Result<OpenFolder, Unread> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let at = resolve(&self.at, Path::new(name), flags).map_err(unread)?;
        Ok(OpenFolder { at, path: self.path.join(name) })
    }

    /// Opens a folder in it, which is made if it is missing. Its name is then on the disk.
    pub fn make(&self, name: &str) -> Result<OpenFolder, Diagnostic> {
        match self.make_new(name) {
            Ok(()) => {
                if let Err(error) = self.sync() {
                    let _ = self.remove_empty(name);
                    return Err(error);
                }
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(self.cannot("make", name, error)),
        }
        self.folder(name).map_err(|unread| unread.about(&self.path.join(name)))
    }

    /// Makes and opens a folder, of which there is none of this name.
    pub fn make_empty(&self, name: &str) -> Result<OpenFolder, Diagnostic> {
        self.make_new(name).map_err(|error| self.cannot("make", name, error))?;
        self.folder(name).map_err(|unread| unread.about(&self.path.join(name)))
    }

    fn make_new(&self, name: &str) -> Result<(), Errno> {
        mkdirat(&self.at, single(name)?, Mode::from_raw_mode(0o755))
    }

    /// Opens a regular file in it.
    pub fn file(&self, name: &str) -> Result<File, Unread> {
        open_in(&self.at, Path::new(name))
    }

    /// Reads a regular file in it.
    pub fn read(&self, name: &str, limit: Limit) -> Result<Vec<u8>, Unread> {
        let bytes = read_opened(&self.file(name)?, limit.bytes).map_err(Unread::Failed)?;
        bytes.ok_or(Unread::TooLarge(limit))
    }

    /// Opens an empty file for a lock, which is made if it is missing. Whoever can read it could
    /// take the lock, so only the owner can.
    pub fn lock_file(&self, name: &str) -> Result<File, Diagnostic> {
        let flags = OFlags::RDWR | OFlags::CREATE;
        let opened = self.create(name, flags).and_then(|file| {
            fchmod(&file, Mode::from_raw_mode(0o600))?;
            Ok(file)
        });
        opened.map_err(|error| self.cannot("open", name, error))
    }

    /// Where a link in it leads; `None` if nothing of this name exists.
    pub fn link(&self, name: &str) -> Result<Option<CString>, Diagnostic> {
        match single(name).and_then(|name| readlinkat(&self.at, name, Vec::new())) {
            Ok(to) => Ok(Some(to)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.cannot("read", name, error)),
        }
    }

    /// The names in it, in order. A name that is not UTF-8 is left out.
    pub fn names(&self) -> Result<Vec<String>, Diagnostic> {
        let read = || -> Result<Vec<String>, Errno> {
            let mut names = Vec::new();
            for entry in rustix::fs::Dir::read_from(&self.at)? {
                names.extend(entry?.file_name().to_str().map(str::to_owned));
            }
            names.retain(|name| !matches!(name.as_str(), "." | ".."));
            names.sort();
            Ok(names)
        };
        read().map_err(|error| cannot("read", &self.path, &error.into()))
    }

    /// Writes a file of which there is none yet, and syncs its contents.
    pub fn write_new(&self, name: &str, bytes: &[u8]) -> Result<(), Diagnostic> {
        let write = || -> io::Result<()> {
            let mut file = self.create(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|error| cannot("write", &self.path.join(name), &in_words(error)))
    }

    /// Writes a file in place of any other one, completely or not at all: when this returns, it is
    /// on the disk. Another process must not do the same.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), Diagnostic> {
        let draft = format!("{name}.tmp");
        self.remove(&draft)?;
        let replaced = self
            .write_new(&draft, bytes)
            .and_then(|()| self.rename(&draft, name))
            .and_then(|()| self.sync());
        if replaced.is_err() {
            // The first error is more useful than one from cleaning up.
            let _ = self.remove(&draft);
        }
        replaced
    }

    /// Lets everybody run a file.
    pub fn make_executable(&self, name: &str) -> Result<(), Diagnostic> {
        let mode = Mode::from_raw_mode(0o755);
        let made = single(name).and_then(|name| chmodat(&self.at, name, mode, AtFlags::empty()));
        made.map_err(|error| self.cannot("change", name, error))
    }

    /// Makes a link of which there is none yet.
    pub fn make_link(&self, name: &str, to: &str) -> Result<(), Diagnostic> {
        let made = single(name).and_then(|name| symlinkat(to, &self.at, name));
        made.map_err(|error| self.cannot("make", name, error))
    }

    /// Renames what is in it, in place of a file or link of the new name.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), Diagnostic> {
        let renamed = single(from).and_then(|from| renameat(&self.at, from, &self.at, single(to)?));
        renamed.map_err(|error| self.cannot("rename", from, error))
    }

    /// Removes what is in it under a name, a folder with its contents. Returns whether there was
    /// anything.
    pub fn remove(&self, name: &str) -> Result<bool, Diagnostic> {
        let removed = single(name).and_then(|name| unlinkat(&self.at, name, AtFlags::empty()));
        match removed {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(Errno::ISDIR) => {
                let folder =
                    self.folder(name).map_err(|unread| unread.about(&self.path.join(name)))?;
                for inner in folder.names()? {
                    folder.remove(&inner)?;
                }
                self.remove_empty(name).map(|()| true)
            }
            Err(error) => Err(self.cannot("remove", name, error)),
        }
    }

    /// Removes an empty folder in it.
    pub fn remove_empty(&self, name: &str) -> Result<(), Diagnostic> {
        let removed = single(name).and_then(|name| unlinkat(&self.at, name, AtFlags::REMOVEDIR));
        removed.map_err(|error| self.cannot("remove", name, error))
    }

    /// Has its names on the disk.
    pub fn sync(&self) -> Result<(), Diagnostic> {
        fsync(&self.at).map_err(|error| cannot("write", &self.path, &error.into()))
    }

    fn create(&self, name: &str, flags: OFlags) -> Result<File, Errno> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        openat(&self.at, single(name)?, flags, Mode::from_raw_mode(0o644)).map(File::from)
    }

    fn cannot(&self, verb: &str, name: &str, error: Errno) -> Diagnostic {
        cannot(verb, &self.path.join(name), &in_words(error.into()))
    }
}

/// Opens for reading and syncing what was opened for its path alone.
fn resolve_self(at: &OwnedFd) -> Result<OwnedFd, Errno> {
    openat(at, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// A name that leads to nothing outside of the folder.
fn single(name: &str) -> Result<&str, Errno> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(part)), None) if part == name => Ok(name),
        _ => Err(Errno::INVAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const LIMIT: Limit = Limit { what: "a file", bytes: 4 };

    /// A folder with links that lead out of it, and the open one.
    fn folder() -> Result<(tempfile::TempDir, OpenFolder), Diagnostic> {
        let prepare = || -> io::Result<tempfile::TempDir> {
            let top = tempfile::tempdir()?;
            std::fs::create_dir_all(top.path().join("own/sub/inner"))?;
            std::fs::create_dir(top.path().join("outside"))?;
            std::fs::write(top.path().join("outside/file"), "old")?;
            symlink("../outside", top.path().join("own/folder"))?;
            symlink("../outside/file", top.path().join("own/link"))?;
            Ok(top)
        };
        let top = prepare().map_err(|error| cannot("make", Path::new("own"), &error))?;
        let own = OpenFolder::open(&top.path().join("own"))?;
        own.map(|own| (top, own)).ok_or_else(|| Diagnostic::new(kps_diag::FILE_ERROR, "none"))
    }

    #[test]
    fn nothing_is_reached_through_a_link() -> Result<(), Diagnostic> {
        let (top, own) = folder()?;
        assert!(matches!(own.folder("folder"), Err(Unread::Missing | Unread::Link)));
        assert!(matches!(own.file("link"), Err(Unread::Link)));
        assert!(own.make("folder").is_err() && own.lock_file("link").is_err());
        assert!(own.write_new("link", b"new").is_err());
        for name in ["../outside/file", "sub/new", "/etc/motd", ".", "..", "", "sub/", "./new"] {
            assert!(own.write_new(name, b"new").is_err(), "{name}");
            assert!(own.remove(name).is_err() && own.make_empty(name).is_err(), "{name}");
            assert!(own.rename("sub", name).is_err() && own.make_link(name, "sub").is_err());
        }
        // A link itself is replaced or removed, and not what it leads to.
        own.replace("link", b"new")?;
        assert!(own.remove("folder")?);
        assert_eq!(own.read("link", LIMIT).ok().as_deref(), Some(b"new".as_slice()));
        let outside = std::fs::read_to_string(top.path().join("outside/file"));
        assert_eq!(outside.ok().as_deref(), Some("old"));
        assert_eq!(own.names()?, ["link", "sub"]);
        Ok(())
    }

    #[test]
    fn names_are_looked_up_in_the_folder_that_was_opened() -> Result<(), Diagnostic> {
        let (top, own) = folder()?;
        let path = |name: &str| top.path().join(name);
        let moved = std::fs::rename(path("own"), path("moved"))
            .and_then(|()| symlink("outside", path("own")));
        assert!(moved.is_ok());
        own.write_new("file", b"new")?;
        own.make("sub")?.make_empty("second")?.write_new("file", b"text.")?;
        own.make_link("to", "sub/second")?;
        assert_eq!(own.link("to")?.as_deref(), Some(c"sub/second"));
        assert_eq!(own.link("none")?, None);
        let second = own.folder("sub").and_then(|sub| sub.folder("second"));
        let read = second.and_then(|second| second.read("file", LIMIT));
        assert!(matches!(read, Err(Unread::TooLarge(_))));
        assert!(path("moved/file").exists() && !path("outside/to").exists());
        assert!(own.remove("sub")? && !own.remove("none")?);
        assert_eq!(own.names()?, ["file", "folder", "link", "to"]);
        Ok(())
    }

    #[test]
    fn a_file_of_the_name_stays_as_it_is() -> Result<(), Diagnostic> {
        let (_top, own) = folder()?;
        own.write_new("file", b"one")?;
        assert!(own.write_new("file", b"two").is_err() && own.make_empty("sub").is_err());
        assert_eq!(own.read("file", LIMIT).ok().as_deref(), Some(b"one".as_slice()));
        assert!(own.replace("sub", b"two").is_err());
        assert_eq!(own.names()?, ["file", "folder", "link", "sub"], "no draft is left");
        Ok(())
    }
}

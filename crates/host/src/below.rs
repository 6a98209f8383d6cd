// SPDX-License-Identifier: GPL-2.0
//! Reads and writes files below a folder that somebody else has filled: an author's, or one in
//! which an author's makefile has run.
//!
//! A link there may lead anywhere, also to a file that only the user of kpsc may read, and its
//! target would end up in a message, in a module or in the cache. So no link is followed, and
//! nothing but a regular file is opened: to open a device can have an effect, and a FIFO has no
//! end. Hard links are not told apart: who made one could read the file.

mod open_folder;
mod write;

pub use open_folder::OpenFolder;
pub use write::{entries_below, remove_below, write_below, Entry};

use crate::disk::cannot;
use crate::input::{read_opened, too_large, Limit};
use kps_diag::{Diagnostic, PATCH_TOO_LARGE};
use rustix::fd::OwnedFd;
use rustix::fs::{fstat, openat, openat2, FileType, Mode, OFlags, ResolveFlags, CWD};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Component, Path};

/// Why a file below a folder cannot be read.
#[derive(Debug)]
pub enum Unread {
    /// There is no such file.
    Missing,
    /// It is a link, or a folder on the way to it is one.
    Link,
    /// It is larger than files of its kind may be.
    TooLarge(Limit),
    /// With the files that were read before, there are more or larger ones than allowed.
    Exhausted(Total),
    /// It is not a regular file, or the system refuses.
    Failed(io::Error),
}

impl Unread {
    /// What is said of a link.
    const A_LINK: &str = "it is a link, or below one";

    /// The error about a file.
    pub fn about(self, path: &Path) -> Diagnostic {
        let invalid = |text: &str| io::Error::new(ErrorKind::InvalidInput, text);
        match self {
            Unread::Missing => cannot("read", path, &ErrorKind::NotFound.into()),
            Unread::Link => cannot("read", path, &invalid(Unread::A_LINK)),
            Unread::TooLarge(limit) => too_large(path, limit),
            Unread::Exhausted(Total { what, files, bytes }) => {
                Diagnostic::new(PATCH_TOO_LARGE, format!("{what} are too many or too large"))
                    .note(format!("kpsc reads at most {files} of them, and {} MiB", bytes >> 20))
                    .note(format!("{} is one too many", path.display()))
                    .help("remove files that do not belong to the patch, or split the patch")
            }
            Unread::Failed(error) => cannot("read", path, &error),
        }
    }
}

/// The most that files which belong together may be and have; `docs/limits.md` lists them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// The files, for messages.
    pub what: &'static str,
    /// How many files are read.
    pub files: usize,
    /// How many bytes they have together.
    pub bytes: u64,
}

/// The source text of a spec or a crate. The largest patches have some 20 files.
pub const SOURCES: Total = Total { what: "the files of the patch", files: 256, bytes: 16 << 20 };
/// The programs in C that the tests of a patch run.
pub const TRIGGERS: Total = Total { what: "the triggers of the tests", files: 64, bytes: 4 << 20 };
/// The modules that came with a patch.
pub const MODULES: Total =
    Total { what: "the modules beside the spec", files: 16, bytes: 256 << 20 };

/// Reads the files of a folder that belong together.
#[derive(Debug)]
pub struct Reader<'a> {
    folder: &'a Path,
    total: Total,
    files: usize,
    bytes: u64,
}

impl<'a> Reader<'a> {
    /// A reader that has not read anything.
    pub fn new(folder: &'a Path, total: Total) -> Self {
        Reader { folder, total, files: total.files, bytes: total.bytes }
    }

    /// Reads a file, by its path relative to the folder.
    pub fn read(&mut self, path: &Path, limit: Limit) -> Result<Vec<u8>, Unread> {
        let file = open(self.folder, path)?;
        let exhausted = Unread::Exhausted(self.total);
        self.files = match self.files.checked_sub(1) {
            Some(files) => files,
            None => return Err(exhausted),
        };
        let bytes = read_opened(&file, limit.bytes.min(self.bytes)).map_err(Unread::Failed)?;
        let Some(bytes) = bytes else {
            return Err(if limit.bytes > self.bytes { exhausted } else { Unread::TooLarge(limit) });
        };
        self.bytes -= bytes.len() as u64;
        Ok(bytes)
    }
}

/// Reads one file below a folder, by its path relative to the folder.
pub fn read_below(
    folder: &Path,
    path: impl AsRef<Path>,
    limit: Limit,
) -> Result<Vec<u8>, Diagnostic> {
    let path = path.as_ref();
    try_below(folder, path, limit).map_err(|unread| unread.about(&folder.join(path)))
}

/// The same, for callers to whom the reason matters.
pub fn try_below(folder: &Path, path: &Path, limit: Limit) -> Result<Vec<u8>, Unread> {
    let bytes = read_opened(&open(folder, path)?, limit.bytes).map_err(Unread::Failed)?;
    bytes.ok_or(Unread::TooLarge(limit))
}

/// Whether anything is at a path below a folder, be it a link to nothing.
pub fn is_below(folder: &Path, path: impl AsRef<Path>) -> bool {
    !matches!(open(folder, path.as_ref()), Err(Unread::Missing))
}

/// Opens a regular file.
fn open(folder: &Path, path: &Path) -> Result<File, Unread> {
    open_in(&folder_at(folder).map_err(unread)?, path)
}

fn open_in(folder: &OwnedFd, path: &Path) -> Result<File, Unread> {
    // A path does not open what is there, so it tells the kind of a device without an effect.
    let at = resolve(folder, path, OFlags::PATH).map_err(unread)?;
    let is_file = |file: &OwnedFd| match fstat(file) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_file() => Ok(()),
        Ok(_) => {
            Err(Unread::Failed(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file")))
        }
        Err(error) => Err(unread(error)),
    };
    is_file(&at)?;
    // Another file may be there by now: it is looked at again, and a FIFO does not block.
    let opened = resolve(folder, path, OFlags::RDONLY | OFlags::NONBLOCK).map_err(unread)?;
    is_file(&opened)?;
    Ok(opened.into())
}

fn unread(error: Errno) -> Unread {
    match error {
        Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => Unread::Missing,
        Errno::LOOP => Unread::Link,
        error => Unread::Failed(error.into()),
    }
}

/// The kernel says of a link that there are too many.
fn in_words(error: io::Error) -> io::Error {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::LOOP) => io::Error::new(ErrorKind::InvalidInput, Unread::A_LINK),
        _ => error,
    }
}

/// Opens the folder itself. Its path is the user's word, and links in it are followed.
fn folder_at(path: &Path) -> Result<OwnedFd, Errno> {
    openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Opens a path without following a link anywhere in it; `ELOOP` if there is one.
fn resolve(folder: &OwnedFd, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(Errno::INVAL);
    }
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match openat2(folder, path, flags | OFlags::CLOEXEC, Mode::empty(), how) {
        // Old container runtimes do not let openat2() through.
        Err(Errno::NOSYS | Errno::PERM) => resolve_stepwise(folder, path, flags),
        opened => opened,
    }
}

/// The same without openat2(): folder by folder.
fn resolve_stepwise(folder: &OwnedFd, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let no_link = OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let step = |folder: &OwnedFd, name: &Path| {
        let at = openat(folder, name, OFlags::PATH | no_link, Mode::empty())?;
        match FileType::from_raw_mode(fstat(&at)?.st_mode).is_symlink() {
            true => Err(Errno::LOOP),
            false => Ok(at),
        }
    };
    let Some(name) = path.file_name() else { return Err(Errno::INVAL) };
    let mut at = folder.try_clone().map_err(|_| Errno::MFILE)?;
    for above in path.parent().into_iter().flat_map(Path::iter) {
        at = step(&at, Path::new(above))?;
    }
    match flags.contains(OFlags::PATH) {
        true => step(&at, Path::new(name)),
        false => openat(&at, name, flags | no_link, Mode::empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    const LIMIT: Limit = Limit { what: "a file", bytes: 4 };

    /// A folder with one of everything, and a file outside of it.
    fn folder() -> io::Result<tempfile::TempDir> {
        let top = tempfile::tempdir()?;
        let at = |path: &str| top.path().join(path);
        std::fs::create_dir_all(at("own/sub"))?;
        for file in ["outside", "own/file", "own/sub/file"] {
            std::fs::write(at(file), "text")?;
        }
        std::fs::write(at("own/large"), "text.")?;
        for (to, link) in [
            ("../outside", "out"),
            ("file", "inside"),
            ("sub", "folder"),
            ("/", "root"),
            ("none", "dangling"),
            ("circle", "circle"),
            ("/proc/self/cwd", "magic"),
            ("/dev/zero", "device"),
        ] {
            symlink(to, at("own").join(link))?;
        }
        std::fs::hard_link(at("outside"), at("own/hard"))?;
        UnixListener::bind(at("own/socket"))?;
        let made = Command::new("mkfifo").arg(at("own/fifo")).status()?;
        assert!(made.success(), "install the package coreutils");
        Ok(top)
    }

    #[test]
    fn only_regular_files_are_read_and_no_link_is_followed() -> io::Result<()> {
        let top = folder()?;
        let own = top.path().join("own");
        let read = |path: &str| match try_below(&own, Path::new(path), LIMIT) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(Unread::Failed(error)) => error.to_string(),
            Err(unread) => format!("{unread:?}"),
        };
        for path in ["file", "sub/file", "hard"] {
            assert_eq!(read(path), "text", "{path}");
        }
        for path in [
            "out",
            "inside",
            "folder",
            "folder/file",
            "root",
            "root/etc/passwd",
            "dangling",
            "circle",
            "magic",
            "magic/file",
            "device",
        ] {
            assert_eq!(read(path), "Link", "{path}");
        }
        for path in ["none", "none/file", "file/file", "sub/none", &"n".repeat(300)] {
            assert_eq!(read(path), "Missing", "{path}");
        }
        for path in ["sub", "socket", "fifo"] {
            assert_eq!(read(path), "it is not a regular file", "{path}");
        }
        assert!(read("large").starts_with("TooLarge"));
        // A path of another form is a mistake of kpsc.
        for path in ["/etc/passwd", "../outside", "sub/../file", "./file"] {
            assert!(read(path).starts_with("Invalid argument"), "{path}: {}", read(path));
        }
        assert!(is_below(&own, "dangling") && is_below(&own, "fifo") && !is_below(&own, "none"));
        // The folder itself is the user's word.
        symlink("own", top.path().join("link"))?;
        assert_eq!(read_below(&top.path().join("link"), "file", LIMIT).ok(), Some(b"text".into()));
        Ok(())
    }

    #[test]
    fn without_openat2_the_same_is_read() -> io::Result<()> {
        let top = folder()?;
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let own = openat(CWD, top.path().join("own"), flags, Mode::empty())?;
        for path in [
            "file",
            "sub/file",
            "hard",
            "out",
            "inside",
            "folder",
            "folder/file",
            "root/etc/passwd",
            "dangling",
            "circle",
            "magic/file",
            "device",
            "none",
            "none/file",
            "file/file",
            "sub",
            "fifo",
        ] {
            for flags in [OFlags::PATH, OFlags::RDONLY | OFlags::NONBLOCK] {
                let identity = |opened: Result<OwnedFd, Errno>| {
                    opened.and_then(fstat).map(|stat| (stat.st_dev, stat.st_ino))
                };
                let path = Path::new(path);
                let stepwise = identity(resolve_stepwise(&own, path, flags));
                assert_eq!(identity(resolve(&own, path, flags)), stepwise, "{}", path.display());
            }
        }
        Ok(())
    }

    #[test]
    fn files_that_belong_together_have_a_sum() -> io::Result<()> {
        let top = folder()?;
        let own = top.path().join("own");
        let total = |files, bytes| Total { what: "the files", files, bytes };
        let read = |reader: &mut Reader<'_>| reader.read(Path::new("file"), LIMIT);
        let mut few = Reader::new(&own, total(2, 100));
        assert!(read(&mut few).is_ok() && read(&mut few).is_ok());
        assert!(matches!(read(&mut few), Err(Unread::Exhausted(_))));
        let mut small = Reader::new(&own, total(100, 11));
        assert!(read(&mut small).is_ok() && read(&mut small).is_ok());
        assert!(matches!(read(&mut small), Err(Unread::Exhausted(_))));
        // The limit of the one file is the nearer one.
        let mut one = Reader::new(&own, total(1, 100));
        assert!(matches!(one.read(Path::new("large"), LIMIT), Err(Unread::TooLarge(_))));
        Ok(())
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Files: written completely or not at all, and errors that name the file.

use crate::temporary::{folder_of, Draft};
use kps_diag::{Diagnostic, DISK_FULL, FILE_ERROR};
use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The mode of a new file, before the umask.
const MODE: u32 = 0o666;

/// Writes a file completely or not at all, and syncs it to the disk.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    replace(path, bytes).map_err(|error| cannot("write", path, &error))
}

/// The same, for callers that know the file by another path.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    written(path, bytes, MODE, |_| Ok(()))?.replace(path)
}

/// Writes a new file, completely or not at all.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    let write = || written(path, bytes, MODE, |_| Ok(()))?.create(path);
    write().map_err(|error| cannot("write", path, &error))
}

/// Rewrites an existing file, completely or not at all. Its permissions stay, and links to it stay
/// links.
pub fn rewrite(path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    /// Nobody else reads it before it has the permissions of the old one.
    const PRIVATE: u32 = 0o600;
    let write = || {
        let path = path.canonicalize()?;
        let old = path.metadata()?;
        let permit = |file: &File| {
            // Only root can restore another owner; for other users the failure does not matter.
            let _ = std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()));
            file.set_permissions(old.permissions())
        };
        written(&path, bytes, PRIVATE, permit)?.replace(&path)
    };
    write().map_err(|error| cannot("write", path, &error))
}

/// A synced file that will be named `path`.
fn written(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    permit: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<Draft> {
    let mut draft = Draft::new_in(folder_of(path), mode)?;
    let file = draft.file();
    file.write_all(bytes)?;
    permit(file)?;
    // A name may reach the disk before the data: a power failure would then leave an empty file.
    file.sync_all()?;
    Ok(draft)
}

/// An error about a file.
pub fn cannot(verb: &str, path: &Path, error: &std::io::Error) -> Diagnostic {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => disk_full(path),
        kind => {
            let error =
                Diagnostic::new(FILE_ERROR, format!("cannot {verb} {}: {error}", path.display()));
            Diagnostic { help: advice(kind).map(str::to_owned), ..error }
        }
    }
}

/// The remedy for common errors.
fn advice(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::NotFound => "check the path",
        ErrorKind::PermissionDenied => {
            "check the permissions of the file and of the folders above it"
        }
        ErrorKind::NotADirectory => {
            "choose another path: a part of this one is a file, not a folder"
        }
        ErrorKind::InvalidFilename => "choose a shorter path",
        ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists => {
            "choose another path: this one is taken"
        }
        ErrorKind::InvalidData | ErrorKind::InvalidInput => "check that it is the right file",
        _ => return None,
    })
}

/// The error for a full disk.
pub fn disk_full(path: &Path) -> Diagnostic {
    Diagnostic::new(DISK_FULL, format!("there is no space for {}", path.display())).help(
        "free some space and run the command again, or set KPSC_CACHE to a folder on a larger disk",
    )
}

/// Whether a small file can still be written into a folder, as far as the disk's figures tell: they
/// do not show a quota or the space reserved for root.
pub fn has_room(folder: &Path) -> bool {
    let written = tempfile::tempfile_in(folder).and_then(|mut file| file.write_all(&[0; 1 << 16]));
    !written.is_err_and(|error| {
        matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
    })
}

/// Creates a folder and its parents.
pub fn make_folder(path: &Path) -> Result<(), Diagnostic> {
    std::fs::create_dir_all(path).map_err(|error| cannot("make", path, &error))
}

/// Creates a folder below another one, and those in between. The upper one is not created: a signal
/// may have removed it.
pub fn make_below(upper: &Path, path: &Path) -> Result<(), Diagnostic> {
    let mut folder = upper.to_owned();
    for part in path.strip_prefix(upper).unwrap_or(path).components() {
        folder.push(part);
        match std::fs::create_dir(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(cannot("make", &folder, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Removes a file or a folder with its contents, if it exists.
pub fn remove(path: &Path) -> Result<(), Diagnostic> {
    let removed = match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(cannot("remove", path, &error)),
        _ => Ok(()),
    }
}

/// Renames a file or folder on the same disk.
pub fn rename(from: &Path, to: &Path) -> Result<(), Diagnostic> {
    std::fs::rename(from, to).map_err(|error| cannot("rename", from, &error))
}

/// Fills a folder under another name and renames it: it is complete or does not exist.
pub fn fill_folder(
    folder: &Path,
    fill: impl FnOnce(&Path) -> Result<(), Diagnostic>,
) -> Result<(), Diagnostic> {
    let mut name = folder.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    remove(&partial)?;
    make_folder(&partial)?;
    let filled = fill(&partial).and_then(|()| rename(&partial, folder));
    if filled.is_err() {
        // The first error is more useful than one from cleaning up.
        let _ = remove(&partial);
    }
    filled
}

/// The entries of a folder, by name; `None` if there is no such folder.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let read = match std::fs::read_dir(folder) {
        Ok(read) => read,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot("read", folder, &error)),
    };
    let mut paths: Vec<_> = read.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

// SPDX-License-Identifier: GPL-2.0
//! Files: written completely or not at all, and errors that name the file.

use kps_diag::{Diagnostic, DISK_FULL, FILE_ERROR};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};

/// Temporary files are private, the final ones are not.
const MODE: u32 = 0o644;

/// Writes a file under another name, syncs it to the disk and renames it.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    let write = || write_beside(path, bytes, MODE)?.persist(path).map_err(|error| error.error);
    write().map(|_| ()).map_err(|error| cannot("write", path, &error))
}

/// Writes a new file, completely or not at all.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    let write =
        || write_beside(path, bytes, MODE)?.persist_noclobber(path).map_err(|error| error.error);
    write().map(|_| ()).map_err(|error| cannot("write", path, &error))
}

/// Rewrites an existing file, completely or not at all. Its permissions stay, and links to it stay
/// links.
pub fn rewrite(path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    let write = || {
        let path = path.canonicalize()?;
        let metadata = path.metadata()?;
        let file = write_beside(&path, bytes, metadata.mode())?;
        // Only root can restore another owner; for other users the failure does not matter.
        let _ =
            std::os::unix::fs::fchown(file.as_file(), Some(metadata.uid()), Some(metadata.gid()));
        file.persist(path).map_err(|error| error.error)
    };
    write().map(|_| ()).map_err(|error| cannot("write", path, &error))
}

/// A synced file that will be renamed to `path`.
fn write_beside(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<tempfile::NamedTempFile> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(PermissionsExt::from_mode(mode))?;
    // A rename may reach the disk before the data: a power failure would then leave an empty file.
    file.as_file().sync_all()?;
    Ok(file)
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

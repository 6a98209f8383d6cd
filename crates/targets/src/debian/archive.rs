// SPDX-License-Identifier: GPL-2.0
//! Unpacks Debian packages and source archives, without the files that are not needed.

use kps_diag::{Diagnostic, PROGRAM_FAILED};
use kps_host::disk::cannot;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};

/// Unpacks the files of a Debian package for which `wanted` is true; it gets the installed path,
/// without the leading slash.
pub(super) fn unpack_package(
    package: &Path,
    into: &Path,
    wanted: impl Fn(&Path) -> bool,
) -> Result<(), Diagnostic> {
    unpack_each(package, into, wanted, |_| {})
}

/// The same, and hands on each file when it is there.
pub(super) fn unpack_each(
    package: &Path,
    into: &Path,
    wanted: impl Fn(&Path) -> bool,
    done: impl Fn(PathBuf),
) -> Result<(), Diagnostic> {
    let unpack = || -> io::Result<()> {
        std::fs::create_dir_all(into)?;
        let mut archive = ar::Archive::new(BufReader::new(File::open(package)?));
        while let Some(entry) = archive.next_entry() {
            let entry = entry?;
            let name = String::from_utf8_lossy(entry.header().identifier()).into_owned();
            let Some(compression) = name.strip_prefix("data.tar") else { continue };
            return match compression {
                "" => unpack_tar(entry, into, &wanted, &done),
                ".xz" => unpack_tar(liblzma::read::XzDecoder::new(entry), into, &wanted, &done),
                ".zst" => unpack_tar(zstd::stream::Decoder::new(entry)?, into, &wanted, &done),
                ".gz" => unpack_tar(flate2::read::GzDecoder::new(entry), into, &wanted, &done),
                _ => Err(io::Error::other(format!("{name} uses an unsupported compression"))),
            };
        }
        Err(io::Error::other("it has no data.tar"))
    };
    unpack().map_err(|error| damaged(package, &error))
}

/// Unpacks a source archive; `wanted` gets paths below the archive's one top folder, which is
/// dropped.
pub(super) fn unpack_source(
    archive: &Path,
    into: &Path,
    wanted: impl Fn(&Path) -> bool,
) -> Result<(), Diagnostic> {
    let unpack = || -> io::Result<()> {
        let file = BufReader::new(File::open(archive)?);
        let mut tar = tar::Archive::new(liblzma::read::XzDecoder::new(file));
        for entry in tar.entries()? {
            let mut entry = entry?;
            let path = below_top(&entry.path()?);
            if path.as_os_str().is_empty() || !wanted(&path) || !is_below(&path) {
                continue;
            }
            let target = into.join(path);
            if let Some(folder) = target.parent() {
                std::fs::create_dir_all(folder)?;
            }
            entry.unpack(&target)?;
        }
        Ok(())
    };
    unpack().map_err(|error| damaged(archive, &error))
}

fn unpack_tar(
    data: impl Read,
    into: &Path,
    wanted: impl Fn(&Path) -> bool,
    done: impl Fn(PathBuf),
) -> io::Result<()> {
    let mut tar = tar::Archive::new(data);
    // Folders last: a read-only one would keep its files out.
    let mut folders = Vec::new();
    for entry in tar.entries()? {
        let mut entry = entry?;
        let path: PathBuf =
            entry.path()?.components().filter(|c| *c != Component::CurDir).collect();
        if path.as_os_str().is_empty() || !wanted(&path) {
            continue;
        }
        if entry.header().entry_type().is_dir() {
            folders.push(path);
        } else if entry.unpack_in(into)? {
            done(into.join(path));
        }
    }
    for folder in folders.into_iter().filter(|path| is_below(path)) {
        std::fs::create_dir_all(into.join(folder))?;
    }
    Ok(())
}

fn below_top(path: &Path) -> PathBuf {
    path.components().filter(|c| *c != Component::CurDir).skip(1).collect()
}

/// Whether a path stays inside the folder that it is unpacked into.
fn is_below(path: &Path) -> bool {
    path.components().all(|component| matches!(component, Component::Normal(_)))
}

fn damaged(archive: &Path, error: &io::Error) -> Diagnostic {
    match error.kind() {
        io::ErrorKind::NotFound => cannot("read", archive, error),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            cannot("unpack", archive, error)
        }
        _ => {
            Diagnostic::new(PROGRAM_FAILED, format!("cannot unpack {}: {error}", archive.display()))
                .help("run the command again; if it fails again, report this package")
        }
    }
}

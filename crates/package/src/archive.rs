// SPDX-License-Identifier: GPL-2.0
//! Archives of tar and of ar, and their compression.

use crate::tree::{self, Entry, Tree, FOLDER};
use crate::{copyright, Error, Format, Package};
use std::io::{self, Write as _};

/// Level 6 has a dictionary of 8 MiB, which small machines have too.
const XZ_LEVEL: u32 = 6;

/// In the header of gzip: written on Unix.
const UNIX: u8 = 3;

/// The files below a folder NAME-VERSION.
pub(crate) fn tarball(package: &Package, format: Format) -> Result<Vec<u8>, Error> {
    let mut added = Vec::new();
    // Nobody unpacks an archive as a root, so it has no folder of documentation.
    tree::add(package, &mut added, "copyright".to_owned(), copyright::copyright(package));
    let tree = tree::tree(package, &added)?;
    let top = format!("{}-{}", package.name, package.version);
    let write = || {
        let archive = tar(&top, &tree, package.timestamp)?;
        if format == Format::TarGz {
            gzip(&archive)
        } else {
            xz(&archive)
        }
    };
    write().map_err(Error::write(format))
}

/// An archive of tar, in which all paths are below `top`, and `top` is the first.
pub(crate) fn tar(top: &str, tree: &Tree<'_>, time: u64) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    append(&mut archive, &format!("{top}/"), &Entry::Folder, time)?;
    for (path, entry) in tree {
        let path = match entry {
            Entry::Folder => format!("{top}/{path}/"),
            Entry::File(..) | Entry::Link(_) => format!("{top}/{path}"),
        };
        append(&mut archive, &path, entry, time)?;
    }
    archive.into_inner()
}

fn append(
    archive: &mut tar::Builder<Vec<u8>>,
    path: &str,
    entry: &Entry<'_>,
    time: u64,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mtime(time);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    header.set_size(0);
    match entry {
        Entry::Folder => {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(FOLDER);
            archive.append_data(&mut header, path, io::empty())
        }
        Entry::File(file, bytes) => {
            header.set_entry_type(tar::EntryType::Regular);
            header.set_mode(file.mode);
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, path, *bytes)
        }
        Entry::Link(target) => {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            archive.append_link(&mut header, path, target)
        }
    }
}

/// An archive of ar, with these members.
pub(crate) fn ar(members: &[(&str, &[u8])], time: u64) -> io::Result<Vec<u8>> {
    let mut archive = ar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = ar::Header::new(name.as_bytes().to_vec(), bytes.len() as u64);
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mode(0o100_644);
        archive.append(&header, *bytes)?;
    }
    archive.into_inner()
}

pub(crate) fn xz(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), XZ_LEVEL);
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// As `gzip -9n`: without a name and a time.
pub(crate) fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::GzBuilder::new()
        .mtime(0)
        .operating_system(UNIX)
        .write(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

// SPDX-License-Identifier: GPL-2.0
//! All entries of a package: its files, those that a format adds, and the folders of both.

use crate::{paths, Contents, Error, File, Package};
use std::collections::BTreeMap;

/// The permissions of folders.
pub(crate) const FOLDER: u32 = 0o755;

/// One entry of a package.
pub(crate) enum Entry<'a> {
    /// A folder, for everyone to read.
    Folder,
    /// A file.
    File(&'a File, &'a [u8]),
    /// A symbolic link, and its target.
    Link(&'a str),
}

/// The entries, by path. A folder is before what it holds.
pub(crate) type Tree<'a> = BTreeMap<&'a str, Entry<'a>>;

/// A file that a format adds. The package's own file under the path takes its place.
pub(crate) fn add(
    package: &Package,
    added: &mut Vec<File>,
    path: String,
    bytes: impl Into<Vec<u8>>,
) {
    if package.files.iter().all(|file| file.path != path) {
        let contents = Contents::Bytes(bytes.into());
        added.push(File { path, mode: 0o644, contents, is_config: false });
    }
}

pub(crate) fn tree<'a>(package: &'a Package, added: &'a [File]) -> Result<Tree<'a>, Error> {
    let files: Vec<&File> = package.files.iter().chain(added).collect();
    paths::check(&files)?;
    let mut tree = Tree::new();
    for file in files {
        tree.extend(paths::folders(&file.path).map(|folder| (folder, Entry::Folder)));
        let entry = match &file.contents {
            Contents::Bytes(bytes) => Entry::File(file, bytes),
            Contents::Link(target) => Entry::Link(target),
        };
        tree.insert(&file.path, entry);
    }
    Ok(tree)
}

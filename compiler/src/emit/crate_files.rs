// SPDX-License-Identifier: GPL-2.0
//! What a patch crate has besides its source.

use super::{templates, Files};
use std::collections::BTreeMap;

/// A crate that acts as it is, to start from.
pub fn new_crate(name: &str) -> Files {
    let mut files = crate_files(name);
    files.0.extend(templates::crate_sources(name).map(|(path, text)| (path.to_owned(), text)));
    files
}

/// The files by which cargo and make know a crate.
pub fn crate_files(name: &str) -> Files {
    let files = [
        ("Cargo.toml", templates::manifest(name)),
        ("Kbuild", templates::crate_kbuild(name)),
        (".gitignore", templates::IGNORED.to_owned()),
    ];
    Files(BTreeMap::from(files.map(|(path, text)| (path.to_owned(), text))))
}

// SPDX-License-Identifier: GPL-2.0
//! The files of a patch crate besides its source.

use super::{templates, Files};
use std::collections::BTreeMap;

/// A starter crate that works unchanged.
pub fn new_crate(name: &str) -> Files {
    let mut files = crate_files(name);
    files.0.extend(templates::crate_sources(name).map(|(path, text)| (path.to_owned(), text)));
    files
}

/// The files that cargo and make need.
pub fn crate_files(name: &str) -> Files {
    let files = [
        ("Cargo.toml", templates::manifest(name)),
        ("Kbuild", templates::crate_kbuild(name)),
        (".gitignore", templates::IGNORED.to_owned()),
    ];
    Files(BTreeMap::from(files.map(|(path, text)| (path.to_owned(), text))))
}

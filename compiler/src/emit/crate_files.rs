// SPDX-License-Identifier: GPL-2.0
//! The files of a patch crate besides its source.

use super::{templates, Files};
use crate::patch_crate::BINDINGS;
use crate::project::Home;
use std::collections::BTreeMap;

/// A starter crate that works unchanged.
pub fn new_crate(name: &str, home: &Home) -> Files {
    let mut files = crate_files(name, home);
    files.0.extend(templates::crate_sources(name).map(|(path, text)| (path.to_owned(), text)));
    files.0.insert(BINDINGS.to_owned(), templates::CRATE_BINDINGS.to_owned());
    files
}

/// The files that cargo, make and git need.
pub fn crate_files(name: &str, home: &Home) -> Files {
    let files = [
        ("Cargo.toml", templates::manifest(name, home)),
        ("Kbuild", templates::crate_kbuild(name)),
        (".gitignore", templates::ignored(home)),
    ];
    Files(BTreeMap::from(files.map(|(path, text)| (path.to_owned(), text))))
}

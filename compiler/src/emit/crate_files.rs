//! What a patch crate has besides its source.

use super::{templates, Files};
use std::collections::BTreeMap;

/// The files by which cargo and make know a crate.
pub fn crate_files(name: &str) -> Files {
    let files = [
        ("Cargo.toml", templates::manifest(name)),
        ("Kbuild", templates::crate_kbuild(name)),
        (".gitignore", templates::IGNORED.to_owned()),
    ];
    Files(BTreeMap::from(files.map(|(path, text)| (path.to_owned(), text))))
}

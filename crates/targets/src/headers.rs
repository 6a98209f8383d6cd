// SPDX-License-Identifier: GPL-2.0
//! What the headers of a kernel declare `__user`. They come with its build tree.

mod declared;
mod tokens;

use super::manifest::Tree;
use declared::declared;
use kps_facts::UserDeclarations;
use kps_host::input;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The keyword in question. Most headers do not have it.
const USER: &str = "__user";

/// What the headers of a build tree declare. A file that cannot be read declares nothing.
pub(super) fn user_declarations(tree: &Tree) -> UserDeclarations {
    let mut found = UserDeclarations::default();
    let folders = tree.sources.iter().chain([&tree.build]);
    let headers = folders.flat_map(|folder| folders_of_headers(folder)).flat_map(|folder| {
        let files = WalkDir::new(folder).follow_links(true).into_iter().flatten();
        files.map(|file| file.into_path()).filter(|path| path.extension().is_some_and(|e| e == "h"))
    });
    for path in headers {
        let Ok(Some(text)) = input::read_at_most(&path, input::HEADER.bytes) else { continue };
        let text = String::from_utf8_lossy(&text);
        if text.contains(USER) {
            declared(&text, &mut found);
        }
    }
    found
}

/// The folders of a kernel's source whose headers declare what its parts share.
fn folders_of_headers(source: &Path) -> [PathBuf; 2] {
    let of_arch = source.join(kps_arch::native().kbuild.folder).join("include");
    [source.join("include"), of_arch]
}

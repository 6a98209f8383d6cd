// SPDX-License-Identifier: GPL-2.0
//! What a file of a package may be: where it goes, with which permissions.

use crate::{Contents, Error, File};
use std::collections::BTreeSet;

/// Longer than any path that a package has.
const LONGEST: usize = 1000;

const ALLOWED: &str = "a path in the machine without the leading '/', of at most 1000 letters, \
                       digits and '.', '+', '-', '_', '~', '@', ':', ',', '='; no part is '.' or \
                       '..'";

pub(crate) fn check(files: &[&File]) -> Result<(), Error> {
    let mut paths = BTreeSet::new();
    for file in files {
        self::file(file)?;
        if !paths.insert(file.path.as_str()) {
            return Err(Error::field("files.path", &file.path, "each path once"));
        }
    }
    let file_as_folder =
        files.iter().find(|file| folders(&file.path).any(|folder| paths.contains(folder)));
    match file_as_folder {
        Some(file) => Err(Error::field("files.path", &file.path, "no path below that of a file")),
        None => Ok(()),
    }
}

/// The folders above a path, the outermost first.
pub(crate) fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}

fn file(file: &File) -> Result<(), Error> {
    let File { path, mode, contents, is_config } = file;
    let is_path = path.len() <= LONGEST && path.split('/').all(is_normal);
    is_path.then_some(()).ok_or_else(|| Error::field("files.path", path, ALLOWED))?;
    if *is_config && !path.starts_with("etc/") {
        return Err(Error::field("files.is_config", path, "only a path below etc/"));
    }
    match contents {
        Contents::Bytes(_) => permissions(*mode),
        Contents::Link(_) if *is_config => {
            Err(Error::field("files.is_config", path, "no link: dpkg has none as a conffile"))
        }
        Contents::Link(target) => link(path, target),
    }
}

/// Packages of this kind have no program that runs with the rights of its owner.
fn permissions(mode: u32) -> Result<(), Error> {
    const ALLOWED: &str = "permissions that the owner can read and only the owner can write: 0400 \
                           to 0755";
    let is_allowed = mode & !0o755 == 0 && mode & 0o400 != 0;
    is_allowed
        .then_some(())
        .ok_or_else(|| Error::field("files.mode", &format!("{mode:o}"), ALLOWED))
}

/// The target is below the root of the machine, whatever its folders link to.
fn link(path: &str, target: &str) -> Result<(), Error> {
    const ALLOWED: &str = "a path of plain characters that does not leave the root";
    let relative = target.strip_prefix('/');
    let mut depth = if relative.is_some() { 0 } else { folders(path).count() };
    let is_inside = relative.unwrap_or(target).split('/').all(|part| match part {
        ".." => match depth.checked_sub(1) {
            Some(outer) => {
                depth = outer;
                true
            }
            None => false,
        },
        part => {
            depth += 1;
            is_normal(part)
        }
    });
    let is_allowed = is_inside && target.len() <= LONGEST;
    is_allowed.then_some(()).ok_or_else(|| Error::field("files.contents", target, ALLOWED))
}

fn is_normal(part: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".+-_~@:,=".contains(c);
    !part.is_empty()
        && part != "."
        && part != ".."
        && part.len() <= 255
        && part.chars().all(is_plain)
}

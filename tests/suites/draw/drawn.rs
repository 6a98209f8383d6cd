// SPDX-License-Identifier: GPL-2.0
//! The draw: functions of the kernel's source in an order that nobody chooses, by the digest of a
//! fixed word, the file and the function. Whoever takes from its start draws evenly.

use super::functions::{changed_lines, functions, Function};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use walkdir::WalkDir;

/// The word that makes this order one of many.
const SEED: &str = "kpsc draw 1";

/// The most changed lines of a function. Fixes rarely have more.
const LINES: usize = 14;

/// Folders without code of the kernel that runs.
const ELSEWHERE: [&str; 7] =
    ["Documentation", "certs", "lib/vdso", "samples", "scripts", "tools", "usr"];
/// Such folders of an architecture.
const OF_ARCHITECTURE: [&str; 5] = ["boot", "entry/vdso", "purgatory", "realmode", "tools"];

/// A function of the draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drawn {
    /// The file, from the top of the source.
    pub(super) path: String,
    /// The function as the file has it.
    pub(super) function: Function,
}

/// The functions that two sources have both and that differ in at most so many lines, in the order
/// of the draw. They are those of the old source.
pub(super) fn changed(old: &Path, new: &Path) -> Vec<Drawn> {
    let mut found = Vec::new();
    for path in paths(old) {
        let (Some(before), Some(after)) = (read(old, &path), read(new, &path)) else { continue };
        if before == after {
            continue;
        }
        let theirs = functions(&after);
        for function in functions(&before) {
            let Some(other) = theirs.iter().find(|other| other.name == function.name) else {
                continue;
            };
            let count = changed_lines(&function.lines(&before), &other.lines(&after));
            if (1..=LINES).contains(&count) {
                found.push(Drawn { path: path.clone(), function });
            }
        }
    }
    found.sort_by_cached_key(|drawn| digest(&drawn.path, &drawn.function.name));
    found
}

/// The files of a source in the order of the draw, each with its functions in that order.
pub(super) fn files(tree: &Path) -> impl Iterator<Item = (String, Vec<Function>)> + '_ {
    let mut paths = paths(tree);
    paths.sort_by_cached_key(|path| digest(path, ""));
    paths.into_iter().filter_map(move |path| {
        let mut found = functions(&read(tree, &path)?);
        found.sort_by_cached_key(|function| digest(&path, &function.name));
        Some((path, found))
    })
}

/// The text of a file, if there is one in UTF-8.
pub(super) fn read(tree: &Path, path: &str) -> Option<String> {
    std::fs::read_to_string(tree.join(path)).ok()
}

fn digest(path: &str, function: &str) -> Vec<u8> {
    Sha256::digest(format!("{SEED} {path} {function}")).to_vec()
}

/// The files in C of a source that may be code of the kernel, by name.
fn paths(tree: &Path) -> Vec<String> {
    let below =
        |path: &Path| path.strip_prefix(tree).unwrap_or(path).to_string_lossy().into_owned();
    let own = kps_arch::native().kbuild.folder;
    let is_searched = |path: &str| match path.strip_prefix(own) {
        Some(inside) => !OF_ARCHITECTURE.contains(&inside.trim_start_matches('/')),
        None => !ELSEWHERE.contains(&path) && !path.starts_with("arch/"),
    };
    let entries = WalkDir::new(tree).sort_by_file_name().into_iter();
    let entries = entries.filter_entry(|entry| is_searched(&below(entry.path()))).flatten();
    let files = entries.filter(|entry| entry.file_type().is_file());
    files.map(|entry| below(entry.path())).filter(|path| path.ends_with(".c")).collect()
}

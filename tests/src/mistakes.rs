// SPDX-License-Identifier: GPL-2.0
//! The catalogue of mistakes: specs of `tests/ui` that are one mistake each and have their repair
//! beside them.

use crate::{files, repository};
use std::path::Path;

/// What the name of a repair ends in.
const REPAIR: &str = ".fixed.kps";

/// The names of the specs that have a repair, in order.
pub fn mistakes() -> Vec<String> {
    let files = files(&repository().join("tests/ui")).into_iter();
    let names =
        files.filter_map(|path| Some(path.file_name()?.to_str()?.strip_suffix(REPAIR)?.to_owned()));
    names.collect()
}

/// Whether a file is the repair of a spec.
pub fn is_repair(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(REPAIR))
}

/// The lines that a spec has and its repair has not, and those that only the repair has.
pub fn changed_lines<'a>(spec: &'a str, repair: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
    let (mut gone, mut new): (Vec<&str>, Vec<&str>) = (spec.lines().collect(), Vec::new());
    for line in repair.lines() {
        match gone.iter().position(|old| *old == line) {
            Some(at) => drop(gone.remove(at)),
            None => new.push(line),
        }
    }
    (gone, new)
}

/// The names, words and numbers of a text.
pub fn words(text: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_part(c)).filter(|word| !word.is_empty()).collect()
}

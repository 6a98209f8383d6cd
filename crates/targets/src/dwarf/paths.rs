// SPDX-License-Identifier: GPL-2.0
//! The files that debug information names, relative to the kernel's source.

use super::{Slice, Unit};
use kps_facts::DebugInfo;
use std::collections::HashMap;

/// A file of every kernel, whose path shows the prefix of all others.
const LANDMARK: &str = "init/main.c";

/// The files by number.
#[derive(Default)]
pub(super) struct Paths {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
    /// The numbers that were looked up in the current unit.
    known: HashMap<u64, Option<u32>>,
    /// The prefix of the landmark, once it has been found.
    root: Option<String>,
}

impl Paths {
    /// Moves on to another unit, which has its own file numbers.
    pub(super) fn enter(&mut self, unit: Unit<'_, '_>) -> Result<(), gimli::Error> {
        self.known.clear();
        if self.root.is_none() {
            let name =
                unit.name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let path = in_short(&below(unit, name));
            self.root = path.strip_suffix(LANDMARK).map(str::to_owned);
        }
        Ok(())
    }

    /// The number of the file that has this number in the unit.
    pub(super) fn number(
        &mut self,
        file: u64,
        unit: Unit<'_, '_>,
    ) -> Result<Option<u32>, gimli::Error> {
        if let Some(known) = self.known.get(&file) {
            return Ok(*known);
        }
        let number = path(unit, file)?.filter(|path| DebugInfo::is_path(path)).map(|path| {
            let next = self.names.len() as u32;
            *self.numbers.entry(path.clone()).or_insert_with(|| {
                self.names.push(path);
                next
            })
        });
        self.known.insert(file, number);
        Ok(number)
    }

    /// The names by number.
    pub(super) fn finish(self) -> Vec<String> {
        let root = self.root.unwrap_or_default();
        let relative = |name: String| match name.strip_prefix(&root) {
            Some(relative) if !relative.is_empty() => relative.to_owned(),
            _ => name,
        };
        self.names.into_iter().map(relative).collect()
    }
}

/// The path of a file, relative to the compiler's working folder.
fn path(unit: Unit<'_, '_>, file: u64) -> Result<Option<String>, gimli::Error> {
    let Some(program) = &unit.line_program else { return Ok(None) };
    let header = program.header();
    let Some(file) = header.file(file) else { return Ok(None) };
    let text =
        |value| unit.attr_string(value).map(|text: Slice<'_>| text.to_string_lossy().into_owned());
    let name = text(file.path_name())?;
    // The first folder is the compiler's working folder.
    let folder = match (file.directory_index(), file.directory(header)) {
        (1.., Some(folder)) => text(folder)?,
        _ => String::new(),
    };
    let path =
        if folder.is_empty() || name.starts_with('/') { name } else { format!("{folder}/{name}") };
    Ok(Some(in_short(&below(unit, path))))
}

/// A path without the compiler's working folder.
fn below(unit: Unit<'_, '_>, path: String) -> String {
    let Some(folder) = unit.comp_dir.map(|folder| folder.to_string_lossy().into_owned()) else {
        return path;
    };
    match path.strip_prefix(&folder).and_then(|rest| rest.strip_prefix('/')) {
        Some(rest) => rest.to_owned(),
        None => path,
    }
}

/// A path without its `.` and `..`.
fn in_short(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| !last.is_empty() && *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_lead_nowhere_are_left_out() {
        assert_eq!(in_short("./fs/../fs/proc/./cmdline.c"), "fs/proc/cmdline.c");
        assert_eq!(in_short("../init/main.c"), "../init/main.c");
        assert_eq!(in_short("/src/linux/build/../init/main.c"), "/src/linux/init/main.c");
    }
}

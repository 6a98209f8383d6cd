// SPDX-License-Identifier: GPL-2.0
//! Finds files of the kernel's source by what they name. What they compile to is asked of the
//! compiler; this only keeps the number small.

use super::Front;
use crate::input::included;
use kps_diag::Diagnostic;
use kps_host::below::read_below;
use kps_host::disk::{cannot, entries};
use kps_host::input::C_FILE;
use kps_import::follow::{around, has_one};
use std::collections::BTreeSet;
use std::path::Path;

/// Folders of the source with nothing that the kernel runs, or with Rust.
const ELSEWHERE: [&str; 8] =
    ["Documentation", "tools", "scripts", "samples", "LICENSES", "usr", "rust", "arch"];
/// How often headers are searched for the macros and functions around those of the last search.
const ROUNDS: usize = 4;

impl Front {
    /// The files in C that name one of these macros or functions, or one of a header whose
    /// definition does.
    pub fn naming(&self, mut names: BTreeSet<String>) -> Result<BTreeSet<String>, Diagnostic> {
        for _ in 0..ROUNDS {
            let mut found = BTreeSet::new();
            self.each(".h", &mut |_, text| found.extend(around(text, &names)))?;
            if found.is_empty() {
                break;
            }
            names.extend(found);
        }
        self.having(|_, text| has_one(text, &names))
    }

    /// The files in C that include a header by its own path.
    pub fn including(&self, header: &str) -> Result<BTreeSet<String>, Diagnostic> {
        let public = header.split_once("include/").map(|(_, spelled)| format!("<{spelled}>"));
        self.having(|path, text| {
            let mut includes = text.lines().filter(|line| line.starts_with("#include"));
            match &public {
                Some(public) => includes.any(|line| line.contains(public)),
                None => included(path, text).iter().any(|included| included == header),
            }
        })
    }

    fn having(
        &self,
        is_meant: impl Fn(&str, &str) -> bool,
    ) -> Result<BTreeSet<String>, Diagnostic> {
        let mut found = BTreeSet::new();
        self.each(".c", &mut |path, text| {
            if is_meant(path, text) {
                found.insert(path.to_owned());
            }
        })?;
        Ok(found)
    }

    /// Calls this for each file of the source with this ending that may be compiled here.
    fn each(&self, ending: &str, see: &mut dyn FnMut(&str, &str)) -> Result<(), Diagnostic> {
        for path in entries(&self.source)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !ELSEWHERE.contains(&name.as_ref()) {
                self.below(&path, ending, see)?;
            }
        }
        self.below(&self.source.join(kps_arch::native().kbuild.folder), ending, see)
    }

    fn below(
        &self,
        path: &Path,
        ending: &str,
        see: &mut dyn FnMut(&str, &str),
    ) -> Result<(), Diagnostic> {
        let kind = path.symlink_metadata().map_err(|error| cannot("read", path, &error))?;
        if kind.is_dir() {
            for path in entries(path)? {
                self.below(&path, ending, see)?;
            }
            return Ok(());
        }
        let below = path.strip_prefix(&self.source).unwrap_or(path);
        // Some headers of drivers are larger, and have nothing but the addresses of registers.
        let is_meant = |name: &&str| name.ends_with(ending) && kind.len() <= C_FILE.bytes;
        let Some(name) = below.to_str().filter(is_meant).filter(|_| kind.is_file()) else {
            return Ok(());
        };
        let bytes = read_below(&self.source, below, C_FILE)?;
        // A few old files have names of people in another encoding.
        see(name, &String::from_utf8_lossy(&bytes));
        Ok(())
    }
}

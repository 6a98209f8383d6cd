// SPDX-License-Identifier: GPL-2.0
//! `kpsc sync`.

use super::{open_target, progress, report, say, CommandResult, ExitCode, TargetArgs};
use crate::driver;
use crate::emit::{beside, bindings, library, BINDINGS_TITLE, LIBRARY, TARGET_FACTS};
use crate::input::{refuse_link, Input};
use crate::patch_crate::BINDINGS;
use kps_diag::{Diagnostic, NOT_A_CRATE};
use kps_host::below::{entries_below, is_below, read_below, remove_below, write_below};
use kps_host::input;
use kps_targets::{Cache, Target};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Sync {
    /// The folder of the crate.
    #[arg(value_name = "CRATE", default_value = ".")]
    folder: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
}

impl Sync {
    pub(super) fn run(self) -> CommandResult {
        let input = Input::read(&self.folder)?;
        if input.own_files.is_none() {
            let message = format!("{} is a spec, not the folder of a crate", self.folder.display());
            return Err(
                Diagnostic::new(NOT_A_CRATE, message).help("name the folder of a patch crate")
            );
        }
        let cache = Cache::open()?;
        let target = open_target(&cache, self.target.kernel.as_deref())?;
        let code = sync(&self.folder, input, &target, &cache)?;
        say(self.folder.join(LIBRARY).display());
        Ok(code)
    }
}

/// Writes the files that a crate needs besides its own source: the library, the target's facts and,
/// if the patch has no errors, the files about the patch for make and the types for the host. Files
/// that are up to date are not touched, so make does not build them again.
pub(super) fn sync(
    folder: &Path,
    input: Input,
    target: &Target,
    cache: &Cache,
) -> Result<ExitCode, Diagnostic> {
    check_place(folder)?;
    let outcome = driver::check(input, target, cache, progress())?;
    let code = report(&outcome.diagnostics, Some(&outcome.sources));
    let checked = outcome.passed.as_ref().map(|passed| &passed.checked);
    let mut files = checked.map_or_else(library, beside);
    if let Some(checked) = checked {
        check_kbuild(folder, &checked.patch().name)?;
        files.insert(BINDINGS.to_owned(), bindings(checked));
    }
    let mut files: BTreeMap<String, Vec<u8>> =
        files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
    files.insert(TARGET_FACTS.to_owned(), outcome.facts.to_bytes());
    // The makefile is written last: without it make stops with an explanation.
    let rules = files.remove_entry(MAKEFILE);
    if rules.is_none() {
        remove_below(folder, MAKEFILE)?;
    }
    // Files for an earlier version of the patch, or by an earlier kpsc, are out of date.
    let is_ours =
        |path: &str| [".rs", ".md", ".mk", ".symvers", ".c"].iter().any(|end| path.ends_with(end));
    let stale = |path: &str| is_ours(path) && path != MAKEFILE && !files.contains_key(path);
    for entry in entries_below(folder, LIBRARY)?.iter().filter(|entry| entry.kind.is_file()) {
        if stale(&entry.path.to_string_lossy()) {
            remove_below(folder, &entry.path)?;
        }
    }
    let rules = rules.iter().map(|(path, bytes)| (path, bytes));
    for (path, bytes) in files.iter().chain(rules) {
        if read_below(folder, path, input::FACTS).is_ok_and(|there| there == *bytes) {
            continue;
        }
        write_below(folder, path, bytes)?;
    }
    Ok(code)
}

/// The rules for make. They do not exist for a patch with errors.
const MAKEFILE: &str = "kps/crate.mk";

/// Refuses to write over files of the author, or through a link out of the crate.
fn check_place(folder: &Path) -> Result<(), Diagnostic> {
    let of_kpsc = |path: &str, start: &str| {
        let text = read_below(folder, path, input::RUST_FILE).unwrap_or_default();
        !is_below(folder, path) || String::from_utf8_lossy(&text).contains(start)
    };
    let library = folder.join(LIBRARY);
    refuse_link(&library)?;
    for entry in entries_below(folder, LIBRARY)? {
        refuse_link(&folder.join(entry.path))?;
    }
    let manifest = format!("{LIBRARY}/Cargo.toml");
    let is_ours = is_below(folder, &manifest) && of_kpsc(&manifest, "# kpsc wrote this folder");
    if is_below(folder, LIBRARY) && !is_ours {
        return Err(not_ours(&library));
    }
    match of_kpsc(BINDINGS, BINDINGS_TITLE) {
        true => Ok(()),
        false => Err(not_ours(&folder.join(BINDINGS))),
    }
}

fn not_ours(path: &Path) -> Diagnostic {
    let message = format!("kpsc did not write {}", path.display());
    Diagnostic::new(NOT_A_CRATE, message).help("rename it: kpsc writes files for the crate there")
}

/// The makefile must name the same module as the patch.
fn check_kbuild(folder: &Path, name: &str) -> Result<(), Diagnostic> {
    match named_in_kbuild(folder)? {
        Some(other) if other != name => {
            let message = format!(
                "{} names the module `{other}`, but the patch is `{name}`",
                folder.join("Kbuild").display()
            );
            Err(Diagnostic::new(NOT_A_CRATE, message)
                .help(format!("write `kps-name := {name}` there")))
        }
        _ => Ok(()),
    }
}

/// The module that the makefile of a crate names. Other makefiles do not name one like this.
fn named_in_kbuild(folder: &Path) -> Result<Option<String>, Diagnostic> {
    if !is_below(folder, "Kbuild") {
        return Ok(None);
    }
    let text = read_below(folder, "Kbuild", input::MAKEFILE)?;
    let text = String::from_utf8_lossy(&text);
    let name = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("kps-name")?.trim().strip_prefix(":="));
    Ok(name.map(|name| name.trim().to_owned()))
}

/// Brings a crate up to date before make reads its makefile. A status other than 0 means that the
/// patch has errors.
pub(super) fn before_make(
    folder: &Path,
    target: &Target,
    cache: &Cache,
) -> Result<ExitCode, Diagnostic> {
    // The folder of another module may have any makefile.
    match named_in_kbuild(folder) {
        Ok(Some(_)) => sync(folder, Input::read(folder)?, target, cache),
        Ok(None) | Err(_) => Ok(0),
    }
}

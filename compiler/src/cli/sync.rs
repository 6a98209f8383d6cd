// SPDX-License-Identifier: GPL-2.0
//! `kpsc sync`.

use super::{open_target, progress, read_patch, report, say, CommandResult, ExitCode, TargetArgs};
use crate::driver;
use crate::emit::{beside, bindings, library, BINDINGS_TITLE, LIBRARY, TARGET_FACTS};
use crate::input::{refuse_link, Input};
use crate::patch_crate::{BINDINGS, ROOT};
use crate::project::{self, shared_library, WRITTEN};
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
    /// Where the crate is.
    pub(super) fn place(&self) -> &Path {
        &self.folder
    }

    pub(super) fn run(self) -> CommandResult {
        let crates = self.crates()?;
        let cache = Cache::open()?;
        let target = open_target(&cache, self.target.kernel.as_deref())?;
        let mut code = 0;
        for folder in crates {
            let input = read_patch(&folder)?;
            if input.own_files.is_none() {
                let message = format!("{} is a spec, not the folder of a crate", folder.display());
                return Err(
                    Diagnostic::new(NOT_A_CRATE, message).help("name the folder of a patch crate")
                );
            }
            let library = shared_library(&folder)?;
            let wrong = sync(&folder, library.as_deref(), input, &target, &cache)?;
            say(library.as_ref().unwrap_or(&folder).join(LIBRARY).display());
            code = code.max(wrong);
        }
        Ok(code)
    }

    /// The crate, or at the top of a project all of its crates.
    fn crates(&self) -> Result<Vec<PathBuf>, Diagnostic> {
        let is_top = self.folder.join(project::FILE).is_file();
        if !is_top || self.folder.join(ROOT).exists() {
            return Ok(vec![self.folder.clone()]);
        }
        let mut patches = super::project::needed()?.patches()?;
        patches.retain(|patch| patch.is_dir());
        Ok(patches)
    }
}

/// Writes the files that a crate needs besides its own source: the library, the target's facts and,
/// if the patch has no errors, the files about the patch for make and the types for the host. The
/// library that is `shared` by the crates of a project, in its folder, has none for make.
fn sync(
    folder: &Path,
    shared: Option<&Path>,
    input: Input,
    target: &Target,
    cache: &Cache,
) -> Result<ExitCode, Diagnostic> {
    check_place(shared.unwrap_or(folder))?;
    check_bindings(folder)?;
    let outcome = driver::check(input, target, cache, progress())?;
    let code = report(&outcome.diagnostics, Some(&outcome.sources));
    let checked = outcome.passed.as_ref().map(|passed| &passed.checked);
    let files = match (checked, shared) {
        (Some(checked), None) => {
            check_kbuild(folder, &checked.patch().name)?;
            beside(checked)
        }
        _ => library(),
    };
    if let Some(checked) = checked {
        let bindings = bindings(checked, &outcome.sources, &outcome.facts.config);
        write_if_changed(folder, BINDINGS, bindings.as_bytes())?;
    }
    let mut files = in_bytes(files);
    files.insert(TARGET_FACTS.to_owned(), outcome.facts.to_bytes());
    bring_library(shared.unwrap_or(folder), &files)?;
    Ok(code)
}

/// Files by their paths.
type Contents = BTreeMap<String, Vec<u8>>;

/// The same files as bytes.
pub(super) fn in_bytes(files: BTreeMap<String, String>) -> Contents {
    files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect()
}

/// Writes the library below a folder. Files that are up to date are not touched, so make does not
/// build them again.
pub(super) fn bring_library(folder: &Path, files: &Contents) -> Result<(), Diagnostic> {
    // The makefile is written last: without it make stops with an explanation.
    let rules = files.get_key_value(MAKEFILE);
    if rules.is_none() {
        remove_below(folder, MAKEFILE)?;
    }
    // Files for an earlier version of the patch, or by an earlier kpsc, are out of date.
    let is_ours =
        |path: &str| [".rs", ".md", ".mk", ".symvers", ".c"].iter().any(|end| path.ends_with(end));
    let stale = |path: &str| is_ours(path) && !files.contains_key(path);
    for entry in entries_below(folder, LIBRARY)?.iter().filter(|entry| entry.kind.is_file()) {
        if stale(&entry.path.to_string_lossy()) {
            remove_below(folder, &entry.path)?;
        }
    }
    let others = files.iter().filter(|(path, _)| *path != MAKEFILE);
    others.chain(rules).try_for_each(|(path, bytes)| write_if_changed(folder, path, bytes))
}

fn write_if_changed(folder: &Path, path: &str, bytes: &[u8]) -> Result<(), Diagnostic> {
    match read_below(folder, path, input::FACTS).is_ok_and(|there| there == bytes) {
        true => Ok(()),
        false => write_below(folder, path, bytes),
    }
}

/// The rules for make. They do not exist for a patch with errors.
const MAKEFILE: &str = "kps/crate.mk";

/// Refuses to write a library over files of the author, or through a link out of the folder.
pub(super) fn check_place(folder: &Path) -> Result<(), Diagnostic> {
    let library = folder.join(LIBRARY);
    refuse_link(&library)?;
    for entry in entries_below(folder, LIBRARY)? {
        refuse_link(&folder.join(entry.path))?;
    }
    let manifest = format!("{LIBRARY}/Cargo.toml");
    match is_below(folder, LIBRARY) && !is_by_kpsc(folder, &manifest, WRITTEN) {
        true => Err(not_ours(&library)),
        false => Ok(()),
    }
}

/// Refuses to write the types over a file of the author.
fn check_bindings(folder: &Path) -> Result<(), Diagnostic> {
    match is_below(folder, BINDINGS) && !is_by_kpsc(folder, BINDINGS, BINDINGS_TITLE) {
        true => Err(not_ours(&folder.join(BINDINGS))),
        false => Ok(()),
    }
}

/// Whether a file has the words of one that kpsc has written.
fn is_by_kpsc(folder: &Path, path: &str, words: &str) -> bool {
    let text = read_below(folder, path, input::RUST_FILE).unwrap_or_default();
    String::from_utf8_lossy(&text).contains(words)
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
        Ok(Some(_)) => sync(folder, None, read_patch(folder)?, target, cache),
        Ok(None) | Err(_) => Ok(0),
    }
}

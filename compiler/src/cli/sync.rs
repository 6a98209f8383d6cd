//! `kpsc sync`.

use super::written::Written;
use super::{check_written, open_target, say, CommandResult, ExitCode, TargetArgs};
use crate::diag::{Diagnostic, KPS1211};
use crate::disk::{cannot, write_atomically};
use crate::emit::{beside, bindings, library, LIBRARY, TARGET_FACTS};
use crate::patch_crate::BINDINGS;
use crate::target::{Cache, Target};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

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
        let written = Written::read(&self.folder)?;
        if written.of_crate.is_none() {
            let message = format!("{} is a spec, and not the folder of a crate", self.folder.display());
            return Err(Diagnostic::error(KPS1211, message).help("name the folder of a patch crate"));
        }
        let cache = Cache::open()?;
        let target = open_target(&cache, self.target.kernel.as_deref())?;
        let code = sync(&self.folder, written, &target, &cache)?;
        say(self.folder.join(LIBRARY).display());
        Ok(code)
    }
}

/// Writes what a crate needs besides its own text: the library, the facts of the target and, if nothing is wrong with the patch, what make
/// has to know of it and the types for the host. What is there already as it should be is not touched, so make builds nothing again.
pub(super) fn sync(
    folder: &Path,
    written: Written,
    target: &Target,
    cache: &Cache,
) -> Result<ExitCode, Diagnostic> {
    let (checked, code) = check_written(written, target, cache)?;
    let mut files = match &checked.checked {
        Some(checked) => beside(checked),
        None => library(),
    };
    if let Some(checked) = &checked.checked {
        files.insert(BINDINGS.to_owned(), bindings(checked));
    }
    let mut files: BTreeMap<String, Vec<u8>> =
        files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
    files.insert(TARGET_FACTS.to_owned(), checked.facts.to_bytes());
    // What an earlier kpsc wrote and this one does not have would be compiled no more, and read by people.
    let stale = |path: &str| path.ends_with(".rs") && !files.contains_key(path);
    for entry in WalkDir::new(folder.join(LIBRARY)).into_iter().flatten() {
        let path = entry.path().strip_prefix(folder).unwrap_or(entry.path()).display().to_string();
        if entry.file_type().is_file() && stale(&path) {
            std::fs::remove_file(entry.path()).map_err(|error| cannot("remove", entry.path(), &error))?;
        }
    }
    for (path, bytes) in &files {
        let path = folder.join(path);
        if std::fs::read(&path).is_ok_and(|there| there == *bytes) {
            continue;
        }
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|error| cannot("make", parent, &error))?;
        write_atomically(&path, bytes)?;
    }
    Ok(code)
}

/// Brings a crate up to date before make reads its makefile. What is wrong with the patch make will say by its own failure.
pub(super) fn before_make(folder: &Path, target: &Target, cache: &Cache) -> Result<ExitCode, Diagnostic> {
    let is_crate = std::fs::read_to_string(folder.join("Kbuild"))
        .is_ok_and(|text| text.lines().any(|line| line.starts_with("kps-name :=")));
    match is_crate {
        true => sync(folder, Written::read(folder)?, target, cache),
        false => Ok(0),
    }
}

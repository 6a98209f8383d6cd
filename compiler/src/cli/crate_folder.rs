// SPDX-License-Identifier: GPL-2.0
//! Writes a new patch crate, with what it shares with others.

use super::build::make_output;
use super::progress;
use super::sync::{bring_library, check_place, in_bytes};
use crate::build::write_files;
use crate::emit::{library, Files, LIBRARY};
use crate::project::{Home, Workspace};
use kps_diag::Diagnostic;
use kps_host::disk::{cannot, make_below, remove, rewrite};
use kps_host::temporary::Folder;
use std::io::{Error, ErrorKind};
use std::path::Path;

/// A file that is copied unchanged, with its path relative to the spec's folder.
pub(super) type Copy = (String, Vec<u8>);

/// Writes a crate, its library if it shares none that is there, and makes it a member of the
/// workspace around it.
pub(super) fn write_crate(
    mut files: Files,
    copies: &[Copy],
    output: &Path,
    folder: &Path,
    home: &Home,
) -> Result<(), Diagnostic> {
    let mut made = vec![folder.to_owned()];
    match &home.shared {
        None => files.0.extend(library()),
        Some(project) if project.join(LIBRARY).symlink_metadata().is_ok() => check_place(project)?,
        Some(project) => made.push(project.join(LIBRARY)),
    }
    write(&files, copies, output, folder)?;
    settle(home, made.len() > 1).inspect_err(|_| {
        // The first error is more useful than one of removing what has been made.
        made.iter().for_each(|path| drop(remove(path)));
    })
}

/// Writes what other crates share with a new one.
fn settle(home: &Home, needs_library: bool) -> Result<(), Diagnostic> {
    if let Some(project) = home.shared.as_ref().filter(|_| needs_library) {
        bring_library(project, &in_bytes(library()))?;
    }
    if let Some(Workspace { manifest, changed: Some(text) }) = &home.workspace {
        rewrite(manifest, text.as_bytes())?;
        progress().say(&format!("{} has the crate as a member now.", manifest.display()));
    }
    Ok(())
}

/// Writes a crate, completely or not at all. An existing folder stays, because somebody may have
/// changed it.
fn write(files: &Files, copies: &[Copy], output: &Path, folder: &Path) -> Result<(), Diagnostic> {
    let there = || {
        cannot("write", folder, &Error::from(ErrorKind::AlreadyExists))
            .help("choose another name or folder, or remove this one")
    };
    if folder.symlink_metadata().is_ok() {
        return Err(there());
    }
    make_output(output)?;
    let scratch = Folder::new_in(output).map_err(|error| cannot("write to", output, &error))?;
    let new = scratch.path().join("new");
    write_files(files, &new)?;
    for (name, bytes) in copies {
        let path = new.join(name);
        make_below(&new, path.parent().unwrap_or(&new))?;
        std::fs::write(&path, bytes).map_err(|error| cannot("write", &path, &error))?;
    }
    std::fs::rename(&new, folder).map_err(|_| there())
}

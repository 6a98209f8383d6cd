// SPDX-License-Identifier: GPL-2.0
//! Writes a new patch crate, with what it shares with others.

use super::build::make_output;
use super::progress;
use super::sync::{bring_library, in_bytes};
use crate::build::write_files;
use crate::emit::{library, Files, LIBRARY};
use crate::project::{Home, Workspace};
use kps_diag::Diagnostic;
use kps_host::disk::{cannot, make_below, write_atomically};
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
    match &home.shared {
        None => files.0.extend(library()),
        Some(project) if project.join(LIBRARY).exists() => {}
        Some(project) => bring_library(project, &in_bytes(library()))?,
    }
    write(&files, copies, output, folder)?;
    if let Some(Workspace { manifest, changed: Some(text) }) = &home.workspace {
        write_atomically(manifest, text.as_bytes())?;
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

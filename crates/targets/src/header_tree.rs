// SPDX-License-Identifier: GPL-2.0
//! The headers of a kernel, as distributions package them, in a folder of the cache.
//!
//! Debian has them in three folders: those of a flavour, which are built in; those that all
//! flavours share, which the makefile of the first includes by the path of an installed package;
//! and the programs and makefiles, which links lead to. Others have all in one.

use super::build_dir::source_of;
use kps_diag::{Diagnostic, WRONG_TOOLCHAIN};
use kps_host::disk::{cannot, make_folder, write_atomically};
use kps_host::input;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Where the headers of a kernel are.
pub(super) struct HeaderTree {
    /// The folder to build in.
    pub(super) build: PathBuf,
    /// What it refers to outside of it.
    pub(super) sources: Vec<PathBuf>,
}

/// Where packages install headers.
const INSTALLED: &str = "/usr/src/";

impl HeaderTree {
    /// The headers that are built in a folder.
    pub(super) fn of(build: &Path) -> Result<HeaderTree, Diagnostic> {
        HeaderTree::below(Path::new("/"), build)
    }

    /// The headers that are built in a folder, where packages are installed below `root`.
    pub(super) fn below(root: &Path, build: &Path) -> Result<HeaderTree, Diagnostic> {
        let shared = source_of(build);
        let shared = match shared.strip_prefix(INSTALLED) {
            Ok(_) => root.join(shared.strip_prefix("/").unwrap_or(&shared)),
            Err(_) => shared,
        };
        let link = build.join("scripts");
        let scripts = link.canonicalize().map_err(|error| cannot("open", &link, &error))?;
        let programs = scripts.parent().map(Path::to_owned).unwrap_or(scripts);
        let mut sources = vec![shared, programs];
        sources.retain(|folder| !folder.starts_with(build));
        if let Some(lost) = sources.iter().find(|folder| !folder.exists()) {
            let message = format!("{} includes {}", build.display(), lost.display());
            return Err(Diagnostic::new(WRONG_TOOLCHAIN, message)
                .note("that folder does not exist")
                .help("install all packages of the kernel's headers"));
        }
        Ok(HeaderTree { build: build.to_owned(), sources })
    }

    /// Makes the makefile of the headers include those that they share below `top`: it has the path
    /// of an installed package.
    pub(super) fn lead_below(build: &Path, top: &Path) -> Result<(), Diagnostic> {
        let makefile = build.join("Makefile");
        let text = input::read_text(&makefile, input::MAKEFILE)?;
        let below = format!("{}{INSTALLED}", top.display());
        write_atomically(&makefile, text.replace(INSTALLED, &below).as_bytes())
    }

    /// Copies headers that are installed below `root` to the same paths below `partial`, which will
    /// be `top`. Relative links stay as they are.
    pub(super) fn copy(
        &self,
        root: &Path,
        partial: &Path,
        top: &Path,
    ) -> Result<PathBuf, Diagnostic> {
        let relative = |folder: &Path| folder.strip_prefix(root).map(Path::to_owned);
        let outside = |folder: &Path| {
            let message =
                format!("the headers are in {}, not below {}", folder.display(), root.display());
            Diagnostic::new(WRONG_TOOLCHAIN, message).help("pass the folder that has all of them")
        };
        for folder in self.sources.iter().chain([&self.build]) {
            let to = partial.join(relative(folder).map_err(|_| outside(folder))?);
            copy_folder(folder, &to).map_err(|error| cannot("copy", folder, &error))?;
        }
        let build = relative(&self.build).map_err(|_| outside(&self.build))?;
        HeaderTree::lead_below(&partial.join(&build), top)?;
        Ok(top.join(build))
    }
}

/// Copies the files and links of a folder.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    make_folder(to).map_err(|error| io::Error::other(error.message))?;
    for entry in WalkDir::new(from).min_depth(1) {
        let entry = entry?;
        let Ok(name) = entry.path().strip_prefix(from) else { continue };
        let to = to.join(name);
        match entry.file_type() {
            kind if kind.is_dir() => fs::create_dir(&to)?,
            kind if kind.is_symlink() => symlink(fs::read_link(entry.path())?, &to)?,
            kind if kind.is_file() => drop(fs::copy(entry.path(), &to)?),
            _ => {}
        }
    }
    Ok(())
}

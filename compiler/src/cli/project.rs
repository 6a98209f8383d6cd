// SPDX-License-Identifier: GPL-2.0
//! The project that a command is for.

use crate::project::{Project, Unusable};
use kps_diag::{Diagnostic, NO_SUCH_TARGET, UNUSABLE_PROJECT};
use kps_targets::{Cache, Target};
use std::path::Path;
use std::sync::OnceLock;

/// The project of this process.
static PROJECT: OnceLock<Project> = OnceLock::new();

/// Makes the project of a file or folder that of this process, if it has one.
pub(super) fn enter(place: &Path) -> Result<(), Box<Unusable>> {
    if let Some(project) = Project::of(place)? {
        if let Some(format) = project.settings.message_format {
            // The command line has the last word.
            let _ = super::FORMAT.set(format);
        }
        let _ = PROJECT.set(project);
    }
    Ok(())
}

/// The project, for a command that needs one.
pub(super) fn needed() -> Result<&'static Project, Diagnostic> {
    PROJECT.get().ok_or_else(|| {
        let message = "there is no kpsc.toml here or in a folder above";
        Diagnostic::new(UNUSABLE_PROJECT, message)
            .help("name a spec, or put a `kpsc.toml` at the top of the project; it may be empty")
    })
}

/// The targets that the project names.
pub(super) fn kernels() -> &'static [String] {
    PROJECT.get().map_or(&[], |project| &project.settings.kernels)
}

/// The target that the project calls this.
pub(super) fn target(cache: &Cache, name: &str) -> Result<Target, Diagnostic> {
    cache.find(name).map_err(|error| match PROJECT.get() {
        Some(project) if error.code == NO_SUCH_TARGET => {
            error.note(format!("{} names it", project.file().display()))
        }
        _ => error,
    })
}

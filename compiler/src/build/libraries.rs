// SPDX-License-Identifier: GPL-2.0
//! What patches are built with, compiled by a target's compilers: the macros of patch crates, and
//! in core mode the crate `kernel` and the inline functions of C. It is the same for every patch,
//! so it is cached.

use crate::emit::{core_library, library, Emitted, LIBRARY, RULES};
use kps_diag::Diagnostic;
use kps_grammar::ast::Form;
use kps_host::below::read_below;
use kps_host::disk::{cannot, entries, make_below};
use kps_host::input;
use kps_targets::{Kept, KeptKind, Target};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// The folder of a patch in which Kbuild builds it.
fn built(folder: &Path) -> PathBuf {
    folder.join(LIBRARY).join("lib")
}

/// What a patch is built with, in the cache of a target. A patch crate needs all of it, and a spec
/// what only core mode has.
pub fn kept(emitted: &Emitted, target: &Target) -> Option<Kept> {
    let mut sum = Sha256::new();
    let mut add = |path: &str, text: &str| sum.update(format!("{path} {}\n{text}", text.len()));
    let core = core_library(emitted);
    core.iter().for_each(|(path, text)| add(path, text));
    let kind = match emitted.form {
        Form::Crate => {
            library().iter().for_each(|(path, text)| add(path, text));
            add("crate.mk", RULES);
            KeptKind::Macros
        }
        Form::Spec if core.is_empty() => return None,
        Form::Spec => KeptKind::Core,
    };
    sum.update(compilers(target));
    Some(target.kept(kind, &short(sum)))
}

/// Identifies the compilers of a target. Another toolchain has rebuilt the kernel's own libraries,
/// which the earlier rustc cannot read.
pub(crate) fn compilers(target: &Target) -> String {
    let own = target.tree().map(|tree| tree.build.join("rust/libmacros.so"));
    let made = own.and_then(|path| std::fs::metadata(path).ok()?.modified().ok());
    format!("{:?} {:?} {made:?}", target.release(), target.tree())
}

/// A digest as the name of a folder.
pub(crate) fn short(sum: Sha256) -> String {
    sum.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Copies what is cached into a folder before it is built. Returns whether there is anything: make
/// builds what is missing.
pub fn bring(folder: &Path, kept: &Kept) -> bool {
    let into = built(folder);
    let brought = make_below(folder, &into).is_ok() && kept.bring(&into);
    if !brought {
        let _ = std::fs::remove_dir_all(&into);
    }
    brought
}

/// Caches the results of a build, and removes those of an earlier kpsc for the target.
pub fn keep(folder: &Path, kept: &Kept) -> Result<(), Diagnostic> {
    if kept.exist() {
        return Ok(());
    }
    kept.keep(|into| {
        for file in entries(&built(folder))? {
            let Some(name) = file.file_name() else { continue };
            let bytes = read_below(folder, built(Path::new("")).join(name), input::MODULE)?;
            std::fs::write(into.join(name), bytes)
                .map_err(|error| cannot("keep", &file, &error))?;
        }
        Ok(())
    })
}

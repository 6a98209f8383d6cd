// SPDX-License-Identifier: GPL-2.0
//! Checks that a target is unchanged since it was finished.

use super::inventory::{self, Damage};
use super::{debug, modules, Cache, Target};
use kps_diag::{Diagnostic, CHANGED_FILES};
use std::path::Path;

impl Target {
    /// Compares every file of the target and of its compilers with their inventories. Returns the
    /// damage, and the number of files checked.
    pub fn verify(&self, cache: &Cache) -> Result<(Vec<Diagnostic>, usize), Diagnostic> {
        // This regenerates facts of another version, and updates the inventory.
        let facts = self.facts();
        let (damage, mut count) = inventory::verify(&self.folder)?;
        let again = |names: &[String]| {
            format!("run `kpsc kernel remove {}`, then add again", names.join(" "))
        };
        let what = format!("target `{}`", self.name);
        let mut wrong = Vec::new();
        wrong.extend(report(&what, &self.folder, &damage, again(std::slice::from_ref(&self.name))));
        let modules = self.folder.join(modules::FOLDER);
        if modules.exists() {
            let (damage, files) = inventory::verify(&modules)?;
            count += files;
            let help = format!("remove {}: kpsc fetches it again when needed", modules.display());
            wrong.extend(report("the modules folder", &modules, &damage, help));
        }
        let debug = self.folder.join(debug::FOLDER);
        if debug.exists() {
            let (damage, files) = inventory::verify(&debug)?;
            count += files;
            let help = format!("remove {}, then run `{}`", debug.display(), self.with_debug());
            wrong.extend(report("the debug information", &debug, &damage, help));
        }
        if let Some(template) = self.templates().ready() {
            let (damage, files) = inventory::verify(&template)?;
            count += files;
            let help = format!("remove {}: kpsc makes it again when needed", template.display());
            wrong.extend(report("the template machine", &template, &damage, help));
        }
        let toolchain = self.tree().and_then(|tree| tree.toolchain.as_ref());
        // The user's own compilers are not checked.
        if let Some(toolchain) = toolchain.filter(|path| path.starts_with(cache.toolchains())) {
            let (damage, files) = inventory::verify(toolchain)?;
            count += files;
            let uses = |target: &Target| {
                target.tree().is_some_and(|tree| tree.toolchain.as_ref() == Some(toolchain))
            };
            let targets = cache.targets()?.into_iter().filter_map(|(_, target)| target.ok());
            let users: Vec<String> =
                targets.filter(uses).map(|target| target.name.clone()).collect();
            wrong.extend(report("the toolchain", toolchain, &damage, again(&users)));
        }
        wrong.extend(facts.err());
        Ok((wrong, count))
    }
}

/// One message for all the damage in a folder.
fn report(what: &str, folder: &Path, damage: &[Damage], help: String) -> Option<Diagnostic> {
    const SHOWN: usize = 10;
    let files = match damage.len() {
        0 => return None,
        1 => "a file".to_owned(),
        n => format!("{n} files"),
    };
    let mut error = Diagnostic::new(
        CHANGED_FILES,
        format!("{what} is damaged: {files} in {}", folder.display()),
    );
    for damage in damage.iter().take(SHOWN) {
        error = error.note(match damage {
            Damage::Inventory => "the list of its files is missing or was changed".to_owned(),
            Damage::Missing(path) => format!("{:?} is missing", path),
            Damage::Changed(path) => format!("{:?} was changed", path),
            Damage::Unexpected(path) => format!("{:?} does not belong there", path),
        });
    }
    if damage.len() > SHOWN {
        error = error.note(format!("and {} more", damage.len() - SHOWN));
    }
    Some(error.help(help))
}

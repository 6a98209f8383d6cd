// SPDX-License-Identifier: GPL-2.0
//! Checks that a target is unchanged since it was finished.
//!
//! `kpsc kernel verify` reads all files. Other commands compare those that they use if that
//! takes no time: a build uses too much of the compilers and of the build tree.

use super::inventory::{self, Damage, Inventory};
use super::kept::Kind;
use super::{damaged, debug, modules, Cache, Target};
use kps_diag::{Diagnostic, CHANGED_FILES};
use kps_host::disk::entries;
use kps_host::input;
use std::path::{Path, PathBuf};

impl Target {
    /// Fails if a file of the target has changed. Users' files outside of the target's folder are
    /// compared only if the inventory has them.
    pub(super) fn compare(&self, path: &Path) -> Result<(), Diagnostic> {
        let changed = |what: &str| damaged(&self.name, &format!("{what} was changed"));
        let is_own = path.starts_with(&self.folder);
        let Some(inventory) = Inventory::of(&self.folder) else {
            return if is_own { Err(changed("the list of its files")) } else { Ok(()) };
        };
        match inventory.matches(&self.folder, path)? {
            false if is_own || inventory.has_path(path) => {
                Err(changed(&path.display().to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Fails if a file that a virtual machine starts from has changed.
    pub fn compare_machine(&self) -> Result<(), Diagnostic> {
        let own = [Some(self.image()), self.busybox()].into_iter().flatten();
        own.filter(|path| path.starts_with(&self.folder)).try_for_each(|path| self.compare(&path))
    }

    /// Reads a module, and fails if it is one of the target's own and has changed.
    pub fn read_module(&self, path: &Path) -> Result<Vec<u8>, Diagnostic> {
        let bytes = input::read(path, input::MODULE)?;
        let folder = self.folder.join(modules::FOLDER);
        let Ok(name) = path.strip_prefix(&folder) else { return Ok(bytes) };
        let damage = match Inventory::of(&folder) {
            Some(inventory) if inventory.has(name, &bytes) => return Ok(bytes),
            Some(_) => Damage::Changed(name.to_owned()),
            None => Damage::Inventory,
        };
        Err(damage_of_modules(&folder, &[damage]).unwrap_or_else(|| damaged(&self.name, "modules")))
    }

    /// Fails if a module of the target's own is missing, or if there are others.
    pub(super) fn compare_modules(&self) -> Result<(), Diagnostic> {
        let folder = self.folder.join(modules::FOLDER);
        if !folder.exists() {
            return Ok(());
        }
        let damage = match Inventory::of(&folder) {
            Some(inventory) => inventory.compare_names(&folder)?,
            None => vec![Damage::Inventory],
        };
        damage_of_modules(&folder, &damage).map_or(Ok(()), Err)
    }

    /// The folders of the results that builds keep for the target, each with its title.
    fn all_kept(&self, cache: &Cache) -> Result<Vec<(&'static str, PathBuf)>, Diagnostic> {
        let mut all = Vec::new();
        for kind in Kind::ALL {
            let folders = entries(&cache.kept(kind, &self.name))?;
            all.extend(folders.into_iter().map(|folder| (kind.title(), folder)));
        }
        let templates = self.templates().saved().into_iter();
        all.extend(templates.map(|folder| ("the template machine", folder)));
        Ok(all)
    }

    /// Compares every file of the target and of its compilers with their inventories, and looks for
    /// those that somebody else can change. Returns what is wrong, and the number of files checked.
    pub fn verify(&self, cache: &Cache) -> Result<(Vec<Diagnostic>, usize), Diagnostic> {
        // This regenerates facts of another version, and updates the inventory.
        let facts = self.facts();
        let (damage, mut count) = inventory::verify(&self.folder)?;
        let again = |names: &[String]| {
            format!("run `kpsc kernel remove {}`, then add again", names.join(" "))
        };
        let what = format!("target `{}`", self.name);
        let mut wrong = Vec::new();
        wrong.extend(cache.own_all(&self.folder).err());
        wrong.extend(report(&what, &self.folder, &damage, again(std::slice::from_ref(&self.name))));
        let modules = self.folder.join(modules::FOLDER);
        if modules.exists() {
            let (damage, files) = inventory::verify(&modules)?;
            count += files;
            wrong.extend(damage_of_modules(&modules, &damage));
        }
        let debug = self.folder.join(debug::FOLDER);
        if debug.exists() {
            let (damage, files) = inventory::verify(&debug)?;
            count += files;
            let help = format!("run `rm -r {}`, then `{}`", debug.display(), self.with_debug());
            wrong.extend(report("the debug information", &debug, &damage, help));
        }
        for (title, folder) in self.all_kept(cache)? {
            let (damage, files) = inventory::verify(&folder)?;
            count += files;
            let help = format!("run `rm -r {}`: kpsc makes it again when needed", folder.display());
            wrong.extend(report(title, &folder, &damage, help));
        }
        wrong.extend(self.tree().and_then(|tree| self.has_folders_of(tree).err()));
        let toolchain = self.tree().and_then(|tree| tree.toolchain.as_ref());
        // The user's own compilers are not checked.
        let of_cache = |path: &&PathBuf| path.starts_with(cache.toolchains()) && path.exists();
        if let Some(toolchain) = toolchain.filter(of_cache) {
            let (damage, files) = inventory::verify(toolchain)?;
            count += files;
            wrong.extend(cache.own_all(toolchain).err());
            let uses = |target: &Target| {
                target.tree().is_some_and(|tree| tree.toolchain.as_ref() == Some(toolchain))
            };
            let targets = cache.targets()?.into_iter().filter_map(|(_, target)| target.ok());
            let users: Vec<String> =
                targets.filter(uses).map(|target| target.name.clone()).collect();
            wrong.extend(report("the toolchain", toolchain, &damage, again(&users)));
        }
        let source = self.provider().source_name().map(|version| cache.sources().join(version));
        if let Some(source) = source.filter(|source| source.exists()) {
            let (damage, files) = inventory::verify(&source)?;
            count += files;
            let help =
                format!("run `rm -r {}`: kpsc fetches it again when needed", source.display());
            wrong.extend(report("the kernel's source", &source, &damage, help));
        }
        wrong.extend(facts.err());
        Ok((wrong, count))
    }
}

fn damage_of_modules(folder: &Path, damage: &[Damage]) -> Option<Diagnostic> {
    let help = format!("run `rm -r {}`: kpsc fetches it again when needed", folder.display());
    report("the modules folder", folder, damage, help)
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

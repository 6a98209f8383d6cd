// SPDX-License-Identifier: GPL-2.0
//! The debug information of a target: kpsc keeps an extract of the DWARF of its kernel and of its
//! modules, made on request.

use super::dwarf::{self, DwarfError};
use super::locks::Part;
use super::{debug_modules, inventory, Cache, Progress, Target};
use kps_diag::{Diagnostic, DAMAGED_TARGET, UNREADABLE_IMAGE};
use kps_facts::{is_clone, DebugInfo, Facts, FactsError, Object};
use kps_host::disk::{fill_folder, remove, write_atomically};
use kps_host::input;
use std::path::Path;

/// The target's folder for it. It has its own inventory, because it comes later.
pub(super) const FOLDER: &str = "debug";
/// The file in that folder about the kernel.
const FILE: &str = "functions";

impl Target {
    /// The debug information about the kernel's functions, if the target has any in this format.
    pub fn debug(&self) -> Result<Option<DebugInfo>, Diagnostic> {
        let path = self.folder.join(FOLDER).join(FILE);
        if !self.folder.join(FOLDER).exists() {
            return Ok(None);
        }
        let bytes =
            input::read(&path, input::DEBUG).map_err(|error| self.damaged_debug(&error.message))?;
        match DebugInfo::from_bytes(&bytes) {
            Ok(info) => Ok(Some(info)),
            // It is optional, so an update of kpsc does not demand it anew.
            Err(FactsError::Version) => Ok(None),
            Err(error) => Err(self.damaged_debug(&error.to_string())),
        }
    }

    /// Extracts and stores the kernel's debug information, unless it is already there. That of a
    /// stock kernel is fetched.
    pub fn add_debug(&self, cache: &Cache, progress: Progress) -> Result<(), Diagnostic> {
        let facts = self.facts()?;
        let is_there = || {
            let id = &facts.identity.build_id;
            let kept = self.debug().ok().flatten();
            let of_modules = self.debug_of_modules().ok().flatten();
            kept.is_some_and(|kept| kept.build_id() == id)
                && of_modules.is_some_and(|kept| kept.build_id() == id)
        };
        if is_there() {
            return Ok(());
        }
        let _adding = cache.change(Part::Target(&self.name), "adding debug information to")?;
        // Another kpsc may have finished first.
        if is_there() {
            return Ok(());
        }
        let kept = self.folder.join(FOLDER);
        remove(&kept)?;
        fill_folder(&kept, |folder| {
            let unpacked = folder.join("unpacked");
            let (vmlinux, modules) =
                debug_modules::read(&facts.identity.build_id, &unpacked, |module| {
                    self.provider().debug_files(cache, &unpacked, module, progress)
                })?;
            write_atomically(&folder.join(debug_modules::FILE), &modules.to_bytes())?;
            let info = progress.step("reading debug information", || read(&vmlinux, &facts))?;
            write_atomically(&folder.join(FILE), &info.to_bytes())?;
            remove(&unpacked)?;
            inventory::record(folder, &[])
        })
    }

    /// The error about debug information that cannot be used.
    pub(super) fn damaged_debug(&self, why: &str) -> Diagnostic {
        let message = format!("target `{}` is damaged: its debug information: {why}", self.name);
        Diagnostic::new(DAMAGED_TARGET, message).help(format!("run `{}`", self.with_debug()))
    }

    /// The command that adds debug information to this target.
    pub fn with_debug(&self) -> String {
        self.command() + " --debug"
    }
}

/// Reads the debug information of a kernel, which must be the one that the facts describe.
fn read(vmlinux: &Path, facts: &Facts) -> Result<DebugInfo, Diagnostic> {
    let bytes = input::read(vmlinux, input::IMAGE)?;
    let path = vmlinux.display();
    let unreadable =
        |what: String| Diagnostic::new(UNREADABLE_IMAGE, format!("{path} cannot be used: {what}"));
    let Object { sites, symbols, .. } = &facts.vmlinux;
    let clone_at = |address| symbols.at(address).map(|sym| sym.name).find(|name| is_clone(name));
    let clones =
        sites.iter().filter_map(|(address, _)| Some((address, clone_at(address)?.to_owned())));
    let info = dwarf::read(&bytes, &clones.collect()).map_err(|error| match error {
        DwarfError::Nothing => unreadable(error.to_string())
            .help("build the kernel with CONFIG_DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT=y"),
        _ => unreadable(error.to_string())
            .help(format!("kpsc reads DWARF 4 and 5 of {} kernels", kps_arch::native().title)),
    })?;
    match info.build_id() == facts.identity.build_id {
        true => Ok(info),
        false => Err(unreadable("it is not the kernel of the target".to_owned())
            .note("its build-id differs")
            .help("remove the target with `kpsc kernel remove`, and add it again")),
    }
}

//! The debug information of a target: what is kept of the DWARF of its kernel, once somebody has asked for it.

use super::dwarf::{self, DwarfError};
use super::{debian, inventory, Cache, Progress, Target, SUITE};
use crate::disk::{fill_folder, remove, write_atomically};
use crate::input;
use kps_diag::{Diagnostic, DAMAGED_TARGET, NO_SUITABLE_KERNEL, UNREADABLE_IMAGE};
use kps_facts::{DebugInfo, Facts};
use std::path::{Path, PathBuf};

/// The folder in a target's own that holds it. It has an inventory of its own, for it comes later.
pub(super) const FOLDER: &str = "debug";
/// The file in it.
const FILE: &str = "functions";

impl Target {
    /// What the debug information of its kernel says of its functions, if the target has any.
    pub fn debug(&self) -> Result<Option<DebugInfo>, Diagnostic> {
        let path = self.folder.join(FOLDER).join(FILE);
        if !self.folder.join(FOLDER).exists() {
            return Ok(None);
        }
        let bytes = input::read(&path, input::DEBUG)?;
        DebugInfo::from_bytes(&bytes).map(Some).map_err(|error| {
            let message = format!("target `{}` is damaged: its debug information: {error}", self.name);
            Diagnostic::new(DAMAGED_TARGET, message).help(format!("run `{}`", self.with_debug()))
        })
    }

    /// Keeps what the debug information of its kernel says, unless it is there already. That of a stock kernel is fetched.
    pub fn add_debug(&self, cache: &Cache, progress: Progress) -> Result<(), Diagnostic> {
        let facts = self.facts()?;
        let is_there = || {
            let kept = self.debug().ok().flatten();
            kept.is_some_and(|kept| kept.build_id() == facts.identity.build_id)
        };
        if is_there() {
            return Ok(());
        }
        let _changing = cache.change()?;
        // Another kpsc may have been quicker.
        if is_there() {
            return Ok(());
        }
        let kept = self.folder.join(FOLDER);
        remove(&kept)?;
        fill_folder(&kept, |folder| {
            let unpacked = folder.join("unpacked");
            let vmlinux = match &self.manifest.build_dir {
                Some(stamp) => stamp.folder().join("vmlinux"),
                None => debian::debug(cache, &unpacked, self.stock()?, progress)?,
            };
            let info = progress.step("reading debug information", || read(&vmlinux, &facts))?;
            remove(&unpacked)?;
            write_atomically(&folder.join(FILE), &info.to_bytes())?;
            inventory::record(folder, &[])
        })
    }

    /// The command that adds debug information to this target.
    pub fn with_debug(&self) -> String {
        if let super::Manifest { build_dir: Some(stamp), tree: Some(tree), .. } = &self.manifest {
            return stamp.command(&self.name, tree) + " --debug";
        }
        let mut command = format!("kpsc kernel add --release {}", self.release());
        if self.name != self.release() {
            command.push_str(&format!(" --name {}", self.name));
        }
        let stock = self.manifest.debian.as_ref();
        if let Some(suite) = stock.map(debian::Source::suite).filter(|suite| *suite != SUITE) {
            command.push_str(&format!(" --suite {suite}"));
        }
        if let Some(mirror) = stock.and_then(debian::Source::mirror) {
            command.push_str(&format!(" --mirror {mirror}"));
        }
        // Whoever only checks is not made to wait for compilers.
        if self.tree().is_none() {
            command.push_str(" --facts-only");
        }
        command + " --debug"
    }
}

/// Reads the debug information of a kernel, which must be the one that the facts are of.
fn read(vmlinux: &Path, facts: &Facts) -> Result<DebugInfo, Diagnostic> {
    let bytes = input::read(vmlinux, input::IMAGE)?;
    let path = vmlinux.display();
    let unreadable =
        |what: String| Diagnostic::new(UNREADABLE_IMAGE, format!("{path} cannot be used: {what}"));
    let info = dwarf::read(&bytes, &facts.vmlinux.sites).map_err(|error| match error {
        DwarfError::Nothing => unreadable(error.to_string())
            .help("build the kernel with CONFIG_DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT=y"),
        _ => unreadable(error.to_string())
            .help(format!("kpsc reads DWARF 4 and 5 of {} kernels", kps_arch::native().title)),
    })?;
    match info.build_id() == facts.identity.build_id {
        true => Ok(info),
        false => Err(unreadable("it is not the kernel of the target".to_owned())
            .note("the build-id is another one")
            .help("add the target again: `kpsc kernel remove` takes it away")),
    }
}

/// The kernel among the files of a debug package.
pub(super) fn vmlinux_in(unpacked: &Path) -> Result<PathBuf, Diagnostic> {
    let mut files = walkdir::WalkDir::new(unpacked).into_iter().flatten();
    match files.find(|entry| entry.file_type().is_file() && is_vmlinux(entry.path())) {
        Some(found) => Ok(found.into_path()),
        None => Err(Diagnostic::new(NO_SUITABLE_KERNEL, "the debug package holds no vmlinux")
            .help("`kpsc kernel list --available` shows which other kernels there are")),
    }
}

/// Whether a file of a debug package is the kernel, by its name.
pub(super) fn is_vmlinux(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name == "vmlinux" || name.starts_with("vmlinux-")
}

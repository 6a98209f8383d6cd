// SPDX-License-Identifier: GPL-2.0
//! The debug information of a target's modules: read with that of the kernel, and looked at for the
//! modules that a command is about.

use super::debug::FOLDER;
use super::dwarf::{read_module, DwarfError};
use super::modules::name_with_debug;
use super::Target;
use kps_diag::{Diagnostic, UNREADABLE_IMAGE};
use kps_facts::{DebugInfo, DebugModules, Facts, FactsError};
use kps_host::input;
use object::{Object as _, ObjectSymbol as _, SymbolKind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::Mutex;
use std::thread::ScopedJoinHandle;

/// The file in the folder of the debug information.
pub(super) const FILE: &str = "modules";

impl Target {
    /// The debug information of the target's modules, if it has any in this format.
    pub(super) fn debug_of_modules(&self) -> Result<Option<DebugModules>, Diagnostic> {
        let path = self.folder().join(FOLDER).join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = input::read(&path, input::DEBUG_MODULES)
            .map_err(|error| self.damaged_debug(&error.message))?;
        match DebugModules::from_bytes(&bytes) {
            Ok(modules) => Ok(Some(modules)),
            Err(FactsError::Version) => Ok(None),
            Err(error) => Err(self.damaged_debug(&error.to_string())),
        }
    }

    /// Completes facts from the debug information of modules: for the modules that were added, and
    /// with the modules that have functions of these names.
    pub fn add_debug_of_modules(
        &self,
        facts: &mut Facts,
        names: &[&str],
    ) -> Result<(), Diagnostic> {
        let is_new = |name: &&str| !facts.in_modules.contains_key(*name);
        let names: Vec<&str> = names.iter().copied().filter(is_new).collect();
        if names.is_empty() && facts.modules.values().all(|module| module.debug.is_some()) {
            return Ok(());
        }
        let Some(known) = self.debug_of_modules()? else { return Ok(()) };
        if known.build_id() != facts.identity.build_id {
            return Ok(());
        }
        for (name, module) in &mut facts.modules {
            let info = known.module(name);
            let info = info.map_err(|error| self.damaged_debug(&error.to_string()))?;
            // A module beside a spec is another one, or has been built again.
            let is_its = |info: &DebugInfo| {
                module.build_id.as_deref() == Some(info.build_id())
                    && info.fits(&module.object.symbols)
            };
            module.debug = info.filter(is_its);
        }
        for name in names {
            let found = known.with_function(name);
            if !found.is_empty() {
                facts.in_modules.insert(name.to_owned(), found);
            }
        }
        Ok(())
    }
}

/// The most modules that wait to be read. They may take much of the disk.
const WAITING: usize = 8;

/// Reads the debug information of the modules that `bring` hands on while it works, several at a
/// time. Those below a folder are removed once they are read: all modules of a distribution take
/// 8 GB. Modules without debug information are left out.
pub(super) fn read<T>(
    build_id: &[u8],
    removed_below: &Path,
    bring: impl FnOnce(&dyn Fn(PathBuf)) -> Result<T, Diagnostic>,
) -> Result<(T, DebugModules), Diagnostic> {
    let (send, receive) = sync_channel::<PathBuf>(WAITING);
    let receive = Mutex::new(receive);
    let next = || receive.lock().ok()?.recv().ok();
    // A thread that stopped at an error would leave the others' modules in the queue.
    let work = || {
        let mut read = Vec::new();
        while let Some(path) = next() {
            read.push(read_one(&path));
            if path.starts_with(removed_below) {
                let _ = std::fs::remove_file(&path);
            }
        }
        read
    };
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let (brought, all) = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
        // Nobody takes a module only if all threads have ended.
        let brought = bring(&|path| drop(send.send(path)));
        drop(send);
        let read = threads.into_iter().map(ScopedJoinHandle::join);
        (brought, read.collect::<Vec<_>>())
    });
    let brought = brought?;
    let mut modules = DebugModules::new(build_id);
    for read in all {
        for read in read.unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
            if let Some((name, info, symbols)) = read? {
                modules.insert(&name, &info, symbols.iter().map(String::as_str).collect());
            }
        }
    }
    Ok((brought, modules))
}

/// A module's name, what its debug information tells, and the names of its functions. None if it
/// has none.
fn read_one(path: &Path) -> Result<Option<(String, DebugInfo, Vec<String>)>, Diagnostic> {
    let Some(name) = name_with_debug(path) else { return Ok(None) };
    let bytes = input::read(path, input::IMAGE)?;
    match read_module(&bytes) {
        Ok(info) => Ok(Some((name, info, functions(&bytes)))),
        Err(DwarfError::Nothing) => Ok(None),
        Err(error) => {
            let message = format!("{} cannot be used: {error}", path.display());
            Err(Diagnostic::new(UNREADABLE_IMAGE, message)
                .help("kpsc reads DWARF 4 and 5, as the kernel's build writes it"))
        }
    }
}

fn functions(bytes: &[u8]) -> Vec<String> {
    let Ok(file) = object::File::parse(bytes) else { return Vec::new() };
    let functions = file.symbols().filter(|s| s.is_definition() && s.kind() == SymbolKind::Text);
    let names = functions.filter_map(|symbol| symbol.name().ok());
    names.filter(|name| DebugInfo::is_function(name)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_removed_only_where_kpsc_has_put_them() {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap_or_else(|e| panic!("{e}")));
        let paths = folders.each_ref().map(|folder| folder.path().join("dummy.ko"));
        for path in &paths {
            std::fs::write(path, "no module").unwrap_or_else(|error| panic!("{error}"));
        }
        let read = read(&[1], folders[0].path(), |module| {
            paths.iter().cloned().for_each(module);
            Ok(())
        });
        assert!(read.is_err_and(|error| error.code == UNREADABLE_IMAGE));
        assert_eq!(paths.map(|path| path.exists()), [false, true]);
    }
}

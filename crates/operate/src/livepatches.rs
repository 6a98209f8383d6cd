// SPDX-License-Identifier: GPL-2.0
//! The loaded livepatches, as sysfs shows them
//! (`Documentation/ABI/testing/sysfs-kernel-livepatch`).

use super::module::BUILD_ID_SECTION;
use super::note::build_id;
use super::{note, read, Incoming, System};
use kps_diag::Diagnostic;
use kps_host::disk::entries;
use kps_host::input::read_at_most;
use kps_plan::{Note, NOTE_SECTION};
use std::cmp::Reverse;
use std::path::{Path, PathBuf};

/// A loaded livepatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Livepatch {
    /// Its name, and its module's.
    pub name: String,
    /// Its state.
    pub state: State,
    /// The objects that it changes.
    pub objects: Vec<Changed>,
    /// Its note, if kpsc made it.
    pub note: Option<Note>,
    /// `MODULE_VERSION`.
    pub version: Option<String>,
    /// Whether it replaces the patches before it; `None` if the kernel does not say (before 6.11).
    pub replace: Option<bool>,
    /// Its place in the stack, from 1 on; `None` if the kernel does not say (before 6.14).
    pub stack_order: Option<u32>,
}

impl Livepatch {
    /// A livepatch of which no more is known.
    pub fn new(name: impl Into<String>, state: State) -> Livepatch {
        Livepatch {
            name: name.into(),
            state,
            objects: Vec::new(),
            note: None,
            version: None,
            replace: None,
            stack_order: None,
        }
    }

    /// The bugs that it fixes: one that is disabled fixes nothing.
    pub fn fixes(&self) -> &[String] {
        let note = self.note.as_ref().filter(|_| self.state != State::Disabled);
        note.map_or(&[], |note| &note.fixes)
    }
}

/// An object that a livepatch changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its name.
    pub name: String,
    /// Its functions as sysfs names them: `NAME,SYMPOS`.
    pub functions: Vec<String>,
    /// Whether they are redirected now: those of a module are not while it is not loaded.
    pub is_patched: bool,
}

/// The state of a livepatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Every task runs its code.
    Enabled,
    /// Tasks are still switching to its code.
    Patching,
    /// Tasks are still switching back to the original code.
    Unpatching,
    /// No task runs its code: it has been disabled or replaced, and its module is still loaded.
    Disabled,
}

impl State {
    /// The `patch_state` of tasks that a transition waits for; `None` without a transition.
    pub fn behind(self) -> Option<i32> {
        match self {
            State::Patching => Some(0),
            State::Unpatching => Some(1),
            State::Enabled | State::Disabled => None,
        }
    }
}

/// All livepatches, in the order in which they were loaded.
pub fn livepatches(system: &System) -> Result<Vec<Livepatch>, Diagnostic> {
    let mut found: Vec<Livepatch> = entries(&system.livepatch()?)?
        .iter()
        .filter_map(|folder| Some(in_folder(system, folder, name(folder)?)))
        .collect();
    for module in entries(&system.path("sys/module"))? {
        let Some(name) = name(&module) else { continue };
        if is_livepatch(&module) && found.iter().all(|patch| patch.name != name) {
            found.push(of_module(system, name, State::Disabled));
        }
    }
    // The kernel puts a new module in front of the others. That is the order of the stack, too,
    // which newer kernels tell of those that are not disabled.
    let modules = read(&system.path("proc/modules")).unwrap_or_default();
    let place = |patch: &Livepatch| {
        let named = |line: &str| line.split(' ').next() == Some(&patch.name);
        modules.lines().position(named).map(Reverse)
    };
    found.sort_by(|a, b| (place(a), &a.name).cmp(&(place(b), &b.name)));
    Ok(found)
}

/// What the folder of a livepatch's module says.
fn of_module(system: &System, name: &str, state: State) -> Livepatch {
    let note = read_note(system, name);
    let version = || read(&system.module(name).join("version"));
    let version = note.as_ref().and_then(|note| note.version.clone()).or_else(version);
    Livepatch { note, version, ..Livepatch::new(name, state) }
}

/// The values that the parameters of a loaded module have, by name. Those that only root may read
/// are left out for others.
pub fn parameters(system: &System, module: &str) -> Vec<(String, String)> {
    let folder = entries(&system.module(module).join("parameters")).unwrap_or_default();
    let value = |path: &PathBuf| Some((name(path)?.to_owned(), read(path)?));
    folder.iter().filter_map(value).collect()
}

/// Whether a loaded module is a livepatch: it taints the kernel with `TAINT_LIVEPATCH`, and remains
/// one after its folder is gone.
pub(super) fn is_livepatch(module: &Path) -> bool {
    read(&module.join("taint")).is_some_and(|taint| taint.contains('K'))
}

fn in_folder(system: &System, folder: &Path, name: &str) -> Livepatch {
    let is_on = |file: &str| read(&folder.join(file)).as_deref() == Some("1");
    let state = match (is_on("enabled"), is_on("transition")) {
        (true, false) => State::Enabled,
        (true, true) => State::Patching,
        (false, true) => State::Unpatching,
        (false, false) => State::Disabled,
    };
    let changed = |(name, path): (String, PathBuf)| Changed {
        name,
        functions: folders(&path).into_iter().map(|(name, _)| name).collect(),
        // Linux before 6.1 does not say it.
        is_patched: read(&path.join("patched")).as_deref() != Some("0"),
    };
    Livepatch {
        objects: folders(folder).into_iter().map(changed).collect(),
        replace: read(&folder.join("replace")).map(|value| value == "1"),
        stack_order: read(&folder.join("stack_order")).and_then(|place| place.parse().ok()),
        ..of_module(system, name, state)
    }
}

/// The folders in a folder, by name. A folder that no longer exists has none.
fn folders(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = entries(folder).unwrap_or_default().into_iter().filter(|path| path.is_dir());
    entries.filter_map(|path| Some((name(&path)?.to_owned(), path))).collect()
}

/// Whether the loaded module of a livepatch's name is another one than in the file. Unknown without
/// build-ids, which only root may read of a loaded module.
pub fn is_another(system: &System, incoming: &Incoming) -> Option<bool> {
    let loaded = build_id(&read_notes(system, &incoming.name, BUILD_ID_SECTION)?)?;
    Some(loaded != *incoming.build_id.as_ref()?)
}

fn read_note(system: &System, name: &str) -> Option<Note> {
    note(&read_notes(system, name, NOTE_SECTION)?)
}

/// The notes in a section of a loaded module.
fn read_notes(system: &System, name: &str, section: &str) -> Option<Vec<u8>> {
    const MOST: u64 = 1 << 16;
    read_at_most(&system.module(name).join("notes").join(section), MOST).ok()?
}

fn name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

// SPDX-License-Identifier: GPL-2.0
//! Loads, disables, enables and unloads livepatches, and waits until every task has switched.

use super::kmsg::Log;
use super::livepatches::is_livepatch;
use super::module::ModuleFile;
use super::refusal::refusal;
use super::stall::Stall;
use super::watch::{behind, Waited, Watch};
use super::{livepatches, module, read, Livepatch, State, System};
use kps_diag::{
    Diagnostic, CANNOT_ENABLE, NOT_A_LIVEPATCH, NOT_IN_TRANSITION, NO_SUCH_LIVEPATCH, TAKEN_BACK,
};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::system::{delete_module, finit_module};
use std::ffi::{CStr, CString};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

/// As `rmmod` has them. With `O_TRUNC` the kernel would remove a module that is in use.
const UNLOAD_FLAGS: i32 = OFlags::NONBLOCK.bits() as i32;

/// How an operation has ended.
#[derive(Debug)]
pub enum Ended {
    /// The transition is complete, or there was none.
    Complete(Livepatch),
    /// The load was reversed, and the module is unloaded.
    TakenBack(Stall),
    /// The transition goes on by itself.
    InTransition(Stall),
}

impl Ended {
    /// The end of a command that finds a livepatch in transition, and does not wait for it.
    pub fn going_on(system: &System, patch: Livepatch) -> Ended {
        let behind = behind(system, &patch);
        Ended::InTransition(Stall { patch, behind, after: None })
    }
}

/// What happens with a load that misses its time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStall {
    /// It is reversed, and the module is unloaded.
    Reverse,
    /// It stays in transition.
    Wait,
}

/// Loads a livepatch with parameters as `insmod` takes them, and waits until every task runs its
/// code. A load that the user interrupts is reversed.
pub fn load(
    system: &System,
    module: ModuleFile,
    parameters: &CStr,
    on_stall: OnStall,
    watch: Watch<'_>,
) -> Result<Ended, Diagnostic> {
    let ModuleFile { file, incoming } = module;
    let name = incoming.name;
    let mut log = Log::from_now(system);
    if let Err(errno) = finit_module(&file, parameters, 0) {
        let words = [&name, "livepatch", "module", "Module", "parameter"];
        return Err(refusal(system, &format!("load `{name}`"), errno, &log.lines(&words)));
    }
    let is_done = |patch: Option<&Livepatch>| patch.is_none_or(|p| p.state != State::Patching);
    let (waited, patch) = watch.until_patch(system, || find(system, &name), is_done)?;
    match patch {
        Some(patch) if patch.state == State::Enabled => Ok(Ended::Complete(patch)),
        Some(patch) if patch.state == State::Patching => {
            let behind = behind(system, &patch);
            let stall = Stall::of(patch, behind, waited, watch.timeout);
            match (on_stall, waited) {
                (OnStall::Wait, Waited::TimedOut) => Ok(Ended::InTransition(stall)),
                _ => take_back(system, stall, watch),
            }
        }
        _ => Err(Diagnostic::new(
            TAKEN_BACK,
            format!("`{name}` is disabled again: another command took it back, or replaced it"),
        )
        .help(format!("run `{} list` to see the livepatches", system.program))),
    }
}

/// Reverses a load that stalls, and unloads the module.
fn take_back(system: &System, stall: Stall, watch: Watch<'_>) -> Result<Ended, Diagnostic> {
    /// Tasks that have switched already switch back like any others, whatever the limit was.
    const LEAST: Duration = Duration::from_secs(10);
    let name = stall.patch.name.clone();
    // It may have become complete meanwhile.
    if !is_in_transition(system, &name)? {
        if let Some(patch) = find(system, &name)?.filter(|patch| patch.state == State::Enabled) {
            return Ok(Ended::Complete(patch));
        }
    }
    switch(system, &stall.patch, "enabled", "0")?;
    let patient = Watch { timeout: watch.timeout.max(LEAST), is_interrupted: &|| false, ..watch };
    match until_gone(system, &stall.patch, patient)? {
        Ended::InTransition(stall) => Ok(Ended::InTransition(stall)),
        Ended::Complete(_) | Ended::TakenBack(_) => {
            remove(system, &name, patient)?;
            Ok(Ended::TakenBack(stall))
        }
    }
}

/// Disables a livepatch, and waits until no task runs its code. Its module stays loaded. One that
/// is being loaded is reversed.
pub fn disable(system: &System, name: &str, watch: Watch<'_>) -> Result<Ended, Diagnostic> {
    let patch = find(system, name)?.ok_or_else(|| not_there(system, name))?;
    if matches!(patch.state, State::Enabled | State::Patching) {
        switch(system, &patch, "enabled", "0")?;
    }
    until_gone(system, &patch, watch)
}

/// Waits until no task runs the code of a livepatch: its folder disappears then. A replaced patch
/// no longer has one.
fn until_gone(system: &System, patch: &Livepatch, watch: Watch<'_>) -> Result<Ended, Diagnostic> {
    let folder = system.livepatch()?.join(&patch.name);
    let get = || Ok(folder.exists().then(|| find(system, &patch.name)).transpose()?.flatten());
    let is_done = |patch: Option<&Livepatch>| patch.is_none() && !folder.exists();
    let (waited, last) = watch.until_patch(system, get, is_done)?;
    Ok(match waited {
        Waited::Done => Ended::Complete(patch.clone()),
        _ => {
            let last = last.unwrap_or(Livepatch { state: State::Unpatching, ..patch.clone() });
            let behind = behind(system, &last);
            Ended::InTransition(Stall::of(last, behind, waited, watch.timeout))
        }
    })
}

/// Disables a livepatch, waits until no task runs its code, and unloads it. The result is the
/// livepatch as it was before.
pub fn unload(system: &System, name: &str, watch: Watch<'_>) -> Result<Ended, Diagnostic> {
    let ended = disable(system, name, watch)?;
    if let Ended::Complete(_) = ended {
        remove(system, name, watch)?;
    }
    Ok(ended)
}

/// Unloads the module of a livepatch that is disabled.
fn remove(system: &System, name: &str, watch: Watch<'_>) -> Result<(), Diagnostic> {
    let mut log = Log::from_now(system);
    let module = CString::new(name).unwrap_or_default();
    let mut answer = Err(Errno::AGAIN);
    // The kernel drops its reference to the module a little later.
    watch.until(|| {
        answer = delete_module(&module, UNLOAD_FLAGS);
        Ok(answer != Err(Errno::AGAIN))
    })?;
    match answer {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => {
            let lines = log.lines(&[name, "livepatch"]);
            Err(refusal(system, &format!("unload `{name}`"), errno, &lines))
        }
    }
}

/// Keeps a livepatch that is being disabled, and waits until every task runs its code.
pub fn enable(system: &System, name: &str, watch: Watch<'_>) -> Result<Ended, Diagnostic> {
    let patch = find(system, name)?.ok_or_else(|| not_there(system, name))?;
    match patch.state {
        State::Unpatching => switch(system, &patch, "enabled", "1")?,
        State::Enabled | State::Patching => {}
        State::Disabled => {
            let program = system.program;
            return Err(Diagnostic::new(
                CANNOT_ENABLE,
                format!("`{name}` is disabled, and the kernel does not enable a livepatch again"),
            )
            .note("only a livepatch that is still in transition to disabled can be kept")
            .help(format!("`{program} unload {name}` removes it; then load its file again")));
        }
    }
    wait(system, Some(name), watch)
}

/// Waits until a livepatch, or every one, is in no transition.
pub fn wait(system: &System, name: Option<&str>, watch: Watch<'_>) -> Result<Ended, Diagnostic> {
    let get = || match name {
        Some(name) => find(system, name),
        None => Ok(livepatches(system)?.into_iter().find(|patch| patch.state.behind().is_some())),
    };
    let first = get()?;
    if let (None, Some(name)) = (&first, name) {
        return Err(not_there(system, name));
    }
    let is_done = |patch: Option<&Livepatch>| patch.is_none_or(|p| p.state.behind().is_none());
    let (waited, patch) = watch.until_patch(system, get, is_done)?;
    Ok(match (waited, patch) {
        (Waited::TimedOut | Waited::Interrupted, Some(patch)) => {
            let behind = behind(system, &patch);
            Ended::InTransition(Stall::of(patch, behind, waited, watch.timeout))
        }
        (_, patch) => {
            let gone = || Livepatch::new(name.unwrap_or_default(), State::Disabled);
            Ended::Complete(patch.or(first).unwrap_or_else(gone))
        }
    })
}

/// The livepatch of a name, which must be in transition.
pub fn check_transition(system: &System, name: &str) -> Result<Livepatch, Diagnostic> {
    let patch = find(system, name)?.ok_or_else(|| not_there(system, name))?;
    match patch.state.behind() {
        Some(_) => Ok(patch),
        None => Err(Diagnostic::new(
            NOT_IN_TRANSITION,
            format!("`{name}` is in no transition that could be forced"),
        )
        .help(format!("run `{} status {name}` to see its state", system.program))),
    }
}

/// Makes the kernel take the transition of a livepatch for complete, although tasks may still be in
/// the functions (`Documentation/livepatch/livepatch.rst`, "Consistency model"), and waits until it
/// does.
pub fn force(system: &System, name: &str, watch: Watch<'_>) -> Result<Ended, Diagnostic> {
    let patch = check_transition(system, name)?;
    switch(system, &patch, "force", "1")?;
    match patch.state {
        State::Patching => wait(system, Some(name), watch),
        _ => until_gone(system, &patch, watch),
    }
}

/// Writes to a file of a livepatch's folder.
fn switch(system: &System, patch: &Livepatch, file: &str, value: &str) -> Result<(), Diagnostic> {
    let name = &patch.name;
    let what = match (file, value) {
        ("enabled", "0") => format!("disable `{name}`"),
        ("enabled", _) => format!("enable `{name}`"),
        _ => format!("force the transition of `{name}`"),
    };
    let mut log = Log::from_now(system);
    let path = system.livepatch()?.join(name).join(file);
    let opened = OpenOptions::new().write(true).open(path);
    let written = opened.and_then(|mut file| file.write_all(value.as_bytes()));
    let Err(errno) = written.map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO)) else {
        return Ok(());
    };
    // Somebody else was quicker: the file is gone, or has that value.
    let now = find(system, name)?.map(|patch| patch.state);
    match (value, now) {
        ("0", None | Some(State::Unpatching | State::Disabled)) => Ok(()),
        (_, None | Some(State::Disabled)) => {
            Err(Diagnostic::new(NOT_IN_TRANSITION, format!("`{name}` is disabled by now"))
                .help(format!("run `{} status` to see the livepatches", system.program)))
        }
        ("1", Some(State::Enabled | State::Patching)) if file == "enabled" => Ok(()),
        _ => Err(refusal(system, &what, errno, &log.lines(&[name, "livepatch"]))),
    }
}

/// Whether the transition of a livepatch is still going on.
fn is_in_transition(system: &System, name: &str) -> Result<bool, Diagnostic> {
    Ok(read(&system.livepatch()?.join(name).join("transition")).as_deref() == Some("1"))
}

/// A livepatch by its name.
pub fn find(system: &System, name: &str) -> Result<Option<Livepatch>, Diagnostic> {
    Ok(livepatches(system)?.into_iter().find(|patch| patch.name == name))
}

/// There is no livepatch of this name.
pub fn not_there(system: &System, name: &str) -> Diagnostic {
    let module = system.module(name);
    // A built-in module has a folder too, but no state.
    if module::is_name(name) && module.join("initstate").exists() && !is_livepatch(&module) {
        return Diagnostic::new(
            NOT_A_LIVEPATCH,
            format!("`{name}` is a module, but not a livepatch"),
        )
        .help(format!("unload it with `rmmod {name}`"));
    }
    let error = Diagnostic::new(NO_SUCH_LIVEPATCH, format!("no livepatch `{name}` is loaded"));
    let loaded = livepatches(system).unwrap_or_default();
    let names: Vec<_> = loaded.iter().map(|patch| patch.name.as_str()).collect();
    match names.as_slice() {
        [] => error.help("no livepatch is loaded at all"),
        names => error.help(format!("name a loaded livepatch: {}", kps_diag::list(names, "or"))),
    }
}

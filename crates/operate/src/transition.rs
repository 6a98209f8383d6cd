// SPDX-License-Identifier: GPL-2.0
//! Loads and unloads livepatches, and waits until every task has switched.

use super::incoming::Incoming;
use super::kmsg::Log;
use super::livepatches::is_livepatch;
use super::module::ModuleFile;
use super::refusal::refusal;
use super::{livepatches, module, tasks_in, Livepatch, State, System, Task};
use kps_diag::{Diagnostic, NOT_A_LIVEPATCH, NO_SUCH_LIVEPATCH, TRANSITION_STALLED};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::system::{delete_module, finit_module};
use std::ffi::CString;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// As `rmmod` has them. With `O_TRUNC` the kernel would remove a module that is in use.
const UNLOAD_FLAGS: i32 = OFlags::NONBLOCK.bits() as i32;

/// Loads a livepatch and waits until every task runs its code. A transition that misses the time
/// limit continues in the kernel.
pub fn load(system: &System, module: ModuleFile, limit: Duration) -> Result<Livepatch, Diagnostic> {
    let ModuleFile { file, incoming: Incoming { name, .. } } = module;
    let mut log = Log::from_now(system);
    if let Err(errno) = finit_module(&file, c"", 0) {
        return Err(refusal(
            system,
            &format!("load `{name}`"),
            errno,
            &log.lines(&[&name, "livepatch", "module", "Module"]),
        ));
    }
    let mut patch = None;
    wait(limit, || {
        patch = find(system, &name)?;
        Ok(patch.as_ref().is_none_or(|patch| patch.state != State::Patching))
    })?;
    match patch {
        Some(patch) if patch.state == State::Enabled => Ok(patch),
        Some(patch) if patch.state == State::Patching => Err(stalled(system, &patch, limit)),
        _ => Err(Diagnostic::new(
            NO_SUCH_LIVEPATCH,
            format!("`{name}` is disabled again: it was unloaded or replaced"),
        )
        .help("run `kpsc list` to see the livepatches")),
    }
}

/// Disables a livepatch, waits until no task runs its code, and unloads it. Returns the livepatch.
pub fn unload(system: &System, name: &str, limit: Duration) -> Result<Livepatch, Diagnostic> {
    let folder = system.livepatch()?;
    let patch = find(system, name)?.ok_or_else(|| not_there(system, name))?;
    let folder = folder.join(name);
    let what = format!("unload `{name}`");
    let mut log = Log::from_now(system);
    if matches!(patch.state, State::Enabled | State::Patching) {
        let disabled = OpenOptions::new()
            .write(true)
            .open(folder.join("enabled"))
            .and_then(|mut file| file.write_all(b"0"));
        if let Err(error) = disabled {
            let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
            return Err(refusal(system, &what, errno, &log.lines(&[name, "livepatch"])));
        }
    }
    // The folder disappears when the transition is complete. A replaced patch no longer has one.
    if !wait(limit, || Ok(!folder.exists()))? {
        let patch = find(system, name)?.unwrap_or(Livepatch { state: State::Unpatching, ..patch });
        return Err(stalled(system, &patch, limit));
    }
    let module = CString::new(name).unwrap_or_default();
    let mut answer = Err(Errno::AGAIN);
    // The kernel drops its reference to the module a little later.
    wait(limit, || {
        answer = delete_module(&module, UNLOAD_FLAGS);
        Ok(answer != Err(Errno::AGAIN))
    })?;
    match answer {
        Ok(()) | Err(Errno::NOENT) => Ok(patch),
        Err(errno) => Err(refusal(system, &what, errno, &log.lines(&[name, "livepatch"]))),
    }
}

/// Polls a condition, at least once. Returns whether it held within the limit.
fn wait(
    limit: Duration,
    mut holds: impl FnMut() -> Result<bool, Diagnostic>,
) -> Result<bool, Diagnostic> {
    const PAUSE: Duration = Duration::from_millis(50);
    let start = Instant::now();
    loop {
        if holds()? {
            return Ok(true);
        }
        if start.elapsed() >= limit {
            return Ok(false);
        }
        std::thread::sleep(PAUSE);
    }
}

fn find(system: &System, name: &str) -> Result<Option<Livepatch>, Diagnostic> {
    Ok(livepatches(system)?.into_iter().find(|patch| patch.name == name))
}

/// The error for a transition that does not complete.
fn stalled(system: &System, patch: &Livepatch, limit: Duration) -> Diagnostic {
    /// This many tasks show what kind they are.
    const SHOWN: usize = 5;
    let Livepatch { name, state, .. } = patch;
    let what = match state {
        State::Patching => "load",
        _ => "unload",
    };
    let seconds = limit.as_secs();
    let mut error = Diagnostic::new(
        TRANSITION_STALLED,
        format!("the transition to {what} `{name}` did not complete within {seconds} s"),
    );
    let tasks = state.behind().map_or(Vec::new(), |behind| tasks_in(system, behind));
    for Task { id, comm, stack } in tasks.iter().take(SHOWN) {
        error = error.note(format!("held up by {comm}, task {id}:\n{}", stack.join("\n")));
    }
    error = match tasks.len() {
        0 => error.note("no visible task is behind; an idle CPU may be"),
        count if count > SHOWN => error.note(format!("and {} more", count - SHOWN)),
        _ => error,
    };
    error = error
        .note("the transition continues by itself: each task switches when it leaves the changed functions");
    error.help(match state {
        State::Patching => format!(
            "let the tasks continue or end them, then run `kpsc list`; `kpsc unload {name}` reverses the load"
        ),
        _ => format!("let the tasks continue or end them, then run `kpsc unload {name}` again"),
    })
}

/// There is no livepatch of this name.
fn not_there(system: &System, name: &str) -> Diagnostic {
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

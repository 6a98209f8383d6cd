// SPDX-License-Identifier: GPL-2.0
//! Predicts whether the running kernel would accept a livepatch, and its side effects, before
//! anything is loaded.
//!
//! The kernel refuses with an error number and does not report side effects. Nearly all of this can
//! be predicted from sysfs, procfs, tracefs, debugfs and securityfs.

mod kernel;
mod others;
mod permission;
mod probes;
mod tracers;

pub use kernel::Kernel;

use super::{livepatches, Incoming, Livepatch, State, System};
use kps_diag::{Diagnostic, Severity, ALREADY_LOADED, UNREADABLE_STATE};

/// The findings about loading a livepatch: errors block it, warnings are side effects, and notes
/// are for information.
pub fn preflight(system: &System, incoming: &Incoming) -> Vec<Diagnostic> {
    preflight_without(system, incoming, &[])
}

/// The same once some livepatches, by their names, are unloaded.
pub fn preflight_without(
    system: &System,
    incoming: &Incoming,
    unloaded: &[String],
) -> Vec<Diagnostic> {
    let mut loaded = match livepatches(system) {
        Ok(loaded) => loaded,
        Err(error) => return vec![error],
    };
    let mut found = permission::check(system, incoming);
    found.extend(kernel::check(system, incoming));
    if !unloaded.contains(&incoming.name) {
        found.extend(name_is_taken(system, &incoming.name, &loaded));
    }
    found.extend(shows_nothing(incoming));
    // The kernel has dropped replaced livepatches; only their modules are still loaded.
    loaded.retain(|patch| patch.state != State::Disabled);
    found.extend(probes::check(system, incoming, &loaded));
    loaded.retain(|patch| patch.name != incoming.name && !unloaded.contains(&patch.name));
    found.extend(others::check(system, incoming, &loaded));
    found.extend(kernel::check_objects(system, incoming));
    found
}

/// The answer in one line.
pub fn verdict(name: &str, found: &[Diagnostic]) -> String {
    let reason = |severity| {
        let mut all = found.iter().filter(|diagnostic| diagnostic.severity == severity);
        let first = &all.next()?.message;
        Some(match all.count() {
            0 => first.clone(),
            more => format!("{first} (and {more} more)"),
        })
    };
    match (reason(Severity::Error), reason(Severity::Warning)) {
        (Some(reason), _) => format!("{name} will not load because {reason}"),
        (None, Some(reason)) => format!("{name} will load, but {reason}"),
        (None, None) => format!("{name} will load"),
    }
}

fn name_is_taken(system: &System, name: &str, loaded: &[Livepatch]) -> Option<Diagnostic> {
    let module = system.module(name);
    if !module.is_dir() {
        return None;
    }
    let program = system.program;
    let state = loaded.iter().find(|patch| patch.name == name).map(|patch| patch.state);
    let doing = match state {
        Some(State::Patching) => format!("the livepatch `{name}` is being loaded"),
        Some(State::Unpatching) => format!("the livepatch `{name}` is being unloaded"),
        _ => format!("a module `{name}` is loaded"),
    };
    let error = Diagnostic::new(ALREADY_LOADED, doing)
        .note("the kernel cannot have two modules of one name");
    Some(error.help(match state {
        Some(State::Patching) => format!(
            "watch with `{program} list` until it is enabled, or run `{program} unload {name}`, which reverses the load"
        ),
        Some(State::Unpatching) => {
            format!("run `{program} unload {name}`, which waits until it is unloaded, and try again")
        }
        Some(State::Disabled) => {
            format!("run `{program} unload {name}`, which removes what is left of it, and try again")
        }
        Some(State::Enabled) => format!(
            "run `{program} unload {name}` first; a new version that follows without a gap needs another name"
        ),
        None => "give the patch another name".to_owned(),
    }))
}

/// A livepatch that makes its tables when it is loaded.
fn shows_nothing(incoming: &Incoming) -> Option<Diagnostic> {
    (incoming.objects.is_empty() && incoming.note.is_none()).then(|| {
        let message = format!("it is unknown which functions `{}` changes", incoming.name);
        Diagnostic::new(UNREADABLE_STATE, message)
            .note("kpsc did not build it, and its tables do not exist before it is loaded")
    })
}

/// A file that cannot be read.
fn unseen(what: &str, path: &str, why: &str) -> Diagnostic {
    Diagnostic::new(UNREADABLE_STATE, format!("it is unknown {what}"))
        .note(format!("/{path} cannot be read: {why}"))
}

// SPDX-License-Identifier: GPL-2.0
//! Loads and unloads livepatches for the verbs that do, and adds what has happened to the answer.

use crate::answer::Answer;
use crate::context::Context;
use crate::livepatch::Patch;
use crate::text::{describe, fate};
use kps_diag::{any_error, Diagnostic, Severity, OTHER_BUILD_LOADED};
use kps_operate::store::{Change, Entry, Set, Store};
use kps_operate::{
    find, is_another, livepatches, load, preflight, preflight_without, unload, Behind, Ended,
    Livepatch, ModuleFile, OnStall, State,
};
use std::ffi::CString;
use std::slice::from_ref;
use std::time::Duration;

/// How a verb loads and unloads.
#[derive(Clone, Copy)]
pub(crate) struct Loading<'a> {
    pub(crate) context: &'a Context,
    pub(crate) timeout: Duration,
    pub(crate) on_stall: OnStall,
}

/// Whether the running kernel is as the installed set has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follows {
    Yes,
    /// A task is in the way, or the user has interrupted it.
    NotYet,
    /// The kernel does not take one of the set.
    Refuses,
}

impl Follows {
    fn once(is_done: bool) -> Follows {
        if is_done {
            Follows::Yes
        } else {
            Follows::NotYet
        }
    }
}

impl Loading<'_> {
    /// Loads one livepatch, and returns whether it is applied. Messages are part of the answer.
    pub(crate) fn load(
        &self,
        module: ModuleFile,
        parameters: &[String],
        answer: &mut Answer,
    ) -> Result<bool, Diagnostic> {
        let Loading { context, timeout, on_stall } = *self;
        let system = &context.system;
        module.incoming.check_parameters(parameters)?;
        let mut found = preflight(system, &module.incoming);
        // A user who loads a patch needs the result, and not additional information.
        found.retain(|diagnostic| diagnostic.severity != Severity::Note);
        answer.report(&found);
        if any_error(&found) {
            return Ok(false);
        }
        // An argument of a process has no NUL.
        let parameters = CString::new(parameters.join(" ")).unwrap_or_default();
        let ended = context
            .watching(timeout, |watch| load(system, module, &parameters, on_stall, watch))?;
        let Some(patch) = context.ended(ended, answer) else { return Ok(false) };
        answer.say(describe(&patch, &Behind::default()));
        answer.patches.push(Patch::loaded(&patch).with_parameters(system));
        Ok(true)
    }

    /// Unloads one livepatch, and returns whether it is gone.
    pub(crate) fn unload(&self, name: &str, answer: &mut Answer) -> Result<bool, Diagnostic> {
        let Loading { context, timeout, .. } = *self;
        let system = &context.system;
        let ended = context.watching(timeout, |watch| unload(system, name, watch))?;
        let Some(patch) = context.ended(ended, answer) else { return Ok(false) };
        if let Some(fate) = fate(&patch, &livepatches(system)?) {
            answer.say(fate);
        }
        answer.patches.push(Patch { state: None, ..Patch::loaded(&patch) });
        Ok(true)
    }

    /// Loads an installed patch that is not loaded already, and returns whether it is there.
    /// `later` is what the set loads after it.
    pub(crate) fn load_installed(
        &self,
        set: &Set,
        entry: &Entry,
        later: &[&Entry],
        answer: &mut Answer,
    ) -> Result<bool, Diagnostic> {
        let Context { system, console, .. } = self.context;
        let (name, program) = (&entry.name, console.program);
        let module = Store::of(system).open(set, entry)?;
        let Some(patch) = find(system, name)? else {
            return self.load(module, &entry.params, answer);
        };
        match patch.state {
            State::Enabled | State::Patching => {
                if is_another(system, &module.incoming) == Some(true) {
                    let message =
                        format!("another build of `{name}` is loaded than the installed one");
                    let advice =
                        format!("run `{program} unload {name}` and `{program} load {name}`");
                    answer.report(&[Diagnostic::new(OTHER_BUILD_LOADED, message).help(advice)]);
                    return Ok(false);
                }
                if patch.state == State::Patching {
                    self.context.ended(Ended::going_on(system, patch), answer);
                    return Ok(false);
                }
                answer.say(describe(&patch, &Behind::default()));
                answer.patches.push(Patch::loaded(&patch).with_parameters(system));
                Ok(true)
            }
            // Loaded again, it would undo the patch that has replaced it.
            State::Disabled if self.is_replaced(later)? => {
                answer.say(format!("{name} was replaced by a later one"));
                Ok(true)
            }
            // Only its module is left, which makes room first.
            State::Disabled => {
                Ok(self.unload(name, answer)? && self.load(module, &entry.params, answer)?)
            }
            // The preflight says what to do.
            State::Unpatching => self.load(module, &entry.params, answer),
        }
    }

    /// Whether one of these is loaded that may replace those before it.
    fn is_replaced(&self, later: &[&Entry]) -> Result<bool, Diagnostic> {
        let loaded = livepatches(&self.context.system)?;
        let is_later = |patch: &Livepatch| later.iter().any(|entry| entry.name == patch.name);
        Ok(loaded
            .iter()
            .filter(|patch| is_later(patch))
            .any(|patch| patch.state != State::Disabled && patch.replace != Some(false)))
    }

    /// Brings the running kernel from one installed set to another. What the new set lacks is
    /// unloaded: first, since it could be in the way, or last if a patch takes its place without a
    /// gap.
    pub(crate) fn follow(
        &self,
        change: &Change,
        wanted: &[&Entry],
        answer: &mut Answer,
    ) -> Result<Follows, Diagnostic> {
        let mut removed = change.removed();
        removed.retain(|entry| !wanted.iter().any(|other| other.loads_the_same_as(entry)));
        let leaves_no_gap = wanted.iter().any(|entry| entry.replaces);
        let is_again = |entry: &Entry| wanted.iter().any(|other| other.name == entry.name);
        let (first, last): (Vec<&Entry>, Vec<&Entry>) =
            removed.into_iter().partition(|entry| is_again(entry) || !leaves_no_gap);
        let Some(set) = &change.after else {
            return Ok(Follows::once(self.unload_loaded(&first, answer)?));
        };
        // Nothing is unloaded for something that cannot be loaded.
        if !self.can_load(set, wanted, &first, answer)? {
            return Ok(Follows::Refuses);
        }
        if !self.unload_loaded(&first, answer)? {
            return Ok(Follows::NotYet);
        }
        for (n, entry) in wanted.iter().enumerate() {
            let loaded = self.load_installed(set, entry, &wanted[n + 1..], answer);
            if !loaded.unwrap_or_else(|error| answer.is_ended_by(error)) {
                // Another build of it that is loaded is in the way, and no refusal.
                let refuses =
                    answer.has_failed() && find(&self.context.system, &entry.name)?.is_none();
                if let Some(before) = &change.before {
                    self.load_again(before, &first, answer);
                }
                return Ok(if refuses { Follows::Refuses } else { Follows::NotYet });
            }
        }
        Ok(Follows::once(self.unload_loaded(&last, answer)?))
    }

    /// Whether the kernel would accept those of a set that are not loaded, once others are gone.
    fn can_load(
        &self,
        set: &Set,
        wanted: &[&Entry],
        first: &[&Entry],
        answer: &mut Answer,
    ) -> Result<bool, Diagnostic> {
        let system = &self.context.system;
        let gone: Vec<_> = first.iter().map(|entry| entry.name.clone()).collect();
        let mut can = true;
        for entry in wanted {
            let module = Store::of(system).open(set, entry)?;
            let state = find(system, &entry.name)?.map(|patch| patch.state);
            if !gone.contains(&entry.name) && state.is_some_and(|state| state != State::Disabled) {
                continue;
            }
            let gone = [&gone[..], from_ref(&entry.name)].concat();
            let mut found = preflight_without(system, &module.incoming, &gone);
            found.retain(|diagnostic| diagnostic.severity == Severity::Error);
            can &= found.is_empty();
            answer.report(&found);
        }
        Ok(can)
    }

    /// Loads what was unloaded to make room.
    fn load_again(&self, before: &Set, unloaded: &[&Entry], answer: &mut Answer) {
        for entry in unloaded {
            match find(&self.context.system, &entry.name) {
                Ok(Some(_)) => continue,
                Err(error) => answer.report(&[error]),
                Ok(None) => {
                    if let Err(error) = self.load_installed(before, entry, &[], answer) {
                        answer.report(&[error]);
                    }
                }
            }
        }
    }

    /// Unloads those that are loaded, the newest first, and returns whether all are gone.
    fn unload_loaded(&self, entries: &[&Entry], answer: &mut Answer) -> Result<bool, Diagnostic> {
        for Entry { name, .. } in entries.iter().rev() {
            if find(&self.context.system, name)?.is_some() && !self.unload(name, answer)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

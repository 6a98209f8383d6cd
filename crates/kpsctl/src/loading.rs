// SPDX-License-Identifier: GPL-2.0
//! Loads and unloads livepatches for the verbs that do, and adds what has happened to the answer.

use crate::answer::Answer;
use crate::context::Context;
use crate::livepatch::Patch;
use crate::text::{describe, fate};
use kps_diag::{any_error, Diagnostic, Severity};
use kps_operate::store::{Entry, Set, Store};
use kps_operate::{find, livepatches, load, preflight, unload, Behind, ModuleFile, OnStall, State};
use std::ffi::CString;
use std::time::Duration;

/// How a verb loads and unloads.
#[derive(Clone, Copy)]
pub(crate) struct Loading<'a> {
    pub(crate) context: &'a Context,
    pub(crate) timeout: Duration,
    pub(crate) on_stall: OnStall,
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

    /// Loads an installed patch that is not loaded already, and returns whether it is there. Of one
    /// that was replaced only the module is left, which makes room first.
    pub(crate) fn load_installed(
        &self,
        set: &Set,
        entry: &Entry,
        answer: &mut Answer,
    ) -> Result<bool, Diagnostic> {
        let system = &self.context.system;
        if let Some(patch) = find(system, &entry.name)? {
            if patch.state != State::Disabled {
                answer.say(describe(&patch, &Behind::default()));
                answer.patches.push(Patch::loaded(&patch).with_parameters(system));
                return Ok(patch.state == State::Enabled);
            }
            if !self.unload(&entry.name, answer)? {
                return Ok(false);
            }
        }
        let module = Store::of(system).open(set, entry)?;
        self.load(module, &entry.params, answer)
    }

    /// Brings the running kernel from one installed set to another. What the new set lacks is
    /// unloaded: first, since it could be in the way, or last if a patch takes its place without a
    /// gap.
    pub(crate) fn bring(
        &self,
        wanted: Option<(&Set, Vec<&Entry>)>,
        removed: &[&Entry],
        answer: &mut Answer,
    ) -> Result<(), Diagnostic> {
        let wanted: Vec<_> = wanted
            .into_iter()
            .flat_map(|(set, of)| of.into_iter().map(move |e| (set, e)))
            .collect();
        let leaves_no_gap = wanted.iter().any(|(_, entry)| entry.replaces);
        let is_again = |entry: &Entry| wanted.iter().any(|(_, other)| other.name == entry.name);
        let (first, last): (Vec<&Entry>, Vec<&Entry>) =
            removed.iter().copied().partition(|entry| is_again(entry) || !leaves_no_gap);
        if !self.unload_loaded(&first, answer)? {
            return Ok(());
        }
        for (set, entry) in wanted {
            if !self.load_installed(set, entry, answer)? {
                return Ok(());
            }
        }
        self.unload_loaded(&last, answer).map(drop)
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

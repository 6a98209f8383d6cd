// SPDX-License-Identifier: GPL-2.0
//! The verb `wait`.

use super::{ResultArgs, TimeoutArgs};
use crate::answer::Answer;
use crate::context::Context;
use crate::livepatch::Patch;
use crate::text::describe;
use kps_diag::{Diagnostic, TAKEN_BACK};
use kps_operate::{livepatches, name_of, wait, Behind, Livepatch, State};

#[derive(Debug, clap::Args)]
pub struct Wait {
    /// A livepatch, as `list` names it; without one, whichever is in transition.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    timeout: TimeoutArgs,
    #[command(flatten)]
    pub(super) results: ResultArgs,
}

impl Wait {
    pub(super) fn run(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        let (system, name) = (&context.system, self.name.as_deref().map(name_of));
        let is_meant = |patch: &&Livepatch| name.as_ref().is_none_or(|name| *name == patch.name);
        let before = livepatches(system)?;
        let ended = context
            .watching(self.timeout.duration(), |watch| wait(system, name.as_deref(), watch))?;
        if context.ended(ended, answer).is_none() {
            return Ok(());
        }
        let after = livepatches(system)?;
        for patch in after.iter().filter(is_meant) {
            answer.say(describe(patch, &Behind::default()));
            answer.patches.push(Patch::loaded(patch));
        }
        // Somebody may have reversed what it waited for.
        let mut loading = before.iter().filter(is_meant).filter(|p| p.state == State::Patching);
        let is_enabled = |name: &str| {
            after.iter().any(|patch| patch.name == name && patch.state == State::Enabled)
        };
        if let Some(Livepatch { name, .. }) = loading.find(|patch| !is_enabled(&patch.name)) {
            let error = Diagnostic::new(TAKEN_BACK, format!("`{name}` was taken back meanwhile"));
            answer.report(&[error.help("load it again if it is still wanted")]);
        }
        Ok(())
    }
}

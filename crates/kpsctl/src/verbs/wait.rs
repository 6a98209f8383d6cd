// SPDX-License-Identifier: GPL-2.0
//! The verb `wait`.

use super::{ResultArgs, TimeoutArgs};
use crate::answer::Answer;
use crate::context::Context;
use crate::livepatch::Patch;
use crate::text::describe;
use kps_diag::Diagnostic;
use kps_operate::{livepatches, name_of, wait, Behind};

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
        let ended = context
            .watching(self.timeout.duration(), |watch| wait(system, name.as_deref(), watch))?;
        if context.ended(ended, answer).is_some() {
            let is_meant = |other: &str| name.as_deref().is_none_or(|name| name == other);
            for patch in livepatches(system)?.iter().filter(|patch| is_meant(&patch.name)) {
                answer.say(describe(patch, &Behind::default()));
                answer.patches.push(Patch::loaded(patch));
            }
        }
        Ok(())
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The verbs `enable` and `disable`.

use super::{ResultArgs, TimeoutArgs};
use crate::answer::Answer;
use crate::context::Context;
use crate::livepatch::Patch;
use crate::text::describe;
use kps_diag::Diagnostic;
use kps_operate::{disable, enable, name_of, Behind, Livepatch, State};

#[derive(Debug, clap::Args)]
pub struct Switch {
    /// The livepatch, as `list` names it.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    timeout: TimeoutArgs,
    #[command(flatten)]
    pub(super) results: ResultArgs,
}

impl Switch {
    pub(super) fn enable(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        let (system, name) = (&context.system, name_of(&self.name));
        let ended =
            context.watching(self.timeout.duration(), |watch| enable(system, &name, watch))?;
        if let Some(patch) = context.ended(ended, answer) {
            answer.say(describe(&patch, &Behind::default()));
            answer.patches.push(Patch::loaded(&patch));
        }
        Ok(())
    }

    pub(super) fn disable(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        let (system, name) = (&context.system, name_of(&self.name));
        let ended =
            context.watching(self.timeout.duration(), |watch| disable(system, &name, watch))?;
        if let Some(patch) = context.ended(ended, answer) {
            let patch = Livepatch { state: State::Disabled, objects: Vec::new(), ..patch };
            answer.say(describe(&patch, &Behind::default()));
            answer.patches.push(Patch::loaded(&patch));
        }
        Ok(())
    }
}

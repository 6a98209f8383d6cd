// SPDX-License-Identifier: GPL-2.0
//! The verb `unload`.

use super::{Context, ResultArgs, TimeoutArgs};
use crate::answer::Answer;
use crate::livepatch::Patch;
use crate::text::fate;
use kps_diag::Diagnostic;
use kps_operate::{livepatches, name_of, unload};

#[derive(Debug, clap::Args)]
pub struct Unload {
    /// The livepatches, as `list` names them.
    #[arg(value_name = "NAME", required_unless_present = "all")]
    names: Vec<String>,
    /// All of them, the newest first.
    #[arg(long, conflicts_with = "names")]
    all: bool,
    #[command(flatten)]
    timeout: TimeoutArgs,
    #[command(flatten)]
    pub(super) results: ResultArgs,
}

impl Unload {
    pub(super) fn run(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        let system = &context.system;
        let names = match self.all {
            true => livepatches(system)?.into_iter().rev().map(|patch| patch.name).collect(),
            false => self.names,
        };
        for name in names.iter().map(|name| name_of(name)) {
            let what = format!("unloading {name}");
            let ended = context
                .watching(&what, self.timeout.duration(), |watch| unload(system, &name, watch))?;
            let Some(patch) = context.ended(ended, answer) else { break };
            if let Some(fate) = fate(&patch, &livepatches(system)?) {
                answer.say(fate);
            }
            answer.patches.push(Patch { state: None, ..Patch::loaded(&patch) });
        }
        Ok(())
    }
}

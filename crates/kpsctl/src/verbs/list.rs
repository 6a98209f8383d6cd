// SPDX-License-Identifier: GPL-2.0
//! The verb `list`.

use super::{Context, ResultArgs};
use crate::answer::Answer;
use crate::livepatch::Patch;
use crate::text::describe;
use kps_diag::Diagnostic;
use kps_operate::{behind, livepatches};
use kps_report::complain;

#[derive(Debug, clap::Args)]
pub struct List {
    #[command(flatten)]
    pub(super) results: ResultArgs,
}

impl List {
    pub(super) fn run(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        let Context { system, console } = context;
        let patches = livepatches(system)?;
        if patches.is_empty() {
            let program = console.program;
            complain(&format!("no livepatch is loaded; `{program} load NAME.ko` loads one\n"));
        }
        for patch in &patches {
            let behind = behind(system, patch);
            answer.say(describe(patch, &behind));
            let (seen, unseen) = (behind.tasks.len(), behind.unseen);
            answer.patches.push(Patch { behind: seen, unseen, ..Patch::loaded(patch) });
        }
        Ok(())
    }
}

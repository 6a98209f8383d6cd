// SPDX-License-Identifier: GPL-2.0
//! The verb `setup`.

use super::ResultArgs;
use crate::answer::Answer;
use crate::context::Context;
use kps_diag::Diagnostic;
use kps_operate::{check_root, setup};

#[derive(Debug, clap::Args)]
pub struct Setup {
    /// Undo it. The installed livepatches stay.
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    pub(super) results: ResultArgs,
}

impl Setup {
    pub(super) fn run(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        check_root()?;
        let (files, verb) = match self.remove {
            true => (setup::remove(&context.system)?, "removed"),
            false => (setup::write(&context.system)?, "written"),
        };
        for file in files {
            answer.say(format!("{verb} {}", file.display()));
        }
        Ok(())
    }
}

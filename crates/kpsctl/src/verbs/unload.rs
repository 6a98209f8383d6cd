// SPDX-License-Identifier: GPL-2.0
//! The verb `unload`.

use super::{ResultArgs, TimeoutArgs};
use crate::answer::Answer;
use crate::context::Context;
use crate::loading::Loading;
use kps_diag::Diagnostic;
use kps_operate::{find, livepatches, name_of, not_there, OnStall};

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
        // A mistake in one of them is found before any is unloaded.
        for name in names.iter().map(|name| name_of(name)) {
            find(system, &name)?.ok_or_else(|| not_there(system, &name))?;
        }
        let timeout = self.timeout.duration();
        let loading = Loading { context, timeout, on_stall: OnStall::Wait };
        for name in names.iter().map(|name| name_of(name)) {
            match loading.unload(&name, answer) {
                Ok(true) => {}
                Ok(false) => break,
                // One that stays is no reason to keep the others.
                Err(error) => answer.report(&[error]),
            }
        }
        Ok(())
    }
}

// SPDX-License-Identifier: GPL-2.0
//! `kpsc load`.

use super::{list::describe, report, say, CommandResult, LimitArgs};
use kps_diag::{any_error, Severity};
use kps_operate::{load, open, preflight, System};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Load {
    /// The module, as `kpsc build` makes it.
    #[arg(value_name = "FILE.ko")]
    file: PathBuf,
    #[command(flatten)]
    limit: LimitArgs,
}

impl Load {
    pub(super) fn run(self) -> CommandResult {
        let system = System::running();
        let module = open(&self.file)?;
        let mut found = preflight(&system, &module.incoming);
        // A user who loads a patch needs the result, and not additional information.
        found.retain(|diagnostic| diagnostic.severity != Severity::Note);
        let code = report(&found, None);
        if any_error(&found) {
            return Ok(code);
        }
        let patch = load(&system, module, self.limit.duration())?;
        say(describe(&patch, &system));
        Ok(0)
    }
}

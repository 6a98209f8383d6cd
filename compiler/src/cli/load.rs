//! `kpsc load`.

use super::{list::describe, say, CommandResult, LimitArgs};
use crate::running::{load, System};
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
        let patch = load(&system, &self.file, self.limit.duration())?;
        say(describe(&patch, &system));
        Ok(0)
    }
}

//! `kpsc unload`.

use super::{CommandResult, LimitArgs};
use crate::running::{unload, System};

#[derive(Debug, clap::Args)]
pub(super) struct Unload {
    /// The livepatch, as `kpsc list` names it.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    limit: LimitArgs,
}

impl Unload {
    pub(super) fn run(self) -> CommandResult {
        unload(&System::running(), &self.name, self.limit.duration())?;
        Ok(0)
    }
}

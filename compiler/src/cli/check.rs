//! `kpsc check`.

use super::{compile, open_target, read_spec, CommandResult, SpecArgs, TargetArgs};
use crate::target::{Cache, Progress};

#[derive(Debug, clap::Args)]
pub(super) struct Check {
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    target: TargetArgs,
}

impl Check {
    pub(super) fn run(self) -> CommandResult {
        let source = read_spec(&self.spec.spec)?;
        let cache = Cache::open()?;
        let target = open_target(&cache, self.target.kernel.as_deref(), Progress::Shown)?;
        match compile(source, &target, &cache)? {
            Ok(_) => Ok(0),
            Err(code) => Ok(code),
        }
    }
}

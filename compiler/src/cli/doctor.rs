// SPDX-License-Identifier: GPL-2.0
//! `kpsc doctor`.

use super::{say, CommandResult};
use crate::doctor::{examine, obstacle, remedy, State, Work};
use kps_targets::Cache;

#[derive(Debug, clap::Args)]
pub(super) struct Doctor {}

impl Doctor {
    pub(super) fn run(self) -> CommandResult {
        let cache = Cache::open()?;
        let needs = examine(&cache);
        for need in &needs {
            let (word, more) = match &need.state {
                State::Met => ("ok", String::new()),
                State::Missing(package) => ("missing", format!(" (package {package})")),
                State::Unmet(why) => ("wrong", format!(": {why}")),
            };
            say(format_args!("{word:8} {}: {}{more}", need.name, need.purpose));
        }
        for work in Work::ALL {
            match obstacle(work, &needs, &cache) {
                None => say(format_args!("can      {}", work.command())),
                Some(why) => say(format_args!("cannot   {}: {why}", work.command())),
            }
        }
        if let Some(remedy) = remedy(&needs) {
            say("");
            say("as root, run:");
            say("");
            say(format_args!("    {remedy}"));
        }
        Ok(if needs.iter().all(|need| need.state == State::Met) { 0 } else { 3 })
    }
}

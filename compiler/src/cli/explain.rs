// SPDX-License-Identifier: GPL-2.0
//! `kpsc explain`.

use super::{say, CommandResult};
use kps_diag::{Code, ALL};

#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The code, for example KPS0203.
    #[arg(value_name = "CODE", value_parser = parse)]
    code: Code,
}

fn parse(text: &str) -> Result<Code, String> {
    let wanted = text.to_uppercase();
    ALL.iter()
        .copied()
        .find(|code| code.id() == wanted)
        .ok_or_else(|| "there is no such code".to_owned())
}

impl Explain {
    pub(super) fn run(self) -> CommandResult {
        self.code.page().trim_end().lines().for_each(say);
        Ok(0)
    }
}

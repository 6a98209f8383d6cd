// SPDX-License-Identifier: GPL-2.0
//! The verb `explain`, which every program has.

use super::{page, stdout::say};
use kps_diag::{Code, ALL, FAMILIES};

/// The arguments of `explain`.
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// The code, for example KPS0203; without one, the list of all codes.
    #[arg(value_name = "CODE", value_parser = parse)]
    code: Option<Code>,
}

fn parse(text: &str) -> Result<Code, String> {
    let wanted = text.to_uppercase();
    ALL.iter()
        .copied()
        .find(|code| code.id() == wanted)
        .ok_or_else(|| "there is no such code; `explain` without one lists all".to_owned())
}

impl Explain {
    /// Prints the page of the code, or the list.
    pub fn run(self) {
        match self.code {
            Some(code) => page(code.page()).lines().for_each(say),
            None => {
                for family in FAMILIES {
                    say(family.title);
                    for code in family.codes {
                        say(format!("  {}  {}", code.id(), code.summary()));
                    }
                }
            }
        }
    }
}

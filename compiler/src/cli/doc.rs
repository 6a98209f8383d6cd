// SPDX-License-Identifier: GPL-2.0
//! `kpsc doc`: the guides, which every binary has with it.

use super::{say, CommandResult};
use clap::builder::PossibleValuesParser;
use kps_report::page;

#[derive(Debug, clap::Args)]
pub(super) struct Doc {
    /// The page; without one, their list.
    #[arg(value_name = "PAGE", value_parser = PossibleValuesParser::new(names()))]
    page: Option<String>,
    /// Print the page as it is written, in Markdown.
    #[arg(long, requires = "page")]
    markdown: bool,
}

/// The pages for authors of patches.
const PAGES: &[(&str, &str, &str)] = &[
    ("language", "the language of specs", include_str!("../../../docs/language.md")),
    ("from-c", "what to write for what C people write", include_str!("../../../docs/from-c.md")),
    ("headers", "what bodies have of C's headers", include_str!("../../../docs/headers.md")),
    ("crates", "patch crates and their attributes", include_str!("../../../docs/crates.md")),
    ("commands", "the commands", include_str!("../../../docs/commands.md")),
    ("editors", "specs in an editor", include_str!("../../../docs/editors.md")),
    ("fixes", "from a source diff to a patch", include_str!("../../../docs/fixes.md")),
    ("testing", "tests in a virtual machine", include_str!("../../../docs/testing.md")),
    ("data", "data that outlives a patch", include_str!("../../../docs/data.md")),
    ("targets", "the kernels that patches are built for", include_str!("../../../docs/targets.md")),
    ("operate", "livepatches on a server", include_str!("../../../docs/operate.md")),
    ("limits", "the largest inputs", include_str!("../../../docs/limits.md")),
    ("security", "who is trusted with what", include_str!("../../../docs/security.md")),
];

fn names() -> Vec<&'static str> {
    PAGES.iter().map(|(name, _, _)| *name).collect()
}

impl Doc {
    pub(super) fn run(self) -> CommandResult {
        let found = PAGES.iter().find(|(name, _, _)| Some(*name) == self.page.as_deref());
        match found {
            None => PAGES
                .iter()
                .for_each(|(name, about, _)| say(format!("kpsc doc {name:<10} {about}"))),
            Some((_, _, text)) if self.markdown => text.lines().for_each(say),
            Some((_, _, text)) => page(text).lines().for_each(say),
        }
        Ok(0)
    }
}

// SPDX-License-Identifier: GPL-2.0
//! `cargo xtask bench`: speed and size, measured against what one would otherwise do.
//! `docs/bench.md` says what the figures mean.

pub mod builds;
pub mod counting;
mod figures;
mod machine;
mod measure;
mod modes;
mod page;
mod report;
pub mod sizes;
pub mod specs;
mod table;

use anyhow::{anyhow, Context as _, Result};
use kps_targets::{Cache, Target, Tree};
use specs::COUNTS;
use std::path::{Path, PathBuf};

pub use measure::{measure, WORD};

/// Measures everything and prints it. `against` is another livepatch written by hand.
pub fn run(kpsc: PathBuf, against: Option<&Path>) -> Result<()> {
    print!("{}", report::measured(&Bench::new(kpsc)?, against)?.text());
    Ok(())
}

/// Measures everything, prints it, and puts it into `docs/bench.md`.
pub fn run_for_the_page(kpsc: PathBuf) -> Result<()> {
    let figures = report::measured(&Bench::new(kpsc)?, None)?.text();
    print!("{figures}");
    page::write(&figures)
}

/// What everything is built with.
#[derive(Debug)]
pub struct Bench {
    /// The program under test.
    pub kpsc: PathBuf,
    /// A target that is ready to build for.
    pub target: Target,
}

impl Bench {
    /// The default target, which must have been prepared.
    pub fn new(kpsc: PathBuf) -> Result<Bench> {
        let target = Cache::open().and_then(|cache| cache.default_target());
        let target = target.map_err(|error| anyhow!("{}", error.message))?;
        let bench = Bench { kpsc, target: target.context(UNPREPARED)? };
        bench.tree()?;
        Ok(bench)
    }

    /// What the target is built with.
    pub fn tree(&self) -> Result<&Tree> {
        self.target.tree().context(UNPREPARED)
    }
}

const UNPREPARED: &str =
    "no target kernel is prepared: run `kpsc kernel add`, or `cargo xtask test`";

/// The functions of `kinds.kps` and what is done to each.
pub const KINDS: [(&str, &str); 5] = [
    ("cmdline_proc_show", "replace"),
    ("version_proc_show", "replace that calls the original"),
    ("uptime_proc_show", "pre"),
    ("loadavg_proc_show", "post"),
    ("meminfo_proc_show", "pre and post"),
];

/// The instructions on the way of a call of a patched function.
pub fn count(module: &Path, function: &str) -> Result<usize> {
    let bytes =
        std::fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    counting::longest_path(&bytes, &format!("livepatch_{function}"))
}

/// What a function more costs between the two largest counts, as a multiple of what it costs below.
/// Linear growth is 1.
pub fn growth(figures: &[f64]) -> f64 {
    let [one, _, fifty, two_hundred] = COUNTS.map(|count| count as f64);
    let above = (figures[3] - figures[2]) / (two_hundred - fifty);
    let below = (figures[2] - figures[0]) / (fifty - one);
    above / below
}

/// What a figure that grows linearly may differ from it.
pub const GROWTH: f64 = 1.25;

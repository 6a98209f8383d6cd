// SPDX-License-Identifier: GPL-2.0
//! What was measured, and the text that says so: it is printed, and is the section "Figures" of
//! `docs/bench.md`.

use super::measure::{mebibytes, ratio, seconds, Sample};
use super::modes::{InMode, Modes};
use super::sizes::Sizes;
use super::table::{held, spread, Table};
use super::{growth, GROWTH, KINDS};

/// Each figure with what it is about.
pub(super) type Labelled<T> = Vec<(String, T)>;

/// All that one run has measured. The series of specs, one for each of `COUNTS`, stands last in
/// each list that it is in.
#[derive(Debug)]
pub(super) struct Figures {
    /// Where they were taken.
    pub machine: String,
    /// `kpsc check`, of the example and of the series.
    pub checks: Labelled<Vec<Sample>>,
    /// `make` and `kpsc build`, of the sample's job and of the series.
    pub builds: Labelled<Build>,
    /// `make` of livepatches written by hand.
    pub by_hand: Labelled<Vec<Sample>>,
    /// Modules that others have written, the kernel's own sample first.
    pub sizes_of_others: Labelled<Sizes>,
    /// Generated modules: the sample's job and the series.
    pub sizes: Labelled<Sizes>,
    /// The instructions of each of `KINDS`.
    pub kinds: Vec<usize>,
    /// The instructions of the modules that do the sample's job.
    pub jobs: Labelled<usize>,
    /// The example in each mode.
    pub modes: Modes,
}

/// The two ways to build a generated module, round by round.
#[derive(Debug)]
pub(super) struct Build {
    pub make: Vec<Sample>,
    pub kpsc: Vec<Sample>,
}

impl Figures {
    /// The text, in Markdown, with what each figure is held to.
    pub(super) fn text(&self) -> String {
        let sections = [
            ("`kpsc check`", self.checks()),
            ("`kpsc build` and make", self.builds()),
            ("A livepatch by hand", self.by_hand()),
            ("Size of modules, without debug information", self.sizes()),
            ("Instructions of the module per call", self.instructions()),
            ("Core mode", self.modes()),
        ];
        let sections = sections.map(|(heading, text)| format!("\n### {heading}\n\n{text}"));
        format!("{}\n{}", self.machine, sections.concat())
    }

    fn checks(&self) -> String {
        let mut table = Table::new(["of", "time", "held to", "peak memory", "held to"]);
        for (n, (label, samples)) in self.checks.iter().enumerate() {
            let (time, memory) = (seconds(samples), mebibytes(samples));
            let bound = |figure: f64, at_most: f64| {
                if n == 0 {
                    held(figure, at_most)
                } else {
                    String::new()
                }
            };
            // 120 MB.
            let memory_bound = bound(memory.median, 114.0);
            let time_bound = bound(time.median, 0.10);
            let (time, memory) = (spread(time, 3, " s"), spread(memory, 1, " MiB"));
            table.row([label.clone(), time, time_bound, memory, memory_bound]);
        }
        let series = self.checks.iter().skip(1).map(|(_, samples)| quickest(samples));
        format!("{table}\n{}", growth_of("the time", series))
    }

    fn builds(&self) -> String {
        let mut table = Table::new(["of", "make", "kpsc build", "build / make", "held to"]);
        for (label, Build { make, kpsc }) in &self.builds {
            let ratio = ratio(kpsc, make);
            table.row([
                label.clone(),
                spread(seconds(make), 2, " s"),
                spread(seconds(kpsc), 2, " s"),
                spread(ratio, 2, ""),
                held(ratio.median, 1.0),
            ]);
        }
        let series = || self.builds.iter().skip(1);
        format!(
            "{table}\n{}{}",
            growth_of("the time of make", series().map(|(_, build)| quickest(&build.make))),
            growth_of("the time of kpsc build", series().map(|(_, build)| quickest(&build.kpsc)))
        )
    }

    fn by_hand(&self) -> String {
        let mut table =
            Table::new(["by hand", "its make", "make of the generated / this", "held to"]);
        let (_, Build { make, .. }) = &self.builds[0];
        for (label, samples) in &self.by_hand {
            let ratio = ratio(make, samples);
            let time = spread(seconds(samples), 2, " s");
            table.row([label.clone(), time, spread(ratio, 2, ""), held(ratio.median, 1.3)]);
        }
        table.to_string()
    }

    fn sizes(&self) -> String {
        let mut table = Table::new([
            "module",
            "file",
            "loaded sections",
            "the sample's job generated / this",
            "held to",
        ]);
        let bytes = |count: u64| format!("{count} bytes");
        let (_, ours) = &self.sizes[0];
        for (n, (label, size)) in self.sizes_of_others.iter().enumerate() {
            let ratio = ours.file as f64 / size.file as f64;
            let bound = if n == 0 { held(ratio, 1.5) } else { String::new() };
            table.row([
                label.clone(),
                bytes(size.file),
                bytes(size.loaded),
                format!("{ratio:.2}"),
                bound,
            ]);
        }
        for (label, size) in &self.sizes {
            let label = format!("generated: {label}");
            table.row([label, bytes(size.file), bytes(size.loaded), String::new(), String::new()]);
        }
        let series = self.sizes.iter().skip(1).map(|(_, size)| size.file as f64);
        format!("{table}\n{}", growth_of("the file", series))
    }

    fn modes(&self) -> String {
        let Modes { prepared, modes: [with_crate, in_core] } = &self.modes;
        let mut table =
            Table::new(["mode", "kpsc check", "kpsc build", "cmdline_mark.ko", "loaded sections"]);
        for InMode { mode, checks, builds, size } in [with_crate, in_core] {
            table.row([
                (*mode).to_owned(),
                spread(seconds(checks), 3, " s"),
                spread(seconds(builds), 2, " s"),
                format!("{} bytes", size.file),
                format!("{} bytes", size.loaded),
            ]);
        }
        let ratio = ratio(&in_core.builds, &with_crate.builds);
        let bounds = [
            ("the build, core / kernel crate", spread(ratio, 2, ""), held(ratio.median, 1.25)),
            (
                "the module in core mode",
                format!("{} bytes", in_core.size.file),
                held(in_core.size.file as f64, 16_384.0),
            ),
            (
                "preparing it, with the compilers there",
                format!("{prepared:.1} s"),
                held(*prepared, 25.0),
            ),
        ];
        let mut limits = Table::new(["figure", "is", "held to"]);
        for (figure, is, bound) in bounds {
            limits.row([figure.to_owned(), is, bound]);
        }
        format!("{table}\n{limits}")
    }

    fn instructions(&self) -> String {
        let mut table = Table::new(["change", "instructions"]);
        for ((_, change), count) in KINDS.iter().zip(&self.kinds) {
            table.row([format!("{change}, empty"), count.to_string()]);
        }
        for (what, count) in &self.jobs {
            table.row([format!("the sample's job, {what}"), count.to_string()]);
        }
        table.to_string()
    }
}

/// A line about the figures of the series.
fn growth_of(what: &str, figures: impl Iterator<Item = f64>) -> String {
    let growth = growth(&figures.collect::<Vec<_>>());
    format!("Growth of {what}: {growth:.2}, {}.\n", held(growth, GROWTH))
}

/// The quickest round: what other programs do to the clock is no growth.
fn quickest(samples: &[Sample]) -> f64 {
    seconds(samples).min
}

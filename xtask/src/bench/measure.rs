// SPDX-License-Identifier: GPL-2.0
//! Time and memory of whole processes, and what can honestly be said of a few runs of them.

use anyhow::{bail, ensure, Context as _, Result};
use nix::sys::resource::{getrusage, UsageWho};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The word that makes this program run another one and say what that took.
pub const WORD: &str = "measure";

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// From start to end.
    pub seconds: f64,
    /// The most memory that any single process of it had at once. What runs in a sandbox is not
    /// among them.
    pub mebibytes: f64,
}

/// Something to run again and again.
#[derive(Debug)]
pub(super) struct Job {
    pub command: Vec<OsString>,
    /// A folder that is copied to another place before each run, so that nothing is left of the
    /// last one.
    pub fresh: Option<(PathBuf, PathBuf)>,
}

/// Runs jobs in turn, A B C A B C: what slows the machine down for a while slows all of them down.
/// The first round, which fills caches, does not count. Gives the samples of each job by round.
pub(super) fn rounds(jobs: &[Job], rounds: usize) -> Result<Vec<Vec<Sample>>> {
    let mut samples = vec![Vec::new(); jobs.len()];
    for round in 0..=rounds {
        for (job, samples) in jobs.iter().zip(&mut samples) {
            let sample = job.run()?;
            if round > 0 {
                samples.push(sample);
            }
        }
    }
    Ok(samples)
}

impl Job {
    fn run(&self) -> Result<Sample> {
        if let Some((from, to)) = &self.fresh {
            if to.exists() {
                std::fs::remove_dir_all(to)?;
            }
            let copied =
                Command::new("cp").arg("-r").arg(from).arg(to).status().context("cannot run cp")?;
            ensure!(copied.success(), "cannot copy {}", from.display());
        }
        // A process starts with its parent's memory as its peak. The one between is small.
        let own = std::env::current_exe().context("cannot find this program")?;
        let output =
            Command::new(own).arg(WORD).args(&self.command).stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "{:?} failed", self.command);
        let text = String::from_utf8_lossy(&output.stdout);
        let mut numbers = text.split_whitespace().map(str::parse::<f64>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(seconds)), Some(Ok(mebibytes))) => Ok(Sample { seconds, mebibytes }),
            _ => bail!("no figures in {text:?}"),
        }
    }
}

/// Runs a program and prints its seconds and mebibytes.
pub fn measure(words: &[OsString]) -> Result<()> {
    let [program, arguments @ ..] = words else { bail!("nothing to measure") };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let start = Instant::now();
    let output = command.output().with_context(|| format!("cannot run {program:?}"))?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(
        output.status.success(),
        "{words:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let kibibytes = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    println!("{seconds} {}", kibibytes as f64 / 1024.0);
    Ok(())
}

/// A figure that was taken several times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub min: f64,
    pub median: f64,
    pub max: f64,
}

impl Spread {
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => (values[middle - 1] + values[middle]) / 2.0,
            _ => values[middle],
        };
        Spread { min: values[0], median, max: values[values.len() - 1] }
    }
}

/// The ratio of two jobs' times, round by round.
pub(super) fn ratio(a: &[Sample], b: &[Sample]) -> Spread {
    Spread::of(a.iter().zip(b).map(|(a, b)| a.seconds / b.seconds))
}

/// The seconds of a job.
pub(super) fn seconds(samples: &[Sample]) -> Spread {
    Spread::of(samples.iter().map(|sample| sample.seconds))
}

/// The peak memory of a job.
pub(super) fn mebibytes(samples: &[Sample]) -> Spread {
    Spread::of(samples.iter().map(|sample| sample.mebibytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]).median, 2.0);
        let even = Spread::of([4.0, 1.0, 2.0, 3.0]);
        assert_eq!((even.min, even.median, even.max), (1.0, 2.5, 4.0));
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let sample = |seconds| Sample { seconds, mebibytes: 0.0 };
        // The machine was half as fast in the second round, for both.
        let (a, b) = ([sample(2.0), sample(4.0)], [sample(1.0), sample(2.0)]);
        let ratio = ratio(&a, &b);
        assert_eq!((ratio.min, ratio.max), (2.0, 2.0));
    }
}

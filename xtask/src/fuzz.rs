// SPDX-License-Identifier: GPL-2.0
//! Looks for inputs that break a property, with all targets side by side.

use crate::cargo;
use anyhow::{bail, ensure, Context as _, Result};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The folder of the crate with the fuzz targets.
const FOLDER: &str = "fuzz";
/// Where cargo-fuzz puts the programs.
const PROGRAMS: &str = "fuzz/target/x86_64-unknown-linux-gnu/release";

/// Inputs are at most this large, take at most so long and so much memory. The time is what passes
/// on a wall clock, on which a program at the lowest priority makes little of its share.
const LIMITS: [&str; 3] = ["-max_len=24576", "-timeout=30", "-rss_limit_mb=2048"];

/// What is asked for.
pub(crate) struct Request {
    /// All targets, if none is named.
    targets: Vec<String>,
    seconds: u64,
}

impl Request {
    /// Reads the words of the command line; none if they are not understood.
    pub(crate) fn parse(words: &[&str]) -> Option<Request> {
        let mut wish = Request { targets: Vec::new(), seconds: 60 };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            match word {
                "--seconds" => wish.seconds = words.next()?.parse().ok()?,
                word if word.starts_with('-') => return None,
                target => wish.targets.push(target.to_owned()),
            }
        }
        Some(wish)
    }
}

/// What a target did.
#[derive(Default)]
struct Outcome {
    runs: u64,
    edges: u64,
    instrumented: u64,
    features: u64,
    corpus: u64,
    findings: Vec<String>,
    wall: Duration,
    processor: Duration,
}

/// Builds the targets and runs them.
pub(crate) fn run(wish: &Request) -> Result<()> {
    let installed =
        cargo().args(["fuzz", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !installed.is_ok_and(|status| status.success()) {
        bail!("cargo-fuzz is missing: install it with `cargo install cargo-fuzz`");
    }
    let known = targets()?;
    let unknown = wish.targets.iter().find(|name| !known.contains(name));
    if let Some(name) = unknown {
        bail!("there is no target `{name}`; choose from: {}", known.join(", "));
    }
    let chosen = if wish.targets.is_empty() { &known } else { &wish.targets };
    // Sanitizers need a nightly compiler, and look for what safe Rust does not have.
    let mut build = cargo();
    build.args(["fuzz", "build", "--sanitizer", "none"]);
    if let [only] = chosen.as_slice() {
        build.arg(only);
    }
    crate::run(&mut build)?;

    println!("{} targets, {} seconds", chosen.len(), wish.seconds);
    let started: Vec<_> =
        chosen.iter().map(|name| Ok((name, start(name, wish.seconds)?))).collect::<Result<_>>()?;
    let watched = started.into_iter().map(|(name, child)| {
        let log = Path::new(FOLDER).join("artifacts").join(format!("{name}.log"));
        (name, std::thread::spawn(move || watch(child, &log)))
    });
    let watched: Vec<_> = watched.collect();
    println!("target          runs         edges  features  corpus  findings    wall  processor");
    let mut findings = Vec::new();
    for (name, thread) in watched {
        let outcome = match thread.join() {
            Ok(outcome) => outcome.with_context(|| format!("{name} cannot be run"))?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        let Outcome { runs, edges, instrumented, features, corpus, wall, processor, .. } = outcome;
        println!(
            "{name:10} {runs:>9} {:>13} {features:>9} {corpus:>7} {:>9} {:>6}s {:>9}s",
            format!("{edges}/{instrumented}"),
            outcome.findings.len(),
            wall.as_secs(),
            processor.as_secs()
        );
        findings.extend(outcome.findings);
    }
    ensure!(findings.is_empty(), "the fuzzers found failures:\n    {}", findings.join("\n    "));
    Ok(())
}

/// The names of the targets, in order.
fn targets() -> Result<Vec<String>> {
    let folder = Path::new(FOLDER).join("fuzz_targets");
    let entries =
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut names: Vec<String> =
        paths.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}

/// Starts a target at the lowest priority.
fn start(name: &str, seconds: u64) -> Result<Child> {
    let folder = |what: &str| Path::new(FOLDER).join(what).join(name);
    for made in [folder("artifacts"), folder("corpus")] {
        fs::create_dir_all(&made).with_context(|| format!("cannot make {}", made.display()))?;
    }
    let mut command = Command::new("nice");
    command.args(["-n", "19"]).arg(Path::new(PROGRAMS).join(name)).args(LIMITS);
    command.arg(format!("-max_total_time={seconds}")).arg("-print_final_stats=1");
    command.arg(format!("-artifact_prefix={}/", folder("artifacts").display()));
    let dictionary = folder("dict");
    if dictionary.exists() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    // What is new goes into the first folder.
    command.args([folder("corpus"), folder("seeds")]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().with_context(|| format!("cannot run {command:?}"))
}

/// Reads what a target says until it ends, and keeps it.
fn watch(mut child: Child, log: &Path) -> Result<Outcome> {
    let start = Instant::now();
    let mut outcome = Outcome::default();
    let mut kept =
        fs::File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    for line in child.stderr.take().map(BufReader::new).into_iter().flat_map(|out| out.split(b'\n'))
    {
        let line = String::from_utf8_lossy(&line?).into_owned();
        writeln!(kept, "{line}")?;
        outcome.read(&line);
    }
    // It has ended, but is known until it is waited for.
    outcome.processor = processor_time(child.id()).unwrap_or_default();
    outcome.wall = start.elapsed();
    let status = child.wait()?;
    if !status.success() && outcome.findings.is_empty() {
        outcome.findings.push(format!("it ended with {status}: see {}", log.display()));
    }
    Ok(outcome)
}

impl Outcome {
    /// Takes a line of libFuzzer's.
    fn read(&mut self, line: &str) {
        let number_behind = |word: &str| {
            let digits = line.split_once(word)?.1.trim_start();
            digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        let take = |field: &mut u64, word: &str| {
            if let Some(number) = number_behind(word) {
                *field = number;
            }
        };
        if line.starts_with('#') {
            take(&mut self.runs, "#");
            take(&mut self.edges, " cov: ");
            take(&mut self.features, " ft: ");
            take(&mut self.corpus, " corp: ");
        } else if line.contains("inline 8-bit counters)") {
            take(&mut self.instrumented, "(");
        } else if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.findings.push(path.to_owned());
        }
        take(&mut self.runs, "stat::number_of_executed_units:");
    }
}

/// The processor time that a process has used, from `/proc` (see proc(5): fields 14 and 15, in
/// hundredths of a second).
fn processor_time(process: u32) -> Option<Duration> {
    let path = PathBuf::from(format!("/proc/{process}/stat"));
    let text = fs::read_to_string(path).ok()?;
    let (_, behind_name) = text.rsplit_once(')')?;
    let fields: Vec<&str> = behind_name.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says_is_understood() {
        let mut outcome = Outcome::default();
        for line in [
            "INFO: Loaded 1 modules   (38211 inline 8-bit counters): 38211 [0x1, 0x2), ",
            "#1353107\tREDUCE cov: 1526 ft: 6900 corp: 1015/1773Kb lim: 8192 exec/s: 1752 rss: 33Mb",
            "artifact_prefix='fuzz/artifacts/btf/'; Test unit written to fuzz/artifacts/btf/crash-1",
            "stat::number_of_executed_units: 1353200",
        ] {
            outcome.read(line);
        }
        assert_eq!((outcome.runs, outcome.edges, outcome.instrumented), (1_353_200, 1526, 38211));
        assert_eq!((outcome.features, outcome.corpus), (6900, 1015));
        assert_eq!(outcome.findings, ["fuzz/artifacts/btf/crash-1"]);
    }

    #[test]
    fn words_are_targets_and_seconds() {
        let wish = Request::parse(&["btf", "--seconds", "3600", "spec"]);
        let wish = wish.map(|wish| (wish.targets, wish.seconds));
        assert_eq!(wish, Some((vec!["btf".to_owned(), "spec".to_owned()], 3600)));
        for words in [&["--seconds"][..], &["--seconds", "long"], &["--jobs", "2"]] {
            assert!(Request::parse(words).is_none(), "{words:?}");
        }
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The two modes of a target: the same release with the kernel's own Rust crate, and in core mode.

use super::measure::{rounds, Job, Sample};
use super::report::{kpsc, step, BUILDS, CHECKS, EXAMPLE};
use super::sizes::{sizes, Sizes};
use super::Bench;
use anyhow::{anyhow, ensure, Context as _, Result};
use kps_facts::Mode;
use kps_targets::Cache;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Where the target in core mode is kept: a target more in the user's cache would be the default.
const CACHE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench");
/// Its name there.
const NAME: &str = "core";
/// The name of the target whose preparation is timed.
const AGAIN: &str = "again";

/// What the example takes in each mode, and what it takes to prepare the release in core mode.
#[derive(Debug)]
pub(super) struct Modes {
    /// Seconds, with the compilers in the cache.
    pub prepared: f64,
    /// With the kernel's own crate first.
    pub modes: [InMode; 2],
}

/// The figures of the example in one mode.
#[derive(Debug)]
pub(super) struct InMode {
    /// What the mode is called.
    pub mode: &'static str,
    pub checks: Vec<Sample>,
    pub builds: Vec<Sample>,
    pub size: Sizes,
}

/// Prepares the release of the target in core mode, and measures both.
pub(super) fn measured(bench: &Bench, scratch: &Path) -> Result<Modes> {
    let mode = bench.target.facts().map_err(|error| anyhow!("{}", error.message))?.mode;
    ensure!(mode == Mode::KernelCrate, "{} is in core mode already", bench.target.name);
    step("a target in core mode");
    add(bench, NAME)?;
    // The compilers are there now, and stay as long as a target needs them.
    let start = Instant::now();
    add(bench, AGAIN)?;
    let prepared = start.elapsed().as_secs_f64();
    in_cache(&[bench.kpsc.clone().into(), "kernel".into(), "remove".into(), AGAIN.into()])?;
    let target =
        Cache::at(Path::new(CACHE)).target(NAME).map_err(|error| anyhow!("{}", error.message))?;
    let core = Bench { kpsc: bench.kpsc.clone(), target };

    let example = Path::new(EXAMPLE);
    let out = ["kernel-crate", NAME].map(|folder| scratch.join("modes").join(folder));
    let jobs = |verb, out: [Option<&Path>; 2]| {
        let [with_crate, in_core] = out;
        let words = [environment(), kpsc(&core, verb, example, in_core)].concat();
        [kpsc(bench, verb, example, with_crate), words].map(|command| Job { command, fresh: None })
    };
    let checks = pair(rounds(&jobs("check", [None, None]), CHECKS)?)?;
    let builds = pair(rounds(&jobs("build", [Some(&out[0]), Some(&out[1])]), BUILDS)?)?;
    let module = |folder: &PathBuf| folder.join("cmdline_mark.ko");
    let [of_crate, of_core] = [sizes(bench, &module(&out[0]))?, sizes(&core, &module(&out[1]))?];
    let ([check, core_check], [build, core_build]) = (checks, builds);
    Ok(Modes {
        prepared,
        modes: [
            InMode { mode: "kernel crate", checks: check, builds: build, size: of_crate },
            InMode { mode: NAME, checks: core_check, builds: core_build, size: of_core },
        ],
    })
}

/// Prepares the release in core mode, if it is not there.
fn add(bench: &Bench, name: &str) -> Result<()> {
    let release = bench.target.release();
    let words = ["kernel", "add", "--release", release, "--rust", "core", "--name", name];
    let words = words.into_iter().map(OsString::from);
    let words: Vec<OsString> = [bench.kpsc.clone().into()].into_iter().chain(words).collect();
    in_cache(&words)
}

/// Runs a command with the cache of core mode.
fn in_cache(words: &[OsString]) -> Result<()> {
    let words = [environment(), words.to_vec()].concat();
    let output = Command::new(&words[0]).args(&words[1..]).output();
    let output = output.with_context(|| format!("cannot run {words:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{words:?} failed: {}\n{said}", output.status);
    Ok(())
}

/// The start of a command that uses the cache of core mode.
fn environment() -> Vec<OsString> {
    vec!["env".into(), format!("KPSC_CACHE={CACHE}").into()]
}

fn pair<T>(both: Vec<T>) -> Result<[T; 2]> {
    both.try_into().map_err(|_| anyhow!("there are two modes"))
}

// SPDX-License-Identifier: GPL-2.0
//! The main job, for somebody who sees it for the first time.

use crate::{build_kpsc, host, kpsc, kpsc_error};
use anyhow::{ensure, Context as _, Result};
use kps_targets::{Cache, DebianRequest, Progress, Request, Target};
use kps_vm::{Guest, Machine};
use std::time::{Duration, Instant};

const SPEC: &str = "examples/cmdline_mark/cmdline_mark.kps";
const NAME: &str = "cmdline_mark";
const LIMIT: Duration = Duration::from_secs(120);

/// Sets up what is missing, then shows the main job.
pub(crate) fn run(release: Option<&str>) -> Result<()> {
    host::prepare()?;
    build_kpsc()?;
    demonstrate(release)
}

/// The target: of the release that is asked for, or the default one; a new one if there is none.
fn target(cache: &Cache, release: Option<&str>) -> Result<Target> {
    let there = match release {
        None => cache.default_target().map_err(kpsc_error)?,
        Some(release) => {
            let is_wanted = |target: &Target| {
                let rest = target.release().strip_prefix(release);
                rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
            };
            let targets = cache.targets().map_err(kpsc_error)?;
            targets.into_iter().filter_map(|(_, target)| target.ok()).find(is_wanted)
        }
    };
    if let Some(there) = there {
        return Ok(there);
    }
    if release.is_none() {
        println!(
            "No target kernel yet. Preparing the newest suitable stock kernel: about 3 minutes and 2 GB."
        );
    }
    let release = release.map(str::to_owned);
    let request = Request::Debian(DebianRequest { release, ..DebianRequest::default() });
    kps_targets::add(cache, None, &request, Progress::Shown).map_err(kpsc_error)
}

/// Compiles the example, loads it into a target in a virtual machine, and shows what changes.
fn demonstrate(release: Option<&str>) -> Result<()> {
    let cache = Cache::open().map_err(kpsc_error)?;
    let mut target = target(&cache, release)?;
    target.prepare(&cache, Progress::Shown).map_err(kpsc_error)?;

    let spec = std::fs::read_to_string(SPEC).with_context(|| format!("cannot read {SPEC}"))?;
    println!("\n{SPEC}:\n");
    for line in spec.lines() {
        println!("    {line}");
    }
    let folder = tempfile::tempdir()?;
    let start = Instant::now();
    step("kpsc build");
    crate::run(
        kpsc()?.arg("build").arg(SPEC).args(["--kernel", &target.name, "-o"]).arg(folder.path()),
    )?;
    let built = start.elapsed();
    let module = std::fs::read(folder.path().join(format!("{NAME}.ko")))?;

    let start = Instant::now();
    let machine = Machine::of(&target, vec![(format!("/{NAME}.ko"), module)])?;
    let mut guest = Guest::start(&machine)?;
    let started = start.elapsed();
    step(&format!("started {} in QEMU", target.release()));
    if let Some(reason) = guest.passed_over() {
        println!("It was booted in place of a copy of the template machine: {reason}");
    }

    let mut shell = |command: &str| -> Result<String> {
        println!("# {command}");
        let output = guest.run(command, LIMIT)?;
        print!("{}", output.text);
        ensure!(output.status == 0, "`{command}` failed with status {}", output.status);
        Ok(output.text)
    };
    let start = Instant::now();
    let before = shell("cat /proc/cmdline")?;
    let loading = Instant::now();
    shell(&format!("livepatch load /{NAME}.ko"))?;
    let loaded = loading.elapsed();
    let patched = shell("cat /proc/cmdline")?;
    shell(&format!("livepatch unload {NAME}"))?;
    let after = shell("cat /proc/cmdline")?;
    let acted = start.elapsed();
    guest.check_log()?;

    ensure!(
        !before.contains("kps=1") && patched.contains("kps=1") && after == before,
        "the patch did not act"
    );
    println!(
        "\nProven on {}: the patch acts while it is loaded and only then, and the kernel's log is clean. \
         Built in {:.1} s, started in {:.1} s, loaded in {:.1} s, {:.1} s in total.",
        target.release(),
        built.as_secs_f64(),
        started.as_secs_f64(),
        loaded.as_secs_f64(),
        (built + started + acted).as_secs_f64()
    );
    Ok(())
}

fn step(text: &str) {
    println!("\n== {text}");
}

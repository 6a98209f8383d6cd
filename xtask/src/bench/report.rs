// SPDX-License-Identifier: GPL-2.0
//! What is measured, in the order in which it is.

use super::builds::{self, input, Folder};
use super::figures::{Build, Figures, Labelled};
use super::measure::{rounds, Job, Sample};
use super::sizes::{sizes, Sizes};
use super::specs::{self, COUNTS};
use super::{count, machine, modes, Bench, KINDS};
use anyhow::{anyhow, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub(super) const EXAMPLE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/cmdline_mark/cmdline_mark.kps");
/// `check` takes so little that many rounds cost nothing.
pub(super) const CHECKS: usize = 21;
pub(super) const BUILDS: usize = 7;

/// Measures everything. `against` is another livepatch written by hand.
pub(super) fn measured(bench: &Bench, against: Option<&Path>) -> Result<Figures> {
    let scratch = tempfile::tempdir()?;
    let (machine, specs) = write_specs(bench, scratch.path())?;
    step("kpsc check");
    let checks = checks(bench, &specs)?;
    let inputs = Inputs::new(bench, &specs, against, &scratch.path().join("sources"))?;
    step("kpsc build and make");
    let (builds, by_hand) = build_times(bench, &inputs, scratch.path())?;
    step("modules");
    let (sizes, sizes_of_others) = module_sizes(bench, &inputs)?;
    let (kinds, jobs) = instructions(bench, &inputs, scratch.path())?;
    let modes = modes::measured(bench, scratch.path())?;
    Ok(Figures { machine, checks, builds, by_hand, sizes_of_others, sizes, kinds, jobs, modes })
}

/// A spec and what it is called in tables.
struct Spec {
    label: String,
    path: PathBuf,
}

/// The specs of the series, and on the way a word on the machine: both need the target's facts,
/// which take memory.
fn write_specs(bench: &Bench, folder: &Path) -> Result<(String, Vec<Spec>)> {
    let facts = bench.target.facts().map_err(|error| anyhow!("{}", error.message))?;
    let write = |count: usize| {
        let path = folder.join(format!("{}.kps", specs::name(count)));
        std::fs::write(&path, specs::spec(&facts, count)?)?;
        Ok(Spec { label: specs::label(count), path })
    };
    Ok((machine::describe(bench, &facts), COUNTS.into_iter().map(write).collect::<Result<_>>()?))
}

fn checks(bench: &Bench, series: &[Spec]) -> Result<Labelled<Vec<Sample>>> {
    let example = Spec { label: "the example".to_owned(), path: EXAMPLE.into() };
    let specs: Vec<&Spec> = [&example].into_iter().chain(series).collect();
    let jobs: Vec<Job> = specs
        .iter()
        .map(|spec| Job { command: kpsc(bench, "check", &spec.path, None), fresh: None })
        .collect();
    let samples = rounds(&jobs, CHECKS)?;
    Ok(specs.iter().map(|spec| spec.label.clone()).zip(samples).collect())
}

/// Everything that is built.
struct Inputs {
    /// The sample's job first, then the series.
    generated: Vec<Generated>,
    /// What somebody else would write.
    by_hand: Labelled<Folder>,
    /// The kernel's own sample.
    sample: Folder,
}

/// What kpsc makes of a spec.
struct Generated {
    label: String,
    spec: PathBuf,
    folder: Folder,
}

impl Inputs {
    fn new(bench: &Bench, series: &[Spec], against: Option<&Path>, into: &Path) -> Result<Inputs> {
        let sample = Spec { label: "the sample's job".to_owned(), path: input("sample.kps") };
        let generate = |spec: &Spec| -> Result<Generated> {
            let folder = builds::generated(bench, &spec.path, into)?;
            Ok(Generated { label: spec.label.clone(), spec: spec.path.clone(), folder })
        };
        let (own, lean) = (input("by_hand.rs"), into.join("lean"));
        let mut by_hand = vec![
            ("by_hand.rs".to_owned(), builds::plain(&own, into)?),
            (
                "by_hand.rs without debug information".to_owned(),
                builds::plain_without_debug(&own, &lean)?,
            ),
        ];
        if let Some(file) = against {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            by_hand.push((name, builds::plain(file, &into.join("against"))?));
        }
        Ok(Inputs {
            generated: [&sample].into_iter().chain(series).map(generate).collect::<Result<_>>()?,
            by_hand,
            sample: builds::c_sample(bench, into)?,
        })
    }
}

/// The times of what is generated, and of what is written by hand.
fn build_times(
    bench: &Bench,
    inputs: &Inputs,
    scratch: &Path,
) -> Result<(Labelled<Build>, Labelled<Vec<Sample>>)> {
    let copies = scratch.join("make");
    std::fs::create_dir_all(&copies)?;
    let make = |folder: &Folder| -> Result<Job> {
        let copy = copies.join(&folder.name);
        Ok(Job { command: builds::make(bench, &copy)?, fresh: Some((folder.path.clone(), copy)) })
    };
    let mut jobs = Vec::new();
    for (_, folder) in &inputs.by_hand {
        jobs.push(make(folder)?);
    }
    for Generated { spec, folder, .. } in &inputs.generated {
        jobs.push(make(folder)?);
        jobs.push(Job {
            command: kpsc(bench, "build", spec, Some(&scratch.join("out"))),
            fresh: None,
        });
    }
    let mut samples = rounds(&jobs, BUILDS)?.into_iter();
    let by_hand =
        inputs.by_hand.iter().map(|(label, _)| label.clone()).zip(samples.by_ref()).collect();
    let builds = inputs.generated.iter().filter_map(|generated| {
        let (make, kpsc) = (samples.next()?, samples.next()?);
        Some((generated.label.clone(), Build { make, kpsc }))
    });
    Ok((builds.collect(), by_hand))
}

/// The sizes of what is generated, and of what others have written.
fn module_sizes(bench: &Bench, inputs: &Inputs) -> Result<(Labelled<Sizes>, Labelled<Sizes>)> {
    let size = |label: &str, folder: &Folder| -> Result<(String, Sizes)> {
        Ok((label.to_owned(), sizes(bench, &builds::build(bench, folder)?)?))
    };
    let generated =
        inputs.generated.iter().map(|generated| size(&generated.label, &generated.folder));
    let sample = [size("livepatch-sample.c", &inputs.sample)];
    let by_hand = inputs.by_hand.iter().map(|(label, folder)| size(label, folder));
    Ok((
        generated.collect::<Result<_>>()?,
        sample.into_iter().chain(by_hand).collect::<Result<_>>()?,
    ))
}

/// Those of each kind of change, and of each module that does the sample's job.
fn instructions(
    bench: &Bench,
    inputs: &Inputs,
    scratch: &Path,
) -> Result<(Vec<usize>, Labelled<usize>)> {
    let kinds = builds::build(bench, &builds::generated(bench, &input("kinds.kps"), scratch)?)?;
    let kinds = KINDS.iter().map(|(function, _)| count(&kinds, function)).collect::<Result<_>>()?;
    let (by_hand, generated) = (&inputs.by_hand[0].1, &inputs.generated[0].folder);
    let modules =
        [("livepatch-sample.c", &inputs.sample), ("by_hand.rs", by_hand), ("generated", generated)];
    let jobs = modules
        .map(|(what, folder)| Ok((what.to_owned(), count(&folder.module(), "cmdline_proc_show")?)));
    Ok((kinds, jobs.into_iter().collect::<Result<_>>()?))
}

/// A command of kpsc.
pub(super) fn kpsc(bench: &Bench, verb: &str, spec: &Path, output: Option<&Path>) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec![bench.kpsc.clone().into(), verb.into(), spec.into()];
    words.extend(["--kernel".into(), OsString::from(&bench.target.name)]);
    if let Some(output) = output {
        words.extend(["-o".into(), output.into()]);
    }
    words
}

/// Says what goes on, beside what is printed in the end.
pub(super) fn step(what: &str) {
    eprintln!("== measuring: {what}");
}

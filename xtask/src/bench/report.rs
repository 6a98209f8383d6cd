//! What is measured, in the order in which it is printed.

use super::builds::{self, input, Folder};
use super::measure::{mebibytes, ratio, rounds, seconds, Job, Sample};
use super::sizes::{sizes, Sizes};
use super::specs::{self, COUNTS};
use super::table::{held, spread, Table};
use super::{count, growth, machine, Bench, GROWTH, KINDS};
use anyhow::{anyhow, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/cmdline_mark/cmdline_mark.kps");
/// `check` takes so little that many rounds cost nothing.
const CHECKS: usize = 21;
const BUILDS: usize = 7;

/// Measures everything and prints it. `against` is another livepatch written by hand.
pub fn run(kpsc: PathBuf, against: Option<&Path>) -> Result<()> {
    let bench = Bench::new(kpsc)?;
    let scratch = tempfile::tempdir()?;
    let specs = write_specs(&bench, scratch.path())?;
    checks(&bench, &specs)?;
    let inputs = Inputs::new(&bench, &specs, against, &scratch.path().join("sources"))?;
    build_times(&bench, &inputs, scratch.path())?;
    module_sizes(&bench, &inputs)?;
    instructions(&bench, &inputs, scratch.path())
}

/// A spec and what it is called in tables.
struct Spec {
    label: String,
    path: PathBuf,
}

/// The specs of the series, and on the way a word on the machine: both need the target's facts, which take memory.
fn write_specs(bench: &Bench, folder: &Path) -> Result<Vec<Spec>> {
    let facts = bench.target.facts().map_err(|error| anyhow!("{}", error.message))?;
    println!("{}", machine::describe(bench, &facts));
    let write = |count: usize| {
        let path = folder.join(format!("{}.kps", specs::name(count)));
        std::fs::write(&path, specs::spec(&facts, count)?)?;
        let label = if count == 1 { "1 function".to_owned() } else { format!("{count} functions") };
        Ok(Spec { label, path })
    };
    COUNTS.into_iter().map(write).collect()
}

fn checks(bench: &Bench, series: &[Spec]) -> Result<()> {
    heading("kpsc check");
    let example = Spec { label: "the example".to_owned(), path: EXAMPLE.into() };
    let specs: Vec<&Spec> = [&example].into_iter().chain(series).collect();
    let jobs: Vec<Job> = specs
        .iter()
        .map(|spec| Job { command: kpsc(bench, "check", &spec.path, None), fresh: None })
        .collect();
    let samples = rounds(&jobs, CHECKS)?;
    let mut table = Table::new(["of", "time", "held to", "peak memory", "held to"]);
    for (n, (spec, samples)) in specs.iter().zip(&samples).enumerate() {
        let (time, memory) = (seconds(samples), mebibytes(samples));
        let bound = |figure: f64, at_most: f64| if n == 0 { held(figure, at_most) } else { String::new() };
        // 120 MB.
        let memory_bound = bound(memory.median, 114.0);
        let time_bound = bound(time.median, 0.10);
        table.row([
            spec.label.clone(),
            spread(time, 3, " s"),
            time_bound,
            spread(memory, 1, " MiB"),
            memory_bound,
        ]);
    }
    table.print();
    print_growth("the time", &quickest(&samples[1..]));
    Ok(())
}

/// Everything that is built.
struct Inputs {
    /// The sample's job first, then the series.
    generated: Vec<Generated>,
    /// What somebody else would write, by what it is called in tables.
    by_hand: Vec<(String, Folder)>,
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
            ("by_hand.rs without debug information".to_owned(), builds::plain_without_debug(&own, &lean)?),
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

fn build_times(bench: &Bench, inputs: &Inputs, scratch: &Path) -> Result<()> {
    heading("kpsc build and make");
    let copies = scratch.join("make");
    std::fs::create_dir_all(&copies)?;
    let make = |folder: &Folder| -> Result<Job> {
        let copy = copies.join(&folder.name);
        Ok(Job { command: builds::make(bench, &copy)?, fresh: Some((folder.path.clone(), copy)) })
    };
    let mut jobs = Vec::new();
    for (_, folder) in inputs.by_hand.iter().rev() {
        jobs.push(make(folder)?);
    }
    for Generated { spec, folder, .. } in &inputs.generated {
        jobs.push(make(folder)?);
        jobs.push(Job { command: kpsc(bench, "build", spec, Some(&scratch.join("out"))), fresh: None });
    }
    let samples = rounds(&jobs, BUILDS)?;
    let (by_hand, generated) = samples.split_at(inputs.by_hand.len());
    let makes: Vec<Vec<Sample>> = generated.iter().step_by(2).cloned().collect();
    let builds: Vec<Vec<Sample>> = generated.iter().skip(1).step_by(2).cloned().collect();

    let mut table = Table::new(["of", "make", "kpsc build", "build / make", "held to"]);
    for ((generated, make), build) in inputs.generated.iter().zip(&makes).zip(&builds) {
        let ratio = ratio(build, make);
        table.row([
            generated.label.clone(),
            spread(seconds(make), 2, " s"),
            spread(seconds(build), 2, " s"),
            spread(ratio, 2, ""),
            held(ratio.median, 1.4),
        ]);
    }
    table.print();
    print_growth("the time of make", &quickest(&makes[1..]));
    print_growth("the time of kpsc build", &quickest(&builds[1..]));

    println!();
    let mut table = Table::new(["by hand", "its make", "make of the generated / this", "held to"]);
    for ((label, _), samples) in inputs.by_hand.iter().zip(by_hand.iter().rev()) {
        let ratio = ratio(&makes[0], samples);
        table.row([
            label.clone(),
            spread(seconds(samples), 2, " s"),
            spread(ratio, 2, ""),
            held(ratio.median, 1.3),
        ]);
    }
    table.print();
    Ok(())
}

fn module_sizes(bench: &Bench, inputs: &Inputs) -> Result<()> {
    heading("size of modules, without debug information");
    let size = |folder: &Folder| sizes(bench, &builds::build(bench, folder)?);
    let generated: Vec<Sizes> =
        inputs.generated.iter().map(|generated| size(&generated.folder)).collect::<Result<_>>()?;
    let ours = generated[0];
    let mut table =
        Table::new(["module", "file", "loaded sections", "the sample's job generated / this", "held to"]);
    let mut row = |label: &str, size: Sizes, ratio: String, bound: String| {
        let bytes = |count: u64| format!("{count} bytes");
        table.row([label.to_owned(), bytes(size.file), bytes(size.loaded), ratio, bound]);
    };
    let ratio = |size: Sizes| ours.file as f64 / size.file as f64;
    let sample = size(&inputs.sample)?;
    row("livepatch-sample.c", sample, format!("{:.2}", ratio(sample)), held(ratio(sample), 1.5));
    for (label, folder) in &inputs.by_hand {
        let size = size(folder)?;
        row(label, size, format!("{:.2}", ratio(size)), String::new());
    }
    for (generated, size) in inputs.generated.iter().zip(&generated) {
        row(&format!("generated: {}", generated.label), *size, String::new(), String::new());
    }
    table.print();
    print_growth("the file", &generated[1..].iter().map(|size| size.file as f64).collect::<Vec<_>>());
    Ok(())
}

fn instructions(bench: &Bench, inputs: &Inputs, scratch: &Path) -> Result<()> {
    heading("instructions of the module on the way of a call");
    let kinds = builds::build(bench, &builds::generated(bench, &input("kinds.kps"), scratch)?)?;
    let mut table = Table::new(["change", "instructions"]);
    for (function, change) in KINDS {
        table.row([format!("{change}, empty"), count(&kinds, function)?.to_string()]);
    }
    let (by_hand, generated) = (&inputs.by_hand[0].1, &inputs.generated[0].folder);
    for (what, folder) in
        [("livepatch-sample.c", &inputs.sample), ("by_hand.rs", by_hand), ("generated", generated)]
    {
        let count = count(&folder.module(), "cmdline_proc_show")?;
        table.row([format!("the sample's job, {what}"), count.to_string()]);
    }
    table.print();
    Ok(())
}

/// A command of kpsc.
fn kpsc(bench: &Bench, verb: &str, spec: &Path, output: Option<&Path>) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec![bench.kpsc.clone().into(), verb.into(), spec.into()];
    words.extend(["--kernel".into(), OsString::from(&bench.target.name)]);
    if let Some(output) = output {
        words.extend(["-o".into(), output.into()]);
    }
    words
}

fn print_growth(of: &str, figures: &[f64]) {
    let growth = growth(figures);
    println!("\nGrowth of {of}: {growth:.2}, {}.", held(growth, GROWTH));
}

/// The quickest round of each job: what other programs do to the clock is no growth.
fn quickest(samples: &[Vec<Sample>]) -> Vec<f64> {
    samples.iter().map(|samples| seconds(samples).min).collect()
}

fn heading(text: &str) {
    println!("\n== {text}\n");
}

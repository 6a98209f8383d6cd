//! What is measured, in the order in which it is printed.

use super::builds::Folder;
use super::measure::{mebibytes, ratio, rounds, seconds, work, Job, Sample};
use super::sizes::sizes;
use super::specs::COUNTS;
use super::table::{held, spread, Table};
use super::{builds, count, growth, machine, specs, Bench, GROWTH, KINDS};
use anyhow::{anyhow, Result};
use std::path::{Path, PathBuf};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/cmdline_mark/cmdline_mark.kps");
/// `check` takes so little that many rounds cost nothing.
const CHECKS: usize = 21;
const BUILDS: usize = 7;

/// Measures everything and prints it. `against` is another livepatch written by hand.
pub fn run(kpsc: PathBuf, against: Option<&Path>) -> Result<()> {
    let bench = Bench::new(kpsc)?;
    let facts = bench.target.facts().map_err(|error| anyhow!("{}", error.message))?;
    println!("{}", machine::describe(&bench, &facts));
    let scratch = tempfile::tempdir()?;
    let specs = scratch.path().join("specs");
    std::fs::create_dir(&specs)?;
    let mut series = Vec::new();
    for count in COUNTS {
        let path = specs.join(format!("{}.kps", specs::name(count)));
        std::fs::write(&path, specs::spec(&facts, count)?)?;
        series.push(path);
    }
    drop(facts);

    checks(&bench, &series)?;
    let sources = scratch.path().join("sources");
    let inputs = Inputs {
        generated: builds::generated(&bench, &builds::input("sample.kps"), &sources)?,
        by_hand: builds::plain(&builds::input("by_hand.rs"), &sources)?,
        against: against.map(|file| builds::plain(file, &sources)).transpose()?,
        sample: builds::c_sample(&bench, &sources)?,
        series: series
            .iter()
            .map(|spec| builds::generated(&bench, spec, &sources))
            .collect::<Result<Vec<Folder>>>()?,
        specs: series,
    };
    build_times(&bench, &inputs, scratch.path())?;
    module_sizes(&bench, &inputs)?;
    instructions(&bench, &inputs, &sources)
}

/// Everything that is built.
struct Inputs {
    /// These four do the same job.
    generated: Folder,
    by_hand: Folder,
    against: Option<Folder>,
    sample: Folder,
    /// Generated for the counts of functions, and the specs.
    series: Vec<Folder>,
    specs: Vec<PathBuf>,
}

fn checks(bench: &Bench, series: &[PathBuf]) -> Result<()> {
    heading("kpsc check");
    let job = |spec: &Path| {
        let words = ["check".as_ref(), "--kernel".as_ref(), bench.target.name.as_ref(), spec.as_os_str()];
        let program = bench.kpsc.clone().into_os_string();
        Job { command: [program].into_iter().chain(words.map(Into::into)).collect(), fresh: None }
    };
    let jobs: Vec<Job> =
        [Path::new(EXAMPLE)].into_iter().chain(series.iter().map(PathBuf::as_path)).map(job).collect();
    let samples = rounds(&jobs, CHECKS)?;
    let mut table = Table::new(["of", "time", "held to", "peak memory", "held to"]);
    let rows = ["the example".to_owned()].into_iter().chain(COUNTS.map(functions));
    for (n, (what, samples)) in rows.zip(&samples).enumerate() {
        let (time, memory) = (seconds(samples), mebibytes(samples));
        let bound = |figure: f64, at_most: f64| if n == 0 { held(figure, at_most) } else { String::new() };
        table.row([
            what,
            spread(time, 3, " s"),
            bound(time.median, 0.10),
            spread(memory, 1, " MiB"),
            // 120 MB.
            bound(memory.median, 114.4),
        ]);
    }
    table.print();
    print_growth("time", &least_work(&samples[1..]));
    Ok(())
}

fn build_times(bench: &Bench, inputs: &Inputs, scratch: &Path) -> Result<()> {
    heading("kpsc build and make");
    let make = |folder: &Folder| -> Result<Job> {
        let copy = scratch.join("make").join(&folder.name);
        Ok(Job { command: builds::make(bench, &copy)?, fresh: Some((folder.path.clone(), copy)) })
    };
    let build = |spec: &Path| {
        let words = ["build".as_ref(), "--kernel".as_ref(), bench.target.name.as_ref(), spec.as_os_str()];
        let program = bench.kpsc.clone().into_os_string();
        let output = ["-o".into(), scratch.join("out").into_os_string()];
        let command = [program].into_iter().chain(words.map(Into::into)).chain(output);
        Job { command: command.collect(), fresh: None }
    };
    std::fs::create_dir_all(scratch.join("make"))?;
    let mut jobs =
        vec![make(&inputs.by_hand)?, make(&inputs.generated)?, build(&builds::input("sample.kps"))];
    for (folder, spec) in inputs.series.iter().zip(&inputs.specs) {
        jobs.extend([make(folder)?, build(spec)]);
    }
    let others = jobs.len();
    jobs.extend(inputs.against.as_ref().map(make).transpose()?);
    let samples = rounds(&jobs, BUILDS)?;

    let mut table = Table::new(["of", "make", "kpsc build", "build / make", "held to"]);
    let mut row = |what: String, make: &[Sample], build: &[Sample]| {
        let ratio = ratio(build, make);
        table.row([
            what,
            spread(seconds(make), 2, " s"),
            spread(seconds(build), 2, " s"),
            spread(ratio, 2, ""),
            held(ratio.median, 1.4),
        ]);
    };
    row("the sample's job".to_owned(), &samples[1], &samples[2]);
    for (count, pair) in COUNTS.iter().zip(samples[3..others].chunks(2)) {
        row(functions(*count), &pair[0], &pair[1]);
    }
    table.print();
    let series = |first: usize| -> Vec<f64> {
        least_work(&samples[3..others]).into_iter().skip(first).step_by(2).collect()
    };
    print_growth("make", &series(0));
    print_growth("kpsc build", &series(1));

    println!();
    let mut table = Table::new(["the sample's job by hand", "its make", "generated / by hand", "held to"]);
    let hand_written =
        [Some((&inputs.by_hand, &samples[0])), inputs.against.as_ref().zip(samples.get(others))];
    for (folder, times) in hand_written.into_iter().flatten() {
        let ratio = ratio(&samples[1], times);
        table.row([
            folder.name.clone(),
            spread(seconds(times), 2, " s"),
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
    let generated = size(&inputs.generated)?;
    let mut table = Table::new(["module", "file", "loaded sections", "generated / this", "held to"]);
    table.row([
        "generated".to_owned(),
        bytes(generated.file),
        bytes(generated.loaded),
        String::new(),
        String::new(),
    ]);
    let others = [
        Some((&inputs.sample, true)),
        Some((&inputs.by_hand, false)),
        inputs.against.as_ref().map(|a| (a, false)),
    ];
    for (folder, is_sample) in others.into_iter().flatten() {
        let other = size(folder)?;
        let ratio = generated.file as f64 / other.file as f64;
        let bound = if is_sample { held(ratio, 1.5) } else { String::new() };
        table.row([
            folder.name.clone(),
            bytes(other.file),
            bytes(other.loaded),
            format!("{ratio:.2}"),
            bound,
        ]);
    }
    let mut files = Vec::new();
    for (count, folder) in COUNTS.iter().zip(&inputs.series) {
        let sizes = size(folder)?;
        files.push(sizes.file as f64);
        table.row([functions(*count), bytes(sizes.file), bytes(sizes.loaded), String::new(), String::new()]);
    }
    table.print();
    print_growth("file size", &files);
    Ok(())
}

fn instructions(bench: &Bench, inputs: &Inputs, sources: &Path) -> Result<()> {
    heading("instructions of the module on the way of a call");
    let kinds = builds::build(bench, &builds::generated(bench, &builds::input("kinds.kps"), sources)?)?;
    let mut table = Table::new(["change", "instructions"]);
    for (function, change) in KINDS {
        table.row([format!("{change}, empty"), count(&kinds, function)?.to_string()]);
    }
    for folder in [Some(&inputs.generated), Some(&inputs.by_hand), Some(&inputs.sample)].into_iter().flatten()
    {
        let name = format!("the sample's job: {}", folder.name);
        table.row([name, count(&folder.module(), "cmdline_proc_show")?.to_string()]);
    }
    table.print();
    Ok(())
}

fn print_growth(what: &str, figures: &[f64]) {
    let growth = growth(figures);
    println!("\nGrowth of {what}: {growth:.2} ({})", held(growth, GROWTH));
}

/// The work of each job where least disturbed it.
fn least_work(samples: &[Vec<Sample>]) -> Vec<f64> {
    samples.iter().map(|samples| work(samples).min).collect()
}

fn functions(count: usize) -> String {
    if count == 1 {
        "1 function".to_owned()
    } else {
        format!("{count} functions")
    }
}

fn bytes(count: impl std::fmt::Display) -> String {
    format!("{count} bytes")
}

fn heading(text: &str) {
    println!("\n== {text}\n");
}

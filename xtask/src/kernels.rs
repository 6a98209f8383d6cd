// SPDX-License-Identifier: GPL-2.0
//! `cargo xtask kernels`: which example acts on which kernel, as a table of `docs/targets.md`.

use crate::{build_kpsc, host, kpsc, kpsc_error};
use anyhow::{bail, ensure, Context as _, Result};
use kps_facts::Mode;
use kps_targets::Cache;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::OnceLock;

const PAGE: &str = "docs/targets.md";
/// What stands around the table.
const BEGIN: &str = "<!-- written by `cargo xtask kernels` -->\n";
const END: &str = "<!-- end of what `cargo xtask kernels` writes -->\n";
/// How long the steps of a test may take, in seconds.
const LIMIT: &str = "60";
/// The status of `kpsc` where the spec is to blame.
const REFUSED: i32 = 1;

/// Tests every example on these targets, or on all that can be built for, and writes the table.
pub(crate) fn run(names: &[&str]) -> Result<()> {
    host::prepare()?;
    build_kpsc()?;
    let kernels = targets(names)?;
    let examples = examples()?;
    let results = tried(&kernels, &examples)?;
    let table = table(&kernels, &examples, &results);
    print!("{table}");
    let page = std::fs::read_to_string(PAGE).with_context(|| format!("cannot read {PAGE}"))?;
    std::fs::write(PAGE, with(&page, &table)?).with_context(|| format!("cannot write {PAGE}"))?;
    let failed = results.iter().flatten().any(|result| matches!(result, Outcome::Fails(_)));
    ensure!(!failed, "an example that is built does not act");
    Ok(())
}

/// The names in `--kernel NAME ..`; none if the words are others.
pub(crate) fn names<'w>(words: &[&'w str]) -> Option<Vec<&'w str>> {
    let name = |pair: &[&'w str]| match pair {
        ["--kernel", name] if !name.starts_with('-') => Some(*name),
        _ => None,
    };
    words.chunks(2).map(name).collect()
}

/// What came of an example on a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// It acts by its own test.
    Acts,
    /// It is refused, with this code for these reasons.
    Refused(String),
    /// It is built and does not act.
    Fails(String),
}

/// A target: its name, and what it is.
struct Kernel {
    name: String,
    title: String,
    /// The folder that modules are built in.
    build: PathBuf,
}

/// The targets of the cache that can be built for, all or those of these names, oldest first.
fn targets(names: &[&str]) -> Result<Vec<Kernel>> {
    let cache = Cache::open().map_err(kpsc_error)?;
    let listed = said(kpsc()?.args(["kernel", "list"]))?;
    let all: Vec<&str> = listed.lines().filter_map(|line| line.split('\t').next()).collect();
    for name in names {
        ensure!(all.contains(name), "there is no target `{name}`: choose from {}", all.join(", "));
    }
    let mut kernels = Vec::new();
    for name in all.into_iter().filter(|name| names.is_empty() || names.contains(name)) {
        let target = cache.target(name).map_err(kpsc_error)?;
        let Some(tree) = target.tree() else { continue };
        let mode = match target.facts().map_err(kpsc_error)?.mode {
            Mode::Core => "core",
            Mode::KernelCrate => "kernel crate",
        };
        let title = format!("{}, {mode}", target.release());
        kernels.push(Kernel { name: name.to_owned(), title, build: tree.build.clone() });
    }
    let numbers = |kernel: &Kernel| -> Vec<u32> {
        let numbers = kernel.title.split(['.', '-', '+']);
        numbers.map_while(|number| number.parse().ok()).collect()
    };
    kernels.sort_by_key(numbers);
    Ok(kernels)
}

/// The specs and the crates of `examples`, by name.
fn examples() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("examples").context("cannot read examples")? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default();
        let spec = folder.join(name).with_extension("kps");
        if spec.exists() {
            found.push(spec);
        } else if folder.join("Cargo.toml").exists() {
            found.push(folder);
        }
    }
    found.sort_by_key(|example| name(example));
    Ok(found)
}

/// What came of each example on each kernel, as many at once as there are processors.
fn tried(kernels: &[Kernel], examples: &[PathBuf]) -> Result<Vec<Vec<Outcome>>> {
    let cells: Vec<OnceLock<Result<Outcome>>> =
        (0..kernels.len() * examples.len()).map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let work = || loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        let Some(cell) = cells.get(n) else { return };
        // A kernel after the other, so that few template machines are in use at once.
        let (kernel, example) = (&kernels[n / examples.len()], &examples[n % examples.len()]);
        let outcome = outcome(kernel, example);
        eprintln!("{}\t{}\t{outcome:?}", kernel.name, name(example));
        let _ = cell.set(outcome);
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let mut outcomes = cells
        .into_iter()
        .map(|cell| cell.into_inner().unwrap_or_else(|| bail!("an example has not been tried")));
    kernels.iter().map(|_| outcomes.by_ref().take(examples.len()).collect()).collect()
}

fn outcome(kernel: &Kernel, example: &Path) -> Result<Outcome> {
    let scratch = tempfile::tempdir()?;
    let example = with_its_module(kernel, example, scratch.path())?;
    let mut test = kpsc()?;
    test.args(["test", "--limit", LIMIT, "--kernel", &kernel.name]).arg(&example);
    let output = test.output().context("cannot run kpsc")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => Ok(Outcome::Acts),
        Some(REFUSED) => Ok(Outcome::Refused(errors(&said))),
        _ => Ok(Outcome::Fails(errors(&said))),
    }
}

/// A spec whose folder has a Kbuild file, in a copy of the folder with its module made.
fn with_its_module(kernel: &Kernel, example: &Path, scratch: &Path) -> Result<PathBuf> {
    let folder = example.parent().unwrap_or(Path::new("."));
    if example.is_dir() || !folder.join("Kbuild").exists() {
        return Ok(example.to_owned());
    }
    for entry in std::fs::read_dir(folder)? {
        let file = entry?.path();
        std::fs::copy(&file, scratch.join(file.file_name().unwrap_or_default()))?;
    }
    said(
        Command::new("make")
            .arg("-C")
            .arg(&kernel.build)
            .arg(format!("M={}", scratch.display()))
            .arg(format!("KPSC={}", kpsc()?.get_program().to_string_lossy())),
    )?;
    Ok(scratch.join(example.file_name().unwrap_or_default()))
}

/// The first error that kpsc has reported: its code with a link, and its words.
fn errors(said: &str) -> String {
    let error = said.lines().find_map(|line| line.strip_prefix("error[")?.split_once("]: "));
    let Some((code, words)) = error else { return "failed".to_owned() };
    format!("[{code}](errors/{code}.md): {}", words.replace('|', "\\|"))
}

/// The table, an example a row.
fn table(kernels: &[Kernel], examples: &[PathBuf], results: &[Vec<Outcome>]) -> String {
    let titles: Vec<String> = kernels.iter().map(|kernel| kernel.title.clone()).collect();
    let mut table =
        format!("| example | {} |\n|---|{}\n", titles.join(" | "), "---|".repeat(titles.len()));
    for (n, example) in examples.iter().enumerate() {
        let cells = results.iter().map(|of_kernel| match &of_kernel[n] {
            Outcome::Acts => "ok".to_owned(),
            Outcome::Refused(why) => why.clone(),
            Outcome::Fails(why) => format!("**fails**: {why}"),
        });
        let cells: Vec<String> = cells.collect();
        table += &format!("| `{}` | {} |\n", name(example), cells.join(" | "));
    }
    table
}

/// The page with another table.
fn with(page: &str, table: &str) -> Result<String> {
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) = parts.with_context(|| format!("{PAGE} has no place for the table"))?;
    Ok(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

fn name(example: &Path) -> String {
    example.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// What a command prints, which must succeed.
fn said(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {}\n{errors}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::{errors, names, table, with, Kernel, Outcome, BEGIN, END};
    use std::path::PathBuf;

    #[test]
    fn the_table_says_what_came_of_each_example_on_each_kernel() {
        let kernel = |name: &str| Kernel {
            name: name.to_owned(),
            title: format!("{name}, core"),
            build: PathBuf::new(),
        };
        let why =
            errors("warning[KPS0416]: w\nerror[KPS0201]: there is no `a|b`\nerror[KPS0202]: x");
        let results = [vec![Outcome::Acts], vec![Outcome::Refused(why)]];
        let shown = table(&[kernel("6.1"), kernel("7.3")], &[PathBuf::from("e/one.kps")], &results);
        assert_eq!(
            shown,
            "| example | 6.1, core | 7.3, core |\n|---|---|---|\n\
             | `one` | ok | [KPS0201](errors/KPS0201.md): there is no `a\\|b` |\n"
        );
    }

    #[test]
    fn kernels_are_named_one_by_one() {
        assert_eq!(names(&["--kernel", "a", "--kernel", "b"]), Some(vec!["a", "b"]));
        assert_eq!(names(&[]), Some(vec![]));
        for words in [&["a"][..], &["--kernel"], &["--kernel", "--kernel"]] {
            assert_eq!(names(words), None, "{words:?}");
        }
    }

    #[test]
    fn the_page_keeps_what_is_around_the_table() {
        let page = format!("before\n{BEGIN}old\n{END}after\n");
        let written = with(&page, "new\n").unwrap_or_default();
        assert_eq!(written, format!("before\n{BEGIN}\nnew\n\n{END}after\n"));
        assert!(with("no marks", "new").is_err());
    }
}

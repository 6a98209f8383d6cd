// SPDX-License-Identifier: GPL-2.0
//! A command for one kernel or for several: `--kernel` may be repeated, and `--all-kernels` takes
//! every target of the cache. Several kernels share the processors. What is said about each is
//! collected and printed whole, in the order of the kernels, and a table of the results follows.

use super::output::{self, collecting, Collected};
use super::{format, open_target, progress, report, say, CommandResult, ExitCode};
use crate::render::{line, Format};
use kps_diag::{Diagnostic, BUG};
use kps_host::disk::cannot;
use kps_targets::{Cache, Listed, Target};
use serde::Serialize;
use std::io::Write as _;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::{available_parallelism, Builder};

/// Which targets, for the commands that work for several in one run.
#[derive(Debug, clap::Args)]
pub(super) struct KernelsArgs {
    /// The target kernel, or the start of its version if no other target has it; the one added last
    /// if not given. May be repeated: all results are in one table then.
    #[arg(long, value_name = "NAME")]
    kernel: Vec<String>,
    /// All targets, as if each were named with --kernel.
    #[arg(long, conflicts_with = "kernel")]
    all_kernels: bool,
}

/// The kernel that a command works for.
#[derive(Debug)]
pub(super) struct Kernel {
    /// The target.
    pub(super) target: Target,
    /// Whether it is one of several.
    several: bool,
}

impl Kernel {
    /// The name of a result: that of the patch, and with several kernels also that of the target,
    /// which no other target has.
    pub(super) fn name_of_result(&self, patch: &str) -> String {
        match self.several {
            true => format!("{patch}-{}", self.target.name),
            false => patch.to_owned(),
        }
    }
}

/// How a command ended for one kernel.
#[derive(Debug)]
pub(super) struct Ended {
    /// The exit code; messages have been printed.
    pub(super) code: ExitCode,
    /// The file or folder that it has written.
    pub(super) written: Option<PathBuf>,
}

impl Ended {
    /// A command that writes nothing.
    pub(super) fn with(code: ExitCode) -> Ended {
        Ended { code, written: None }
    }
}

/// A row of the table for programs.
#[derive(Serialize)]
struct Row<'a> {
    kernel: &'a str,
    status: ExitCode,
    codes: Vec<&'static str>,
    module: Option<String>,
}

/// What one kernel has brought.
struct Outcome {
    kernel: String,
    said: Collected,
    ended: Ended,
}

impl KernelsArgs {
    /// Runs a command for each kernel.
    pub(super) fn run(
        &self,
        cache: &Cache,
        what: &str,
        work: impl Fn(Kernel) -> Result<Ended, Diagnostic> + Sync,
    ) -> CommandResult {
        let targets = match (self.all_kernels, self.kernel.as_slice()) {
            (true, _) => cache.targets()?,
            (false, names @ [_, _, ..]) => named(cache, names)?,
            (false, names) => {
                let target = open_target(cache, names.first().map(String::as_str))?;
                let Ended { code, written } = work(Kernel { target, several: false })?;
                written.iter().for_each(|path| say(path.display()));
                return Ok(code);
            }
        };
        if targets.is_empty() {
            let error = Diagnostic::new(kps_diag::NO_SUCH_TARGET, "there is no target");
            return Err(error.help("add one with `kpsc kernel add`"));
        }
        let all = || Ok::<_, Diagnostic>(for_all(targets, work));
        let outcomes = progress().step(what, all)?;
        Ok(show(&outcomes))
    }
}

/// The targets with these names, each once.
fn named(cache: &Cache, names: &[String]) -> Result<Vec<Listed>, Diagnostic> {
    let mut targets: Vec<Listed> = Vec::new();
    for name in names {
        let target = cache.find(name);
        let name = target.as_ref().map_or_else(|_| name.clone(), |target| target.name.clone());
        if !targets.iter().any(|(known, _)| *known == name) {
            targets.push((name, target));
        }
    }
    Ok(targets)
}

/// Works for all targets, for as many at once as there are processors.
fn for_all(
    targets: Vec<Listed>,
    work: impl Fn(Kernel) -> Result<Ended, Diagnostic> + Sync,
) -> Vec<Outcome> {
    let workers = available_parallelism().map_or(1, usize::from).min(targets.len());
    let queue = Mutex::new(targets.into_iter().enumerate());
    let outcomes = Mutex::new(Vec::new());
    let one_by_one = || loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((n, (kernel, target))) = next else { break };
        let (ended, said) = collecting(&kernel, || for_one(target, &work));
        let outcome = Outcome { kernel, said, ended };
        outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((n, outcome));
    };
    std::thread::scope(|scope| {
        let started = (0..workers)
            .map(|_| Builder::new().stack_size(super::DEEP).spawn_scoped(scope, one_by_one));
        if let Err(error) = started.collect::<Result<Vec<_>, _>>() {
            report(&[cannot("start", Path::new("a thread"), &error)], None);
            // Without threads, this one does the work.
            one_by_one();
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(n, _)| *n);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Works for one of several targets. An error is no reason to leave out the others.
fn for_one(
    target: Result<Target, Diagnostic>,
    work: &impl Fn(Kernel) -> Result<Ended, Diagnostic>,
) -> Ended {
    let ended = target.and_then(|target| {
        let work = AssertUnwindSafe(|| work(Kernel { target, several: true }));
        catch_unwind(work).unwrap_or_else(|_| Err(bug()))
    });
    ended.unwrap_or_else(|error| Ended::with(report(&[error], None)))
}

/// A thread has panicked.
pub(super) fn bug() -> Diagnostic {
    Diagnostic::new(BUG, "kpsc has a bug").help("report the lines above with the spec")
}

/// Prints what was said and then the table. Returns the highest exit code.
fn show(outcomes: &[Outcome]) -> ExitCode {
    for Outcome { kernel, said, .. } in outcomes.iter().filter(|outcome| !outcome.said.is_empty()) {
        let mut stream = anstream::stderr().lock();
        if format() != Format::Json {
            // If standard error is closed, the error cannot be reported.
            let _ = writeln!(stream, "{}:", line(kernel));
        }
        let _ = write!(stream, "{}", said.text);
    }
    let results: Vec<String> = outcomes.iter().map(Outcome::result).collect();
    let width = |texts: &mut dyn Iterator<Item = &str>| texts.map(str::len).max().unwrap_or(0);
    let first = width(&mut outcomes.iter().map(|outcome| outcome.kernel.as_str()));
    let second = width(&mut results.iter().map(String::as_str));
    for (outcome, result) in outcomes.iter().zip(&results) {
        let Outcome { kernel, said, ended } = outcome;
        let module = ended.written.as_ref().map(|path| path.display().to_string());
        match format() {
            Format::Json => {
                let codes = said.errors.iter().copied().collect();
                let row = Row { kernel, status: ended.code, codes, module };
                // Serializing strings and numbers cannot fail.
                output::print(&(serde_json::to_string(&row).unwrap_or_default() + "\n"));
            }
            _ => {
                let module = module.unwrap_or_default();
                let row = format!("{kernel:first$}  {result:second$}  {module}");
                say(row.trim_end());
            }
        }
    }
    outcomes.iter().map(|outcome| outcome.ended.code).max().unwrap_or(0)
}

impl Outcome {
    /// The result for people: whether it failed, and the codes of the errors.
    fn result(&self) -> String {
        let codes: Vec<&str> = self.said.errors.iter().copied().collect();
        match self.ended.code {
            0 => "ok".to_owned(),
            _ => format!("failed {}", codes.join(" ")).trim_end().to_owned(),
        }
    }
}

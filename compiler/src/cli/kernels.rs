// SPDX-License-Identifier: GPL-2.0
//! A command for one patch and one kernel, or for several: `--kernel` may be repeated,
//! `--all-kernels` takes every target of the cache, and `--all` every patch of the project. They
//! share the processors. What is said about each patch and kernel is collected and printed whole,
//! in their order, and a table of the results follows.

use super::output::{collecting, Collected};
use super::{format, open_target, progress, project, read_patch, report, say};
use super::{CommandResult, ExitCode};
use crate::input::Input;
use kps_diag::{Diagnostic, BUG};
use kps_host::disk::cannot;
use kps_report::{complain, line, stdout, Format};
use kps_targets::{Cache, Listed, Target};
use serde::Serialize;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::{available_parallelism, Builder};

/// Which targets, for the commands that work for several in one run.
#[derive(Debug, clap::Args)]
pub(super) struct KernelsArgs {
    /// The target kernel, or the start of its version if no other target has it; those of kpsc.toml
    /// or the default of `kpsc kernel default` if not given. May be repeated: all results are in
    /// one table then.
    #[arg(long, value_name = "NAME")]
    kernel: Vec<String>,
    /// All targets, as if each were named with --kernel.
    #[arg(long, conflicts_with = "kernel")]
    all_kernels: bool,
}

/// The patches that a command works for, each as `T`.
pub(super) enum Patches<T> {
    /// What the command line names.
    Named(T),
    /// Those of the project, with their paths.
    All(Vec<(String, Result<T, Diagnostic>)>),
}

impl<T> Patches<T> {
    /// The same patches in another form.
    pub(super) fn map<U>(self, change: impl Fn(T) -> U) -> Patches<U> {
        match self {
            Patches::Named(patch) => Patches::Named(change(patch)),
            Patches::All(all) => Patches::All(
                all.into_iter().map(|(path, patch)| (path, patch.map(&change))).collect(),
            ),
        }
    }
}

impl Patches<Input> {
    /// The patch at a path, or without one all of the project.
    pub(super) fn read(path: Option<&Path>) -> Result<Patches<Input>, Diagnostic> {
        if let Some(path) = path {
            return Ok(Patches::Named(read_patch(path)?));
        }
        let here = std::env::current_dir().unwrap_or_default();
        let paths = project::needed()?.patches()?;
        let read = paths.iter().map(|path| {
            let shown = path.strip_prefix(&here).unwrap_or(path);
            (shown.display().to_string(), read_patch(shown))
        });
        Ok(Patches::All(read.collect()))
    }
}

impl Patches<Vec<Input>> {
    /// A series of patches, or without any every patch of the project as one of its own.
    pub(super) fn series(paths: &[PathBuf]) -> Result<Patches<Vec<Input>>, Diagnostic> {
        match paths {
            [] => Ok(Patches::read(None)?.map(|input| vec![input])),
            paths => {
                let inputs = paths.iter().map(|path| read_patch(path));
                Ok(Patches::Named(inputs.collect::<Result<_, _>>()?))
            }
        }
    }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<&'a str>,
    kernel: &'a str,
    status: ExitCode,
    codes: Vec<&'static str>,
    module: Option<String>,
}

/// A patch for a kernel.
struct Job<'a, T> {
    /// The path of the patch, if it is one of the project.
    path: Option<&'a str>,
    /// The name of the target.
    kernel: String,
    /// Both, or the reason why one of them cannot be used.
    given: Result<(&'a T, Kernel), Diagnostic>,
}

/// What a job has brought.
struct Outcome<'a> {
    path: Option<&'a str>,
    kernel: String,
    said: Collected,
    ended: Ended,
}

impl KernelsArgs {
    /// Whether the command may work for several kernels.
    pub(super) fn are_several(&self) -> bool {
        let named = if self.kernel.is_empty() { project::kernels() } else { &self.kernel };
        self.all_kernels || named.len() > 1
    }

    /// Runs a command for each patch and each kernel. `made` is what it has done then, for people.
    pub(super) fn run<T: Sync>(
        &self,
        cache: &Cache,
        made: &str,
        patches: &Patches<T>,
        work: impl Fn(&T, Kernel) -> Result<Ended, Diagnostic> + Sync,
    ) -> CommandResult {
        let jobs = match (patches, self.several(cache)?) {
            (Patches::Named(patch), None) => {
                let target = self.one(cache)?;
                let done = format!("{made} for {}", target.name);
                // Who has written the whole name knows it.
                let is_known = self.kernel.first() == Some(&target.name);
                let Ended { code, written } = work(patch, Kernel { target, several: false })?;
                written.iter().for_each(|path| say(path.display()));
                if code == 0 && !is_known {
                    progress().say(&done);
                }
                return Ok(code);
            }
            (Patches::Named(patch), Some(targets)) => jobs(None, Ok(patch), targets),
            (Patches::All(all), _) => {
                let mut some = Vec::new();
                for (path, patch) in all {
                    // A target is open once for each job.
                    let targets = match self.several(cache)? {
                        Some(targets) => targets,
                        None => {
                            vec![self.one(cache).map(|target| (target.name.clone(), Ok(target)))?]
                        }
                    };
                    some.extend(jobs(Some(path), patch.as_ref(), targets));
                }
                some
            }
        };
        let all = || Ok::<_, Diagnostic>(for_all(jobs, work));
        let what = match patches {
            Patches::Named(_) => "for all kernels",
            Patches::All(_) => "all patches of the project",
        };
        let outcomes = progress().step(&format!("{made} {what}"), all)?;
        Ok(show(&outcomes))
    }

    /// The target, if there is one only.
    fn one(&self, cache: &Cache) -> Result<Target, Diagnostic> {
        open_target(cache, self.kernel.first().map(String::as_str))
    }

    /// The targets, if there may be more than one.
    fn several(&self, cache: &Cache) -> Result<Option<Vec<Listed>>, Diagnostic> {
        let targets = match (self.all_kernels, self.kernel.as_slice(), project::kernels()) {
            (true, _, _) => cache.targets()?,
            (false, [_], _) | (false, [], [] | [_]) => return Ok(None),
            (false, [], names) => each_once(names, |name| project::target(cache, name)),
            (false, names, _) => each_once(names, |name| cache.find(name)),
        };
        if targets.is_empty() {
            let error = Diagnostic::new(kps_diag::NO_SUCH_TARGET, "there is no target");
            return Err(error.help("add one with `kpsc kernel add`"));
        }
        Ok(Some(targets))
    }
}

/// The targets with these names, each once.
fn each_once(names: &[String], find: impl Fn(&str) -> Result<Target, Diagnostic>) -> Vec<Listed> {
    let mut targets: Vec<Listed> = Vec::new();
    for name in names {
        let target = find(name);
        let name = target.as_ref().map_or_else(|_| name.clone(), |target| target.name.clone());
        if !targets.iter().any(|(known, _)| *known == name) {
            targets.push((name, target));
        }
    }
    targets
}

/// The jobs for a patch.
fn jobs<'a, T>(
    path: Option<&'a str>,
    patch: Result<&'a T, &Diagnostic>,
    targets: Vec<Listed>,
) -> Vec<Job<'a, T>> {
    let several = targets.len() > 1;
    let job = |(kernel, target): Listed| {
        let given = patch.map_err(Clone::clone);
        let given = given.and_then(|patch| Ok((patch, Kernel { target: target?, several })));
        Job { path, kernel, given }
    };
    targets.into_iter().map(job).collect()
}

/// Does all jobs, as many at once as there are processors.
fn for_all<'a, T: Sync>(
    jobs: Vec<Job<'a, T>>,
    work: impl Fn(&T, Kernel) -> Result<Ended, Diagnostic> + Sync,
) -> Vec<Outcome<'a>> {
    let workers = available_parallelism().map_or(1, usize::from).min(jobs.len());
    let queue = Mutex::new(jobs.into_iter().enumerate());
    let outcomes = Mutex::new(Vec::new());
    let one_by_one = || loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((n, Job { path, kernel, given })) = next else { break };
        let (ended, said) = collecting(&kernel, || done(given, &work));
        let outcome = Outcome { path, kernel, said, ended };
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

/// Does a job. An error is no reason to leave out the others.
fn done<T>(
    given: Result<(&T, Kernel), Diagnostic>,
    work: &impl Fn(&T, Kernel) -> Result<Ended, Diagnostic>,
) -> Ended {
    let ended = given.and_then(|(patch, kernel)| {
        let work = AssertUnwindSafe(|| work(patch, kernel));
        catch_unwind(work).unwrap_or_else(|_| Err(bug()))
    });
    ended.unwrap_or_else(|error| Ended::with(report(&[error], None)))
}

/// A thread has panicked.
pub(super) fn bug() -> Diagnostic {
    Diagnostic::new(BUG, "kpsc has a bug").help("report the lines above with the spec")
}

/// Prints what was said and then the table. Returns the highest exit code.
fn show(outcomes: &[Outcome<'_>]) -> ExitCode {
    for outcome in outcomes.iter().filter(|outcome| !outcome.said.is_empty()) {
        if format() != Format::Json {
            complain(&format!("{}:\n", line(&outcome.subject().join(", "))));
        }
        complain(&outcome.said.text);
    }
    match format() {
        Format::Json => outcomes.iter().for_each(|outcome| {
            // Serializing strings and numbers cannot fail.
            stdout::print(&(serde_json::to_string(&outcome.row()).unwrap_or_default() + "\n"));
        }),
        Format::Human | Format::Short => {
            let cells: Vec<_> = outcomes.iter().map(Outcome::cells).collect();
            let columns = cells.iter().map(Vec::len).max().unwrap_or(0);
            let width = |n| cells.iter().filter_map(|row| row.get(n)).map(String::len).max();
            let widths: Vec<usize> = (0..columns).map(|n| width(n).unwrap_or(0)).collect();
            for row in &cells {
                let row = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
                say(row.collect::<Vec<_>>().join("  ").trim_end());
            }
        }
    }
    outcomes.iter().map(|outcome| outcome.ended.code).max().unwrap_or(0)
}

impl Outcome<'_> {
    /// The patch, if there are several, and the kernel.
    fn subject(&self) -> Vec<String> {
        self.path.map(str::to_owned).into_iter().chain([self.kernel.clone()]).collect()
    }

    /// The row for people: its subject, whether it failed with the codes of the errors, and what
    /// was written.
    fn cells(&self) -> Vec<String> {
        let codes: Vec<&str> = self.said.errors.iter().copied().collect();
        let result = match self.ended.code {
            0 => "ok".to_owned(),
            _ => format!("failed {}", codes.join(" ")).trim_end().to_owned(),
        };
        let mut cells = self.subject();
        cells.push(result);
        cells.extend(self.written());
        cells
    }

    /// The row for programs.
    fn row(&self) -> Row<'_> {
        Row {
            patch: self.path,
            kernel: &self.kernel,
            status: self.ended.code,
            codes: self.said.errors.iter().copied().collect(),
            module: self.written(),
        }
    }

    fn written(&self) -> Option<String> {
        self.ended.written.as_ref().map(|path| path.display().to_string())
    }
}

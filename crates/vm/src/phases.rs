// SPDX-License-Identifier: GPL-2.0
//! The `test` blocks of a series of patches, in the phases between loading and unloading.

use super::arguments::{arguments, words};
use super::report::{Broken, During, Problem, Shown, TestFailure, TestReport};
use super::steps::{self, Said};
use super::{log, Guest, Output, VmError};
use kps_ast::{Action, Claim, Expectation, GivenParam, Holds, Step, Test};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// A patch of a series.
#[derive(Debug)]
pub struct Patch<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its module, a file in the machine.
    pub module: String,
    /// Whether it replaces all patches that are loaded.
    pub replaces: bool,
    /// What it is loaded with.
    pub params: &'a [GivenParam],
    /// Its tests.
    pub tests: Vec<&'a Test>,
}

/// A change of what is loaded. A patch is named by its number in the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Loads a patch over those that are loaded.
    Load(usize),
    /// Unloads the newest one.
    Unload(usize),
}

/// A series of patches, which are loaded and unloaded in one machine.
#[derive(Debug)]
pub struct Series<'a> {
    /// The patches.
    pub patches: Vec<Patch<'a>>,
    /// The order in which they are loaded and unloaded. No patch is loaded in the end.
    pub route: Vec<Move>,
    /// How long a transition may take, in seconds.
    pub limit: u32,
}

/// What is loaded while steps run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// For messages.
    words: String,
    /// The patch that was loaded last, by its number; `None` if no patch is loaded.
    newest: Option<usize>,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Phase {
    /// Whether a test of a patch runs in this phase: if no patch is loaded, if its own is the
    /// newest, or if something of it must always hold. What makes an unpatched kernel complain runs
    /// only with its patch.
    fn has(&self, patch: usize, test: &Test) -> bool {
        match self.newest {
            Some(newest) if newest == patch => true,
            Some(_) => !test.complains() && test.holds_always(),
            None => !test.complains(),
        }
    }

    /// Whether an expectation of a patch must hold in this phase.
    fn expects(&self, patch: usize, expectation: &Expectation) -> bool {
        match expectation.holds {
            Holds::Unpatched => self.newest.is_none(),
            Holds::Patched => self.newest == Some(patch),
            Holds::Always => true,
        }
    }
}

impl Series<'_> {
    /// The tests, each with the number of its patch.
    pub fn tests(&self) -> impl Iterator<Item = (usize, &Test)> {
        let patches = self.patches.iter().enumerate();
        patches.flat_map(|(n, patch)| patch.tests.iter().map(move |test| (n, *test)))
    }

    /// The phase before the first move.
    fn unpatched(&self) -> Phase {
        let patch = if self.is_one() { "the patch" } else { "any patch" };
        Phase { words: format!("before {patch} was loaded"), newest: None }
    }

    /// The phase after a move.
    fn after(&self, step: Move, before: &[usize], loaded: &[usize]) -> Phase {
        let name = |n: usize| match self.is_one() {
            true => "the patch".to_owned(),
            false => format!("`{}`", self.patches[n].name),
        };
        let (newest, last) = (loaded.last().copied(), before.last().copied());
        let words = match (step, newest, last) {
            (Move::Load(n), _, None) => format!("with {} loaded", name(n)),
            (Move::Load(n), _, Some(last)) if self.patches[n].replaces && last > n => {
                format!("back to {}, which replaced {}", name(n), name(last))
            }
            (Move::Load(n), _, Some(last)) if self.patches[n].replaces => {
                format!("with {} loaded in place of {}", name(n), name(last))
            }
            (Move::Load(n), _, Some(last)) => {
                format!("with {} loaded over {}", name(n), name(last))
            }
            (Move::Unload(n), None, _) => format!("after {} was unloaded", name(n)),
            (Move::Unload(n), Some(newest), _) => {
                format!("back to {}, after {} was unloaded", name(newest), name(n))
            }
        };
        let params = newest.map_or(&[][..], |newest| self.patches[newest].params);
        let words = match params {
            [] => words,
            params => format!("{words}, with `{}`", arguments(params)),
        };
        Phase { words, newest }
    }

    fn is_one(&self) -> bool {
        self.patches.len() == 1
    }

    /// Makes a move. The failure if the kernel does not do it.
    fn make(
        &self,
        guest: &mut Guest,
        step: Move,
        loaded: &mut Vec<usize>,
    ) -> Result<Result<(), Problem>, VmError> {
        let (limit, name) = (self.limit, |n: usize| self.patches[n].name);
        let not_loaded = |n: usize, output: Output| {
            Ok(Err(Problem::Livepatch { what: "load", name: name(n).to_owned(), output }))
        };
        match step {
            Move::Load(n) => {
                let replaced = match self.patches[n].replaces {
                    true => std::mem::take(loaded),
                    false => Vec::new(),
                };
                loaded.push(n);
                let Patch { module, params, .. } = &self.patches[n];
                let params = words(params);
                let loads = format!("LIMIT={limit} livepatch load {module}{params}");
                let output = self.run(guest, &loads)?;
                if let Err(output) = output {
                    return not_loaded(n, output);
                }
                if !guest.taint()?.has_livepatch() {
                    // The steps before may have changed the script that loads.
                    let text = "the kernel has loaded no livepatch since it booted".to_owned();
                    let output = Output { text, status: 0 };
                    return not_loaded(n, output);
                }
                // A module that was replaced stays until somebody removes it.
                let removes = replaced.into_iter().rev().map(name);
                self.unload(guest, removes)
            }
            Move::Unload(n) => {
                loaded.retain(|&known| known != n);
                self.unload(guest, std::iter::once(name(n)))
            }
        }
    }

    fn unload<'n>(
        &self,
        guest: &mut Guest,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Result<(), Problem>, VmError> {
        for name in names {
            let unloads = format!("LIMIT={} livepatch unload {name}", self.limit);
            if let Err(output) = self.run(guest, &unloads)? {
                let name = name.to_owned();
                return Ok(Err(Problem::Livepatch { what: "unload", name, output }));
            }
        }
        Ok(Ok(()))
    }

    /// Runs a command that waits for a transition. The inner result is an error if it fails.
    fn run(&self, guest: &mut Guest, command: &str) -> Result<Result<(), Output>, VmError> {
        // The script in the guest times out first.
        let outer = Duration::from_secs(u64::from(self.limit) + 120);
        let output = guest.run(command, outer)?;
        Ok(if output.status == 0 { Ok(()) } else { Err(output) })
    }
}

/// Runs a test on an unpatched kernel that must complain, and may die: the machine is used for
/// nothing else.
pub fn run_unpatched(
    guest: &mut Guest,
    series: &Series<'_>,
    patch: usize,
    test: &Test,
    report: &mut TestReport,
) -> Result<(), Broken> {
    let mut run = Run { guest, series, report };
    let phase = series.unpatched();
    for step in &test.steps {
        steps::mark(run.guest, test, step)?;
        if step.complains() {
            let said = steps::provoke(run.guest, series.patches[patch].name, step)
                .map_err(|error| during(error, patch, test, step, &phase))?;
            run.judge(patch, test, step, &phase, &said);
            return Ok(());
        }
        run.step(patch, test, step, &phase)?;
    }
    Ok(())
}

/// Loads and unloads the patches of a series, and runs their tests in between.
///
/// `unpatched` lines must hold while no patch is loaded, `patched` lines while the patch of the
/// test is the newest, and `always` lines in every phase. A test whose `patched` lines all hold
/// without a patch proves nothing, and fails. If the unpatched kernel must complain, it has done so
/// in [`run_unpatched`].
pub fn run_tests(
    guest: &mut Guest,
    series: &Series<'_>,
    report: &mut TestReport,
) -> Result<(), Broken> {
    let mut run = Run { guest, series, report };
    let mut phase = series.unpatched();
    run.phase(&phase)?;
    // A way that is gone once more shows nothing new.
    let mut seen = BTreeSet::from([phase.to_string()]);
    let mut loaded = Vec::new();
    for &step in &series.route {
        let before = loaded.clone();
        let made = series.make(run.guest, step, &mut loaded).and_then(|made| {
            run.guest.check_ring()?;
            Ok(made)
        });
        let made = made.map_err(|error| {
            let during = match step {
                Move::Load(patch) => During::Load(patch),
                Move::Unload(patch) => During::Unload(patch),
            };
            Broken { error, during: Some(Box::new(during)) }
        })?;
        if let Err(problem) = made {
            let (Move::Load(patch) | Move::Unload(patch)) = step;
            run.report.add(TestFailure { patch, phase, problem });
            return Ok(());
        }
        phase = series.after(step, &before, &loaded);
        if seen.insert(phase.to_string()) {
            run.phase(&phase)?;
        }
    }
    run.guest.check_log()?;
    let held = series.tests().filter(|(patch, test)| !report.has_failed(*patch, test));
    let held: Vec<_> = held.map(|(patch, test)| (patch, test.name.value.clone())).collect();
    report.held.extend(held);
    Ok(())
}

/// Loads the patches of a series, one over the other, does some work in the machine, and unloads
/// them. The failure if the kernel does not load or unload one.
pub fn with_loaded<T>(
    guest: &mut Guest,
    series: &Series<'_>,
    work: impl FnOnce(&mut Guest) -> Result<T, VmError>,
) -> Result<Result<T, TestFailure>, Broken> {
    let (mut loaded, mut phase) = (Vec::new(), series.unpatched());
    let fails =
        |patch, phase: &Phase, problem| TestFailure { patch, phase: phase.clone(), problem };
    for patch in 0..series.patches.len() {
        let (before, step) = (loaded.clone(), Move::Load(patch));
        if let Err(problem) = series.make(guest, step, &mut loaded)? {
            return Ok(Err(fails(patch, &phase, problem)));
        }
        phase = series.after(step, &before, &loaded);
    }
    let done = work(guest)?;
    while let Some(&newest) = loaded.last() {
        if let Err(problem) = series.make(guest, Move::Unload(newest), &mut loaded)? {
            return Ok(Err(fails(newest, &phase, problem)));
        }
    }
    guest.check_log()?;
    Ok(Ok(done))
}

/// A run of a series in a machine.
struct Run<'a> {
    guest: &'a mut Guest,
    series: &'a Series<'a>,
    report: &'a mut TestReport,
}

impl Run<'_> {
    /// Runs the tests of a phase.
    fn phase(&mut self, phase: &Phase) -> Result<(), Broken> {
        let series = self.series;
        for (patch, test) in series.tests().filter(|(patch, test)| phase.has(*patch, test)) {
            let mut of_patched = Vec::new();
            for step in &test.steps {
                steps::mark(self.guest, test, step)?;
                let said = self.step(patch, test, step, phase)?;
                let expectations = step.expectations.iter();
                let claims = expectations.filter(|claim| claim.holds == Holds::Patched);
                of_patched.extend(claims.map(|expectation| holds(&expectation.claim, &said)));
            }
            let holds = !of_patched.is_empty() && of_patched.iter().all(|&holds| holds);
            if phase.newest.is_none() && holds {
                let problem = Problem::ShowsNothing { test: test.name.value.clone() };
                self.report.add(TestFailure { patch, phase: phase.clone(), problem });
            }
        }
        Ok(())
    }

    /// Runs a step and adds its failures.
    fn step(
        &mut self,
        patch: usize,
        test: &Test,
        step: &Step,
        phase: &Phase,
    ) -> Result<Said, Broken> {
        let said = steps::act(self.guest, self.series.patches[patch].name, step).and_then(|said| {
            self.guest.check_ring()?;
            Ok(said)
        });
        let said = said.map_err(|error| during(error, patch, test, step, phase))?;
        self.report.shown.push(Shown {
            patch,
            test: test.name.value.clone(),
            phase: phase.clone(),
            step: step.clone(),
            output: said.output.clone(),
        });
        self.judge(patch, test, step, phase, &said);
        Ok(said)
    }

    /// Adds the failed expectations of a step.
    fn judge(&mut self, patch: usize, test: &Test, step: &Step, phase: &Phase, said: &Said) {
        let name = || test.name.value.clone();
        let mut add = |problem| {
            self.report.add(TestFailure { patch, phase: phase.clone(), problem });
        };
        if matches!(step.action, Action::Wait { .. }) && said.output.status != 0 {
            let (step, output) = (step.clone(), said.output.clone());
            add(Problem::Wait { test: name(), step, output });
        }
        let expectations = step.expectations.iter();
        let of_phase = expectations.filter(|expectation| phase.expects(patch, expectation));
        for expectation in of_phase.filter(|expectation| !holds(&expectation.claim, said)) {
            let output = match expectation.claim {
                Claim::Complains(_) => Output { text: said.log.clone(), ..said.output },
                _ => said.output.clone(),
            };
            let expectation = expectation.clone();
            add(Problem::Expectation { test: name(), expectation, output });
        }
    }
}

/// A failure during a step.
fn during(error: VmError, patch: usize, test: &Test, step: &Step, phase: &Phase) -> Broken {
    let (test, phase, step) = (test.name.value.clone(), phase.clone(), step.clone());
    Broken { error, during: Some(Box::new(During::Step { patch, test, phase, step })) }
}

fn holds(claim: &Claim, said: &Said) -> bool {
    match claim {
        Claim::Has(text) => said.output.text.contains(&text.value),
        Claim::Lacks(text) => !said.output.text.contains(&text.value),
        Claim::Status(status) => i64::from(said.output.status) == i64::from(*status),
        Claim::Complains(text) => {
            log::complaint(&said.log).is_some() && said.log.contains(&text.value)
        }
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The `test` blocks of a spec, in their three phases.

use super::steps::{self, Said};
use super::{log, Guest, Output, VmError};
use kps_ast::{Action, Claim, Expectation, Step, Test};
use std::fmt;
use std::time::Duration;

/// When a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before the patch is loaded.
    Before,
    /// While it is loaded.
    Patched,
    /// After it has been unloaded.
    After,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Before => "before the patch was loaded",
            Phase::Patched => "with the patch loaded",
            Phase::After => "after the patch was unloaded",
        })
    }
}

/// The results of a spec's tests.
#[derive(Debug, Default)]
pub struct TestReport {
    /// The names of the tests that passed.
    pub held: Vec<String>,
    /// The failures. What fails before the patch is loaded and again after it was unloaded is one.
    pub failures: Vec<TestFailure>,
    /// The steps that have run, in order.
    pub shown: Vec<Shown>,
}

/// A step that has run.
#[derive(Debug)]
pub struct Shown {
    /// The test.
    pub test: String,
    /// The phase.
    pub phase: Phase,
    /// The step.
    pub step: Step,
    /// What it printed, and its exit status.
    pub output: Output,
}

/// Why a test fails.
#[derive(Debug)]
pub enum TestFailure {
    /// The kernel did not load the patch, or did not unload it.
    Livepatch {
        /// The operation.
        what: &'static str,
        /// 5 when a transition did not complete.
        output: Output,
    },
    /// An expectation is not met.
    Expectation {
        /// The test.
        test: String,
        /// The phase.
        phase: Phase,
        /// The expectation.
        expectation: Expectation,
        /// The output of the step, or the kernel's log if it was to complain.
        output: Output,
    },
    /// A command did not succeed in time.
    Wait {
        /// The test.
        test: String,
        /// The phase.
        phase: Phase,
        /// The command.
        step: Step,
        /// The last output of the command.
        output: Output,
    },
    /// The expectations of the patched kernel hold without the patch.
    ShowsNothing {
        /// The test.
        test: String,
        /// The phase.
        phase: Phase,
    },
}

impl TestReport {
    /// Adds a failure, unless the same has failed in an earlier phase.
    fn add(&mut self, failure: TestFailure) {
        if !self.failures.iter().any(|known| known.is_the_same(&failure)) {
            self.failures.push(failure);
        }
    }

    fn shows(&mut self, test: &Test, phase: Phase, step: &Step, said: &Said) {
        let (test, output) = (test.name.value.clone(), said.output.clone());
        self.shown.push(Shown { test, phase, step: step.clone(), output });
    }
}

impl TestFailure {
    /// Whether two failures are of one place of the spec.
    fn is_the_same(&self, other: &TestFailure) -> bool {
        use TestFailure::{Expectation, ShowsNothing, Wait};
        match (self, other) {
            (Expectation { expectation: a, .. }, Expectation { expectation: b, .. }) => {
                a.span == b.span
            }
            (Wait { step: a, .. }, Wait { step: b, .. }) => a.span == b.span,
            (ShowsNothing { test: a, .. }, ShowsNothing { test: b, .. }) => a == b,
            _ => false,
        }
    }

    /// The test that fails; `None` if no test can run.
    fn test(&self) -> Option<&str> {
        match self {
            TestFailure::Livepatch { .. } => None,
            TestFailure::Expectation { test, .. }
            | TestFailure::Wait { test, .. }
            | TestFailure::ShowsNothing { test, .. } => Some(test),
        }
    }
}

/// Runs a test on an unpatched kernel that must complain, and may die: the machine is used for
/// nothing else.
pub fn run_unpatched(
    guest: &mut Guest,
    test: &Test,
    report: &mut TestReport,
) -> Result<(), VmError> {
    for step in &test.steps {
        steps::mark(guest, test, step)?;
        if step.complains() {
            let said = steps::provoke(guest, step)?;
            judge(test, step, Phase::Before, &said, report);
            return Ok(());
        }
        let said = steps::act(guest, step)?;
        report.shows(test, Phase::Before, step, &said);
        judge(test, step, Phase::Before, &said, report);
    }
    Ok(())
}

/// Runs the tests around loading and unloading `module`, a file in the guest. A transition may take
/// `limit` seconds.
///
/// `unpatched` lines must hold before and after, `patched` lines in between. A test whose `patched`
/// lines all hold without the patch proves nothing, and fails. If the unpatched kernel must
/// complain, it has done so in [`run_unpatched`].
pub fn run_tests(
    guest: &mut Guest,
    tests: &[Test],
    name: &str,
    module: &str,
    limit: u32,
    report: &mut TestReport,
) -> Result<(), VmError> {
    // The script in the guest times out first.
    let outer = Duration::from_secs(u64::from(limit) + 120);
    run_phase(guest, tests, Phase::Before, report)?;
    let loaded = guest.run(&format!("LIMIT={limit} livepatch load {module}"), outer)?;
    if loaded.status != 0 {
        report.failures.push(TestFailure::Livepatch { what: "load", output: loaded });
        return Ok(());
    }
    if !guest.taint()?.has_livepatch() {
        // The steps before may have changed the script that loads.
        let text = "the kernel has loaded no livepatch since it booted".to_owned();
        let output = Output { text, ..loaded };
        report.failures.push(TestFailure::Livepatch { what: "load", output });
        return Ok(());
    }
    run_phase(guest, tests, Phase::Patched, report)?;
    let unloaded = guest.run(&format!("LIMIT={limit} livepatch unload {name}"), outer)?;
    if unloaded.status != 0 {
        report.failures.push(TestFailure::Livepatch { what: "unload", output: unloaded });
        return Ok(());
    }
    run_phase(guest, tests, Phase::After, report)?;
    guest.check_log()?;
    let failed = |test: &Test| {
        report
            .failures
            .iter()
            .any(|failure| failure.test().is_none_or(|name| name == test.name.value))
    };
    report.held =
        tests.iter().filter(|test| !failed(test)).map(|test| test.name.value.clone()).collect();
    Ok(())
}

fn run_phase(
    guest: &mut Guest,
    tests: &[Test],
    phase: Phase,
    report: &mut TestReport,
) -> Result<(), VmError> {
    let patched = phase == Phase::Patched;
    for test in tests.iter().filter(|test| patched || !test.complains()) {
        let mut of_patched = Vec::new();
        for step in &test.steps {
            steps::mark(guest, test, step)?;
            let said = steps::act(guest, step)?;
            report.shows(test, phase, step, &said);
            judge(test, step, phase, &said, report);
            let claims = step.expectations.iter().filter(|expectation| expectation.patched);
            of_patched.extend(claims.map(|expectation| holds(&expectation.claim, &said)));
        }
        if !patched && !of_patched.is_empty() && of_patched.iter().all(|&holds| holds) {
            report.add(TestFailure::ShowsNothing { test: test.name.value.clone(), phase });
        }
    }
    Ok(())
}

/// Adds the failed expectations of a step.
fn judge(test: &Test, step: &Step, phase: Phase, said: &Said, report: &mut TestReport) {
    let patched = phase == Phase::Patched;
    let name = || test.name.value.clone();
    if matches!(step.action, Action::Wait { .. }) && said.output.status != 0 {
        let output = said.output.clone();
        report.add(TestFailure::Wait { test: name(), phase, step: step.clone(), output });
    }
    let of_phase = step.expectations.iter().filter(|expectation| expectation.patched == patched);
    for expectation in of_phase.filter(|expectation| !holds(&expectation.claim, said)) {
        let output = match expectation.claim {
            Claim::Complains(_) => Output { text: said.log.clone(), ..said.output },
            _ => said.output.clone(),
        };
        let expectation = expectation.clone();
        report.add(TestFailure::Expectation { test: name(), phase, expectation, output });
    }
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

// SPDX-License-Identifier: GPL-2.0
//! The `test` blocks of a spec, in their three phases.

use super::steps::{self, Said};
use super::{log, Guest, Output, VmError};
use kps_ast::{Action, Claim, Expectation, Step, Test};
use std::fmt;
use std::time::Duration;

/// When a step is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before the patch is loaded.
    Before,
    /// While it is.
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

/// What the tests of a spec showed.
#[derive(Debug, Default)]
pub struct TestReport {
    /// The names of the tests that held.
    pub held: Vec<String>,
    /// What did not.
    pub failures: Vec<TestFailure>,
}

/// Why a test does not hold.
#[derive(Debug)]
pub enum TestFailure {
    /// The kernel did not take the patch, or did not let it go.
    Livepatch {
        /// What was tried.
        what: &'static str,
        /// 5 when a transition did not complete.
        output: Output,
    },
    /// An expectation is not met.
    Expectation {
        /// The test.
        test: String,
        /// When.
        phase: Phase,
        /// Which.
        expectation: Expectation,
        /// What the step printed, or what the kernel logged meanwhile if it was to complain.
        output: Output,
    },
    /// What was waited for did not come.
    Wait {
        /// The test.
        test: String,
        /// When.
        phase: Phase,
        /// Which.
        step: Step,
        /// What the command printed last.
        output: Output,
    },
    /// What is expected of the patched kernel holds without the patch.
    ShowsNothing {
        /// The test.
        test: String,
        /// When.
        phase: Phase,
    },
}

impl TestFailure {
    /// The test that does not hold; none if no test can.
    fn test(&self) -> Option<&str> {
        match self {
            TestFailure::Livepatch { .. } => None,
            TestFailure::Expectation { test, .. }
            | TestFailure::Wait { test, .. }
            | TestFailure::ShowsNothing { test, .. } => Some(test),
        }
    }
}

/// Does a test on an unpatched kernel that must complain, and may die of it: nothing else is done
/// with the machine.
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
        judge(test, step, Phase::Before, &said, report);
    }
    Ok(())
}

/// Runs the tests around loading and unloading `module`, a file in the guest. A transition may take
/// `limit` seconds.
///
/// `unpatched` lines must hold before and after, `patched` lines in between. A test whose `patched`
/// lines all hold without the patch shows nothing, and fails. Where the unpatched kernel must
/// complain, it has done so in [`run_unpatched`].
pub fn run_tests(
    guest: &mut Guest,
    tests: &[Test],
    name: &str,
    module: &str,
    limit: u32,
    report: &mut TestReport,
) -> Result<(), VmError> {
    // The script in the guest gives up first.
    let outer = Duration::from_secs(u64::from(limit) + 120);
    run_phase(guest, tests, Phase::Before, report)?;
    let loaded = guest.run(&format!("LIMIT={limit} livepatch load {module}"), outer)?;
    if loaded.status != 0 {
        report.failures.push(TestFailure::Livepatch { what: "load", output: loaded });
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
            judge(test, step, phase, &said, report);
            let claims = step.expectations.iter().filter(|expectation| expectation.patched);
            of_patched.extend(claims.map(|expectation| holds(&expectation.claim, &said)));
        }
        if !patched && !of_patched.is_empty() && of_patched.iter().all(|&holds| holds) {
            report
                .failures
                .push(TestFailure::ShowsNothing { test: test.name.value.clone(), phase });
        }
    }
    Ok(())
}

/// Adds what is not as it must be after a step.
fn judge(test: &Test, step: &Step, phase: Phase, said: &Said, report: &mut TestReport) {
    let patched = phase == Phase::Patched;
    let name = || test.name.value.clone();
    if matches!(step.action, Action::Wait { .. }) && said.output.status != 0 {
        let output = said.output.clone();
        report.failures.push(TestFailure::Wait { test: name(), phase, step: step.clone(), output });
    }
    let of_phase = step.expectations.iter().filter(|expectation| expectation.patched == patched);
    for expectation in of_phase.filter(|expectation| !holds(&expectation.claim, said)) {
        let output = match expectation.claim {
            Claim::Complains(_) => Output { text: said.log.clone(), ..said.output },
            _ => said.output.clone(),
        };
        let expectation = expectation.clone();
        report.failures.push(TestFailure::Expectation { test: name(), phase, expectation, output });
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

//! The `test` blocks of a spec, in their three phases.

use super::{Guest, Output, VmError};
use kps_grammar::ast::{Expectation, Test};
use std::fmt;
use std::time::Duration;

/// When a command runs.
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
        /// What the command printed.
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

const COMMAND_LIMIT: Duration = Duration::from_secs(120);

/// Runs the tests around loading and unloading `module`, a file in the guest. A transition may take `limit` seconds.
///
/// `unpatched` lines must hold before and after, `patched` lines in between. A test whose `patched` lines all hold without
/// the patch shows nothing, and fails.
pub fn run_tests(
    guest: &mut Guest,
    tests: &[Test],
    name: &str,
    module: &str,
    limit: u32,
) -> Result<TestReport, VmError> {
    // The script in the guest gives up first.
    let outer = Duration::from_secs(u64::from(limit) + 120);
    let mut report = TestReport::default();
    phase(guest, tests, Phase::Before, &mut report)?;
    let loaded = guest.run(&format!("LIMIT={limit} livepatch load {module}"), outer)?;
    if loaded.status != 0 {
        report.failures.push(TestFailure::Livepatch { what: "load", output: loaded });
        return Ok(report);
    }
    phase(guest, tests, Phase::Patched, &mut report)?;
    let unloaded = guest.run(&format!("LIMIT={limit} livepatch unload {name}"), outer)?;
    if unloaded.status != 0 {
        report.failures.push(TestFailure::Livepatch { what: "unload", output: unloaded });
        return Ok(report);
    }
    phase(guest, tests, Phase::After, &mut report)?;
    guest.check_log()?;
    let failed = |test: &Test| {
        report.failures.iter().any(|failure| match failure {
            TestFailure::Expectation { test: name, .. } | TestFailure::ShowsNothing { test: name, .. } => {
                *name == test.name.value
            }
            TestFailure::Livepatch { .. } => true,
        })
    };
    report.held = tests.iter().filter(|test| !failed(test)).map(|test| test.name.value.clone()).collect();
    Ok(report)
}

fn phase(guest: &mut Guest, tests: &[Test], phase: Phase, report: &mut TestReport) -> Result<(), VmError> {
    for test in tests {
        let output = guest.run(&test.run.value, COMMAND_LIMIT)?;
        let met = |e: &Expectation| output.text.contains(&e.text.value) == e.has;
        let patched = phase == Phase::Patched;
        let unmet = test.expectations.iter().filter(|e| e.patched == patched && !met(e));
        for expectation in unmet {
            report.failures.push(TestFailure::Expectation {
                test: test.name.value.clone(),
                phase,
                expectation: expectation.clone(),
                output: output.clone(),
            });
        }
        let mut of_patched = test.expectations.iter().filter(|e| e.patched).peekable();
        if !patched && of_patched.peek().is_some() && of_patched.all(met) {
            report.failures.push(TestFailure::ShowsNothing { test: test.name.value.clone(), phase });
        }
    }
    Ok(())
}

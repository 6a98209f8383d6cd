// SPDX-License-Identifier: GPL-2.0
//! The results of tests.

use super::{Output, Phase, VmError};
use kps_ast::{Expectation, Step, Test};

/// The results of the tests of a series of patches. A patch is named by its number in the series.
#[derive(Debug, Default)]
pub struct TestReport {
    /// The tests that passed, each with its patch.
    pub held: Vec<(usize, String)>,
    /// The failures. One that comes in several phases is there once.
    pub failures: Vec<TestFailure>,
    /// The steps that have run, in order.
    pub shown: Vec<Shown>,
}

/// A machine that failed, with what it was doing.
#[derive(Debug)]
pub struct Broken {
    /// The failure.
    pub error: VmError,
    /// What it was doing; `None` before the first step and after the last.
    pub during: Option<Box<During>>,
}

/// What a machine was doing.
#[derive(Debug)]
pub enum During {
    /// A step ran.
    Step {
        /// The patch whose test it is.
        patch: usize,
        /// The test.
        test: String,
        /// The phase.
        phase: Phase,
        /// The step.
        step: Step,
    },
    /// A patch was loaded.
    Load(usize),
    /// A patch was unloaded.
    Unload(usize),
}

impl From<VmError> for Broken {
    fn from(error: VmError) -> Broken {
        Broken { error, during: None }
    }
}

/// A step that has run.
#[derive(Debug)]
pub struct Shown {
    /// The patch whose test it is.
    pub patch: usize,
    /// The test.
    pub test: String,
    /// The phase.
    pub phase: Phase,
    /// The step.
    pub step: Step,
    /// What it printed, and its exit status.
    pub output: Output,
}

/// A failure.
#[derive(Debug)]
pub struct TestFailure {
    /// The patch.
    pub patch: usize,
    /// The phase.
    pub phase: Phase,
    /// Why it fails.
    pub problem: Problem,
}

/// Why a test fails.
#[derive(Debug)]
pub enum Problem {
    /// The kernel did not load the patch, or did not unload it.
    Livepatch {
        /// The operation.
        what: &'static str,
        /// The name of the patch.
        name: String,
        /// 5 when a transition did not complete.
        output: Output,
    },
    /// An expectation is not met.
    Expectation {
        /// The test.
        test: String,
        /// The expectation.
        expectation: Expectation,
        /// The output of the step, or the kernel's log if it was to complain.
        output: Output,
    },
    /// A command did not succeed in time.
    Wait {
        /// The test.
        test: String,
        /// The command.
        step: Step,
        /// The last output of the command.
        output: Output,
    },
    /// The expectations of the patched kernel hold without the patch.
    ShowsNothing {
        /// The test.
        test: String,
    },
}

impl TestReport {
    /// Adds a failure, unless the same has failed in an earlier phase.
    pub(super) fn add(&mut self, failure: TestFailure) {
        if !self.failures.iter().any(|known| known.is_the_same(&failure)) {
            self.failures.push(failure);
        }
    }

    /// Whether a test has failed, or none could run.
    pub(super) fn has_failed(&self, patch: usize, test: &Test) -> bool {
        self.failures.iter().any(|failure| match failure.problem.test() {
            Some(name) => failure.patch == patch && name == test.name.value,
            None => true,
        })
    }
}

impl TestFailure {
    /// Whether two failures are of one place of a spec.
    fn is_the_same(&self, other: &TestFailure) -> bool {
        use Problem::{Expectation, ShowsNothing, Wait};
        let same = match (&self.problem, &other.problem) {
            (Expectation { expectation: a, .. }, Expectation { expectation: b, .. }) => {
                a.span == b.span
            }
            (Wait { step: a, .. }, Wait { step: b, .. }) => a.span == b.span,
            (ShowsNothing { test: a }, ShowsNothing { test: b }) => a == b,
            _ => false,
        };
        same && self.patch == other.patch
    }
}

impl Problem {
    /// The test that fails; `None` if no test can run.
    fn test(&self) -> Option<&str> {
        match self {
            Problem::Livepatch { .. } => None,
            Problem::Expectation { test, .. }
            | Problem::Wait { test, .. }
            | Problem::ShowsNothing { test } => Some(test),
        }
    }
}

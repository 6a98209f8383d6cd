// SPDX-License-Identifier: GPL-2.0
//! One schedule for the cases of all suites: as many workers as there are processors, each with one
//! case at a time, and the longest cases first. So no processor idles at the end of a suite, and no
//! more virtual machines run at once than there are processors.
//!
//! A case is a claim in words and a function that panics if the claim is false. `tests/README.md`
//! says how to add one and how to run some of them.

mod case;
mod panics;
mod queue;
mod report;
mod request;
mod run;

pub use case::{Case, Failed, Outcome, Tier};

use report::Report;
use request::{Action, Request};
use std::process::ExitCode;

/// What cargo's own harness ends with when a test has failed.
const FAILED: u8 = 101;
/// What a program ends with that was called in a wrong way.
const USAGE: u8 = 2;

/// Cases that belong together.
pub struct Suite {
    name: &'static str,
    cases: fn() -> Vec<Case>,
    enter: Option<fn()>,
}

impl Suite {
    /// A suite with its name and its cases.
    pub const fn new(name: &'static str, cases: fn() -> Vec<Case>) -> Suite {
        Suite { name, cases, enter: None }
    }

    /// Calls this before anything runs, if a case of the suite is among what runs. It may start the
    /// program anew in other surroundings, and there it has to return.
    pub const fn entered_by(self, enter: fn()) -> Suite {
        Suite { enter: Some(enter), ..self }
    }

    /// The full names of its cases that only `--long` runs.
    pub fn long(&self) -> Vec<String> {
        let long = (self.cases)().into_iter().filter(|case| case.tier == Tier::Long);
        long.map(|case| format!("{}: {}", self.name, case.name)).collect()
    }
}

/// Does what the words of the command line ask for: runs cases, or lists them.
pub fn main(suites: &[Suite], words: impl Iterator<Item = String>) -> ExitCode {
    let request = Request::parse(words);
    let selected = request.and_then(|request| Ok((request::select(&request, suites)?, request)));
    let (selection, request) = match selected {
        Ok(selected) => selected,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(USAGE);
        }
    };
    if request.action == Action::List {
        print!("{}", report::list(&selection.cases));
        return ExitCode::SUCCESS;
    }
    let is_selected =
        |suite: &Suite| selection.cases.iter().any(|selected| selected.suite == suite.name);
    suites
        .iter()
        .filter(|suite| is_selected(suite))
        .filter_map(|suite| suite.enter)
        .for_each(|enter| enter());
    panics::keep_those_of_cases();
    if request.action == Action::RunHere {
        return run_here(selection.cases);
    }
    let report = Report::start(selection.cases.len(), selection.left);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let ended = run::run(selection.cases, workers, &|ended| print!("{}", report::line(ended)));
    print!("{}", report.end(&ended));
    match ended.iter().any(|ended| ended.failure.is_some()) {
        true => ExitCode::from(FAILED),
        false => ExitCode::SUCCESS,
    }
}

/// Runs cases in this process, which has been started for them.
fn run_here(cases: Vec<request::Selected>) -> ExitCode {
    for selected in cases {
        if let Err(failure) = panics::caught(selected.case.run) {
            println!("{failure}");
            return ExitCode::from(FAILED);
        }
    }
    ExitCode::SUCCESS
}

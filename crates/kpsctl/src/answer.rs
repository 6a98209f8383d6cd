// SPDX-License-Identifier: GPL-2.0
//! The result of a run: lines for people, or one JSON object, which `docs/operate.schema.json`
//! describes. For compatibility, members are only added and never change their meaning.

use crate::installed::Installed;
use crate::livepatch::Patch;
use crate::prometheus::metrics;
use crate::verbs::Results;
use kps_diag::{Diagnostic, Exit, Severity};
use kps_operate::{Kernel, System};
use kps_report::{stdout, to_json, Console, ExitCode};
use serde::Serialize;

/// The version of the schema, for members that change their meaning.
const SCHEMA: u32 = 1;

/// The result of a run.
#[derive(Serialize)]
pub(crate) struct Answer {
    schema: u32,
    command: &'static str,
    /// How it has ended, in a word.
    outcome: Outcome,
    /// The exit status of the process.
    exit_status: ExitCode,
    /// The codes of its errors and warnings, whose messages are on standard error.
    codes: Vec<&'static str>,
    /// The running kernel.
    kernel: Option<RunningKernel>,
    /// The livepatches that the command was about.
    pub(crate) patches: Vec<Patch>,
    /// The installed livepatches that the command was about.
    pub(crate) installed: Vec<Installed>,
    /// The result for people.
    #[serde(skip)]
    lines: Vec<String>,
    #[serde(skip)]
    results: Results,
    #[serde(skip)]
    console: Console,
}

/// How a command has ended, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// It has done what it is for.
    Done,
    /// A load was reversed.
    TakenBack,
    /// A transition goes on by itself.
    InTransition,
    /// An error has ended it.
    Failed,
}

#[derive(Serialize)]
struct RunningKernel {
    release: String,
    build_id: String,
}

impl Answer {
    /// The empty answer to a command.
    pub(crate) fn to(command: &'static str, results: Results, console: Console) -> Answer {
        Answer {
            schema: SCHEMA,
            command,
            outcome: Outcome::Done,
            exit_status: 0,
            codes: Vec::new(),
            kernel: None,
            patches: Vec::new(),
            installed: Vec::new(),
            lines: Vec::new(),
            results,
            console,
        }
    }

    /// Adds a line for people.
    pub(crate) fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Forgets the results of what is undone. Its messages and how it has ended stay.
    pub(crate) fn undo(&mut self) {
        self.lines.clear();
        self.patches.clear();
        self.installed.clear();
    }

    /// Prints messages, and lets errors decide about the outcome. The highest exit status counts.
    pub(crate) fn report(&mut self, diagnostics: &[Diagnostic]) {
        let code = self.console.report(diagnostics);
        self.codes.extend(
            diagnostics.iter().filter(|d| d.severity != Severity::Note).map(|d| d.code.id()),
        );
        self.end_with(code);
    }

    /// Prints the message of an error, for a step whose result is whether it has succeeded.
    pub(crate) fn is_ended_by(&mut self, error: Diagnostic) -> bool {
        self.report(&[error]);
        false
    }

    /// Whether an error has ended something.
    pub(crate) fn has_failed(&self) -> bool {
        self.outcome == Outcome::Failed
    }

    /// Ends with this exit status, if no higher one is there already, and with this outcome, if no
    /// worse one is.
    pub(crate) fn end_with(&mut self, code: ExitCode) {
        self.exit_status = self.exit_status.max(code);
        self.outcome = self.outcome.max(match code {
            0 => Outcome::Done,
            code if code == Exit::Stalled as ExitCode => Outcome::InTransition,
            code if code == Exit::TakenBack as ExitCode => Outcome::TakenBack,
            _ => Outcome::Failed,
        });
    }

    /// Prints the result, and returns the exit status.
    pub(crate) fn print(mut self, system: &System) -> ExitCode {
        match self.results {
            Results::Human => self.lines.iter().for_each(stdout::say),
            Results::Json => {
                self.kernel = Kernel::of(system)
                    .map(|Kernel { release, build_id }| RunningKernel { release, build_id });
                stdout::print(&(to_json(&self) + "\n"));
            }
            Results::Prometheus => {
                let kernel = Kernel::of(system);
                let kernel = kernel.as_ref().map(|of| (of.release.as_str(), of.build_id.as_str()));
                stdout::print(&metrics(kernel, &self.patches, &self.installed));
            }
        }
        self.exit_status
    }
}

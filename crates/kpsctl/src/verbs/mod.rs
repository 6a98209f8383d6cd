// SPDX-License-Identifier: GPL-2.0
//! The command line of the verbs: one file each.

mod force;
mod info;
mod install;
mod list;
mod load;
mod setup;
mod status;
mod switch;
mod unload;
mod wait;

use crate::answer::Answer;
use crate::context::Context;
use clap::Subcommand;
use kps_diag::Diagnostic;
use kps_operate::{OnStall, System};
use kps_report::{Console, ExitCode};
use std::cell::Cell;
use std::time::Duration;

/// A verb that works on the livepatches of the running kernel, or on those that are installed.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Load livepatches into the running kernel, and wait until every task runs them.
    Load(load::Load),
    /// Unload livepatches from the running kernel, once no task runs them any more.
    Unload(unload::Unload),
    /// List livepatches, in the order in which they were loaded.
    List(list::List),
    /// Show the state of the livepatches, and explain a transition that does not complete.
    Status(status::Status),
    /// Show what a livepatch changes, fixes and needs, loaded or in a file.
    Info(info::Info),
    /// Keep a livepatch that is being disabled.
    Enable(switch::Switch),
    /// Disable a livepatch, or take back one that is being loaded; its module stays loaded.
    Disable(switch::Switch),
    /// Wait until a transition is complete.
    Wait(wait::Wait),
    /// Make the kernel take a transition for complete. The last resort.
    Force(force::Force),
    /// Add livepatches to the set that the machine loads when it boots.
    Install(install::Install),
    /// Remove livepatches from the set that the machine loads when it boots.
    Uninstall(install::Uninstall),
    /// Return to the set of livepatches that was installed before the present one.
    Rollback(install::Rollback),
    /// Have the machine load the installed livepatches when it boots.
    Setup(setup::Setup),
}

/// What results are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Results {
    /// Lines for people.
    #[default]
    Human,
    /// One JSON object.
    Json,
    /// Metrics, of `status` alone.
    #[value(skip)]
    Prometheus,
}

/// How to write results, for every verb but `status`, which has one more way.
#[derive(Debug, clap::Args)]
struct ResultArgs {
    /// How to write the result on standard output: human or json.
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        hide_possible_values = true,
        hide_default_value = true
    )]
    format: Results,
}

/// How long to wait, for every command that waits for a transition.
#[derive(Debug, clap::Args)]
pub struct TimeoutArgs {
    /// How long a transition may take, in seconds.
    #[arg(long, alias = "limit", value_name = "SECONDS", default_value_t = 60)]
    timeout: u32,
}

impl TimeoutArgs {
    /// The time in seconds.
    pub fn seconds(&self) -> u32 {
        self.timeout
    }

    fn duration(&self) -> Duration {
        Duration::from_secs(self.timeout.into())
    }
}

/// What to do with a load that stalls, for every verb that loads.
#[derive(Debug, clap::Args)]
struct StallArgs {
    /// What to do with a load that takes longer: reverse it and unload the module, or leave it to
    /// the kernel and go.
    #[arg(
        long,
        value_name = "reverse|wait",
        default_value = "reverse",
        hide_possible_values = true
    )]
    on_stall: Choice,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Choice {
    Reverse,
    Wait,
}

impl StallArgs {
    fn choice(&self) -> OnStall {
        match self.on_stall {
            Choice::Reverse => OnStall::Reverse,
            Choice::Wait => OnStall::Wait,
        }
    }
}

impl Verb {
    /// Runs the verb, and returns the exit status. The result and all messages have been printed.
    pub fn run(self, console: Console) -> ExitCode {
        let system = System::running(console.program);
        let context = Context { system, console, is_interrupted: Cell::new(false) };
        let mut answer = Answer::to(self.name(), self.results(), console);
        if let Err(error) = self.execute(&context, &mut answer) {
            answer.report(&[error]);
        }
        answer.print(&context.system)
    }

    fn name(&self) -> &'static str {
        match self {
            Verb::Load(_) => "load",
            Verb::Unload(_) => "unload",
            Verb::List(_) => "list",
            Verb::Status(_) => "status",
            Verb::Info(_) => "info",
            Verb::Enable(_) => "enable",
            Verb::Disable(_) => "disable",
            Verb::Wait(_) => "wait",
            Verb::Force(_) => "force",
            Verb::Install(_) => "install",
            Verb::Uninstall(_) => "uninstall",
            Verb::Rollback(_) => "rollback",
            Verb::Setup(_) => "setup",
        }
    }

    fn results(&self) -> Results {
        let args = match self {
            Verb::Load(verb) => &verb.results,
            Verb::Unload(verb) => &verb.results,
            Verb::List(verb) => &verb.results,
            Verb::Status(verb) => return verb.format.into(),
            Verb::Info(verb) => &verb.results,
            Verb::Enable(verb) => &verb.results,
            Verb::Disable(verb) => &verb.results,
            Verb::Wait(verb) => &verb.results,
            Verb::Force(verb) => &verb.results,
            Verb::Install(verb) => &verb.results,
            Verb::Uninstall(verb) => &verb.results,
            Verb::Rollback(verb) => &verb.results,
            Verb::Setup(verb) => &verb.results,
        };
        args.format
    }

    fn execute(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        match self {
            Verb::Load(verb) => verb.run(context, answer),
            Verb::Unload(verb) => verb.run(context, answer),
            Verb::List(verb) => verb.run(context, answer),
            Verb::Status(verb) => verb.run(context, answer),
            Verb::Info(verb) => verb.run(context, answer),
            Verb::Enable(verb) => verb.enable(context, answer),
            Verb::Disable(verb) => verb.disable(context, answer),
            Verb::Wait(verb) => verb.run(context, answer),
            Verb::Force(verb) => verb.run(context, answer),
            Verb::Install(verb) => verb.run(context, answer),
            Verb::Uninstall(verb) => verb.run(context, answer),
            Verb::Rollback(verb) => verb.run(context, answer),
            Verb::Setup(verb) => verb.run(context, answer),
        }
    }
}

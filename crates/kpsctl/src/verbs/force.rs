// SPDX-License-Identifier: GPL-2.0
//! The verb `force`.

use super::ResultArgs;
use crate::answer::Answer;
use crate::context::Context;
use crate::livepatch::Patch;
use crate::text::describe;
use kps_diag::{Diagnostic, NOT_CONFIRMED};
use kps_operate::{check_transition, force, name_of, Behind};
use kps_report::complain;
use std::io::{stderr, stdin, IsTerminal as _};
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Force {
    /// The livepatch, as `list` names it.
    #[arg(value_name = "NAME")]
    name: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    pub(super) results: ResultArgs,
}

/// What `Documentation/livepatch/livepatch.rst` and `Documentation/ABI/testing` warn of.
const WARNING: &str = "\
Forcing a transition makes the kernel take every task for switched, wherever it is. A task that is
still in a changed function may then call old and new code in turn, with data of both, and crash
the kernel. The module of a livepatch that is involved can never be unloaded again, and the machine
should be rebooted as soon as possible. Force only when it is known that the tasks in the way
cannot reach the changed code in an inconsistent state.
";

/// The kernel completes a forced transition within a second.
const COMPLETION: Duration = Duration::from_secs(10);

impl Force {
    pub(super) fn run(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        let Context { system, console, .. } = context;
        let name = name_of(&self.name);
        check_transition(system, &name)?;
        complain(WARNING);
        if !self.yes && !is_confirmed(&name) {
            return Err(Diagnostic::new(
                NOT_CONFIRMED,
                format!("the transition of `{name}` is not forced: the command was not confirmed"),
            )
            .help(format!(
                "answer with the name of the livepatch, or in a script, `{} force {name} --yes`",
                console.program
            )));
        }
        let ended = context.watching(COMPLETION, |watch| force(system, &name, watch))?;
        if let Some(patch) = context.ended(ended, answer) {
            answer.say(describe(&patch, &Behind::default()));
            answer.patches.push(Patch::loaded(&patch));
        }
        Ok(())
    }
}

/// Asks for the name, because a habit types `y`.
fn is_confirmed(name: &str) -> bool {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return false;
    }
    complain(&format!("Type `{name}` to force its transition: "));
    let mut answer = String::new();
    stdin().read_line(&mut answer).is_ok() && name_of(answer.trim()) == name
}

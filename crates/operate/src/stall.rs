// SPDX-License-Identifier: GPL-2.0
//! Explains a transition that does not complete: the tasks that hold it, and what can be done, in
//! the order of the harm that it does.

use super::watch::Waited;
use super::{Behind, Livepatch, State, System, Task, Unit};
use kps_diag::{Diagnostic, TAKEN_BACK, TRANSITION_STALLED};
use std::collections::BTreeSet;
use std::time::Duration;

/// A transition that was not complete when waiting for it ended.
#[derive(Debug, Clone)]
pub struct Stall {
    /// The livepatch in transition.
    pub patch: Livepatch,
    /// The tasks that it waited for.
    pub behind: Behind,
    /// How long it was waited for; `None` if the user has stopped waiting.
    pub after: Option<Duration>,
}

/// Something that can be done about a stalled transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// What it does, in a few words.
    pub what: String,
    /// The command for it, if there is one.
    pub command: Option<String>,
}

impl Stall {
    pub(super) fn of(patch: Livepatch, behind: Behind, waited: Waited, timeout: Duration) -> Stall {
        Stall { patch, behind, after: (waited != Waited::Interrupted).then_some(timeout) }
    }

    /// The message for a transition that goes on by itself.
    pub fn in_transition(&self, system: &System) -> Diagnostic {
        let Livepatch { name, state, .. } = &self.patch;
        let what = match state {
            State::Patching => "load",
            _ => "unload",
        };
        let error = Diagnostic::new(
            TRANSITION_STALLED,
            match self.after {
                Some(after) => format!(
                    "the transition to {what} `{name}` did not complete within {} s",
                    after.as_secs()
                ),
                None => format!("the transition to {what} `{name}` is not complete yet"),
            },
        );
        let error = self.held_up(error).note(
            "the transition continues by itself: each task switches when it leaves the changed functions",
        );
        let remedies = remedies(&self.patch, &self.behind, system);
        let lines = remedies.iter().map(Remedy::to_string);
        error.help(format!(
            "choose, the least harmful first:\n{}",
            lines.collect::<Vec<_>>().join("\n")
        ))
    }

    /// The message for a load that was reversed.
    pub fn taken_back(&self, system: &System) -> Diagnostic {
        let name = &self.patch.name;
        let error = Diagnostic::new(
            TAKEN_BACK,
            match self.after {
                Some(after) => format!(
                    "`{name}` was taken back: its transition did not complete within {} s",
                    after.as_secs()
                ),
                None => format!("`{name}` was taken back: loading it was interrupted"),
            },
        );
        let error = self.held_up(error).note("the kernel runs without it, as before");
        error.help(format!(
            "let these tasks continue or end them, and load it again; `{} load --on-stall wait` leaves it in transition",
            system.program
        ))
    }

    /// Adds the tasks that hold the transition.
    fn held_up(&self, mut error: Diagnostic) -> Diagnostic {
        /// This many tasks show what kind they are.
        const SHOWN: usize = 5;
        let Behind { tasks, unseen } = &self.behind;
        for task in tasks.iter().take(SHOWN) {
            let stack = task.stack.iter().map(|frame| format!("\n{frame}")).collect::<String>();
            error = error.note(format!("held up by {}{stack}", describe(task)));
        }
        error = match tasks.len() {
            0 if *unseen == 0 => error.note("no visible task is behind; an idle CPU may be"),
            count if count > SHOWN => error.note(format!("and {} more", count - SHOWN)),
            _ => error,
        };
        match unseen {
            0 => error,
            unseen => error.note(format!("this user may not look into {unseen} other tasks")),
        }
    }
}

impl std::fmt::Display for Remedy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.command {
            Some(command) => write!(f, "{}: `{command}`", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// A task in a few words: its name, id, function and unit.
pub fn describe(task: &Task) -> String {
    let Task { id, comm, is_kernel_thread, function, unit, .. } = task;
    let kind = if *is_kernel_thread { "kernel thread" } else { "task" };
    let mut text = format!("{comm}, {kind} {id}");
    if let Some(function) = function {
        text += &format!(", in `{function}`");
    }
    match unit {
        Some(Unit { name, user: None }) => text += &format!(", of {name}"),
        Some(Unit { name, user: Some(user) }) => text += &format!(", of {name} of user {user}"),
        None => {}
    }
    text
}

/// What can be done about a transition, the least harmful first.
pub fn remedies(patch: &Livepatch, behind: &Behind, system: &System) -> Vec<Remedy> {
    let (program, name) = (system.program, &patch.name);
    let remedy = |what: &str, command: Option<String>| Remedy { what: what.into(), command };
    let own = |verb: &str| Some(format!("{program} {verb} {name}"));
    let mut remedies = vec![
        remedy("wait", own("wait")),
        // `SIGNALS_TIMEOUT` in `kernel/livepatch/transition.c`.
        remedy(
            "let the kernel wake them, as it does every 15 s with sleepers that a signal wakes",
            None,
        ),
    ];
    let commands: BTreeSet<String> = behind.tasks.iter().filter_map(ending).collect();
    remedies.extend(
        commands.into_iter().map(|command| remedy("end what is in the way", Some(command))),
    );
    let (reverse, back) = match patch.state {
        State::Patching => ("disable", "take it back"),
        _ => ("enable", "keep the livepatch"),
    };
    remedies.push(remedy(back, own(reverse)));
    remedies.push(remedy(
        "force it, although tasks may still be in the functions: the last resort",
        own("force"),
    ));
    remedies
}

/// The command that ends a task, or the unit that it belongs to. A thread of the kernel cannot be
/// ended, nor can the first process. A session is more than the task.
fn ending(task: &Task) -> Option<String> {
    if task.is_kernel_thread || task.id == 1 {
        return None;
    }
    let is_session = |name: &str| name.starts_with("session-") || name == "init.scope";
    let Some(Unit { name, user }) = task.unit.as_ref().filter(|unit| !is_session(&unit.name))
    else {
        return Some(format!("kill {}", task.id));
    };
    let verb = if name.ends_with(".scope") { "stop" } else { "restart" };
    // A backslash is a part of some names.
    Some(match user {
        None => format!("systemctl {verb} '{name}'"),
        Some(user) => format!("systemctl --user --machine={user}@ {verb} '{name}'"),
    })
}

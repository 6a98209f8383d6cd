// SPDX-License-Identifier: GPL-2.0
//! `kpsc list`.

use super::{say, CommandResult};
use kps_operate::{livepatches, tasks_in, Livepatch, State, System};
use std::io::Write as _;

#[derive(Debug, clap::Args)]
pub(super) struct List {}

impl List {
    pub(super) fn run(self) -> CommandResult {
        let system = System::running();
        let patches = livepatches(&system)?;
        if patches.is_empty() {
            // If standard error is closed, the error cannot be reported.
            let _ = writeln!(
                std::io::stderr(),
                "no livepatch is loaded; `kpsc load NAME.ko` loads one"
            );
        }
        patches.iter().for_each(|patch| say(describe(patch, &system)));
        Ok(0)
    }
}

/// The line for a livepatch: its name, its state, the functions that it changes, and its metadata.
pub(super) fn describe(patch: &Livepatch, system: &System) -> String {
    let behind = patch.state.behind().map_or(0, |state| tasks_in(system, state).len());
    let state = match patch.state {
        State::Enabled => "enabled".to_owned(),
        State::Patching => format!("in transition to enabled, {} behind", count(behind, "task")),
        State::Unpatching => format!("in transition to disabled, {} behind", count(behind, "task")),
        State::Disabled => "disabled".to_owned(),
    };
    let objects = patch
        .objects
        .iter()
        .map(|(name, functions)| format!("{name}: {}", count(functions.len(), "function")));
    let mut columns = vec![patch.name.clone(), state, objects.collect::<Vec<_>>().join(", ")];
    if let Some(note) = &patch.note {
        columns.extend(note.version.as_ref().map(|version| format!("version {version}")));
        columns.extend(
            Some(&note.fixes)
                .filter(|fixes| !fixes.is_empty())
                .map(|f| format!("fixes {}", f.join(", "))),
        );
    }
    columns.retain(|column| !column.is_empty());
    columns.join("\t")
}

fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

// SPDX-License-Identifier: GPL-2.0
//! `kpsc list`.

use super::{format, say, CommandResult};
use crate::render::Format;
use kps_operate::{livepatches, tasks_in, Livepatch, State, System};
use serde::Serialize;
use std::io::Write as _;

#[derive(Debug, clap::Args)]
pub(super) struct List {}

/// A livepatch in JSON. For compatibility, members are only added and never change their meaning.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    /// `enabled`, `disabled`, or where a transition leads: `to enabled`, `to disabled`.
    state: &'static str,
    /// How many tasks a transition waits for.
    behind: usize,
    objects: Vec<Object<'a>>,
    version: Option<&'a str>,
    /// What it fixes while it is enabled.
    fixes: &'a [String],
}

#[derive(Serialize)]
struct Object<'a> {
    name: &'a str,
    /// As sysfs names them: `NAME,SYMPOS`.
    functions: &'a [String],
    /// Those of a module are not while it is not loaded.
    patched: bool,
}

impl List {
    pub(super) fn run(self) -> CommandResult {
        let system = System::running();
        let patches = livepatches(&system)?;
        if format() == Format::Json {
            patches.iter().for_each(|patch| say(in_json(patch, &system)));
            return Ok(0);
        }
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

/// How many tasks a livepatch waits for.
fn behind(patch: &Livepatch, system: &System) -> usize {
    patch.state.behind().map_or(0, |state| tasks_in(system, state).len())
}

/// What a livepatch fixes: one that is disabled fixes nothing.
fn fixes(patch: &Livepatch) -> &[String] {
    let note = patch.note.as_ref().filter(|_| patch.state != State::Disabled);
    note.map_or(&[], |note| &note.fixes)
}

fn in_json(patch: &Livepatch, system: &System) -> String {
    let objects = patch.objects.iter().map(|changed| Object {
        name: &changed.name,
        functions: &changed.functions,
        patched: changed.is_patched,
    });
    let line = Line {
        name: &patch.name,
        state: match patch.state {
            State::Enabled => "enabled",
            State::Patching => "to enabled",
            State::Unpatching => "to disabled",
            State::Disabled => "disabled",
        },
        behind: behind(patch, system),
        objects: objects.collect(),
        version: patch.note.as_ref().and_then(|note| note.version.as_deref()),
        fixes: fixes(patch),
    };
    // Its members are texts, numbers and lists of them.
    serde_json::to_string(&line).unwrap_or_default()
}

/// The line for a livepatch: its name, its state, the functions that it changes, and its metadata.
pub(super) fn describe(patch: &Livepatch, system: &System) -> String {
    let behind = behind(patch, system);
    let state = match patch.state {
        State::Enabled => "enabled".to_owned(),
        State::Patching => format!("in transition to enabled, {} behind", count(behind, "task")),
        State::Unpatching => format!("in transition to disabled, {} behind", count(behind, "task")),
        State::Disabled => "disabled".to_owned(),
    };
    let objects = patch.objects.iter().map(|changed| {
        let waits = if changed.is_patched { "" } else { " when it is loaded" };
        format!("{}: {}{waits}", changed.name, count(changed.functions.len(), "function"))
    });
    let mut columns = vec![patch.name.clone(), state, objects.collect::<Vec<_>>().join(", ")];
    let version = patch.note.as_ref().and_then(|note| note.version.as_ref());
    columns.extend(version.map(|version| format!("version {version}")));
    let fixes = fixes(patch);
    columns.extend((!fixes.is_empty()).then(|| format!("fixes {}", fixes.join(", "))));
    columns.retain(|column| !column.is_empty());
    columns.join("\t")
}

fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Livepatches as lines for people.

use kps_diag::list;
use kps_operate::{describe as describe_task, remedies, Behind, Livepatch, State, System};
use kps_plan::{DatumKind, Replace};

/// The line for a livepatch: its name, its state, the functions that it changes, and its metadata.
pub(crate) fn describe(patch: &Livepatch, behind: &Behind) -> String {
    let tasks = || match (behind.tasks.len(), behind.unseen) {
        (0, unseen @ 1..) => format!("{} not visible to this user", count(unseen, "task")),
        (seen, _) => format!("{} behind", count(seen, "task")),
    };
    let state = match patch.state {
        State::Enabled => "enabled".to_owned(),
        State::Patching => format!("in transition to enabled, {}", tasks()),
        State::Unpatching => format!("in transition to disabled, {}", tasks()),
        State::Disabled => "disabled".to_owned(),
    };
    let objects = patch.objects.iter().map(|changed| {
        let waits = if changed.is_patched { "" } else { " when it is loaded" };
        format!("{}: {}{waits}", changed.name, count(changed.functions.len(), "function"))
    });
    let mut columns = vec![patch.name.clone(), state, objects.collect::<Vec<_>>().join(", ")];
    columns.extend(patch.version.as_ref().map(|version| format!("version {version}")));
    let fixes = patch.fixes();
    columns.extend((!fixes.is_empty()).then(|| format!("fixes {}", fixes.join(", "))));
    columns.retain(|column| !column.is_empty());
    columns.join("\t")
}

/// The tasks that hold a transition, each with its stack, and what can be done.
pub(crate) fn explain(patch: &Livepatch, behind: &Behind, system: &System) -> Vec<String> {
    let mut lines = Vec::new();
    for task in &behind.tasks {
        lines.push(format!("  held up by {}", describe_task(task)));
        lines.extend(task.stack.iter().map(|frame| format!("    {frame}")));
    }
    match (behind.tasks.len(), behind.unseen) {
        (0, 0) => lines.push("  no visible task is behind; an idle CPU may be".to_owned()),
        (_, 0) => {}
        (_, unseen) => lines.push(format!(
            "  this user may not look into {}: run it as root",
            count(unseen, "task")
        )),
    }
    lines.push("  what can be done, the least harmful first:".to_owned());
    lines.extend(remedies(patch, behind, system).iter().map(|remedy| format!("    {remedy}")));
    lines
}

/// The state of persistent data after a patch was unloaded, and how to go back to an older version.
pub(crate) fn fate(patch: &Livepatch, others: &[Livepatch]) -> Option<String> {
    let name = &patch.name;
    // A patch whose transition never completed has changed nothing, and one that was disabled or
    // replaced before had ended then.
    if matches!(patch.state, State::Patching | State::Disabled) {
        return None;
    }
    let note = patch.note.as_ref()?;
    let handed_on = || others.iter().flat_map(|other| &other.note).flat_map(|note| &note.data);
    let gone = |kind: DatumKind| -> Vec<&str> {
        let of_kind = note.data.iter().filter(|datum| datum.kind == kind);
        let gone = of_kind.filter(|datum| handed_on().all(|other| other.id != datum.id));
        gone.map(|datum| datum.name.as_str()).collect()
    };
    let (states, shadows) = (gone(DatumKind::State), gone(DatumKind::Shadow));
    let mut fates = Vec::new();
    if !states.is_empty() {
        fates.push(format!("{} restored", list(&states, "and")));
    }
    if !shadows.is_empty() {
        fates.push(format!("the data of {} freed", list(&shadows, "and")));
    }
    if !fates.is_empty() {
        let fates = fates.join(", ");
        return Some(format!(
            "{name} is unloaded, {fates}; the system runs without the patch until another version is loaded"
        ));
    }
    let replaces = note.replace != Replace::Never;
    replaces.then(|| {
        format!("{name} is unloaded; loading an older version with `atomic replace` over it would have left no gap")
    })
}

/// `1 task`, `2 tasks`.
pub(crate) fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

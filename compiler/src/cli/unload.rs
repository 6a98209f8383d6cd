// SPDX-License-Identifier: GPL-2.0
//! `kpsc unload`.

use super::{say, CommandResult, LimitArgs};
use kps_diag::list;
use kps_operate::{livepatches, unload, Livepatch, State, System};
use kps_plan::{DatumKind, Replace};

#[derive(Debug, clap::Args)]
pub(super) struct Unload {
    /// The livepatch, as `kpsc list` names it.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    limit: LimitArgs,
}

impl Unload {
    pub(super) fn run(self) -> CommandResult {
        let system = System::running();
        let patch = unload(&system, &self.name, self.limit.duration())?;
        let others = livepatches(&system)?;
        fate(&patch, &others).into_iter().for_each(say);
        Ok(0)
    }
}

/// The state of persistent data after a patch was unloaded, and how to go back to an older version.
fn fate(patch: &Livepatch, others: &[Livepatch]) -> Option<String> {
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

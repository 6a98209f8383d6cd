//! `kpsc unload`.

use super::{say, CommandResult, LimitArgs};
use crate::running::{livepatches, unload, Livepatch, State, System};
use kps_diag::list;

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

/// What has become of what a patch had changed for longer than it was there, and how to go back to an older version.
fn fate(patch: &Livepatch, others: &[Livepatch]) -> Option<String> {
    let name = &patch.name;
    // A patch that never was in has changed nothing.
    if patch.state == State::Patching {
        return None;
    }
    let is_kept = |key: &str, id: &str| {
        others.iter().any(|other| data(other, key).iter().any(|(known, _)| known == id))
    };
    let gone = |key: &str| -> Vec<String> {
        let gone = data(patch, key).into_iter().filter(|(id, _)| !is_kept(key, id));
        gone.map(|(_, name)| name).collect()
    };
    let (states, shadows) = (gone("state"), gone("shadow"));
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
            "{name} is unloaded, {fates}; until another version is loaded the system is without it"
        ));
    }
    let replaces = patch.note.iter().any(|(key, _)| key == "replace");
    replaces.then(|| {
        format!("{name} is unloaded; an older version with `atomic replace`, loaded over it, would have left no gap")
    })
}

/// The states or shadow variables that a note names, each by what is its own and its name.
fn data(patch: &Livepatch, key: &str) -> Vec<(String, String)> {
    let family = patch.note.iter().find(|(known, _)| known == "family").map_or("", |(_, family)| family);
    let values = patch.note.iter().filter(|(known, _)| known == key);
    let parts = values.filter_map(|(_, value)| match value.split(' ').collect::<Vec<_>>().as_slice() {
        [id, _version, name] => Some(((*id).to_owned(), (*name).to_owned())),
        [name] => Some((format!("{family}.{name}"), (*name).to_owned())),
        _ => None,
    });
    parts.collect()
}

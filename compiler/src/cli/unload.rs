//! `kpsc unload`.

use super::{say, CommandResult, LimitArgs};
use crate::diag::list;
use crate::running::{livepatches, unload, Livepatch, System};

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
    // `ID VERSION NAME` of a state, the name of a shadow variable.
    let data = |of: &Livepatch, key: &str| -> Vec<String> {
        let values = of.note.iter().filter(|(known, _)| known == key);
        values.filter_map(|(_, value)| value.split(' ').next_back().map(str::to_owned)).collect()
    };
    let is_kept = |key: &str, name: &String| others.iter().any(|other| data(other, key).contains(name));
    let gone = |key: &str| -> Vec<String> {
        data(patch, key).into_iter().filter(|name| !is_kept(key, name)).collect()
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
        return Some(format!("{name} is unloaded, {fates}; until another version is loaded nothing protects the system"));
    }
    let replaces = patch.note.iter().any(|(key, _)| key == "replace");
    replaces.then(|| {
        format!("{name} is unloaded; an older version with `atomic replace`, loaded over it, would have left no gap")
    })
}

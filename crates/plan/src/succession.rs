// SPDX-License-Identifier: GPL-2.0
//! Patches that follow each other: the fate of the states and shadow variables of an earlier one.

use crate::{DataId, Patch, State};
use std::fmt::{self, Display, Formatter};

/// A state or a shadow variable. To the kernel, both are states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datum {
    /// Which of the two it is.
    pub kind: DatumKind,
    /// Its name in bodies.
    pub name: String,
    /// `klp_state.id`.
    pub id: u64,
    /// `klp_state.version`.
    pub version: u32,
}

/// What a `klp_state` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatumKind {
    /// A state.
    State,
    /// A shadow variable.
    Shadow,
}

impl Display for DatumKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DatumKind::State => "state",
            DatumKind::Shadow => "shadow variable",
        })
    }
}

/// The fate of a loaded patch's datum when another patch is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate<'a> {
    /// The later patch does not have it and leaves the earlier one in place.
    Untouched,
    /// The later patch has it too.
    Kept(&'a Datum),
    /// The later patch has an older version of it. The kernel refuses the patch.
    Downgraded(&'a Datum),
    /// The later patch replaces the earlier one and does not have it. The kernel refuses the patch.
    Lost,
}

impl Datum {
    /// A state, as the kernel knows it.
    pub fn of_state<B>(state: &State<B>) -> Datum {
        let (name, id) = (state.name.clone(), state.id.into());
        Datum { kind: DatumKind::State, name, id, version: state.version }
    }

    /// A shadow variable, as the kernel knows it. The types of its data have no versions.
    pub fn of_shadow(id: DataId, name: &str) -> Datum {
        Datum { kind: DatumKind::Shadow, name: name.to_owned(), id: id.number(), version: 1 }
    }

    /// The states and shadow variables of a patch, in the order of its `klp_state`s.
    pub fn all<B>(patch: &Patch<B>) -> Vec<Datum> {
        let states = patch.states.iter().map(Datum::of_state);
        let shadows = patch.shadows.iter().map(|shadow| Datum::of_shadow(shadow.id, &shadow.name));
        states.chain(shadows).collect()
    }

    /// Its fate when a patch with the data `later` is loaded (`klp_is_state_compatible()` in
    /// `kernel/livepatch/state.c`).
    pub fn fate<'a>(&self, mut later: impl Iterator<Item = &'a Datum>, replaces: bool) -> Fate<'a> {
        match later.find(|later| later.id == self.id) {
            Some(later) if later.version < self.version => Fate::Downgraded(later),
            Some(later) => Fate::Kept(later),
            None if replaces => Fate::Lost,
            None => Fate::Untouched,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_refuses_older_versions_and_losses() {
        let state = |id, version| Datum { kind: DatumKind::State, name: "s".into(), id, version };
        let (mine, older, same, other) = (state(1, 2), state(1, 1), state(1, 2), state(2, 9));
        for replaces in [true, false] {
            assert_eq!(mine.fate([&older].into_iter(), replaces), Fate::Downgraded(&older));
            assert_eq!(mine.fate([&same].into_iter(), replaces), Fate::Kept(&same));
        }
        assert_eq!(mine.fate([&other].into_iter(), true), Fate::Lost);
        assert_eq!(mine.fate([&other].into_iter(), false), Fate::Untouched);
    }
}

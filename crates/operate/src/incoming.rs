// SPDX-License-Identifier: GPL-2.0
//! A livepatch before it is loaded, whether it is a finished module or a spec that has been
//! checked.

use super::tables::{Function, Object};
use kps_plan::{Change, Datum, Func, Note, Patch, Replace};

/// A livepatch that is to be loaded.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// Its name, and its module's.
    pub name: String,
    /// The objects that it changes, as far as known.
    pub objects: Vec<Object>,
    /// Its note, if kpsc made it.
    pub note: Option<Note>,
    /// The release of the kernel that it was built for, from its `vermagic`.
    pub release: Option<String>,
    /// Whether a signature is appended to it.
    pub is_signed: bool,
}

impl Incoming {
    /// The livepatch of a spec, which is not signed.
    pub fn of<B>(patch: &Patch<B>) -> Incoming {
        let function = |func: &Func<B>| Function {
            name: func.old.name.clone(),
            sympos: func.old.sympos.into(),
            keeps_original: match func.change {
                Change::Replace { calls_original, .. } | Change::C { calls_original, .. } => {
                    calls_original
                }
                Change::Pre(_) | Change::Around { .. } => true,
            },
        };
        let objects = patch.objects.iter().map(|object| Object {
            name: object.name.clone(),
            functions: object.funcs.iter().map(function).collect(),
        });
        Incoming {
            name: patch.name.clone(),
            objects: objects.collect(),
            note: Some(Note::of(patch)),
            release: Some(patch.target.release.clone()),
            is_signed: false,
        }
    }

    /// When it replaces others. Unknown for a module that kpsc has not made.
    pub(super) fn replaces(&self) -> Option<&Replace> {
        self.note.as_ref().map(|note| &note.replace)
    }

    /// Its states and shadow variables, as far as known.
    pub(super) fn data(&self) -> &[Datum] {
        self.note.as_ref().map_or(&[], |note| &note.data)
    }

    /// Every function, with its object.
    pub(super) fn functions(&self) -> impl Iterator<Item = (&str, &Function)> {
        self.objects
            .iter()
            .flat_map(|object| object.functions.iter().map(|func| (object.name.as_str(), func)))
    }
}

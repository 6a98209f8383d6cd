//! What a livepatch will be once it is loaded, whether it is a finished module or a spec that has been checked.

use super::tables::{Function, Object};
use kps_plan::{Change, DataId, Func, Patch};

/// Facts that a livepatch states about itself, each a key and a value: its note.
pub(super) type Facts = [(String, String)];

/// A livepatch that is to be loaded.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// Its name, and its module's.
    pub name: String,
    /// The objects that it changes, as far as it tells.
    pub objects: Vec<Object>,
    /// What it says about itself, if kpsc made it.
    pub note: Vec<(String, String)>,
    /// The release of the kernel that it was built for, from its `vermagic`.
    pub release: Option<String>,
    /// Whether a signature is appended to it.
    pub is_signed: bool,
}

/// When a livepatch takes the place of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replaces<'a> {
    Never,
    Always,
    /// If this parameter is set.
    If(&'a str),
}

/// A state of a livepatch, or a shadow variable, which is one to the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Datum {
    pub(super) what: &'static str,
    pub(super) name: String,
    /// `klp_state.id`.
    pub(super) id: u64,
    /// `klp_state.version`.
    pub(super) version: u32,
}

impl Incoming {
    /// What a spec will be. Nobody has signed it.
    pub fn of<B>(patch: &Patch<B>) -> Incoming {
        let function = |func: &Func<B>| Function {
            name: func.old.name.clone(),
            sympos: func.old.sympos.into(),
            keeps_original: match func.change {
                Change::Replace { calls_original, .. } | Change::C { calls_original, .. } => calls_original,
                Change::Pre(_) | Change::Around { .. } => true,
            },
        };
        let objects = patch.objects.iter().map(|object| Object {
            name: object.name.as_str().to_owned(),
            functions: object.funcs.iter().map(function).collect(),
        });
        Incoming {
            name: patch.name.clone(),
            objects: objects.collect(),
            note: super::note::facts(&kps_codegen::note_text(patch)),
            release: Some(patch.target.release.clone()),
            is_signed: false,
        }
    }

    /// When it takes the place of others. A module that kpsc has not made does not tell.
    pub(super) fn replaces(&self) -> Option<Replaces<'_>> {
        if self.note.is_empty() {
            return None;
        }
        Some(match value(&self.note, "replace") {
            None => Replaces::Never,
            Some("always") => Replaces::Always,
            Some(condition) => Replaces::If(condition.strip_prefix("if ").unwrap_or(condition)),
        })
    }

    /// Every function, with its object.
    pub(super) fn functions(&self) -> impl Iterator<Item = (&str, &Function)> {
        self.objects
            .iter()
            .flat_map(|object| object.functions.iter().map(|func| (object.name.as_str(), func)))
    }
}

/// The first value of a key.
pub(super) fn value<'a>(note: &'a Facts, key: &'a str) -> Option<&'a str> {
    values(note, key).next()
}

/// All values of a key.
pub(super) fn values<'a>(note: &'a Facts, key: &'a str) -> impl Iterator<Item = &'a str> {
    note.iter().filter(move |(known, _)| known == key).map(|(_, value)| value.as_str())
}

/// The states and shadow variables of a note.
pub(super) fn data(note: &Facts) -> Vec<Datum> {
    let states = values(note, "state").filter_map(|state| {
        let mut words = state.split(' ');
        let (id, version) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Datum { what: "state", name: words.next()?.to_owned(), id, version })
    });
    let family = value(note, "family").unwrap_or_default();
    let shadows = values(note, "shadow").map(|name| {
        let id = DataId::of_shadow(family, name).number();
        Datum { what: "shadow variable", name: name.to_owned(), id, version: 1 }
    });
    states.chain(shadows).collect()
}

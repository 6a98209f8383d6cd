// SPDX-License-Identifier: GPL-2.0
//! The metadata in a module's ELF note, which the kernel shows while the module is loaded.
//!
//! The text has one `key=value` per line. Unknown keys are ignored, so that the notes of later
//! versions can be read.

use crate::succession::{Datum, DatumKind};
use crate::{Callback, DataId, ObjectName, Patch, Replace};
use std::fmt::{self, Display, Formatter};

/// The section of the note.
pub const NOTE_SECTION: &str = ".note.kps";
/// The owner of the note, without the NUL.
pub const NOTE_OWNER: &str = "kps";
/// The type of the note, as its owner numbers them.
pub const NOTE_TYPE: u32 = 1;

/// The note of a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// The name of the patch.
    pub patch: String,
    /// `MODULE_VERSION`.
    pub version: Option<String>,
    /// The bugs that it fixes.
    pub fixes: Vec<String>,
    /// Whether it replaces all earlier livepatches.
    pub replace: Replace,
    /// The name that its shadow variables and resources share with those of other versions.
    pub family: String,
    /// The patches that it may undo.
    pub over: Vec<String>,
    /// Its states and shadow variables.
    pub data: Vec<Datum>,
    /// Its resources.
    pub resources: Vec<String>,
    /// Its callbacks, each with its object. An older note does not list them.
    pub callbacks: Vec<(Callback, String)>,
    /// `uname -r` of the kernel that it was made for.
    pub kernel: String,
    /// The GNU build-id of that kernel, in hexadecimal.
    pub build_id: String,
    /// The modules that it changes, each with its GNU build-id in hexadecimal.
    pub modules: Vec<(String, String)>,
    /// SHA-256 of its source text, in hexadecimal.
    pub source_sha256: String,
    /// The program that made it, with its version.
    pub made_by: String,
}

impl Note {
    /// The note of a patch.
    pub fn of<B>(patch: &Patch<B>) -> Note {
        let build_id = |(name, id): (&ObjectName, &Vec<u8>)| (name.as_str().to_owned(), hex(id));
        let modules = patch
            .objects
            .iter()
            .filter_map(|object| Some((&object.name, object.build_id.as_ref()?)));
        let callbacks = patch.objects.iter().flat_map(|object| {
            let each = object.callbacks.each();
            each.map(|(callback, _)| (callback, object.name.as_str().to_owned()))
        });
        let metadata = &patch.metadata;
        Note {
            patch: patch.name.clone(),
            version: metadata.version.clone(),
            fixes: metadata.fixes.clone(),
            replace: patch.replace.clone(),
            family: match patch.shadows.is_empty() && patch.resources.is_empty() {
                true => String::new(),
                false => metadata.family.clone(),
            },
            over: metadata.over.clone(),
            data: Datum::all(patch),
            resources: patch.resources.iter().map(|resource| resource.name.clone()).collect(),
            callbacks: callbacks.collect(),
            kernel: patch.target.release.clone(),
            build_id: patch.target.build_id_in_hex(),
            modules: modules.map(build_id).collect(),
            source_sha256: metadata.source_hash.clone(),
            made_by: metadata.made_by.clone(),
        }
    }

    /// Parses the text of a note, which may come from any module. Text without a line of a key and
    /// a value is not a note.
    pub fn parse(text: &str) -> Option<Note> {
        let mut note = Note::default();
        let mut is_note = false;
        let mut shadows = Vec::new();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            is_note = true;
            let owned = || value.to_owned();
            match key {
                "patch" => note.patch = owned(),
                "version" => note.version = Some(owned()),
                "fixes" => note.fixes.push(owned()),
                "replace" => note.replace = replace(value),
                "family" => note.family = owned(),
                "over" => note.over.push(owned()),
                "state" => note.data.extend(state(value)),
                "shadow" => shadows.push(value),
                "resource" => note.resources.push(owned()),
                "callback" => note.callbacks.extend(callback(value)),
                "kernel" => note.kernel = owned(),
                "build-id" => note.build_id = owned(),
                "module" => {
                    note.modules
                        .extend(value.split_once(' ').map(|(name, id)| (name.into(), id.into())));
                }
                "source-sha256" => note.source_sha256 = owned(),
                "made-by" => note.made_by = owned(),
                _ => {}
            }
        }
        // The family may come after them.
        let family = &note.family;
        note.data.extend(
            shadows.into_iter().map(|name| Datum::of_shadow(DataId::of_shadow(family, name), name)),
        );
        is_note.then_some(note)
    }

    /// The names of the callbacks that do not run when the patch is replaced.
    pub fn skipped(&self) -> Vec<&'static str> {
        let has = |callback: &Callback| self.callbacks.iter().any(|(own, _)| own == callback);
        Callback::ALL.into_iter().filter(|c| c.undoes()).filter(has).map(Callback::name).collect()
    }

    /// The states and shadow variables of one kind, by name.
    pub fn names_of(&self, kind: DatumKind) -> Vec<&str> {
        self.data
            .iter()
            .filter(|datum| datum.kind == kind)
            .map(|datum| datum.name.as_str())
            .collect()
    }
}

impl Display for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Note { patch, version, fixes, replace, family, over, data, .. } = self;
        let Note {
            resources, callbacks, kernel, build_id, modules, source_sha256, made_by, ..
        } = self;
        let mut line = |key: &str, value: &dyn Display| writeln!(f, "{key}={value}");
        line("patch", patch)?;
        version.iter().try_for_each(|version| line("version", version))?;
        fixes.iter().try_for_each(|fix| line("fixes", fix))?;
        match replace {
            Replace::Never => {}
            Replace::Always => line("replace", &"always")?,
            Replace::If(param) => line("replace", &format_args!("if {param}"))?,
        }
        if !family.is_empty() {
            line("family", family)?;
        }
        over.iter().try_for_each(|patch| line("over", patch))?;
        for Datum { kind, name, id, version } in data {
            match kind {
                DatumKind::State => line("state", &format_args!("{id} {version} {name}"))?,
                DatumKind::Shadow => line("shadow", name)?,
            }
        }
        resources.iter().try_for_each(|resource| line("resource", resource))?;
        for (callback, object) in callbacks {
            line("callback", &format_args!("{} {object}", callback.name()))?;
        }
        line("kernel", kernel)?;
        line("build-id", build_id)?;
        modules.iter().try_for_each(|(name, id)| line("module", &format_args!("{name} {id}")))?;
        line("source-sha256", source_sha256)?;
        line("made-by", made_by)
    }
}

/// `always` or `if PARAMETER`.
fn replace(value: &str) -> Replace {
    match value.strip_prefix("if ") {
        Some(param) => Replace::If(param.to_owned()),
        None => Replace::Always,
    }
}

/// `ID VERSION NAME`.
fn state(value: &str) -> Option<Datum> {
    let mut words = value.split(' ');
    let (id, version) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Datum { kind: DatumKind::State, id, version, name: words.next()?.to_owned() })
}

/// `CALLBACK OBJECT`.
fn callback(value: &str) -> Option<(Callback, String)> {
    let (callback, object) = value.split_once(' ')?;
    Some((Callback::of(callback)?, object.to_owned()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note() -> Note {
        let family = "net".to_owned();
        let state = Datum { kind: DatumKind::State, name: "level".into(), id: 7, version: 2 };
        Note {
            patch: "net_2".into(),
            version: Some("1.0".into()),
            fixes: vec!["CVE-1".into(), "a=b".into()],
            replace: Replace::If("alone".into()),
            over: vec!["net_1".into()],
            data: vec![state, Datum::of_shadow(DataId::of_shadow(&family, "hits"), "hits")],
            family,
            resources: vec!["ticker".into()],
            callbacks: vec![(Callback::PostUnpatch, "vmlinux".into())],
            kernel: "7.3.4".into(),
            build_id: "0a1b".into(),
            modules: vec![("nf_tables".into(), "ff".into())],
            source_sha256: "00".into(),
            made_by: "kpsc 0.1.0".into(),
        }
    }

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let text = note().to_string();
        assert_eq!(Note::parse(&text), Some(note()), "{text}");
        let without = Note { replace: Replace::Always, version: None, ..Note::default() };
        assert_eq!(Note::parse(&without.to_string()), Some(without));
    }

    #[test]
    fn lines_that_are_not_known_are_passed_over() {
        let text = format!("odd\nnew-key=1\n{}", note());
        assert_eq!(Note::parse(&text), Some(note()));
        assert_eq!(Note::parse("state=x 1 a\nstate=1\nmodule=a\n"), Some(Note::default()));
    }

    #[test]
    fn garbage_is_no_note() {
        assert_eq!(["", "\n\n", "odd", "\u{fffd}"].map(Note::parse), [None, None, None, None]);
    }
}

// SPDX-License-Identifier: GPL-2.0
//! A livepatch in JSON, whether it is loaded or in a file.

use kps_operate::{parameters, remedies, Behind, Incoming, Livepatch, State, System};
use kps_plan::{DatumKind, Note, Replace};
use serde::Serialize;
use std::path::Path;

/// A livepatch. What is not known is `null`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Patch {
    pub(crate) name: String,
    /// `enabled`, `disabled`, or where a transition leads: `to enabled`, `to disabled`; `null` if
    /// it is not loaded.
    pub(crate) state: Option<&'static str>,
    pub(crate) file: Option<String>,
    pub(crate) version: Option<String>,
    /// What it fixes while it is enabled.
    pub(crate) fixes: Vec<String>,
    pub(crate) objects: Vec<Object>,
    /// `always`, `never`, or `if PARAMETER`.
    pub(crate) replaces: Option<String>,
    /// Its place in the kernel's stack of livepatches, from 1 on.
    pub(crate) stack_order: Option<u32>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) data: Vec<Datum>,
    pub(crate) resources: Vec<String>,
    pub(crate) callbacks: Vec<Callback>,
    pub(crate) built_for: Option<BuiltFor>,
    pub(crate) description: Option<String>,
    pub(crate) license: Option<String>,
    /// `null` if it is not signed, or loaded.
    pub(crate) signature: Option<Signature>,
    pub(crate) made_by: Option<String>,
    /// How many tasks its transition waits for, of those that this user sees.
    pub(crate) behind: usize,
    /// How many tasks this user may not look into.
    pub(crate) unseen: usize,
    pub(crate) tasks: Vec<Task>,
    pub(crate) remedies: Vec<Remedy>,
}

/// An object that a livepatch changes.
#[derive(Debug, Serialize)]
pub(crate) struct Object {
    pub(crate) name: String,
    /// As sysfs names them: `NAME,SYMPOS`.
    pub(crate) functions: Vec<String>,
    /// Those of a module are not while it is not loaded; `null` in a file.
    pub(crate) patched: Option<bool>,
}

/// A parameter of a module.
#[derive(Debug, Serialize)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    /// Its type as `module_param` calls it; `null` if it is loaded.
    pub(crate) kind: Option<String>,
    pub(crate) description: Option<String>,
    /// `null` in a file, or if only root may read it.
    pub(crate) value: Option<String>,
}

/// The signature at the end of a file.
#[derive(Debug, Serialize)]
pub(crate) struct Signature {
    /// Who issued the certificate of the key.
    pub(crate) issuer: Option<String>,
    /// The serial number of that certificate, or the id of the key.
    pub(crate) key: Option<String>,
}

/// A state or a shadow variable.
#[derive(Debug, Serialize)]
pub(crate) struct Datum {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) id: u64,
    pub(crate) version: u32,
}

/// A callback.
#[derive(Debug, Serialize)]
pub(crate) struct Callback {
    pub(crate) name: &'static str,
    pub(crate) object: String,
}

/// The kernel that a livepatch was built for.
#[derive(Debug, Serialize)]
pub(crate) struct BuiltFor {
    pub(crate) release: Option<String>,
    pub(crate) build_id: Option<String>,
}

/// A task that a transition waits for.
#[derive(Debug, Serialize)]
pub(crate) struct Task {
    pub(crate) id: u32,
    pub(crate) comm: String,
    pub(crate) is_kernel_thread: bool,
    pub(crate) function: Option<String>,
    pub(crate) unit: Option<String>,
    /// The user whose service manager runs the unit.
    pub(crate) user: Option<u32>,
    pub(crate) stack: Vec<String>,
}

/// Something that can be done about a stalled transition; the first does the least harm.
#[derive(Debug, Serialize)]
pub(crate) struct Remedy {
    pub(crate) what: String,
    pub(crate) command: Option<String>,
}

/// The word for a state.
pub(crate) fn word(state: State) -> &'static str {
    match state {
        State::Enabled => "enabled",
        State::Patching => "to enabled",
        State::Unpatching => "to disabled",
        State::Disabled => "disabled",
    }
}

fn is_hexadecimal(text: &str) -> bool {
    text.len().is_multiple_of(2) && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}

/// The words for when a livepatch replaces others.
fn replaces(replace: &Replace) -> String {
    match replace {
        Replace::Never => "never".to_owned(),
        Replace::Always => "always".to_owned(),
        Replace::If(param) => format!("if {param}"),
    }
}

impl Patch {
    /// A loaded one.
    pub(crate) fn loaded(patch: &Livepatch) -> Patch {
        let objects = patch.objects.iter().map(|changed| Object {
            name: changed.name.clone(),
            functions: changed.functions.clone(),
            patched: Some(changed.is_patched),
        });
        let replaces = patch.replace.map(|always| if always { "always" } else { "never" });
        Patch {
            name: patch.name.clone(),
            state: Some(word(patch.state)),
            version: patch.version.clone(),
            fixes: patch.fixes().to_vec(),
            objects: objects.collect(),
            stack_order: patch.stack_order,
            ..Patch::noted(patch.note.as_ref(), replaces)
        }
    }

    /// One in a file.
    pub(crate) fn in_file(path: &Path, incoming: &Incoming) -> Patch {
        let objects = incoming.objects.iter().map(|object| Object {
            name: object.name.as_str().to_owned(),
            functions: object
                .functions
                .iter()
                .map(|function| format!("{},{}", function.name, function.sympos.max(1)))
                .collect(),
            patched: None,
        });
        let (note, information) = (incoming.note.as_ref(), incoming.information.clone());
        let noted = note.and_then(|note| note.version.clone());
        let parameters = incoming.parameters.iter().cloned().map(|parameter| Parameter {
            name: parameter.name,
            kind: parameter.kind,
            description: parameter.description,
            value: None,
        });
        let signature = incoming.signature.clone();
        let mut patch = Patch {
            name: incoming.name.clone(),
            file: Some(path.display().to_string()),
            version: noted.or(information.version),
            description: information.description,
            license: information.license,
            fixes: note.map_or(Vec::new(), |note| note.fixes.clone()),
            objects: objects.collect(),
            parameters: parameters.collect(),
            signature: signature.map(|own| Signature { issuer: own.issuer, key: own.key }),
            ..Patch::noted(note, incoming.replace.as_ref().map(replaces).as_deref())
        };
        let built_for = patch.built_for.get_or_insert(BuiltFor { release: None, build_id: None });
        built_for.release = incoming.release.clone().or(built_for.release.take());
        patch
    }

    /// What a note says, and what else is known about whether it replaces others.
    fn noted(note: Option<&Note>, known: Option<&str>) -> Patch {
        let Some(note) = note else {
            return Patch { replaces: known.map(str::to_owned), ..Patch::default() };
        };
        let datum = |datum: &kps_plan::Datum| Datum {
            kind: match datum.kind {
                DatumKind::State => "state",
                DatumKind::Shadow => "shadow",
            },
            name: datum.name.clone(),
            id: datum.id,
            version: datum.version,
        };
        let callback = |(callback, object): &(kps_plan::Callback, String)| Callback {
            name: callback.name(),
            object: object.clone(),
        };
        Patch {
            replaces: Some(known.map_or_else(|| replaces(&note.replace), str::to_owned)),
            data: note.data.iter().map(datum).collect(),
            resources: note.resources.clone(),
            callbacks: note.callbacks.iter().map(callback).collect(),
            built_for: Some(BuiltFor {
                release: Some(note.kernel.clone()),
                // A foreign note may say anything.
                build_id: Some(note.build_id.clone()).filter(|id| is_hexadecimal(id)),
            }),
            made_by: Some(note.made_by.clone()),
            ..Patch::default()
        }
    }

    /// The same with the values of its parameters.
    pub(crate) fn with_parameters(mut self, system: &System) -> Patch {
        let values = parameters(system, &self.name).into_iter();
        self.parameters = values
            .map(|(name, value)| Parameter {
                name,
                kind: None,
                description: None,
                value: Some(value),
            })
            .collect();
        self
    }

    /// The same with the tasks that its transition waits for, and what can be done.
    pub(crate) fn held_by(mut self, patch: &Livepatch, behind: &Behind, system: &System) -> Patch {
        self.behind = behind.tasks.len();
        self.unseen = behind.unseen;
        self.tasks = behind.tasks.iter().map(Task::of).collect();
        self.remedies = remedies(patch, behind, system)
            .into_iter()
            .map(|remedy| Remedy { what: remedy.what, command: remedy.command })
            .collect();
        self
    }
}

impl Task {
    fn of(task: &kps_operate::Task) -> Task {
        Task {
            id: task.id,
            comm: task.comm.clone(),
            is_kernel_thread: task.is_kernel_thread,
            function: task.function.clone(),
            unit: task.unit.as_ref().map(|unit| unit.name.clone()),
            user: task.unit.as_ref().and_then(|unit| unit.user),
            stack: task.stack.clone(),
        }
    }
}

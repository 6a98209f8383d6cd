// SPDX-License-Identifier: GPL-2.0
//! The verb `info`.

use super::{Context, ResultArgs};
use crate::answer::Answer;
use crate::livepatch::{BuiltFor, Patch};
use kps_diag::Diagnostic;
use kps_operate::{find, name_of, not_there, open};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Info {
    /// The file of a livepatch, or the name of one that is loaded.
    #[arg(value_name = "FILE.ko|NAME")]
    what: PathBuf,
    #[command(flatten)]
    pub(super) results: ResultArgs,
}

impl Info {
    pub(super) fn run(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        let patch = self.patch(context)?;
        lines(&patch).into_iter().for_each(|(key, value)| answer.say(format!("{key:<12}{value}")));
        answer.patches.push(patch);
        Ok(())
    }

    /// A file, if there is one, or else a loaded livepatch.
    fn patch(&self, context: &Context) -> Result<Patch, Diagnostic> {
        let system = &context.system;
        if is_path(&self.what) {
            return Ok(Patch::in_file(&self.what, &open(&self.what)?.incoming));
        }
        let name = name_of(&self.what.to_string_lossy());
        let patch = find(system, &name)?.ok_or_else(|| not_there(system, &name))?;
        Ok(Patch::loaded(&patch).with_parameters(system))
    }
}

/// Whether an argument means a file. A name that people type for a loaded module may end in `.ko`.
fn is_path(path: &Path) -> bool {
    path.components().count() > 1 || path.exists()
}

/// What is known of it, each with its heading.
fn lines(patch: &Patch) -> Vec<(&'static str, String)> {
    let mut lines = vec![("name", patch.name.clone())];
    let mut add = |key, value: Option<String>| lines.extend(value.map(|value| (key, value)));
    add("file", patch.file.clone());
    add("state", Some(patch.state.unwrap_or("not loaded").to_owned()));
    add("version", patch.version.clone());
    add("fixes", (!patch.fixes.is_empty()).then(|| patch.fixes.join(", ")));
    for object in &patch.objects {
        let waits = if object.patched == Some(false) { ", when it is loaded" } else { "" };
        let functions: Vec<_> = object
            .functions
            .iter()
            .map(|function| function.strip_suffix(",1").unwrap_or(function).replace(',', "@"))
            .collect();
        add("changes", Some(format!("{}: {}{waits}", object.name, functions.join(", "))));
    }
    add("replaces", patch.replaces.clone());
    add("stack order", patch.stack_order.map(|order| order.to_string()));
    for parameter in &patch.parameters {
        let value = parameter.value.as_ref().map_or(String::new(), |value| format!("={value}"));
        add("parameter", Some(format!("{}{value}", parameter.name)));
    }
    for datum in &patch.data {
        let version = if datum.kind == "state" {
            format!(" version {}", datum.version)
        } else {
            String::new()
        };
        add(datum.kind, Some(format!("{}{version}", datum.name)));
    }
    for resource in &patch.resources {
        add("resource", Some(resource.clone()));
    }
    for callback in &patch.callbacks {
        add("callback", Some(format!("{} of {}", callback.name, callback.object)));
    }
    if let Some(BuiltFor { release, build_id }) = &patch.built_for {
        add("built for", release.clone());
        add("build-id", build_id.clone());
    }
    add("signature", patch.is_signed.map(|is| if is { "appended" } else { "none" }.to_owned()));
    add("made by", patch.made_by.clone());
    lines
}

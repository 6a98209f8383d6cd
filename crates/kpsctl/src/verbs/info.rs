// SPDX-License-Identifier: GPL-2.0
//! The verb `info`.

use super::ResultArgs;
use crate::answer::Answer;
use crate::context::Context;
use crate::livepatch::{BuiltFor, Patch, Signature};
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
    add("description", patch.description.clone());
    add("license", patch.license.clone());
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
    // The kernel has forgotten a disabled one.
    let is_shown = patch.file.is_none() && patch.state != Some("disabled");
    let unless_shown = |since| is_shown.then(|| format!("not shown by kernels before {since}"));
    add("replaces", patch.replaces.clone().or_else(|| unless_shown("6.11")));
    let order = patch.stack_order.map(|order| order.to_string());
    add("stack order", order.or_else(|| unless_shown("6.14")));
    for parameter in &patch.parameters {
        let value = parameter.value.as_ref().map(|value| format!("={value}"));
        let kind = parameter.kind.as_ref().map(|kind| format!(": {kind}"));
        let text = parameter.description.as_ref().map(|text| format!(", {text}"));
        let rest: String = [value, kind, text].into_iter().flatten().collect();
        add("parameter", Some(format!("{}{rest}", parameter.name)));
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
    add("signature", patch.file.as_ref().map(|_| signer(patch)));
    add("made by", patch.made_by.clone());
    lines
}

/// Who has signed a file, as far as its signature names anybody.
fn signer(patch: &Patch) -> String {
    let Some(Signature { issuer, key }) = &patch.signature else { return "none".to_owned() };
    match (issuer, key) {
        (Some(issuer), Some(key)) => format!("by {issuer}, serial number {key}"),
        (None, Some(key)) => format!("by the key {key}"),
        (_, None) => "appended, and not readable".to_owned(),
    }
}

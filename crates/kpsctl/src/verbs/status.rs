// SPDX-License-Identifier: GPL-2.0
//! The verb `status`.

use super::Results;
use crate::answer::Answer;
use crate::context::Context;
use crate::installed::{matching, running, Installed};
use crate::livepatch::Patch;
use crate::text::{describe, explain};
use kps_diag::{Diagnostic, Exit, Severity};
use kps_operate::store::{Entry, Store, Verdict};
use kps_operate::{behind, is_another, livepatches, name_of, not_there, Kernel, Livepatch, State};
use kps_report::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Status {
    /// A livepatch, as `list` names it; without one, all of them.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// How to write the result on standard output: human, json, or prometheus for the textfile
    /// collector of its node exporter.
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub(super) format: Format,
}

/// What the status is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Lines for people.
    Human,
    /// One JSON object.
    Json,
    /// Metrics.
    Prometheus,
}

impl From<Format> for Results {
    fn from(format: Format) -> Results {
        match format {
            Format::Human => Results::Human,
            Format::Json => Results::Json,
            Format::Prometheus => Results::Prometheus,
        }
    }
}

impl Status {
    pub(super) fn run(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        let system = &context.system;
        let mut patches = livepatches(system)?;
        if let Some(name) = self.name.as_deref().map(name_of) {
            patches.retain(|patch| patch.name == name);
            if patches.is_empty() {
                return Err(not_there(system, &name));
            }
        }
        if let Some(Kernel { release, .. }) = Kernel::of(system) {
            answer.say(format!("kernel {release}"));
        }
        if patches.is_empty() {
            answer.say("no livepatch is loaded");
        }
        for patch in &patches {
            let behind = behind(system, patch);
            answer.say(describe(patch, &behind));
            let mut shown = Patch::loaded(patch).with_parameters(system);
            for parameter in &shown.parameters {
                let value = parameter.value.as_deref().unwrap_or_default();
                answer.say(format!("  {}={value}", parameter.name));
            }
            if patch.state.behind().is_some() {
                explain(patch, &behind, system).into_iter().for_each(|line| answer.say(line));
                shown = shown.held_by(patch, &behind, system);
                // In metrics it has a value, and whoever collects them has not failed.
                if self.format != Format::Prometheus {
                    answer.end_with(Exit::Stalled as ExitCode);
                }
            }
            answer.patches.push(shown);
        }
        compare_with_installed(context, self.name.as_deref(), &patches, answer)
    }
}

/// Adds the livepatches that the next boot loads, and names those that are not loaded now.
fn compare_with_installed(
    context: &Context,
    name: Option<&str>,
    loaded: &[Livepatch],
    answer: &mut Answer,
) -> Result<(), Diagnostic> {
    let (system, program) = (&context.system, context.console.program);
    let (store, release) = (Store::of(system), running(system)?);
    let Some(set) = store.set(&release)? else { return Ok(()) };
    let name = name.map(name_of);
    let is_meant = |entry: &&Entry| name.as_ref().is_none_or(|name| *name == entry.name);
    for entry in matching(&set, system).into_iter().filter(is_meant) {
        let mut installed = Installed::of(&set, entry);
        let name = &entry.name;
        let state = loaded.iter().find(|patch| patch.name == *name).map(|patch| patch.state);
        let is_enabled = state.is_some_and(|state| state != State::Disabled);
        installed.loaded = (!is_enabled).then_some(false);
        match store.open(&set, entry) {
            Err(error) => answer.report(&[Diagnostic { severity: Severity::Warning, ..error }]),
            Ok(_) if !is_enabled => answer.say(format!(
                "{name} is installed and not enabled; `{program} load {name}` loads it"
            )),
            Ok(module) => {
                let is_another = is_another(system, &module.incoming);
                installed.loaded = is_another.map(|is_another| !is_another);
                if is_another == Some(true) {
                    answer.say(format!("another build of {name} is loaded than the installed one"));
                }
            }
        }
        answer.installed.push(installed);
    }
    if let Verdict::Held(stage) = store.verdict(&set)? {
        let held = store.held(&set, stage);
        answer.report(&[Diagnostic { severity: Severity::Warning, ..held }]);
    }
    Ok(())
}

// SPDX-License-Identifier: GPL-2.0
//! The verb `list`.

use super::ResultArgs;
use crate::answer::Answer;
use crate::context::Context;
use crate::installed::{self, release_of, without_build, Installed};
use crate::livepatch::Patch;
use crate::text::describe;
use kps_diag::Diagnostic;
use kps_operate::store::Store;
use kps_operate::{behind, livepatches};
use kps_report::complain;

#[derive(Debug, clap::Args)]
pub struct List {
    /// List the installed livepatches, for every kernel that there are some for.
    #[arg(long)]
    installed: bool,
    /// List the installed livepatches that have no build for this kernel.
    #[arg(long, value_name = "RELEASE", conflicts_with = "installed")]
    missing: Option<String>,
    #[command(flatten)]
    pub(super) results: ResultArgs,
}

impl List {
    pub(super) fn run(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        let Context { system, console, .. } = context;
        if let Some(release) = &self.missing {
            let release = release_of(Some(release), system)?;
            let set = Store::of(system).set(&release)?;
            answer.report(&without_build(system, &release, set.as_ref())?);
            return Ok(());
        }
        if self.installed {
            return list_installed(context, answer);
        }
        let patches = livepatches(system)?;
        if patches.is_empty() {
            let program = console.program;
            complain(&format!("no livepatch is loaded; `{program} load NAME.ko` loads one\n"));
        }
        for patch in &patches {
            let behind = behind(system, patch);
            answer.say(describe(patch, &behind));
            let (seen, unseen) = (behind.tasks.len(), behind.unseen);
            answer.patches.push(Patch { behind: seen, unseen, ..Patch::loaded(patch) });
        }
        Ok(())
    }
}

fn list_installed(context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
    let store = Store::of(&context.system);
    for release in store.releases()? {
        let Some(set) = store.set(&release)? else { continue };
        for entry in &set.entries {
            answer.say(installed::describe(&set, entry));
            answer.installed.push(Installed::of(&set, entry));
        }
    }
    if answer.installed.is_empty() {
        installed::nothing(context.console.program);
    }
    Ok(())
}

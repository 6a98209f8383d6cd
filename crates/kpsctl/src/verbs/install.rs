// SPDX-License-Identifier: GPL-2.0
//! The verbs `install`, `uninstall` and `rollback`, which change what a machine loads at boot.

use super::{ResultArgs, StallArgs, TimeoutArgs};
use crate::answer::Answer;
use crate::context::Context;
use crate::installed::{matching, release_of, running, tell, warn_unless_set_up};
use crate::loading::Loading;
use crate::requests::requests;
use kps_diag::Diagnostic;
use kps_operate::store::{Change, Store};
use kps_operate::{name_of, open};
use std::ffi::OsString;

/// Whether the running kernel follows at once, for every verb that changes the installed set.
#[derive(Debug, clap::Args)]
struct NowArgs {
    /// Change the running kernel as well, and not only what the next boot loads.
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    timeout: TimeoutArgs,
    #[command(flatten)]
    stall: StallArgs,
}

#[derive(Debug, clap::Args)]
pub struct Install {
    /// The modules, in the order in which they are loaded; behind each, its parameters, as `insmod`
    /// takes them.
    #[arg(value_name = "FILE.ko [NAME=VALUE..]", required = true)]
    items: Vec<OsString>,
    #[command(flatten)]
    now: NowArgs,
    #[command(flatten)]
    pub(super) results: ResultArgs,
}

#[derive(Debug, clap::Args)]
pub struct Uninstall {
    /// The livepatches, as `list --installed` names them.
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    /// The release of the kernel that they are installed for, instead of the running one.
    #[arg(long, value_name = "RELEASE", conflicts_with = "now")]
    kernel: Option<String>,
    #[command(flatten)]
    now: NowArgs,
    #[command(flatten)]
    pub(super) results: ResultArgs,
}

#[derive(Debug, clap::Args)]
pub struct Rollback {
    /// The release of the kernel whose set is changed, instead of the running one.
    #[arg(long, value_name = "RELEASE", conflicts_with = "now")]
    kernel: Option<String>,
    #[command(flatten)]
    now: NowArgs,
    #[command(flatten)]
    pub(super) results: ResultArgs,
}

impl Install {
    pub(super) fn run(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        let mut modules = Vec::new();
        for request in requests(&self.items) {
            let module = open(&request.what)?;
            module.incoming.check_parameters(&request.parameters)?;
            modules.push((module, request.parameters));
        }
        let changes = Store::of(&context.system).install(modules)?;
        changes.iter().for_each(|change| tell(change, &context.system, answer));
        warn_unless_set_up(&context.system, context.console.program, answer);
        self.now.follow(&changes, context, answer)
    }
}

impl Uninstall {
    pub(super) fn run(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        let release = release_of(self.kernel.as_deref(), &context.system)?;
        let names: Vec<_> = self.names.iter().map(|name| name_of(name)).collect();
        let change = Store::of(&context.system).uninstall(&release, &names)?;
        tell(&change, &context.system, answer);
        self.now.follow(&[change], context, answer)
    }
}

impl Rollback {
    pub(super) fn run(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        let release = release_of(self.kernel.as_deref(), &context.system)?;
        let change = Store::of(&context.system).rollback(&release)?;
        tell(&change, &context.system, answer);
        self.now.follow(&[change], context, answer)
    }
}

impl NowArgs {
    /// Brings the running kernel to the set that is installed now, if the user wants it.
    fn follow(
        &self,
        changes: &[Change],
        context: &Context,
        answer: &mut Answer,
    ) -> Result<(), Diagnostic> {
        if !self.now {
            return Ok(());
        }
        let release = running(&context.system)?;
        let Some(change) = changes.iter().find(|change| change.release == release) else {
            return Ok(());
        };
        let on_stall = self.stall.choice();
        let loading = Loading { context, timeout: self.timeout.duration(), on_stall };
        let wanted = change.after.as_ref().map(|set| (set, matching(set, &context.system)));
        loading.bring(wanted, &change.removed(), answer)
    }
}

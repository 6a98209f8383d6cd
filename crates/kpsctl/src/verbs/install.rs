// SPDX-License-Identifier: GPL-2.0
//! The verbs `install`, `uninstall` and `rollback`, which change what a machine loads at boot.

use super::{ResultArgs, StallArgs, TimeoutArgs};
use crate::answer::Answer;
use crate::context::Context;
use crate::installed::{matching, release_of, running, tell, warn_unless_set_up};
use crate::loading::Loading;
use crate::requests::requests;
use kps_diag::{any_error, Diagnostic, Severity, NO_BUILD};
use kps_operate::store::{Change, Entry, Release, Store};
use kps_operate::{check_root, name_of, open, preflight_without, Incoming};
use std::ffi::OsString;
use std::slice::from_ref;

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
        check_root()?;
        let mut modules = Vec::new();
        for request in requests(&self.items) {
            let module = open(&request.what)?;
            module.incoming.check_parameters(&request.parameters)?;
            if self.now.now && !can_follow(&module.incoming, context, answer) {
                return Ok(());
            }
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
        check_root()?;
        let release = release_of(self.kernel.as_deref(), &context.system)?;
        let names: Vec<_> = self.names.iter().map(|name| name_of(name)).collect();
        let change = Store::of(&context.system).uninstall(&release, &names)?;
        tell(&change, &context.system, answer);
        self.now.follow(&[change], context, answer)
    }
}

impl Rollback {
    pub(super) fn run(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        check_root()?;
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
        let change = changes.iter().find(|change| change.release == release);
        let wanted = change.and_then(|change| change.after.as_ref());
        let wanted = wanted.map(|set| matching(set, &context.system)).unwrap_or_default();
        // What the user wants now has to be for this kernel.
        let added = changes.iter().flat_map(Change::added);
        let others: Vec<_> = added.filter(|entry| !wanted.contains(entry)).collect();
        answer.report(&others.iter().map(|entry| no_build(entry, &release)).collect::<Vec<_>>());
        let Some(change) = change else { return Ok(()) };
        let on_stall = self.stall.choice();
        let loading = Loading { context, timeout: self.timeout.duration(), on_stall };
        loading.bring(change, &wanted, answer);
        Ok(())
    }
}

/// Whether the running kernel would accept a module that it is to get at once, in place of one of
/// its name. Otherwise the installed set stays as it is, too.
fn can_follow(incoming: &Incoming, context: &Context, answer: &mut Answer) -> bool {
    let mut found = preflight_without(&context.system, incoming, from_ref(&incoming.name));
    found.retain(|diagnostic| diagnostic.severity == Severity::Error);
    answer.report(&found);
    !any_error(&found)
}

/// The error for a module that the running kernel was to get at once.
fn no_build(entry: &Entry, release: &Release) -> Diagnostic {
    let message = format!("`{}` is installed for another kernel than {release}", entry.name);
    Diagnostic::with(Severity::Error, NO_BUILD, message)
        .help("build it for the running kernel, and install that")
}

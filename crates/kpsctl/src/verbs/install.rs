// SPDX-License-Identifier: GPL-2.0
//! The verbs `install`, `uninstall` and `rollback`, which change what a machine loads at boot.

use super::{ResultArgs, StallArgs, TimeoutArgs};
use crate::answer::Answer;
use crate::context::Context;
use crate::installed::{matching, release_of, running, tell, warn_unless_set_up};
use crate::loading::{Follows, Loading};
use crate::requests::requests;
use kps_diag::{any_error, Diagnostic, Severity, NOT_FOLLOWED, NO_BUILD};
use kps_operate::store::{Change, Entry, Release, Store};
use kps_operate::{check_root, name_of, open, preflight_without, Incoming, Kernel, System};
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
    /// The package that the files are of. What another version of it has installed is uninstalled
    /// in the same step, for every kernel; and builds for other kernels than the running one are
    /// no error.
    #[arg(long, value_name = "NAME")]
    package: Option<String>,
    #[command(flatten)]
    now: NowArgs,
    #[command(flatten)]
    pub(super) results: ResultArgs,
}

#[derive(Debug, clap::Args)]
pub struct Uninstall {
    /// The livepatches, as `list --installed` names them.
    #[arg(value_name = "NAME", required_unless_present = "package")]
    names: Vec<String>,
    /// All that this package has installed, for every kernel.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["names", "kernel"])]
    package: Option<String>,
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
        let package = self.package.as_deref();
        let system = &context.system;
        let store = Store::of(system);
        let mut modules = Vec::new();
        for request in requests(&self.items) {
            let module = open(&request.what)?;
            module.incoming.check_parameters(&request.parameters)?;
            if self.now.now && !self.can_follow(&module.incoming, context, answer)? {
                return Ok(());
            }
            modules.push((module, request.parameters));
        }
        let changes = store.install(modules, package)?;
        changes.iter().for_each(|change| tell(change, system, answer));
        let follows = self.now.follow(&changes, package, context, answer)?;
        if follows == Follows::Refuses {
            return self.now.undo(&changes, context, answer);
        }
        warn_unless_set_up(system, context.console.program, answer);
        follows.or_warn(context, answer);
        Ok(())
    }

    /// Whether the running kernel would accept a module that it is to get at once, in place of one
    /// of its name or of what its package has installed. Otherwise the installed set stays as it
    /// is, too. A package's module for another kernel is not loaded now.
    fn can_follow(
        &self,
        incoming: &Incoming,
        context: &Context,
        answer: &mut Answer,
    ) -> Result<bool, Diagnostic> {
        let system = &context.system;
        let mut gone = vec![incoming.name.clone()];
        if let Some(package) = &self.package {
            if !is_for_running(incoming, system) {
                return Ok(true);
            }
            let set = Store::of(system).set(&running(system)?)?;
            let entries = set.map_or(Vec::new(), |set| set.entries);
            let of_package = entries.into_iter().filter(|entry| entry.is_of(package));
            gone.extend(of_package.map(|entry| entry.name));
        }
        let mut found = preflight_without(system, incoming, &gone);
        found.retain(|diagnostic| diagnostic.severity == Severity::Error);
        answer.report(&found);
        Ok(!any_error(&found))
    }
}

impl Uninstall {
    pub(super) fn run(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        check_root()?;
        let store = Store::of(&context.system);
        let changes = match &self.package {
            Some(package) => store.uninstall_package(package)?,
            None => {
                let release = release_of(self.kernel.as_deref(), &context.system)?;
                let names: Vec<_> = self.names.iter().map(|name| name_of(name)).collect();
                vec![store.uninstall(&release, &names)?]
            }
        };
        changes.iter().for_each(|change| tell(change, &context.system, answer));
        let follows = self.now.follow(&changes, self.package.as_deref(), context, answer)?;
        follows.or_warn(context, answer);
        Ok(())
    }
}

impl Rollback {
    pub(super) fn run(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        check_root()?;
        let release = release_of(self.kernel.as_deref(), &context.system)?;
        let change = Store::of(&context.system).rollback(&release)?;
        tell(&change, &context.system, answer);
        self.now.follow(&[change], None, context, answer)?.or_warn(context, answer);
        Ok(())
    }
}

impl NowArgs {
    /// Brings the running kernel to the set that is installed now, if the user wants it, and
    /// returns whether it follows.
    fn follow(
        &self,
        changes: &[Change],
        package: Option<&str>,
        context: &Context,
        answer: &mut Answer,
    ) -> Result<Follows, Diagnostic> {
        if !self.now {
            return Ok(Follows::Yes);
        }
        let release = running(&context.system)?;
        let change = changes.iter().find(|change| change.release == release);
        // What the user wants now has to be for this kernel. A package may have it for others, too.
        if package.is_none() {
            let wanted = change.map_or(Vec::new(), |change| wanted(change, &context.system));
            let added = changes.iter().flat_map(Change::added);
            let others = added.filter(|entry| !wanted.contains(entry));
            answer.report(&others.map(|entry| no_build(entry, &release)).collect::<Vec<_>>());
        }
        Ok(change.map_or(Follows::Yes, |change| self.bring(change, context, answer)))
    }

    /// Brings the running kernel to the set that a change has installed.
    fn bring(&self, change: &Change, context: &Context, answer: &mut Answer) -> Follows {
        let on_stall = self.stall.choice();
        let loading = Loading { context, timeout: self.timeout.duration(), on_stall };
        let follows = loading.follow(change, &wanted(change, &context.system), answer);
        follows.unwrap_or_else(|error| {
            answer.is_ended_by(error);
            Follows::NotYet
        })
    }

    /// Undoes an installation that the running kernel refuses, for the next boot and in the running
    /// kernel.
    fn undo(
        &self,
        changes: &[Change],
        context: &Context,
        answer: &mut Answer,
    ) -> Result<(), Diagnostic> {
        let undone = Store::of(&context.system).undo(changes)?;
        if undone.is_empty() {
            Follows::Refuses.or_warn(context, answer);
            return Ok(());
        }
        answer.undo();
        answer.say("the kernel refuses it: the installed livepatches are those of before");
        undone.iter().for_each(|change| tell(change, &context.system, answer));
        let release = running(&context.system)?;
        if let Some(change) = undone.iter().find(|change| change.release == release) {
            self.bring(change, context, answer).or_warn(context, answer);
        }
        Ok(())
    }
}

impl Follows {
    /// Warns unless it does.
    fn or_warn(self, context: &Context, answer: &mut Answer) {
        if self == Follows::Yes {
            return;
        }
        let program = context.console.program;
        let message = "the running kernel does not follow the installed set";
        answer.report(&[Diagnostic::new(NOT_FOLLOWED, message).help(format!(
            "`{program} status` shows the difference; `{program} load --all` loads what is installed, `{program} rollback` returns to the set before"
        ))]);
    }
}

/// What the running kernel is to have after a change.
fn wanted<'c>(change: &'c Change, system: &System) -> Vec<&'c Entry> {
    change.after.as_ref().map_or(Vec::new(), |set| matching(set, system))
}

/// Whether a module is for the running kernel, as far as it tells.
fn is_for_running(incoming: &Incoming, system: &System) -> bool {
    Kernel::of(system).is_some_and(|kernel| {
        let build_id = incoming.note.as_ref().map(|note| note.build_id.as_str());
        incoming.release.as_ref() == Some(&kernel.release)
            && build_id.is_none_or(|id| id.is_empty() || id == kernel.build_id)
    })
}

/// The error for a module that the running kernel was to get at once.
fn no_build(entry: &Entry, release: &Release) -> Diagnostic {
    let message = format!("`{}` is installed for another kernel than {release}", entry.name);
    Diagnostic::with(Severity::Error, NO_BUILD, message)
        .help("build it for the running kernel, and install that")
}

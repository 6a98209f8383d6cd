// SPDX-License-Identifier: GPL-2.0
//! The verb `load`.

use super::{ResultArgs, StallArgs, TimeoutArgs};
use crate::answer::Answer;
use crate::context::Context;
use crate::installed::running;
use crate::livepatch::Patch;
use crate::loading::Loading;
use crate::requests::{requests, Request};
use kps_diag::{any_error, Diagnostic};
use kps_operate::store::{Set, Store, Verdict};
use kps_operate::{name_of, open, preflight, verdict};
use std::ffi::OsString;

#[derive(Debug, clap::Args)]
pub struct Load {
    /// The modules, or the names of installed livepatches, in the order in which they are loaded;
    /// behind each, its parameters, as `insmod` takes them.
    #[arg(value_name = "FILE.ko|NAME [NAME=VALUE..]", required_unless_present_any = ["all", "booted"])]
    items: Vec<OsString>,
    /// All livepatches that are installed for the running kernel.
    #[arg(long, conflicts_with = "items")]
    all: bool,
    /// Load them although the machine went down when it last did.
    #[arg(long, requires = "all")]
    again: bool,
    /// The machine boots: what is loaded has stood the test when it has booted.
    #[arg(long, requires = "all", hide = true)]
    boot: bool,
    /// The machine has booted.
    #[arg(long, conflicts_with_all = ["items", "all"], hide = true)]
    booted: bool,
    #[command(flatten)]
    timeout: TimeoutArgs,
    #[command(flatten)]
    stall: StallArgs,
    /// Only report whether the kernel would accept them, and with which side effects.
    #[arg(long, conflicts_with = "all")]
    dry_run: bool,
    #[command(flatten)]
    pub(super) results: ResultArgs,
}

impl Load {
    pub(super) fn run(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        let on_stall = self.stall.choice();
        let loading = Loading { context, timeout: self.timeout.duration(), on_stall };
        if self.booted {
            let store = Store::of(&context.system);
            return store.releases()?.iter().try_for_each(|release| store.booted(release));
        }
        if self.all {
            return self.load_all(loading, answer);
        }
        for request in requests(&self.items) {
            if !self.load(request, loading, answer)? {
                break;
            }
        }
        Ok(())
    }

    /// Loads one livepatch, and returns whether the next one may follow.
    fn load(
        &self,
        request: Request,
        loading: Loading<'_>,
        answer: &mut Answer,
    ) -> Result<bool, Diagnostic> {
        let Request { what, mut parameters } = request;
        let system = &loading.context.system;
        let name = what.to_str().filter(|name| !name.contains(['/', '.', '=']) && !what.exists());
        let module = match name {
            Some(name) => {
                let (store, name) = (Store::of(system), name_of(name));
                let release = running(system)?;
                let set = store.set(&release)?;
                let entry = set.as_ref().and_then(|set| {
                    Some((set, set.entries.iter().find(|entry| entry.name == name)?))
                });
                let (set, entry) = entry.ok_or_else(|| store.not_installed(&release, &name))?;
                if parameters.is_empty() {
                    parameters.clone_from(&entry.params);
                }
                store.open(set, entry)?
            }
            None => open(&what)?,
        };
        if self.dry_run {
            let found = preflight(system, &module.incoming);
            answer.say(verdict(&module.incoming.name, &found));
            answer.patches.push(Patch::in_file(&what, &module.incoming));
            answer.report(&found);
            return Ok(!any_error(&found));
        }
        loading.load(module, &parameters, answer)
    }

    /// Loads what is installed for the running kernel, unless the machine went down with it. If one
    /// patch cannot be loaded, the others are all the same.
    fn load_all(&self, loading: Loading<'_>, answer: &mut Answer) -> Result<(), Diagnostic> {
        let system = &loading.context.system;
        let (store, release) = (Store::of(system), running(system)?);
        let set = store.set(&release)?;
        answer.report(&crate::installed::without_build(system, &release, set.as_ref())?);
        let Some(set) = set.filter(|set| !set.entries.is_empty()) else {
            answer.say(format!("no livepatch is installed for {release}"));
            return Ok(());
        };
        if self.again {
            store.clear(&release)?;
        }
        if let Verdict::Held(stage) = store.verdict(&set)? {
            return Err(store.held(&set, stage));
        }
        store.begin(&set)?;
        self.load_set(&set, loading, answer);
        match self.boot {
            true => store.loaded(&release),
            false => store.booted(&release),
        }
    }

    fn load_set(&self, set: &Set, loading: Loading<'_>, answer: &mut Answer) {
        for entry in crate::installed::matching(set, &loading.context.system) {
            if let Err(error) = loading.load_installed(set, entry, answer) {
                answer.report(&[error]);
            }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The verb `load`.

use super::{ResultArgs, StallArgs, TimeoutArgs};
use crate::answer::Answer;
use crate::context::Context;
use crate::installed::{matching, running, without_build};
use crate::livepatch::Patch;
use crate::loading::Loading;
use crate::requests::{requests, Request};
use kps_diag::{any_error, Diagnostic, Severity};
use kps_operate::store::{Entry, Set, Store, Verdict};
use kps_operate::{name_of, open, preflight, verdict, ModuleFile, System};
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
            let release = running(&context.system)?;
            return Store::of(&context.system).booted(&release);
        }
        if self.all {
            return self.load_all(loading, answer);
        }
        // A mistake in one of them is found before anything is loaded.
        let system = &context.system;
        let mut wanted = Vec::new();
        for request in requests(&self.items) {
            wanted.push((Source::of(&request, system)?, request));
        }
        for (source, request) in wanted {
            if !self.load(source, &request, loading, answer)? {
                break;
            }
        }
        Ok(())
    }

    /// Loads one livepatch, and returns whether the next one may follow.
    fn load(
        &self,
        source: Source,
        request: &Request,
        loading: Loading<'_>,
        answer: &mut Answer,
    ) -> Result<bool, Diagnostic> {
        let system = &loading.context.system;
        let module = match source {
            Source::Installed(found) if request.parameters.is_empty() && !self.dry_run => {
                let (set, entry) = *found;
                return loading.load_installed(&set, &entry, &[], answer);
            }
            Source::Installed(found) => Store::of(system).open(&found.0, &found.1)?,
            Source::File(module) => *module,
        };
        if self.dry_run {
            let found = preflight(system, &module.incoming);
            answer.say(verdict(&module.incoming.name, &found));
            answer.patches.push(Patch::in_file(&request.what, &module.incoming));
            answer.report(&found);
            return Ok(!any_error(&found));
        }
        loading.load(module, &request.parameters, answer)
    }

    /// Loads what is installed for the running kernel, unless the machine went down with it. If one
    /// patch cannot be loaded, the others are all the same.
    fn load_all(&self, loading: Loading<'_>, answer: &mut Answer) -> Result<(), Diagnostic> {
        let system = &loading.context.system;
        let (store, release) = (Store::of(system), running(system)?);
        let set = store.set(&release)?;
        match without_build(system, &release, set.as_ref()) {
            Ok(warnings) => answer.report(&warnings),
            // Those of other kernels are no reason to boot without this one's.
            Err(error) => {
                answer.report(&[Diagnostic { severity: Severity::Warning, ..error }]);
            }
        }
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
        // Without the guard the machine is better off than without its fixes.
        let warning = |error| Diagnostic { severity: Severity::Warning, ..error };
        if let Err(error) = store.begin(&set) {
            answer.report(&[warning(error)]);
        }
        self.load_set(&set, loading, answer);
        let ended = match self.boot {
            true => store.loaded(&release),
            false => store.booted(&release),
        };
        if let Err(error) = ended {
            answer.report(&[warning(error)]);
        }
        Ok(())
    }

    fn load_set(&self, set: &Set, loading: Loading<'_>, answer: &mut Answer) {
        let entries = matching(set, &loading.context.system);
        for (n, entry) in entries.iter().enumerate() {
            if let Err(error) = loading.load_installed(set, entry, &entries[n + 1..], answer) {
                answer.report(&[error]);
            }
            if loading.context.is_interrupted.get() {
                break;
            }
        }
    }
}

/// Where a livepatch of the command line is.
enum Source {
    File(Box<ModuleFile>),
    Installed(Box<(Set, Entry)>),
}

impl Source {
    /// A word without `/` and `.` is the name of an installed one: a file of that name in some
    /// folder is not meant.
    fn of(request: &Request, system: &System) -> Result<Source, Diagnostic> {
        let Request { what, parameters } = request;
        let Some(name) = what.to_str().filter(|name| !name.contains(['/', '.', '='])) else {
            let module = open(what)?;
            module.incoming.check_parameters(parameters)?;
            return Ok(Source::File(Box::new(module)));
        };
        let (store, name) = (Store::of(system), name_of(name));
        let release = running(system)?;
        let Some(set) = store.set(&release)? else {
            return Err(store.not_installed(&release, &name));
        };
        let entry = matching(&set, system).into_iter().find(|entry| entry.name == name).cloned();
        let entry = entry.ok_or_else(|| store.not_installed(&release, &name))?;
        Ok(Source::Installed(Box::new((set, entry))))
    }
}

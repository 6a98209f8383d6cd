// SPDX-License-Identifier: GPL-2.0
//! `kpsc check`.

use super::kernels::{Ended, KernelsArgs, Patches};
use super::{progress, report, running, say, CommandResult, ExitCode};
use crate::driver::{self, Outcome};
use crate::input::Input;
use crate::series::{self, Member};
use kps_diag::{any_error, Diagnostic};
use kps_grammar::Sources;
use kps_targets::{Cache, Target};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The .kps files; several form a series of patches, in the order in which they are loaded.
    #[arg(value_name = "SPEC", required_unless_present = "all")]
    specs: Vec<PathBuf>,
    /// Check every spec and crate of the project, each for itself: all below its kpsc.toml.
    #[arg(long, conflicts_with_all = ["specs", "running"])]
    all: bool,
    #[command(flatten)]
    targets: KernelsArgs,
    /// Check whether the running kernel would accept each of the files, which may also be modules.
    #[arg(long, conflicts_with_all = ["kernel", "all_kernels"])]
    running: bool,
}

impl Check {
    /// Whether a spec is among the files.
    pub(super) fn compiles(&self) -> bool {
        !self.running || self.specs.iter().any(|file| running::is_spec(file))
    }

    pub(super) fn run(self) -> CommandResult {
        if self.running {
            return running::check(&self.specs);
        }
        let patches = Patches::series(&self.specs)?;
        let cache = Cache::open()?;
        self.targets.run(&cache, "checked", &patches, |series, kernel| {
            Ok(Ended::with(check(series.clone(), &kernel.target, &cache)?))
        })
    }

    /// What the command line names; the first of it decides the project.
    pub(super) fn place(&self) -> Option<&Path> {
        self.specs.first().map(PathBuf::as_path)
    }
}

/// A patch of a series that passed every check of its own.
struct Patch {
    sources: Sources,
    member: Member,
}

/// Checks a series of patches for one kernel. Messages have been printed.
fn check(all: Vec<Input>, target: &Target, cache: &Cache) -> Result<ExitCode, Diagnostic> {
    let mut code = 0;
    let mut series = Vec::new();
    for input in all {
        let Outcome { sources, diagnostics, passed, .. } =
            driver::check(input, target, cache, progress())?;
        let wrong = report(&diagnostics, Some(&sources));
        match passed {
            Some(passed) => series.push(Patch { sources, member: passed.member }),
            None => code = code.max(wrong),
        }
    }
    let mut loaded = Vec::new();
    for Patch { sources, member } in &series {
        let wrong = series::check(&loaded, member);
        code = code.max(report(&wrong, Some(sources)));
        if !any_error(&wrong) {
            series::way_back(&loaded, member).into_iter().for_each(say);
        }
        loaded = series::load(loaded, member);
    }
    let members = series.iter().map(|patch| &patch.member);
    if let Some(remark) = driver::unknown_copies(members, target) {
        if target.debug()?.is_none() {
            report(&[remark], None);
        }
    }
    Ok(code)
}

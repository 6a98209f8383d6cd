// SPDX-License-Identifier: GPL-2.0
//! A target in a cache of its own, and what kpsc is asked to do with it.

use kps_facts::Facts;
use kps_targets::{Cache, Target};
use kps_tests::target::tell_of_boots;
use kps_tests::{kpsc, printed};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A target in a cache of its own.
pub(crate) struct There {
    /// The folder of the cache.
    pub(crate) cache: PathBuf,
    /// What the target is called.
    pub(crate) name: String,
}

impl There {
    /// kpsc with this cache.
    pub(crate) fn kpsc(&self, words: &[&str]) -> Command {
        let mut command = kpsc();
        command.env("KPSC_CACHE", &self.cache).args(words);
        command
    }

    /// The target, which must be there.
    pub(crate) fn target(&self) -> Target {
        Cache::at(&self.cache)
            .target(&self.name)
            .unwrap_or_else(|error| panic!("{}", error.message))
    }

    /// It in the place of the default target.
    pub(super) fn as_kernel(&self) -> kps_tests::kernel::Kernel {
        kps_tests::kernel::Kernel { cache: self.cache.clone(), name: self.name.clone() }
    }

    /// What is known of it.
    pub(super) fn facts(&self) -> Facts {
        facts(&self.target())
    }

    /// What `kpsc kernel list` says of it, if it is listed.
    pub(super) fn state(&self) -> Option<String> {
        let listed = succeed(&mut self.kpsc(&["kernel", "list"]));
        let state = |line: &str| {
            let mut columns = line.split('\t');
            (columns.next()? == self.name).then(|| columns.next().unwrap_or_default().to_owned())
        };
        listed.lines().find_map(state)
    }

    /// A spec's tests hold, on a copy of a machine that has booted.
    pub(crate) fn acts(&self, spec: &Path) {
        self.acts_with(&[], spec);
    }

    /// The same on a machine that boots anew.
    pub(super) fn acts_when_booted(&self, spec: &Path) {
        self.acts_with(&["--boot"], spec);
    }

    fn acts_with(&self, words: &[&str], spec: &Path) {
        let said = succeed(
            self.kpsc(&["test", "--timeout", "60", "--kernel", &self.name]).args(words).arg(spec),
        );
        assert!(said.contains("ok: "), "no test held:\n{said}");
        tell_of_boots(&said);
    }

    /// What it keeps beside its compilers and its modules is less than so many kilobytes.
    pub(super) fn keeps_less_than(&self, kilobytes: u64) {
        let folder = self.target().folder().to_owned();
        let size = succeed(Command::new("du").args(["-sk", "--exclude=modules"]).arg(folder));
        let size = size.split_whitespace().next().and_then(|word| word.parse().ok());
        let size: u64 = size.unwrap_or(u64::MAX);
        assert!(size < kilobytes, "the target takes {size} kB");
    }

    /// A module is made of a spec.
    pub(super) fn is_built(&self, spec: &Path) {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        succeed(self.kpsc(&["build", "--kernel", &self.name, "-o"]).arg(folder.path()).arg(spec));
    }

    /// A spec passes.
    pub(super) fn is_accepted(&self, spec: &Path) {
        succeed(self.kpsc(&["check", "--kernel", &self.name]).arg(spec));
    }

    /// A spec is refused with this code.
    pub(super) fn is_refused(&self, spec: &Path, code: &str) {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let words = ["build", "--kernel", &self.name, "-o"];
        let (status, said) = run(self.kpsc(&words).arg(folder.path()).arg(spec));
        assert!(status == Some(1) && said.contains(code), "{said}");
    }
}

/// What is known of a target.
pub(super) fn facts(target: &Target) -> Facts {
    target.facts().unwrap_or_else(|error| panic!("{}", error.message))
}

/// Runs a command: its exit status and what it printed.
pub(super) fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    (output.status.code(), printed(&output))
}

/// Runs a command that must succeed, and returns what it printed.
pub(crate) fn succeed(command: &mut Command) -> String {
    let (status, said) = run(command);
    assert_eq!(status, Some(0), "{command:?}:\n{said}");
    said
}

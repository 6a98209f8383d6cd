// SPDX-License-Identifier: GPL-2.0
//! What is tried on a kernel: every spec of `tests/vm/acts` and of `examples` is built for it or
//! refused with the code that says why, and those act that stand on something in which it differs
//! from the default target.

use super::there::There;
use super::WITH_ITS_MODULE;
use kps_tests::schedule::Case;
use kps_tests::store::with_its_module;
use kps_tests::{examples, specs, stem};
use std::path::{Path, PathBuf};

/// A kernel, and what specs come to there.
#[derive(Clone, Copy)]
pub(super) struct Kernel {
    /// What its cases start with.
    pub(super) name: &'static str,
    /// Makes it, the first time.
    pub(super) get: fn() -> &'static There,
    /// What the case that makes it shares with those that need it.
    pub(super) made_by: &'static str,
    /// The specs that act.
    pub(super) acts: &'static [&'static str],
    /// The specs that it is not for, and the codes that say so.
    pub(super) refused: &'static [(&'static str, &'static str)],
    /// The specs that are for other kernels alone.
    pub(super) elsewhere: &'static [&'static str],
    /// What is tried of all other specs.
    pub(super) rest: Rest,
    /// Whether its cases are too dear for every run.
    pub(super) is_for_long_runs: bool,
}

/// What is tried of the specs that do not act in every run.
#[derive(Clone, Copy)]
pub(super) enum Rest {
    /// They are built.
    IsBuilt,
    /// Each passes `check`, and acts in long runs.
    ActsInLongRuns,
}

/// The spec that acts on each kernel when it boots anew. The others act on copies of a machine that
/// has booted.
const BOOTED: &str = "cmdline_mark";

/// How long it takes to build a module.
const BUILT: u32 = 3;
/// How long it takes to build one and to try it.
const ACTS: u32 = 8;

impl Kernel {
    /// A case that needs the kernel.
    pub(super) fn case(self, claim: &str, run: impl FnOnce() + Send + 'static) -> Case {
        let case = Case::new(format!("{}: {claim}", self.name), run).machine().shares(self.made_by);
        if self.is_for_long_runs {
            case.long()
        } else {
            case
        }
    }

    /// Modules can be built for it.
    pub(super) fn is_ready(self) {
        assert!((self.get)().target().tree().is_some());
    }

    /// A case for each spec.
    pub(super) fn specs(self) -> Vec<Case> {
        let all: Vec<PathBuf> = specs("acts").into_iter().chain(examples()).collect();
        let names: Vec<String> = all.iter().map(|spec| stem(spec)).collect();
        let listed =
            self.refused.iter().map(|(name, _)| name).chain(self.acts).chain(self.elsewhere);
        for name in listed {
            assert!(
                names.iter().any(|known| known == name),
                "{}: there is no spec `{name}`",
                self.name
            );
        }
        let is_here = |spec: &PathBuf| !self.elsewhere.contains(&stem(spec).as_str());
        let all: Vec<PathBuf> = all.into_iter().filter(is_here).collect();
        let mut cases: Vec<Case> = all.iter().cloned().map(|spec| self.spec(spec)).collect();
        if let Rest::ActsInLongRuns = self.rest {
            let others = all.into_iter().filter(|spec| self.is_of_the_rest(spec));
            let others: Vec<PathBuf> =
                others.filter(|spec| stem(spec) != WITH_ITS_MODULE).collect();
            let claim = "all other specs are accepted";
            let accepted = move || others.iter().for_each(|spec| (self.get)().is_accepted(spec));
            cases.push(self.case(claim, accepted).about(10));
        }
        cases
    }

    fn is_of_the_rest(self, spec: &Path) -> bool {
        let name = stem(spec);
        !self.acts.contains(&&*name) && !self.refused.iter().any(|(refused, _)| *refused == name)
    }

    /// A case of another suite that holds on this kernel too.
    pub(super) fn has(self, case: Case) -> Case {
        let case = case.on(self.name, move || (self.get)().as_kernel()).shares(self.made_by);
        if self.is_for_long_runs {
            case.long()
        } else {
            case
        }
    }

    fn spec(self, spec: PathBuf) -> Case {
        let name = stem(&spec);
        let refused = self.refused.iter().find(|(refused, _)| *refused == name);
        match refused {
            Some((_, code)) => self
                .case(&format!("{name} is refused"), move || (self.get)().is_refused(&spec, code))
                .about(1),
            None if name == BOOTED => {
                self.case(&name, move || (self.get)().acts_when_booted(&spec)).about(2 * ACTS)
            }
            None if self.acts.contains(&name.as_str()) => {
                self.case(&name, move || (self.get)().acts(&spec)).about(ACTS)
            }
            None => match self.rest {
                Rest::IsBuilt => self
                    .case(&format!("{name} is built"), move || (self.get)().is_built(&spec))
                    .about(BUILT),
                Rest::ActsInLongRuns => {
                    let acts = move || {
                        let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
                        (self.get)().acts(&with_its_module(&spec, scratch.path()));
                    };
                    self.has(Case::new(name, acts).machine()).about(ACTS).long()
                }
            },
        }
    }
}

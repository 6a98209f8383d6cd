// SPDX-License-Identifier: GPL-2.0
//! The target that open specs are checked for. Its facts are read once and kept. Nothing here
//! prepares a target or fetches anything: an editor must not start that by itself.

use super::documents::Found;
use crate::driver::{check_with, facts, unknown_copies, Outcome};
use crate::input::Input;
use crate::project::Project;
use kps_diag::{Diagnostic, Label, NO_SUCH_TARGET};
use kps_facts::Facts;
use kps_grammar::ast::{Object, Patch, Test};
use kps_grammar::Span;
use kps_plan::ObjectName;
use kps_targets::{Cache, Progress, Target};
use std::path::Path;

/// The target, by its name if the user has given one for all specs.
#[derive(Debug)]
pub(super) struct Kernel {
    name: Option<String>,
    kept: Option<Kept>,
}

/// Facts that have been read. The target itself is not kept open: that would prevent the user from
/// removing it.
#[derive(Debug)]
struct Kept {
    target: String,
    facts: Facts,
    /// Whether another check may use them: a module beside a spec may change at any time.
    is_lasting: bool,
}

impl Kernel {
    /// The target of this name, or that of each spec.
    pub(super) fn new(name: Option<String>) -> Kernel {
        Kernel { name, kept: None }
    }

    /// What is known of the kernel, with the modules of the spec that was checked last.
    pub(super) fn facts(&self) -> Option<&Facts> {
        self.kept.as_ref().map(|kept| &kept.facts)
    }

    /// Reads the facts again before the next check.
    pub(super) fn forget(&mut self) {
        self.kept = None;
    }

    /// Checks a spec. Without a target, its text alone is checked, and the reason is returned too.
    pub(super) fn check(&mut self, input: Input) -> (Found, Option<Diagnostic>) {
        let sources = input.sources.clone();
        let syntax = Found { sources, diagnostics: input.diagnostics.clone() };
        match self.check_for_target(input) {
            Ok(found) => (found, None),
            Err(obstacle) => (syntax, Some(obstacle)),
        }
    }

    fn check_for_target(&mut self, input: Input) -> Result<Found, Diagnostic> {
        let cache = Cache::open()?;
        let project = Project::of(Path::new(&input.sources.spec().name));
        let project = project.map_err(|unusable| unusable.error)?;
        let target = self.target(&cache, project.as_ref())?;
        let patch = input.patch.as_ref();
        if patch.is_some_and(needs_modules) && !target.has_modules() {
            return Err(no_modules(&target));
        }
        let other_family = patch.and_then(|patch| project.as_ref()?.check_family(patch));
        let place = patch.map_or(Span::new(0, 0), |patch| patch.name.span);
        let is_lasting = !patch.is_some_and(brings_modules);
        let read = self.read(&target, patch)?;
        let outcome = check_with(read, input, &target, &cache, Progress::Quiet)?;
        let Outcome { sources, mut diagnostics, facts, passed, .. } = outcome;
        diagnostics.extend(other_family);
        if facts.debug.is_none() {
            let member = passed.iter().map(|passed| &passed.member);
            diagnostics.extend(unknown_copies(member, &target));
        }
        for diagnostic in &mut diagnostics {
            if diagnostic.labels.is_empty() {
                diagnostic.labels.push(Label { span: place, text: String::new() });
            }
        }
        self.kept = Some(Kept { target: target.name.clone(), facts, is_lasting });
        Ok(Found { sources, diagnostics })
    }

    /// The target of this name, or else that of the spec's project, or the default.
    fn target(&self, cache: &Cache, project: Option<&Project>) -> Result<Target, Diagnostic> {
        let of_project = project.and_then(|project| project.settings.kernels.first());
        match self.name.as_ref().or(of_project) {
            Some(name) => cache.find(name),
            None => cache.default_target()?.ok_or_else(no_target),
        }
    }

    /// The facts to check a patch with: those that are kept, if they are the same.
    fn read(&mut self, target: &Target, patch: Option<&Patch>) -> Result<Facts, Diagnostic> {
        let is_same = |kept: &Kept| {
            let has_no_other = patch.is_some_and(|patch| names_all(patch, &kept.facts));
            kept.is_lasting && kept.target == target.name && has_no_other
        };
        match self.kept.take().filter(is_same) {
            Some(kept) => Ok(kept.facts),
            None => facts(target),
        }
    }
}

/// Whether the files of the kernel's own modules are read.
fn needs_modules(patch: &Patch) -> bool {
    let is_of_kernel =
        |object: &Object| object.name.value != ObjectName::IMAGE && object.from.is_none();
    let loads_one = |test: &Test| !test.modules.is_empty();
    patch.objects.iter().any(is_of_kernel) || patch.tests.iter().any(loads_one)
}

/// Whether a module beside the spec is read.
fn brings_modules(patch: &Patch) -> bool {
    patch.objects.iter().any(|object| object.from.is_some())
}

/// Whether a patch names all modules that are in the facts, so that a check with these finds the
/// same as with others.
fn names_all(patch: &Patch, facts: &Facts) -> bool {
    let is_named = |name: &String| patch.objects.iter().any(|object| object.name.value == *name);
    !brings_modules(patch) && facts.modules.keys().all(is_named)
}

fn no_target() -> Diagnostic {
    Diagnostic::new(NO_SUCH_TARGET, "there is no target kernel: only the syntax is checked")
        .help("run `kpsc kernel add` once")
}

fn no_modules(target: &Target) -> Diagnostic {
    let message =
        format!("target `{}` has no modules yet: only the syntax is checked", target.name);
    Diagnostic::new(NO_SUCH_TARGET, message)
        .help("run `kpsc check` on the spec once, which fetches them")
}

// SPDX-License-Identifier: GPL-2.0
//! The stages in their order: what an author has written becomes a checked patch, generated files,
//! a module.
//!
//! Nothing here prints messages. Whoever calls gets them as diagnostics, in the order of their
//! places, and shows them.

use crate::build::{self, kbuild, macros, Built, Log};
use crate::emit::{emit, emit_crate, Emitted};
use crate::input::{add_modules, Input, Modules};
use crate::resolve;
use crate::series::Member;
use crate::Checked;
use kps_diag::{any_error, Diagnostic, NO_SUCH_MODULE};
use kps_facts::Facts;
use kps_grammar::ast::{self, Form};
use kps_grammar::Sources;
use kps_host::disk::cannot;
use kps_operate::Incoming;
use kps_targets::{is_supported_path, unsupported_path, Cache, Progress, Target};
use std::collections::BTreeMap;
use std::path::Path;

/// What came of resolving and checking.
#[derive(Debug)]
pub struct Outcome {
    /// The texts that the diagnostics are about.
    pub sources: Sources,
    /// Everything that there is to report.
    pub diagnostics: Vec<Diagnostic>,
    /// What is known of the target, with the modules that the patch names.
    pub facts: Facts,
    /// The files that a crate is built of; none for a spec.
    pub own_files: Option<BTreeMap<String, String>>,
    /// The patch; none if there were errors.
    pub passed: Option<Passed>,
}

/// A patch that passed every check.
#[derive(Debug)]
pub struct Passed {
    /// The patch.
    pub checked: Checked,
    /// What the patches before and after it have to know of it.
    pub member: Member,
    /// Its tests.
    pub tests: Vec<ast::Test>,
    /// The files of the modules that it names, and of those that came with the kernel.
    pub modules: Modules,
}

/// A patch that passed every check, and the folder that Kbuild builds.
#[derive(Debug)]
pub struct Compiled {
    /// The texts.
    pub sources: Sources,
    /// The patch.
    pub passed: Passed,
    /// The folder.
    pub emitted: Emitted,
}

impl Compiled {
    /// The name of the patch and of its module.
    pub fn name(&self) -> &str {
        &self.passed.checked.patch().name
    }

    /// Whether it was written as a spec or as a crate.
    pub fn form(&self) -> Form {
        self.emitted.form
    }

    /// What the running kernel would be given.
    pub fn incoming(&self) -> Incoming {
        Incoming::of(self.passed.checked.patch())
    }
}

/// The whole way from the path of a spec or a crate to a module. Without a module there are errors
/// among the diagnostics.
pub fn run(
    path: &Path,
    target: &mut Target,
    cache: &Cache,
    progress: Progress,
    log: Log<'_>,
) -> Result<(Sources, Built), Diagnostic> {
    let mut outcome = check(Input::read(path)?, target, cache, progress)?;
    let mut diagnostics = std::mem::take(&mut outcome.diagnostics);
    match outcome.emit() {
        Ok(compiled) => {
            let built = compiled.build(target, cache, progress, log)?;
            diagnostics.extend(built.diagnostics);
            Ok((compiled.sources, Built { diagnostics, ..built }))
        }
        Err(sources) => Ok((sources, Built { module: None, diagnostics })),
    }
}

/// Resolves a patch against a target and checks it.
pub fn check(
    input: Input,
    target: &Target,
    cache: &Cache,
    progress: Progress,
) -> Result<Outcome, Diagnostic> {
    let mut facts = target.facts()?;
    facts.debug = target.debug()?;
    let Input { sources, patch, mut diagnostics, own_files } = input;
    let mut passed = None;
    if let Some(patch) = patch {
        let complete = !any_error(&diagnostics);
        let (modules, unread) = add_modules(&mut facts, &patch, &sources, target, cache, progress)?;
        let (resolved, mut found) = resolve::resolve(&sources, &patch, complete, &facts);
        // What could not be read is not missing.
        let is_unread = |d: &Diagnostic| {
            d.labels.iter().any(|label| unread.iter().any(|(span, _)| *span == label.span))
        };
        found.retain(|d| d.code != NO_SUCH_MODULE || !is_unread(d));
        diagnostics.extend(unread.into_iter().map(|(_, error)| error));
        diagnostics.extend(found);
        if let Some(resolved) = resolved {
            let member = Member::new(&patch, &resolved, &sources);
            let (checked, found) = crate::check(resolved);
            diagnostics.extend(found);
            passed = checked.map(|checked| Passed { checked, member, tests: patch.tests, modules });
        }
    }
    diagnostics.sort_by_key(|d| d.labels.first().map(|label| label.span));
    let passed = passed.filter(|_| !any_error(&diagnostics));
    Ok(Outcome { sources, diagnostics, facts, own_files, passed })
}

impl Outcome {
    /// Generates the folder that Kbuild builds. Without a patch there is none, and the texts are
    /// returned.
    pub fn emit(self) -> Result<Compiled, Sources> {
        let Outcome { sources, facts, own_files, passed, .. } = self;
        let Some(passed) = passed else { return Err(sources) };
        let emitted = match own_files {
            None => emit(&passed.checked, &sources),
            Some(own) => emit_crate(&passed.checked, &sources, own, facts.to_bytes()),
        };
        Ok(Compiled { sources, passed, emitted })
    }
}

impl Compiled {
    /// Builds the module in a folder of its own, which is gone afterwards.
    pub fn build(
        &self,
        target: &mut Target,
        cache: &Cache,
        progress: Progress,
        log: Log<'_>,
    ) -> Result<Built, Diagnostic> {
        let place = std::env::temp_dir();
        if !is_supported_path(&place) {
            return Err(unsupported_path("the folder to build in", &place)
                .help("set TMPDIR to another folder"));
        }
        let folder = tempfile::tempdir_in(&place).map_err(|error| {
            cannot("make a folder in", &place, &error.kind().into()).help("set TMPDIR to a folder")
        })?;
        let folder = folder.path();
        let tree = target.prepare(cache, progress)?;
        build::lay_out(&self.emitted, folder)?;
        kbuild::bring(folder, target, cache);
        let build = || build::build(&self.emitted, self.name(), &self.sources, &tree, folder, log);
        match self.form() {
            // The makefile of a crate is its author's, and what that writes is kept for nobody
            // else.
            Form::Spec => {
                let built = build()?;
                if built.module.is_some() {
                    let _ = kbuild::keep(folder, target, cache);
                }
                Ok(built)
            }
            Form::Crate => {
                let built = match macros::bring(folder, target, cache) {
                    true => build()?,
                    false => progress.step("compiling the macros, once per kernel", build)?,
                };
                if built.module.is_some() {
                    // Where they cannot be kept they are compiled again.
                    let _ = macros::keep(folder, target, cache);
                }
                Ok(built)
            }
        }
    }
}

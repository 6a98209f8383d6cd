// SPDX-License-Identifier: GPL-2.0
//! Runs the stages in order: from an author's source to a checked patch, generated files and a
//! module.
//!
//! Nothing here prints messages. The caller gets them as diagnostics, in the order of their spans,
//! and shows them.

use crate::build::{self, kbuild, libraries, Built, Log};
use crate::emit::{emit, emit_crate, Emitted};
use crate::input::{add_modules, Input, Modules};
use crate::inspect;
use crate::known::Known;
use crate::resolve;
use crate::series::Member;
use crate::Checked;
use kps_diag::{
    any_error, list, Diagnostic, DISK_FULL, NO_SUCH_FUNCTION, NO_SUCH_MODULE, UNKNOWN_INLINING,
};
use kps_facts::Facts;
use kps_grammar::ast::{self, Form};
use kps_grammar::{Sources, Span};
use kps_host::disk::cannot;
use kps_host::temporary::Folder;
use kps_operate::Incoming;
use kps_plan::ObjectName;
use kps_targets::{is_supported_path, unsupported_path, Cache, Progress, Target};
use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The result of resolving and checking.
#[derive(Debug)]
pub struct Outcome {
    /// The source text that the diagnostics refer to.
    pub sources: Sources,
    /// All diagnostics.
    pub diagnostics: Vec<Diagnostic>,
    /// The facts of the target, including the modules that the patch names.
    pub facts: Facts,
    /// The source files of a crate; `None` for a spec.
    pub own_files: Option<BTreeMap<String, String>>,
    /// The patch; `None` if there are errors.
    pub passed: Option<Passed>,
}

/// A patch that passed every check.
#[derive(Debug)]
pub struct Passed {
    /// The patch.
    pub checked: Checked,
    /// The data that other patches of a series are checked against.
    pub member: Member,
    /// Its tests.
    pub tests: Vec<ast::Test>,
    /// The files of the modules that it names, and of those that came with the kernel.
    pub modules: Modules,
}

/// A patch that passed every check, and the folder that Kbuild builds.
#[derive(Debug)]
pub struct Compiled {
    /// The source text.
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

    /// Its form: a spec or a crate.
    pub fn form(&self) -> Form {
        self.emitted.form
    }

    /// The patch as the running kernel would receive it.
    pub fn incoming(&self) -> Incoming {
        Incoming::of(self.passed.checked.patch())
    }
}

/// Runs all stages, from the path of a spec or a crate to a module. Without a module, the
/// diagnostics contain errors.
pub fn run(
    path: &Path,
    target: &mut Target,
    cache: &Cache,
    progress: Progress,
    log: Log<'_>,
) -> Result<(Sources, Built), Diagnostic> {
    let mut outcome = check(Input::read(path)?, target, cache, progress)?;
    if outcome.passed.is_some() && target.tells_more() {
        // The headers, which come with the build tree, tell more.
        target.prepare(cache, progress)?;
        return run(path, target, cache, progress, log);
    }
    let mut diagnostics = std::mem::take(&mut outcome.diagnostics);
    match outcome.emit() {
        Ok(compiled) => {
            let built = compiled.build(target, cache, progress, log)?;
            diagnostics.extend(built.diagnostics);
            Ok((compiled.sources, Built { diagnostics, ..built }))
        }
        Err(sources) => Ok((sources, Built::failed(diagnostics))),
    }
}

/// Resolves a patch against a target and checks it.
pub fn check(
    input: Input,
    target: &Target,
    cache: &Cache,
    progress: Progress,
) -> Result<Outcome, Diagnostic> {
    check_with(facts(target)?, input, target, cache, progress)
}

/// Everything that is known of a target's kernel.
pub fn facts(target: &Target) -> Result<Facts, Diagnostic> {
    Ok(Facts { debug: target.debug()?, ..target.facts()? })
}

/// Resolves a patch against facts that have been read, and checks it. The result has the facts,
/// with the modules that the patch names.
pub fn check_with(
    mut facts: Facts,
    input: Input,
    target: &Target,
    cache: &Cache,
    progress: Progress,
) -> Result<Outcome, Diagnostic> {
    let Input { sources, patch, mut diagnostics, own_files } = input;
    let mut passed = None;
    if let Some(patch) = patch {
        let complete = !any_error(&diagnostics);
        let (modules, unread) = add_modules(&mut facts, &patch, &sources, target, cache, progress)?;
        let absent = absent(&patch, &facts);
        target.add_debug_of_modules(&mut facts, &absent)?;
        let (resolved, mut found) = resolve::resolve(&sources, &patch, complete, &facts);
        // A module that could not be read is not missing.
        let is_unread = |d: &Diagnostic| {
            d.labels.iter().any(|label| unread.iter().any(|(span, _)| *span == label.span))
        };
        found.retain(|d| d.code != NO_SUCH_MODULE || !is_unread(d));
        diagnostics.extend(unread.into_iter().map(|(_, error)| error));
        add_remedy(&mut found, &facts, target);
        diagnostics.extend(found);
        if let Some(resolved) = resolved {
            let member = Member::new(&resolved.written, &resolved, &sources);
            let tests = resolved.written.tests.clone();
            let (checked, found) = crate::check(resolved);
            diagnostics.extend(found);
            passed = checked.map(|checked| Passed { checked, member, tests, modules });
        }
    }
    diagnostics.sort_by_key(|d| d.labels.first().map(|label| label.span));
    let passed = passed.filter(|_| !any_error(&diagnostics));
    Ok(Outcome { sources, diagnostics, facts, own_files, passed })
}

/// The functions that a patch names and that their objects have no symbols of.
fn absent<'p>(patch: &'p ast::Patch, facts: &Facts) -> Vec<&'p str> {
    let of_object = |object: &'p ast::Object| {
        let symbols = inspect::object_of(facts, &object.name.value).map(|known| &known.symbols);
        let changed = object.funcs.iter().map(|func| &func.symbol);
        let names = changed.chain(object.use_fns.iter().map(|item| &item.symbol));
        let names = names.map(|symbol| symbol.name.value.as_str());
        names.filter(move |name| symbols.is_some_and(|symbols| symbols.named(name).is_empty()))
    };
    patch.objects.iter().flat_map(of_object).collect()
}

/// Says of the first function without a symbol what would tell more about it, if the target lacks
/// that.
pub fn add_remedy(found: &mut [Diagnostic], facts: &Facts, target: &Target) {
    if facts.debug.is_some() {
        return;
    }
    let absent = found.iter_mut().find(|said| said.code == NO_SUCH_FUNCTION);
    if let Some(absent) = absent {
        let command = target.with_debug();
        absent.notes.push(format!("`{command}` would tell whether and where it is inlined"));
    }
}

/// The remark that inlined copies of the functions of some patches are unknown, because the target
/// has no debug information.
pub fn unknown_copies<'a>(
    patches: impl IntoIterator<Item = &'a Member>,
    target: &Target,
) -> Option<Diagnostic> {
    /// The number of functions that the message names.
    const SHOWN: usize = 5;
    let names: BTreeSet<&str> = patches.into_iter().flat_map(Member::of_vmlinux).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let names = match names.get(SHOWN..) {
        _ if names.is_empty() => return None,
        Some(more @ [_, ..]) => {
            format!("{} and {} more", list(&names[..SHOWN], "or"), more.len())
        }
        _ => list(&names, "or"),
    };
    let message = format!("cannot check whether other functions contain inlined copies of {names}");
    // It is said at nearly every check of a target, so it is short.
    let remark = Diagnostic::new(UNKNOWN_INLINING, message);
    Some(remark.help(format!("run `{}` once for this target", target.with_debug())))
}

impl Outcome {
    /// Generates the folder that Kbuild builds. Without a patch it returns the source text instead.
    pub fn emit(self) -> Result<Compiled, Sources> {
        let Outcome { sources, facts, own_files, passed, .. } = self;
        let Some(passed) = passed else { return Err(sources) };
        let mut emitted = match own_files {
            None => emit(&passed.checked, &sources),
            Some(own) => emit_crate(&passed.checked, &sources, own, facts.to_bytes()),
        };
        emitted.known = Known::of(passed.checked.patch(), &sources, &facts);
        Ok(Compiled { sources, passed, emitted })
    }
}

impl Compiled {
    /// The author's lines in a trace of the kernel, from the object of the module that it ran.
    pub fn lines_in(&self, log: &str, object: &[u8]) -> Vec<(String, Span)> {
        build::author_lines(log, self.name(), object, &self.emitted, &self.sources)
    }

    /// The facts that the patch was resolved with: those of the kernel and of the objects that it
    /// changes.
    fn facts_again(&self, target: &Target) -> Result<Facts, Diagnostic> {
        let mut facts = facts(target)?;
        let objects = self.passed.checked.patch().objects.iter();
        for name in objects.filter_map(|object| object.name.module()) {
            if let Some(file) = self.passed.modules.get(name) {
                file.add_to(&mut facts, name, target)?;
            }
        }
        Ok(facts)
    }

    /// Builds the module in a temporary folder.
    pub fn build(
        &self,
        target: &mut Target,
        cache: &Cache,
        progress: Progress,
        log: Log<'_>,
    ) -> Result<Built, Diagnostic> {
        let place = std::env::temp_dir();
        let place = std::path::absolute(&place).unwrap_or(place);
        if !is_supported_path(&place) {
            return Err(unsupported_path("the folder to build in", &place)
                .help("set TMPDIR to another folder"));
        }
        let tree = target.prepare(cache, progress)?;
        build::check_visible(&tree, "the folder to build in", &place)
            .map_err(|error| error.help("set TMPDIR to another folder"))?;
        let folder = Folder::new_in(&place).map_err(|error| {
            cannot("make a folder in", &place, &error.kind().into()).help("set TMPDIR to a folder")
        })?;
        let folder = folder.path();
        build::lay_out(&self.emitted, folder).map_err(|error| match error.code == DISK_FULL {
            true => build::no_space(folder),
            false => error,
        })?;
        kbuild::bring(folder, target, cache);
        let modules = &self.passed.modules;
        let target = &*target;
        let unread = Cell::new(None);
        let code = |object: &ObjectName| {
            let read = match object {
                ObjectName::Vmlinux => target.code(),
                ObjectName::Module(name) => modules.get(name)?.code(target),
            };
            read.map_err(|error| unread.set(Some(error))).ok()
        };
        // Only errors need the facts again.
        let facts = OnceCell::new();
        let ask = |object: &ObjectName, name: &str| {
            let facts = facts.get_or_init(|| self.facts_again(target));
            let facts = facts.as_ref().map_err(|error| unread.set(Some(error.clone()))).ok()?;
            resolve::offer(facts, object, name)
        };
        let kernel = build::Kernel { code: &code, ask: &ask };
        let sources = &self.sources;
        let build =
            || build::build(&self.emitted, self.name(), sources, &tree, folder, log, kernel);
        let library = libraries::kept(&self.emitted, target);
        let is_there = library.as_ref().is_none_or(|library| libraries::bring(folder, library));
        let built = match (is_there, self.form()) {
            (true, _) => build()?,
            (false, Form::Crate) => {
                progress.step("compiling the macros, once per kernel", build)?
            }
            (false, Form::Spec) => {
                progress.step("compiling the crate `kernel`, once per kernel", build)?
            }
        };
        if built.module.is_some() {
            // If something cannot be cached, the next build repeats it. Only what a spec's build
            // has left is cached as the answers of the compilers.
            let _ = library.map(|library| libraries::keep(folder, &library));
            if self.form() == Form::Spec {
                let _ = kbuild::keep(folder, target, cache);
            }
        }
        unread.take().map_or(Ok(built), Err)
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Finds and reads the modules that a spec names: those of the target, or files beside the spec.

use super::files::beside;
use crate::resolve::{near, FileKind};
use kps_diag::{list, Diagnostic, NO_SUCH_MODULE};
use kps_facts::Facts;
use kps_grammar::ast;
use kps_grammar::{Sources, Span};
use kps_plan::ObjectName;
use kps_targets::{module, Cache, Progress, Target};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The files of modules, by their names in the kernel.
pub type Modules = BTreeMap<String, PathBuf>;

/// Adds the modules that a spec names to the facts. Returns the errors of reading them, with the
/// span of the object's name; resolving reports modules that do not exist.
pub(crate) fn add(
    facts: &mut Facts,
    patch: &ast::Patch,
    sources: &Sources,
    target: &Target,
    cache: &Cache,
    progress: Progress,
) -> Result<(Modules, Vec<(Span, Diagnostic)>), Diagnostic> {
    let mut unread = Vec::new();
    let named = || patch.objects.iter().filter(|object| object.name.value != ObjectName::IMAGE);
    let for_tests = || patch.tests.iter().flat_map(|test| &test.modules);
    let of_target = named().any(|object| object.from.is_none()) || for_tests().next().is_some();
    let mut known = match of_target {
        true => target.modules(cache, progress)?,
        false => Modules::default(),
    };
    facts.module_names = known.keys().cloned().collect();
    for object in named() {
        let name = &object.name.value;
        if facts.modules.contains_key(name) {
            continue;
        }
        if let Some(from) = &object.from {
            match beside(&sources.spec().name, from, FileKind::Module) {
                Ok(path) => drop(known.insert(name.clone(), path)),
                Err(error) => {
                    unread.push((object.name.span, error));
                    continue;
                }
            }
        }
        let Some(path) = known.get(name) else { continue };
        if let Err(error) = target.add_module(facts, name, path) {
            let place = object.from.as_ref().map_or(object.name.span, |from| from.span);
            unread.push((object.name.span, error.at(place, "")));
        }
    }
    // Text that is not a name gets an error about that.
    let is_name =
        |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let missing =
        |name: &str| is_name(name) && !name.is_empty() && !known.contains_key(&plain(name));
    for module in for_tests().filter(|module| missing(&module.value)) {
        let error =
            Diagnostic::new(NO_SUCH_MODULE, format!("there is no module `{}`", module.value));
        let error = error.at(module.span, "").help(
            match near(&module.value, known.keys().map(String::as_str)).as_slice() {
                [] => "write the name that `lsmod` shows, without `.ko`".to_owned(),
                found => format!("did you mean {}?", list(found, "or")),
            },
        );
        unread.push((module.span, error));
    }
    Ok((known, unread))
}

/// The modules that the tests load, each after its dependencies, uncompressed.
pub fn for_tests(
    tests: &[ast::Test],
    modules: &Modules,
    target: &Target,
) -> Result<Vec<(String, Vec<u8>)>, Diagnostic> {
    let mut loaded: Vec<(String, Vec<u8>)> = Vec::new();
    for name in tests.iter().flat_map(|test| &test.modules) {
        let mut wanted = vec![plain(&name.value)];
        while let Some(name) = wanted.last().cloned() {
            let Some(path) =
                modules.get(&name).filter(|_| !loaded.iter().any(|(known, _)| *known == name))
            else {
                wanted.pop();
                continue;
            };
            let (bytes, depends) = read(path, target)?;
            // A dependency without a file may be built in; if not, the kernel reports it.
            let missing = |other: &String| {
                modules.contains_key(other)
                    && !loaded.iter().any(|(known, _)| known == other)
                    && !wanted.contains(other)
            };
            match depends.into_iter().find(missing) {
                Some(first) => wanted.push(first),
                None => {
                    loaded.push((name, bytes));
                    wanted.pop();
                }
            }
        }
    }
    Ok(loaded)
}

/// A module's bytes, and its dependencies.
fn read(path: &Path, target: &Target) -> Result<(Vec<u8>, Vec<String>), Diagnostic> {
    let bytes = target.read_module(path)?;
    let unreadable = |error| Target::unreadable_module(path, &error);
    let bytes = module::unpack(bytes).map_err(unreadable)?;
    let depends = module::read(&bytes).map_err(unreadable)?.module.depends;
    Ok((bytes, depends))
}

/// A module's name in the kernel.
fn plain(name: &str) -> String {
    name.replace('-', "_")
}

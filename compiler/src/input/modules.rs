// SPDX-License-Identifier: GPL-2.0
//! Finds and reads the modules that a spec names: those of the target, or files beside the spec.

use super::files::{folder_of, read_bytes};
use crate::resolve::{may_hold, near, FileKind};
use kps_diag::{list, Diagnostic, NO_SUCH_MODULE};
use kps_facts::Facts;
use kps_grammar::ast;
use kps_grammar::{Sources, Span};
use kps_host::below::{read_below, Reader, MODULES};
use kps_host::input::MODULE;
use kps_plan::ObjectName;
use kps_targets::{module, Cache, Code, Progress, Target};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The files of modules, by their names in the kernel.
pub type Modules = BTreeMap<String, ModuleFile>;

/// The file of a module.
#[derive(Debug, Clone)]
pub enum ModuleFile {
    /// It came with the target.
    OfTarget(PathBuf),
    /// It came with the spec: its path relative to the spec's folder.
    Beside {
        /// The spec's folder.
        folder: PathBuf,
        /// The path.
        path: String,
    },
}

impl ModuleFile {
    /// The file that a spec names.
    pub fn beside(sources: &Sources, from: &ast::Text) -> ModuleFile {
        let folder = folder_of(&sources.spec().name).to_owned();
        ModuleFile::Beside { folder, path: from.value.clone() }
    }

    /// Its contents. A target compares its own modules with its inventory.
    pub fn read(&self, target: &Target) -> Result<Vec<u8>, Diagnostic> {
        match self {
            ModuleFile::OfTarget(path) => target.read_module(path),
            ModuleFile::Beside { folder, path } => read_below(folder, path, MODULE),
        }
    }

    /// Adds it to the facts, under its name in the kernel.
    pub fn add_to(&self, facts: &mut Facts, name: &str, target: &Target) -> Result<(), Diagnostic> {
        Target::add_module(facts, name, &self.path(), self.read(target)?)
    }

    /// Its code.
    pub fn code(&self, target: &Target) -> Result<Code, Diagnostic> {
        Target::module_code(&self.path(), self.read(target)?)
    }

    fn path(&self) -> PathBuf {
        match self {
            ModuleFile::OfTarget(path) => path.clone(),
            ModuleFile::Beside { folder, path } => folder.join(path),
        }
    }
}

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
    let release = facts.identity.release.clone();
    let named = || {
        let modules = patch.objects.iter().filter(|object| object.name.value != ObjectName::IMAGE);
        modules.filter(|object| may_hold(&object.when, &release))
    };
    let tests = || patch.tests.iter().filter(|test| may_hold(&test.when, &release));
    let for_tests = || tests().flat_map(|test| &test.modules);
    let of_target = named().any(|object| object.from.is_none()) || for_tests().next().is_some();
    let mut known = Modules::default();
    if of_target {
        let modules = target.modules(cache, progress)?.into_iter();
        known.extend(modules.map(|(name, path)| (name, ModuleFile::OfTarget(path))));
    }
    facts.module_names = known.keys().cloned().collect();
    let spec = &sources.spec().name;
    let mut reader = Reader::new(folder_of(spec), MODULES);
    for object in named() {
        let name = &object.name.value;
        if facts.modules.contains_key(name) {
            continue;
        }
        let added = match (&object.from, known.get(name)) {
            (Some(from), _) => {
                let file = ModuleFile::beside(sources, from);
                let path = file.path();
                known.insert(name.clone(), file);
                read_bytes(spec, from, FileKind::Module, MODULE, &mut reader).and_then(|bytes| {
                    Target::add_module(facts, name, &path, bytes)
                        .map_err(|error| error.at(from.span, ""))
                })
            }
            (None, Some(file)) => file
                .read(target)
                .and_then(|bytes| Target::add_module(facts, name, &file.path(), bytes))
                .map_err(|error| error.at(object.name.span, "")),
            (None, None) => continue,
        };
        if let Err(error) = added {
            unread.push((object.name.span, error));
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
            let Some(file) =
                modules.get(&name).filter(|_| !loaded.iter().any(|(known, _)| *known == name))
            else {
                wanted.pop();
                continue;
            };
            let (bytes, depends) = unpack(file, target, modules)?;
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

/// A module's bytes, and the modules that are loaded before it.
fn unpack(
    file: &ModuleFile,
    target: &Target,
    modules: &Modules,
) -> Result<(Vec<u8>, Vec<String>), Diagnostic> {
    let unreadable = |error| Target::unreadable_module(&file.path(), &error);
    let bytes = module::unpack(file.read(target)?).map_err(unreadable)?;
    let read = module::read(&bytes).map_err(unreadable)?;
    // The machine has no list of aliases. Those of the kernel's own algorithms, such as `crc32c`,
    // are the names of their general modules.
    let before = read.loaded_before.into_iter().map(|name| match modules.contains_key(&name) {
        true => name,
        false => format!("{name}_generic"),
    });
    Ok((bytes, read.module.depends.into_iter().chain(before).collect()))
}

/// A module's name in the kernel.
fn plain(name: &str) -> String {
    name.replace('-', "_")
}

// SPDX-License-Identifier: GPL-2.0
//! Reads an author's patch from the disk: a spec or the folder of a patch crate, with the files
//! that it names.

mod c_rules;
mod files;
mod modules;
mod rust_rules;

pub use files::{beside, read_text};
pub use modules::{for_tests, Modules};

pub(crate) use modules::add as add_modules;

use crate::patch_crate::{self, Texts, BINDINGS, MANIFEST, ROOT, TESTS};
use crate::render::syntax;
use kps_diag::{Diagnostic, FILE_OUTSIDE, NOT_A_CRATE, NOT_UTF8};
use kps_grammar::{ast, Language, Source, Sources};
use kps_host::disk::cannot;
use kps_host::input::{self, read};
use std::collections::BTreeMap;
use std::path::Path;
use walkdir::WalkDir;

/// The source text of a patch, and its syntax tree.
#[derive(Debug)]
pub struct Input {
    /// The spec or the crate's files, and the files that they name.
    pub sources: Sources,
    /// The patch; `None` if the text has none that can be parsed.
    pub patch: Option<ast::Patch>,
    /// The errors and warnings about the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The source files of a crate, by their paths relative to its folder; `None` for a spec.
    pub own_files: Option<BTreeMap<String, String>>,
}

impl Input {
    /// Reads a spec, or a crate if the path is a folder. An error is about the path itself.
    pub fn read(path: &Path) -> Result<Input, Diagnostic> {
        let mut input = if path.is_dir() { read_crate(path)? } else { of_spec(read_spec(path)?) };
        if let Some(patch) = &input.patch {
            input.diagnostics.extend(files::read(patch, &mut input.sources));
            let functions = crate::resolve::changed(patch);
            let in_c = input.sources.files().filter(|file| file.language == Language::C);
            input.diagnostics.extend(in_c.flat_map(|file| c_rules::check(file, &functions)));
            if input.own_files.is_some() {
                input.diagnostics.extend(rust_rules::check(&input.sources, patch));
                input.diagnostics.extend(misplaced(&input.sources));
            }
        }
        Ok(input)
    }
}

fn of_spec(source: Source) -> Input {
    let (spec, errors) = kps_grammar::parse(&source);
    let diagnostics = errors.iter().map(syntax).collect();
    Input { sources: Sources::new(source), patch: spec.patch, diagnostics, own_files: None }
}

fn read_spec(path: &Path) -> Result<Source, Diagnostic> {
    decode(path.display().to_string(), read_bytes(path)?)
}

/// The bytes of a spec.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    let bytes = input::read_at_most(path, kps_grammar::MAX_SIZE as u64);
    let bytes = bytes.map_err(|error| cannot("read", path, &error))?;
    bytes.ok_or_else(|| crate::render::too_large(&path.display().to_string()))
}

/// The text of a file.
pub fn decode(name: String, bytes: Vec<u8>) -> Result<Source, Diagnostic> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(name, text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..at].iter().filter(|&&b| b == b'\n').count() + 1;
            let message = format!("{name} is not UTF-8: see byte {at}, line {line}");
            Err(Diagnostic::new(NOT_UTF8, message).help("save the file as UTF-8"))
        }
    }
}

fn read_crate(folder: &Path) -> Result<Input, Diagnostic> {
    let manifest = folder.join(MANIFEST);
    let root = folder.join(ROOT);
    refuse_link(&folder.join("src"))?;
    if !root.is_file() || !manifest.is_file() {
        let missing = if root.is_file() { MANIFEST } else { ROOT };
        let message = format!("{} is not a patch crate: it has no {missing}", folder.display());
        return Err(Diagnostic::new(NOT_A_CRATE, message).help(
            "name a .kps file or the folder of a crate; `kpsc new --crate NAME` creates one",
        ));
    }
    let tests = folder.join(TESTS);
    let tests = match tests.is_file() {
        true => read_spec(&tests)?,
        false => Source::new(tests.display().to_string(), ""),
    };
    let mut own = BTreeMap::new();
    let mut rust = Vec::new();
    for entry in WalkDir::new(folder.join("src")).sort_by_file_name() {
        let entry = entry.map_err(|error| cannot("read", folder, &error.into()))?;
        refuse_link(entry.path())?;
        let path = entry.path().strip_prefix(folder).unwrap_or(entry.path()).display().to_string();
        if !entry.file_type().is_file() || path == BINDINGS || is_built(entry.path()) {
            continue;
        }
        if COMPETE.contains(&path.as_str()) {
            let message = format!("{path} would be compiled instead of {ROOT}");
            return Err(Diagnostic::new(NOT_A_CRATE, message)
                .help("give it another name, outside of `src/`"));
        }
        let text = text_of(entry.path())?;
        own.insert(path.clone(), text.text.clone());
        if path.ends_with(".rs") {
            rust.push((path, text));
        }
    }
    let (manifest, has_script) = (text_of(&manifest)?, folder.join("build.rs").exists());
    let read = patch_crate::read(Texts { manifest, has_script, tests, files: rust });
    let patch_crate::Read { sources, patch, said: diagnostics } = read;
    Ok(Input { sources, patch, diagnostics, own_files: Some(own) })
}

/// Files from which make would build the object of the crate's root, too.
const COMPETE: [&str; 2] = ["src/lib.c", "src/lib.S"];

/// Cargo follows links and kpsc does not: the folder of a crate must be complete.
pub(crate) fn refuse_link(path: &Path) -> Result<(), Diagnostic> {
    if path.is_symlink() {
        let message = format!("{} is a link", path.display());
        return Err(
            Diagnostic::new(NOT_A_CRATE, message).help("put the file or folder itself there")
        );
    }
    Ok(())
}

/// C files must not be where other files of the crate are, some of which make reads.
fn misplaced(sources: &Sources) -> impl Iterator<Item = Diagnostic> + '_ {
    let in_c = sources.files().filter(|file| file.language == Language::C);
    let taken = |path: &str| {
        path.starts_with("kps/")
            || path.starts_with("src/")
            || ["Kbuild", "Makefile", MANIFEST].contains(&path)
    };
    in_c.filter(move |file| taken(&file.path)).map(|file| {
        let message = format!("{:?} cannot be a C file of a crate", file.path);
        Diagnostic::new(FILE_OUTSIDE, message)
            .note("`src/` is for Rust, and kpsc writes `kps/`")
            .help("put it beside `Cargo.toml`, or into a folder of its own")
    })
}

/// Whether a file is an output of Kbuild next to the source.
fn is_built(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    is_hidden || path.extension().is_some_and(|extension| extension == "o")
}

fn text_of(path: &Path) -> Result<Source, Diagnostic> {
    decode(path.display().to_string(), read(path, input::RUST_FILE)?)
}

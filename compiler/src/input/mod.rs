// SPDX-License-Identifier: GPL-2.0
//! Reads an author's patch from the disk: a spec or the folder of a patch crate, with the files
//! that it names.

mod c_rules;
mod files;
mod modules;
mod rust_paths;
mod rust_rules;

pub use files::{folder_of, included, read_text};
pub use modules::{for_tests, ModuleFile, Modules};

pub(crate) use modules::add as add_modules;

use crate::patch_crate::{self, Texts, BINDINGS, MANIFEST, ROOT, TESTS};
use crate::project::workspace_of;
use crate::syntax::syntax;
use kps_diag::{Diagnostic, FILE_OUTSIDE, NOT_A_CRATE, NOT_UTF8, PATCH_TOO_LARGE};
use kps_grammar::{ast, Language, Source, Sources};
use kps_host::below::{is_below, Reader, Unread, SOURCES};
use kps_host::disk::cannot;
use kps_host::input::{self, Limit};
use std::collections::BTreeMap;
use std::path::Path;
use walkdir::{DirEntry, WalkDir};

/// The source text of a patch, and its syntax tree.
#[derive(Debug, Clone)]
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
        let is_crate = path.is_dir();
        let above = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = if is_crate { path } else { above.unwrap_or(Path::new(".")) };
        let mut reader = Reader::new(folder, SOURCES);
        let input = match is_crate {
            true => read_crate(path, &mut reader)?,
            false => of_spec(read_spec(path)?),
        };
        input.with_files(&mut reader)
    }

    /// A spec whose text an editor has, and perhaps not saved. The files that it names are read
    /// from the disk.
    pub fn of_text(path: &Path, text: &str) -> Result<Input, Diagnostic> {
        let name = path.display().to_string();
        let mut reader = Reader::new(folder_of(&name), SOURCES);
        of_spec(Source::new(name.clone(), text)).with_files(&mut reader)
    }

    /// Adds the files that the patch names.
    fn with_files(self, reader: &mut Reader<'_>) -> Result<Input, Diagnostic> {
        let mut input = self;
        if let Some(patch) = &input.patch {
            input.diagnostics.extend(files::read(patch, &mut input.sources, reader));
            let functions = crate::resolve::changed(patch);
            let in_c = input.sources.files().filter(|file| file.language == Language::C);
            input.diagnostics.extend(in_c.flat_map(|file| c_rules::check(file, &functions)));
            if input.own_files.is_some() {
                input.diagnostics.extend(rust_rules::check(&input.sources, patch));
                input.diagnostics.extend(misplaced(&input.sources));
            }
        }
        let files = input.sources.files();
        check_size(files.map(|file| (file.language, file.source.text.as_str())))?;
        Ok(input)
    }
}

/// Refuses a patch that takes too much memory when it is parsed. Each token takes some 400 bytes,
/// and may have one byte in the text.
fn check_size<'a>(texts: impl Iterator<Item = (Language, &'a str)>) -> Result<(), Diagnostic> {
    const MOST: usize = 1 << 19;
    let parsed = texts.filter(|(language, _)| matches!(language, Language::Spec | Language::Rust));
    let tokens = parsed.flat_map(|(language, text)| kps_grammar::tokens(text, language));
    match tokens.take(MOST + 1).count() > MOST {
        true => {
            let message = format!("the patch has more than {MOST} tokens in all its files");
            Err(Diagnostic::new(PATCH_TOO_LARGE, message).help("split the patch"))
        }
        false => Ok(()),
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
    bytes.ok_or_else(|| crate::syntax::too_large(&path.display().to_string()))
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

fn read_crate(folder: &Path, reader: &mut Reader<'_>) -> Result<Input, Diagnostic> {
    refuse_link(&folder.join("src"))?;
    if let Some(missing) = [ROOT, MANIFEST].into_iter().find(|path| !is_below(folder, path)) {
        let message = format!("{} is not a patch crate: it has no {missing}", folder.display());
        return Err(Diagnostic::new(NOT_A_CRATE, message).help(
            "name a .kps file or the folder of a crate; `kpsc new --crate NAME` creates one",
        ));
    }
    let mut read = |path: &Path, limit| read_of_crate(folder, path, limit, reader);
    let manifest = read(Path::new(MANIFEST), input::RUST_FILE)?;
    let tests = match is_below(folder, TESTS) {
        true => read(Path::new(TESTS), input::TESTS)?,
        false => Source::new(folder.join(TESTS).display().to_string(), ""),
    };
    let mut own = BTreeMap::new();
    let mut rust = Vec::new();
    for entry in sources_of(folder)? {
        refuse_link(entry.path())?;
        let relative = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let path = relative.display().to_string();
        if entry.file_type().is_dir() || path == BINDINGS || is_built(relative) {
            continue;
        }
        if COMPETE.contains(&path.as_str()) {
            let message = format!("{path} would be compiled instead of {ROOT}");
            return Err(Diagnostic::new(NOT_A_CRATE, message)
                .help("give it another name, outside of `src/`"));
        }
        let text = read(relative, input::RUST_FILE)?;
        own.insert(path.clone(), text.text.clone());
        if path.ends_with(".rs") {
            rust.push((path, text));
        }
    }
    check_size(rust.iter().map(|(_, text)| (Language::Rust, text.text.as_str())))?;
    let has_script = is_below(folder, "build.rs");
    let workspace = match manifest.text.contains("workspace") {
        true => workspace_of(folder)?.map(|(_, text)| text),
        false => None,
    };
    let read = patch_crate::read(Texts { manifest, workspace, has_script, tests, files: rust });
    let patch_crate::Read { sources, patch, said: diagnostics } = read;
    Ok(Input { sources, patch, diagnostics, own_files: Some(own) })
}

/// Everything in the folder `src` of a crate, in the order of the paths.
fn sources_of(folder: &Path) -> Result<Vec<DirEntry>, Diagnostic> {
    /// With folders, and with what Kbuild puts next to the source.
    const MOST: usize = 4096;
    let entries = WalkDir::new(folder.join("src")).into_iter().take(MOST + 1);
    let entries: Result<Vec<_>, _> = entries.collect();
    let mut entries = entries.map_err(|error| cannot("read", folder, &error.into()))?;
    if entries.len() > MOST {
        let message = format!("{} contains too many files", folder.join("src").display());
        return Err(Diagnostic::new(PATCH_TOO_LARGE, message)
            .note(format!("kpsc reads at most {MOST} files and folders there"))
            .help("remove what does not belong to the patch"));
    }
    entries.sort_by(|a, b| a.path().cmp(b.path()));
    Ok(entries)
}

/// Reads a file of a crate, by its path relative to the crate's folder.
fn read_of_crate(
    folder: &Path,
    path: &Path,
    limit: Limit,
    reader: &mut Reader<'_>,
) -> Result<Source, Diagnostic> {
    let full = folder.join(path);
    let bytes = reader.read(path, limit).map_err(|unread| match unread {
        Unread::Link => link(&full),
        unread => unread.about(&full),
    })?;
    decode(full.display().to_string(), bytes)
}

/// Files from which make would build the object of the crate's root, too.
const COMPETE: [&str; 2] = ["src/lib.c", "src/lib.S"];

/// Cargo follows links and kpsc does not: the folder of a crate must be complete.
pub(crate) fn refuse_link(path: &Path) -> Result<(), Diagnostic> {
    match path.is_symlink() {
        true => Err(link(path)),
        false => Ok(()),
    }
}

fn link(path: &Path) -> Diagnostic {
    let message = format!("{} is a link", path.display());
    Diagnostic::new(NOT_A_CRATE, message).help("put the file or folder itself there")
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

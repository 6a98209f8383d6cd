//! What an author has written: a spec, or the folder of a patch crate.

use super::{files, read_spec};
use crate::disk::cannot;
use crate::input::{self, read};
use crate::patch_crate::{self, Texts, BINDINGS, MANIFEST, ROOT, TESTS};
use crate::render::syntax;
use kps_diag::{Diagnostic, FILE_OUTSIDE, NOT_A_CRATE};
use kps_grammar::{ast, Language, Source, Sources};
use std::collections::BTreeMap;
use std::path::Path;
use walkdir::WalkDir;

/// What was read, and what is wrong with it as a text.
pub(super) struct Written {
    pub(super) sources: Sources,
    pub(super) patch: Option<ast::Patch>,
    pub(super) said: Vec<Diagnostic>,
    /// The files that a crate is built of, by their paths below its folder.
    pub(super) of_crate: Option<BTreeMap<String, String>>,
}

impl Written {
    /// Reads a spec or a crate.
    pub(super) fn read(path: &Path) -> Result<Written, Diagnostic> {
        let mut written = if path.is_dir() { of_crate(path)? } else { of_spec(read_spec(path)?) };
        if let Some(patch) = &written.patch {
            written.said.extend(files::read(patch, &mut written.sources));
            if written.of_crate.is_some() {
                written.said.extend(misplaced(&written.sources));
            }
        }
        Ok(written)
    }
}

fn of_spec(source: Source) -> Written {
    let (spec, errors) = kps_grammar::parse(&source);
    let said = errors.iter().map(syntax).collect();
    Written { sources: Sources::new(source), patch: spec.patch, said, of_crate: None }
}

fn of_crate(folder: &Path) -> Result<Written, Diagnostic> {
    let manifest = folder.join(MANIFEST);
    let root = folder.join(ROOT);
    refuse_link(&folder.join("src"))?;
    if !root.is_file() || !manifest.is_file() {
        let missing = if root.is_file() { MANIFEST } else { ROOT };
        let message = format!("{} is no patch crate: it has no {missing}", folder.display());
        return Err(Diagnostic::new(NOT_A_CRATE, message)
            .help("name a .kps file or the folder of a crate; `kpsc new --crate NAME` makes one"));
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
            let message = format!("{path} would be compiled in the place of {ROOT}");
            return Err(Diagnostic::new(NOT_A_CRATE, message).help("give it another name, outside of `src/`"));
        }
        let text = text_of(entry.path())?;
        own.insert(path.clone(), text.text.clone());
        if path.ends_with(".rs") {
            rust.push((path, text));
        }
    }
    let (manifest, has_script) = (text_of(&manifest)?, folder.join("build.rs").exists());
    let read = patch_crate::read(Texts { manifest, has_script, tests, files: rust });
    Ok(Written { sources: read.sources, patch: read.patch, said: read.said, of_crate: Some(own) })
}

/// What make would take the object of the crate's root from, too.
const COMPETE: [&str; 2] = ["src/lib.c", "src/lib.S"];

/// Cargo follows links and kpsc does not: what is given away is in the folder.
pub(super) fn refuse_link(path: &Path) -> Result<(), Diagnostic> {
    if path.is_symlink() {
        let message = format!("{} is a link", path.display());
        return Err(Diagnostic::new(NOT_A_CRATE, message).help("put the file or folder itself there"));
    }
    Ok(())
}

/// Files in C must not lie where other things of the crate do, some of which make reads.
fn misplaced(sources: &Sources) -> impl Iterator<Item = Diagnostic> + '_ {
    let in_c = sources.files().filter(|file| file.language == Language::C);
    let taken = |path: &str| {
        path.starts_with("kps/")
            || path.starts_with("src/")
            || ["Kbuild", "Makefile", MANIFEST].contains(&path)
    };
    in_c.filter(move |file| taken(&file.path)).map(|file| {
        let message = format!("{:?} cannot be a file in C of a crate", file.path);
        Diagnostic::new(FILE_OUTSIDE, message)
            .note("`src/` is Rust, and `kps/` what kpsc writes")
            .help("put it beside `Cargo.toml`, or into a folder of its own")
    })
}

/// Whether Kbuild leaves such a file beside what it compiles.
fn is_built(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    is_hidden || path.extension().is_some_and(|extension| extension == "o")
}

fn text_of(path: &Path) -> Result<Source, Diagnostic> {
    super::decode(path.display().to_string(), read(path, input::RUST_FILE)?)
}

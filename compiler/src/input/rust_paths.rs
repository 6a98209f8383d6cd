// SPDX-License-Identifier: GPL-2.0
//! The attribute `path`, which names the file of a module: kpsc must have read that file. The
//! search for refused words finds the attributes that a condition or a macro makes.

use crate::patch_crate::{BINDINGS, ROOT};
use kps_diag::{Diagnostic, OUTSIDE_INPUT};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Meta};

/// Where an attribute is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Directly above a module whose items are in a file.
    OfFile,
    /// Anywhere else.
    Elsewhere,
}

/// An attribute that names a file.
pub(super) struct PathAttribute {
    /// Where it is in the text.
    pub(super) range: Range<usize>,
    place: Place,
    /// Its value, if that is a string.
    value: Option<String>,
    /// The file that it is in.
    file: PathBuf,
    /// The modules in that file that it is in.
    inside: Vec<String>,
}

/// Whether an attribute names a file.
pub(super) fn is_path(attribute: &Attribute) -> bool {
    attribute.path().get_ident().is_some_and(|name| name.unraw() == "path")
}

/// The value of such an attribute.
pub(super) fn literal(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(syn::MetaNameValue {
            value: syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }),
            ..
        }) => Some(text.value()),
        _ => None,
    }
}

impl PathAttribute {
    pub(super) fn new(
        attribute: &Attribute,
        place: Place,
        file: PathBuf,
        inside: Vec<String>,
    ) -> PathAttribute {
        let (range, value) = (attribute.span().byte_range(), literal(attribute));
        PathAttribute { range, place, value, file, inside }
    }

    /// The error about it, in a crate with these Rust files.
    pub(super) fn error(&self, known: &BTreeSet<&str>) -> Option<Diagnostic> {
        const HELP: &str =
            "write `#[path = \"FILE.rs\"]` directly above `mod NAME;`, with a file below `src/`";
        let error = |message: String, note: &str| {
            Some(Diagnostic::new(OUTSIDE_INPUT, message).note(note).help(HELP))
        };
        let (Some(value), Place::OfFile) = (&self.value, self.place) else {
            let message = "the attribute `path` is not that of a module in a file".to_owned();
            return error(message, "it would change where the files of other modules are");
        };
        let found = self.candidates(value).map(|path| match path {
            Some(path) if path == BINDINGS => Err(OF_HOST),
            Some(path) => Ok(known.contains(path.as_str())),
            None => Err(NOT_READ),
        });
        let note = match found {
            [Err(note), _] | [_, Err(note)] => note,
            [Ok(false), Ok(false)] => "there is no such file",
            [Ok(_), Ok(_)] => return None,
        };
        error(format!("{value:?} is not a Rust file below `src/`"), note)
    }

    /// The files that a value may name. Inside of a module with items, this depends on how the file
    /// itself has become a module.
    fn candidates(&self, value: &str) -> [Option<String>; 2] {
        let folder = self.file.parent().unwrap_or(Path::new(""));
        let inside: PathBuf = self.inside.iter().collect();
        let stem = self.file.file_stem().filter(|_| !inside.as_os_str().is_empty());
        let own = stem.map_or(folder.to_owned(), |stem| folder.join(stem));
        let below = |folder: &Path| read_path(&folder.join(&inside).join(value));
        match self.file == Path::new(ROOT) {
            true => [below(folder), below(folder)],
            false => [below(folder), below(&own)],
        }
    }
}

const NOT_READ: &str = "kpsc checks the files below `src/` whose names end in `.rs`, and no others";
const OF_HOST: &str = "kpsc writes this file, for the host only";

/// A path without `.` and `..`, if kpsc reads a file that is there.
fn read_path(path: &Path) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_str()?),
            // `src` itself is the first part.
            Component::ParentDir => drop(parts.pop().filter(|_| !parts.is_empty())?),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    let is_read = parts.first() == Some(&"src")
        && parts.last().is_some_and(|name| name.ends_with(".rs") && !name.starts_with('.'));
    is_read.then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether an attribute above a module is accepted, in a file and in modules there.
    fn accepted(file: &str, inside: &[&str], value: &str) -> bool {
        let known =
            BTreeSet::from(["src/lib.rs", "src/a.rs", "src/a/b.rs", "src/a/c/d.rs", "src/c/e.rs"]);
        let attribute = PathAttribute {
            range: 0..1,
            place: Place::OfFile,
            value: Some(value.to_owned()),
            file: PathBuf::from(file),
            inside: inside.iter().map(|&name| name.to_owned()).collect(),
        };
        attribute.error(&known).is_none()
    }

    #[test]
    fn a_path_names_a_file_that_is_read() {
        for (file, inside, value) in [
            ("src/lib.rs", &[][..], "a.rs"),
            ("src/lib.rs", &[], "./a/../a/b.rs"),
            ("src/a.rs", &[], "a/b.rs"),
            ("src/a/b.rs", &[], "../a.rs"),
            ("src/lib.rs", &["a"], "b.rs"),
            ("src/a.rs", &["c"], "d.rs"),
            ("src/a.rs", &["c"], "e.rs"),
        ] {
            assert!(accepted(file, inside, value), "{file} {inside:?} {value}");
        }
        for (file, inside, value) in [
            ("src/lib.rs", &[][..], "notes.txt"),
            ("src/lib.rs", &[], "/usr/lib/os-release"),
            ("src/lib.rs", &[], "/src/a.rs"),
            ("src/lib.rs", &[], "../kps/lib.rs"),
            ("src/lib.rs", &[], "../src/a.rs"),
            ("src/lib.rs", &[], "missing.rs"),
            ("src/lib.rs", &[], ".a.rs"),
            ("src/lib.rs", &[], "bindings.rs"),
            ("src/lib.rs", &["a"], "a.rs"),
            ("src/a.rs", &["c"], "../../../x.rs"),
            ("src/lib.rs", &[], ""),
        ] {
            assert!(!accepted(file, inside, value), "{file} {inside:?} {value}");
        }
    }
}

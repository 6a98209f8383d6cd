// SPDX-License-Identifier: GPL-2.0
//! The specs that an editor has open.

use kps_diag::Diagnostic;
use kps_grammar::{Source, Sources, Span};
use lsp_types::Uri;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// A spec in an editor. Its text counts, and not that of its file.
#[derive(Debug)]
pub(super) struct Document {
    /// Its name for the editor.
    pub(super) uri: Uri,
    /// Its path on the disk, which need not exist.
    pub(super) path: PathBuf,
    /// The editor's number of this text.
    pub(super) version: i32,
    /// Its text.
    pub(super) source: Source,
    /// What was found in this text; `None` until it has been checked.
    pub(super) found: Option<Found>,
}

/// What a check has found.
#[derive(Debug)]
pub(super) struct Found {
    /// The spec and the files that it names.
    pub(super) sources: Sources,
    /// All messages, each with a place.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Document {
    /// A spec that was opened or changed.
    pub(super) fn new(uri: Uri, version: i32, text: String) -> Document {
        let path = path(&uri);
        let source = Source::new(path.display().to_string(), text);
        Document { uri, path, version, source, found: None }
    }

    /// The messages whose most important place holds a byte or touches it.
    pub(super) fn found_at(&self, byte: usize) -> impl Iterator<Item = (&Diagnostic, Span)> {
        let all = self.found.iter().flat_map(|found| &found.diagnostics);
        let placed = all.filter_map(|found| Some((found, found.labels.first()?.span)));
        placed.filter(move |(_, span)| (span.start..=span.end).contains(&byte))
    }

    /// The editor's name of a file that the spec names, by its path from the spec's folder, which
    /// has only plain characters.
    pub(super) fn beside(&self, path: &str) -> Option<Uri> {
        let (folder, _) = self.uri.as_str().rsplit_once('/')?;
        format!("{folder}/{path}").parse().ok()
    }
}

/// The path that a name stands for. A text that has no file yet is in the working folder.
fn path(uri: &Uri) -> PathBuf {
    let bytes = uri.path().as_estr().decode().into_bytes().into_owned();
    let path = PathBuf::from(OsString::from_vec(bytes));
    let is_file = uri.scheme().is_some_and(|scheme| scheme.as_str() == "file");
    match path.file_name() {
        Some(name) if !is_file => PathBuf::from(name),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(uri: &str) -> Document {
        let uri = uri.parse().unwrap_or_else(|error| panic!("{uri}: {error}"));
        Document::new(uri, 1, String::new())
    }

    #[test]
    fn a_name_is_the_path_of_a_file() {
        let path = |uri| document(uri).path.display().to_string();
        assert_eq!(path("file:///a%20b/%C3%A9.kps"), "/a b/é.kps");
        assert_eq!(path("untitled:Untitled-1"), "Untitled-1");
    }

    #[test]
    fn a_file_beside_a_spec_has_a_name_too() {
        let beside = document("file:///a%20b/c.kps").beside("d/e.rs");
        assert_eq!(beside.as_ref().map(|uri| uri.as_str()), Some("file:///a%20b/d/e.rs"));
    }
}

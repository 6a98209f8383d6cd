// SPDX-License-Identifier: GPL-2.0
//! Reports lists of BTF ids in C files. `resolve_btfids` fills them when the kernel builds a module
//! with BTF of its own (`scripts/Makefile.modfinal`), and a patch has none: every id would be 0.

use super::author::Author;
use kps_diag::{Diagnostic, BTF_IDS};
use kps_grammar::{identifiers, Language, Span};
use kps_link::ObjectFile;

/// What the macros of `<linux/btf_ids.h>` name an entry.
const ENTRY: &str = "__BTF_ID__";
/// The entries of a trace event, which only `btf_ids` in tracefs shows
/// (`include/trace/trace_events.h`).
const OF_EVENTS: [&str; 2] = ["__BTF_ID__func____bpf_trace_", "__BTF_ID__struct__trace_event_raw_"];

/// The errors about the first entry in each C file.
pub(super) fn empty(object: &ObjectFile<'_>, author: Author<'_>) -> Vec<Diagnostic> {
    let is_authors = |name: &str| {
        name.starts_with(ENTRY) && !OF_EVENTS.iter().any(|of_event| name.starts_with(of_event))
    };
    if !object.symbols().any(|symbol| is_authors(symbol.name)) {
        return Vec::new();
    }
    let files = author.sources.files().filter(|file| file.language == Language::C);
    let places: Vec<Span> = files
        .filter_map(|file| {
            let is_macro = |word: &str| word.starts_with("BTF_ID") || word.starts_with("BTF_SET");
            let mut words = identifiers(&file.source.text, Language::C);
            let (at, word) = words.find(|(_, word)| is_macro(word))?;
            Some(file.global(Span::new(at, at + word.len())))
        })
        .collect();
    let error = Diagnostic::new(BTF_IDS, "the ids of a `BTF_ID` list would all be 0");
    let error = places.into_iter().fold(error, |error, span| error.at(span, ""));
    let note =
        "the kernel's build fills such a list from the BTF of the module, and a patch has none";
    vec![error.note(note).help(
        "find a type by its name when it is needed: `bpf_find_btf_id(NAME, BTF_KIND_STRUCT, &btf)`",
    )]
}

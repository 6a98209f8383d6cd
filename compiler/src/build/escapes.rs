// SPDX-License-Identifier: GPL-2.0
//! Reports functions of the patch whose addresses the kernel keeps. It may call them after the
//! patch has been unloaded.

use super::author::Author;
use super::is_of_library;
use crate::Checked;
use kps_diag::{Diagnostic, ESCAPING_FUNCTION};
use kps_grammar::Span;
use kps_link::{escapes, CodeLine, CodeLines, Declared, DeclaredKind, ObjectFile};
use std::collections::{BTreeMap, BTreeSet};

/// The warnings about an object, one for each function.
pub(super) fn escaping(
    object: &ObjectFile<'_>,
    declared: &[Declared],
    author: Author<'_>,
) -> Vec<Diagnostic> {
    let Some(lines) = CodeLines::read(object) else { return Vec::new() };
    let mut found: BTreeMap<String, (BTreeMap<Span, String>, CodeLine)> = BTreeMap::new();
    for escape in escapes(object) {
        let is_settled = author.emitted.undone.is_settled(&plain_name(&escape.function));
        if is_settled || !is_authors(&escape.function, declared, author) {
            continue;
        }
        let chain = lines.at(escape.at).into_iter();
        let places: Vec<(Span, CodeLine)> =
            chain.filter_map(|line| Some((author.at(&line)?, line))).collect();
        if places.iter().any(|(span, _)| author.emitted.undone.covers(*span)) {
            continue;
        }
        let Some((span, line)) = places.into_iter().next() else { continue };
        let kept = match &escape.keeper {
            Some(keeper) => format!("`{keeper}` keeps it"),
            None => "it is stored outside of the patch".to_owned(),
        };
        let name = plain_name(&escape.function);
        found.entry(name).or_insert((BTreeMap::new(), line)).0.entry(span).or_insert(kept);
    }
    let warning = |(name, (places, line)): (String, (BTreeMap<Span, String>, CodeLine))| {
        let message = format!("the kernel may keep a pointer to `{name}`");
        let warning = Diagnostic::new(ESCAPING_FUNCTION, message);
        let warning = places.into_iter().fold(warning, |warning, (at, kept)| warning.at(at, kept));
        author.note(warning.note(DANGER), &line).help(HELP)
    };
    found.into_iter().map(warning).collect()
}

/// Whether a function is one of the author's: not of a library, nor of a header.
fn is_authors(symbol: &str, declared: &[Declared], author: Author<'_>) -> bool {
    if rustc_demangle::try_demangle(symbol).is_ok() {
        return !is_of_library(symbol);
    }
    let name = plain_name(symbol);
    let is_declared =
        |declared: &Declared| declared.kind == DeclaredKind::Function && declared.name == name;
    declared.iter().any(is_declared) || !author.naming(&name).is_empty()
}

/// The parts of a patch whose set-ups its resources undo, however the patch ends.
#[derive(Debug, Default)]
pub struct Undone {
    /// The bodies of the resources.
    resources: Vec<Span>,
    /// All bodies that the kernel calls besides.
    others: Vec<Span>,
    /// The functions of which the text has told everything.
    settled: BTreeSet<String>,
}

impl Undone {
    /// Those of a patch.
    pub fn of(checked: &Checked) -> Undone {
        let patch = checked.written();
        let resources = patch.resources.iter();
        let resources = resources.flat_map(|resource| [&resource.acquire, &resource.adopt]);
        let objects = || patch.objects.iter();
        let funcs = objects().flat_map(|object| &object.funcs);
        let bodies = funcs.flat_map(|func| [func.replace, func.pre, func.post]).flatten();
        let callbacks = objects().flat_map(|object| &object.callbacks);
        let states = patch.states.iter();
        let states = states.flat_map(|state| [&state.save, &state.apply, &state.restore]);
        let shadows = patch.shadows.iter().flat_map(|shadow| [&shadow.ctor, &shadow.dtor]);
        let data = states.flatten().chain(shadows.flatten());
        Undone {
            resources: resources.flatten().map(|body| body.code.span).collect(),
            others: bodies
                .map(|body| body.code.span)
                .chain(callbacks.map(|callback| callback.code.span))
                .chain(data.map(|body| body.code.span))
                .collect(),
            settled: checked.given_away().clone(),
        }
    }

    /// Whether the check of the patch's text has reported a function, or knows what takes it back.
    fn is_settled(&self, function: &str) -> bool {
        self.settled.contains(function)
    }

    /// Whether the code at a place is in a resource, or in a function that a resource may call:
    /// which ones it calls is not known.
    fn covers(&self, place: Span) -> bool {
        let is_in = |bodies: &[Span]| {
            bodies.iter().any(|body| body.start <= place.start && place.end <= body.end)
        };
        is_in(&self.resources) || !self.resources.is_empty() && !is_in(&self.others)
    }
}

/// The name of a function in the author's text.
fn plain_name(symbol: &str) -> String {
    if let Ok(rust) = rustc_demangle::try_demangle(symbol) {
        let path = format!("{rust:#}");
        let named = path.split("::").filter(|part| !part.starts_with('{'));
        return named.last().unwrap_or_default().to_owned();
    }
    symbol.trim_start_matches("kps_c_").split('.').next().unwrap_or_default().to_owned()
}

const DANGER: &str =
    "after unloading, a call of it jumps to freed memory: the kernel waits only for the new bodies";
const HELP: &str = "give it away in the `acquire` of a `resource`; take it back and wait until no call runs in its `release`";

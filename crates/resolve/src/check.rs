// SPDX-License-Identifier: GPL-2.0
//! Rules over a resolved patch: changes that resolve but would fail in the kernel.

use crate::{Fragment, Resolved};
use kps_ast::{self as ast, Span};
use kps_diag::{any_error, Diagnostic, VARIADIC};
use kps_plan::{Change, Func, Patch};
use std::collections::BTreeSet;

/// A patch that has passed every check.
#[derive(Debug)]
pub struct Checked {
    patch: Patch<Fragment>,
    places: Vec<Vec<Span>>,
    written: ast::Patch,
    given_away: BTreeSet<String>,
}

impl Checked {
    /// The patch.
    pub fn patch(&self) -> &Patch<Fragment> {
        &self.patch
    }

    /// The span of each function's name, by object and function.
    pub fn places(&self) -> &[Vec<Span>] {
        &self.places
    }

    /// The functions of the patch that it gives away, as far as resolving has told.
    pub fn given_away(&self) -> &BTreeSet<String> {
        &self.given_away
    }

    /// The patch as parsed, without the items that are for other kernels, and each `replace from`
    /// with the body and the prototype of its file.
    pub fn written(&self) -> &ast::Patch {
        &self.written
    }
}

/// Checks a patch. Without a result there is at least one error.
pub fn check(resolved: Resolved) -> (Option<Checked>, Vec<Diagnostic>) {
    let Resolved { patch, places, written, given_away } = resolved;
    let mut diagnostics = Vec::new();
    for (object, places) in patch.objects.iter().zip(&places) {
        for (func, &place) in object.funcs.iter().zip(places) {
            check_func(func, place, &mut diagnostics);
        }
    }
    let checked =
        (!any_error(&diagnostics)).then_some(Checked { patch, places, written, given_away });
    (checked, diagnostics)
}

/// Checks one function.
pub(crate) fn check_func(func: &Func<Fragment>, place: Span, diagnostics: &mut Vec<Diagnostic>) {
    let name = &func.old.name;
    let before_only = matches!(func.change, Change::Pre(_));
    if func.signature.variadic && !before_only {
        diagnostics.push(
            Diagnostic::new(VARIADIC, format!("`{name}` takes a variable number of arguments"))
                .at(place, "")
                .note("only the caller knows how many there are, so they cannot be passed on")
                .help("use a `pre` hook, which leaves the arguments alone"),
        );
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Rules over a resolved patch: changes that resolve but would fail in the kernel.

use crate::notable;
use crate::{Fragment, Resolved};
use kps_ast::{self as ast, Span};
use kps_diag::{any_error, Diagnostic, LONG_WAIT, MAIN_LOOP, VARIADIC};
use kps_plan::{Change, Func, Patch};

/// A patch that has passed every check.
#[derive(Debug)]
pub struct Checked {
    patch: Patch<Fragment>,
    places: Vec<Vec<Span>>,
    written: ast::Patch,
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

    /// The patch as parsed, each `replace from` with the body and the prototype of its file.
    pub fn written(&self) -> &ast::Patch {
        &self.written
    }
}

/// Checks a patch. Without a result there is at least one error.
pub fn check(resolved: Resolved) -> (Option<Checked>, Vec<Diagnostic>) {
    let Resolved { patch, places, written } = resolved;
    let mut diagnostics = Vec::new();
    for (object, places) in patch.objects.iter().zip(&places) {
        for (func, &place) in object.funcs.iter().zip(places) {
            check_func(func, place, &mut diagnostics);
        }
    }
    let checked = (!any_error(&diagnostics)).then_some(Checked { patch, places, written });
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
    diagnostics.extend(check_waiter(func, place));
}

/// The kernel completes loading when no task is left in the old function, and unloading when none
/// is left in the patch.
fn check_waiter(func: &Func<Fragment>, place: Span) -> Option<Diagnostic> {
    let name = &func.old.name;
    if notable::is_main_loop(name) {
        let warning = Diagnostic::new(MAIN_LOOP, format!("some task is always in `{name}`"));
        return Some(
            warning
                .at(place, "")
                .note(
                    "a transition is complete when no task is in an old function: this one may never complete",
                )
                .help("patch a function that is called from the loop"),
        );
    }
    let around = match &func.change {
        Change::Replace { calls_original, .. } | Change::C { calls_original, .. } => {
            *calls_original
        }
        Change::Pre(_) => false,
        Change::Around { .. } => true,
    };
    (around && notable::is_waiter(name)).then(|| {
        Diagnostic::new(LONG_WAIT, format!("tasks may stay in `{name}` for hours"))
            .at(place, "")
            .note("the patch can be neither unloaded nor replaced while one does")
            .help("use a `pre` hook alone: it leaves no frame and does not hold up unloading")
    })
}

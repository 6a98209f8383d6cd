// SPDX-License-Identifier: GPL-2.0
//! Rules over a resolved patch: changes that resolve but would fail in the kernel.

use crate::{is_meant_for, Fragment, Resolved};
use kps_ast::{self as ast, Span};
use kps_diag::{any_error, Diagnostic, LOADED_ONCE, VARIADIC};
use kps_plan::{Change, Func, Object, ObjectName, Patch, Uses};
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
    diagnostics.extend(loaded_once(&patch, &written));
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

/// The modules that the target cannot load again while the patch is loaded.
///
/// A klp relocation of a module stays as it is when the module goes. Before Linux 6.3,
/// `apply_relocate_add()` of x86 takes that for a relocation applied twice when the module comes
/// again, so `klp_module_coming()` fails and the module is refused.
fn loaded_once(patch: &Patch<Fragment>, written: &ast::Patch) -> Vec<Diagnostic> {
    const WITHOUT_CLEARING: &str = "..= 6.2";
    let release = &patch.target.release;
    if is_meant_for(WITHOUT_CLEARING, release) != Some(true) {
        return Vec::new();
    }
    let reaches_back = |func: &Func<Fragment>| match func.change {
        Change::Replace { calls_original, .. } | Change::C { calls_original, .. } => calls_original,
        Change::Pre(_) | Change::Around { .. } => true,
    };
    let is_reached = |object: &ast::Object| {
        let planned = patch.objects.iter().find(|planned| {
            planned.name != ObjectName::Vmlinux && planned.name.as_str() == object.name.value
        });
        planned.is_some_and(|Object { funcs, uses: Uses { functions, statics, of_c }, .. }| {
            funcs.iter().any(reaches_back)
                || !functions.is_empty()
                || !statics.is_empty()
                || !of_c.is_empty()
        })
    };
    let modules = written.objects.iter().filter(|object| is_reached(object));
    let warning = |object: &ast::Object| {
        let module = &object.name.value;
        let message = format!("{release} cannot load {module} again while the patch is loaded");
        Diagnostic::new(LOADED_ONCE, message)
            .at(object.name.span, "")
            .note("Linux before 6.3 keeps the addresses of a module that is gone in the patch")
            .help(format!(
                "if {module} has been removed, unload the patch before you load it again"
            ))
    };
    modules.map(warning).collect()
}

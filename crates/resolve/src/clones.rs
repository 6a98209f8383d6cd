// SPDX-License-Identifier: GPL-2.0
//! Clones: functions that the compiler derived from another one for some of its callers. They take
//! other arguments than the source says, in an order that the compiler chose, and BTF leaves them
//! out.

use super::Resolver;
use kps_ast as ast;
use kps_diag::{Diagnostic, CLONE_ARGUMENTS};
use kps_plan::Change;

/// Whether a function's name is that of a clone.
pub(super) fn is_clone(name: &str) -> bool {
    [".part.", ".constprop.", ".isra."].iter().any(|kind| name.contains(kind))
}

impl Resolver<'_> {
    /// The error about a clone whose arguments a prototype names, or a change passes on.
    pub(super) fn unknown_arguments(&self, name: &ast::Name) -> Diagnostic {
        let clone = &name.value;
        let of = clone.split('.').next().unwrap_or_default();
        Diagnostic::new(CLONE_ARGUMENTS, format!("the arguments of `{clone}` are not known"))
            .at(name.span, "")
            .note(format!(
                "the compiler made it from `{of}` for some callers, and changed the arguments: the prototype in the source is not its own"
            ))
            .note("a `pre` hook alone leaves the arguments as they are")
            .help(format!(
                "change the functions that call it, or write `{clone}()` with a `pre` alone"
            ))
    }

    /// Reports a change that would pass on the arguments of a clone, which its prototype does not
    /// name.
    pub(super) fn check_clone<B>(&mut self, name: &ast::Name, change: &Change<B>) {
        let passes_on = match change {
            Change::Replace { calls_original, .. } | Change::C { calls_original, .. } => {
                *calls_original
            }
            Change::Around { .. } => true,
            Change::Pre(_) => false,
        };
        if passes_on && is_clone(&name.value) && self.facts.btf.functions(&name.value).is_empty() {
            self.report(self.unknown_arguments(name));
        }
    }
}

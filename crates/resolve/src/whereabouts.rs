// SPDX-License-Identifier: GPL-2.0
//! Functions of the source that have no symbol, or none that can be redirected: what the compiler
//! has made of them, and what to change in their place.

use super::symbols::{Scope, Wanted};
use super::Resolver;
use crate::advice::{self, Advice};
use kps_diag::{list, Diagnostic};
use kps_facts::{
    is_clone, redirectable_above, Copy, Function, InModule, Inlined, Outcome, Redirection,
    Whereabouts,
};

/// The most functions that a message lists.
const SHOWN: usize = 8;
/// The number of examples if there are more than that.
const EXAMPLES: usize = 3;
/// The most modules that a message names.
const MODULES: usize = 5;

impl Resolver<'_> {
    /// The error about a function without a symbol, with what is known of it. The error itself if
    /// nothing is.
    pub(super) fn with_whereabouts(
        &self,
        scope: Scope<'_>,
        name: &str,
        wanted: Wanted,
        error: Diagnostic,
    ) -> Result<Diagnostic, Diagnostic> {
        let found = Whereabouts::of(self.facts, scope.module, name, None);
        let error = match found.outcome() {
            Outcome::Inlined => self.inlined(scope, name, wanted, &found, error),
            Outcome::Cloned => self.cloned(scope, name, wanted, &found.clones, error),
            Outcome::Gone => gone(name, &found.inlined, error),
            Outcome::Redirectable | Outcome::Fixed | Outcome::Unknown => return Err(error),
        };
        Ok(self.inlined_in_modules(scope, name, error))
    }

    fn inlined(
        &self,
        scope: Scope<'_>,
        name: &str,
        wanted: Wanted,
        found: &Whereabouts<'_>,
        mut error: Diagnostic,
    ) -> Diagnostic {
        let mut left = SHOWN;
        let all: usize = found.inlined.iter().map(|of| of.into.len()).sum();
        for of in found.inlined.iter().filter(|of| !of.into.is_empty()) {
            let Inlined { file, line, into } = of;
            error = error.note(format!("`{name}` of {file}:{line} is inlined where it is called"));
            let shown = if wanted == Wanted::Function { left.min(into.len()) } else { 0 };
            error = into.iter().take(shown).map(copy_of).fold(error, Diagnostic::note);
            left -= shown;
        }
        if wanted != Wanted::Function {
            return error.help("it has no code to call: write what it does");
        }
        if all > SHOWN {
            error = error.note(format!("and {} more", all - SHOWN));
        }
        error = derived(&found.clones, error);
        let above = found.containers(self.facts, scope.module);
        let contains = |function: &Function<'_>| {
            let mut into = found.inlined.iter().flat_map(|of| &of.into);
            into.any(|(container, _)| container.address == function.address)
        };
        error.help(match above.iter().all(contains) {
            true => self.change_those(scope, &above, "change the functions that contain it"),
            false => {
                let what = "change the functions that contain it, or that call those";
                self.change_those(scope, &above, what)
            }
        })
    }

    /// Notes the other objects that have inlined copies of a function: modules.
    pub(super) fn inlined_in_modules(
        &self,
        scope: Scope<'_>,
        name: &str,
        error: Diagnostic,
    ) -> Diagnostic {
        let all = self.facts.in_modules.get(name).into_iter().flatten();
        let others = all.filter(|found| !found.has_symbol && found.module != scope.name);
        let modules: Vec<&str> = others.map(|found| found.module.as_str()).collect();
        let Some(first) = modules.first() else { return error };
        let (names, it) =
            (some(&modules, MODULES), format!("`kpsc inspect {name} --object {first}`"));
        error.note(format!("it is inlined in functions of {names}: {it} lists them"))
    }

    /// The modules outside of the facts that have a function with a symbol of this name.
    pub(super) fn modules_with(&self, name: &str) -> Vec<&str> {
        let all = self.facts.in_modules.get(name).into_iter().flatten();
        let is_new =
            |found: &&InModule| found.has_symbol && !self.facts.modules.contains_key(&found.module);
        all.filter(is_new).map(|found| found.module.as_str()).take(MODULES).collect()
    }

    /// The error about a function without an ftrace site, with what to change in its place.
    pub(super) fn with_callers(
        &self,
        scope: Scope<'_>,
        address: u64,
        error: Diagnostic,
    ) -> Diagnostic {
        let above = redirectable_above(self.facts, scope.module, [address]);
        error.help(self.change_those(scope, &above, "change the functions that lead to it"))
    }

    fn cloned(
        &self,
        scope: Scope<'_>,
        name: &str,
        wanted: Wanted,
        clones: &[Function<'_>],
        error: Diagnostic,
    ) -> Diagnostic {
        let error = derived(clones, error);
        let hookable = |clone: &&Function<'_>| {
            is_clone(clone.name) && clone.redirection == Redirection::Possible
        };
        match clones.iter().find(hookable) {
            _ if wanted != Wanted::Function => {
                error.help("declare the clone, or call what it calls")
            }
            Some(clone) => {
                let clone = clone.written();
                let hook = Advice::HookClone { object: scope.name, clone: &clone };
                error.help(format!(
                    "{}; `kpsc inspect {clone}` shows what else it can have",
                    hook.text(self.form)
                ))
            }
            None => error.help(format!("change the functions that call `{name}` in the source")),
        }
    }

    /// The advice to change functions.
    fn change_those(&self, scope: Scope<'_>, functions: &[Function<'_>], what: &str) -> String {
        let names: Vec<String> = functions.iter().map(Function::written).collect();
        let all = advice::functions(self.form, scope.name, &names);
        match all.len() {
            0 => "no function that a livepatch can redirect is known to lead there: look for its callers in the source".to_owned(),
            1..=SHOWN => format!("{what}: {}", list(&all, "and")),
            _ => format!("{what}, for example {}", list(&all[..EXAMPLES], "or")),
        }
    }
}

/// A copy, in a note.
fn copy_of((function, copy): &(Function<'_>, Copy<'_>)) -> String {
    let but = match function.redirection {
        Redirection::Possible => "",
        Redirection::NoSite => ", and cannot be redirected",
        Redirection::Freed => ", and is freed later",
    };
    format!("`{}` inlines the call at {}:{}{but}", function.written(), copy.file, copy.line)
}

/// Notes what the compiler derived from a function.
fn derived(clones: &[Function<'_>], error: Diagnostic) -> Diagnostic {
    let with = |is_possible: bool| {
        let these = clones
            .iter()
            .filter(|clone| (clone.redirection == Redirection::Possible) == is_possible);
        these.map(Function::written).collect::<Vec<_>>()
    };
    let (possible, fixed) = (with(true), with(false));
    let error = match possible.as_slice() {
        [] => error,
        _ => error.note(format!("the compiler has derived {} from it", some(&possible, SHOWN))),
    };
    match fixed.as_slice() {
        [] => error,
        _ => {
            error.note(format!("parts of it that cannot be redirected are {}", some(&fixed, SHOWN)))
        }
    }
}

fn gone(name: &str, defined: &[Inlined<'_>], error: Diagnostic) -> Diagnostic {
    let note = |of: &Inlined<'_>| format!("{}:{} defines `{name}`", of.file, of.line);
    let error = defined.iter().take(SHOWN).map(note).fold(error, Diagnostic::note);
    error.help(
        "the compiler has left no code of it: this configuration has it empty, or does not use it",
    )
}

/// The first of some names.
pub(super) fn some(names: &[impl AsRef<str>], most: usize) -> String {
    match names.get(..most) {
        Some(first) if names.len() > most => {
            let first: Vec<String> = first.iter().map(|n| format!("`{}`", n.as_ref())).collect();
            format!("{} and {} more", first.join(", "), names.len() - most)
        }
        _ => list(names, "and"),
    }
}

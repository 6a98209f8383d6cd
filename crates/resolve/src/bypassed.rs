// SPDX-License-Identifier: GPL-2.0
//! Clones of changed functions: a caller of a clone runs the old code, and bypasses the change.

use super::bodies::Rust;
use super::symbols::Scope;
use super::whereabouts::some;
use super::Resolver;
use kps_ast as ast;
use kps_diag::{Diagnostic, CLONES};
use kps_facts::{is_clone, Function};
use std::collections::{BTreeMap, BTreeSet};

/// The most callers that a warning lists.
const SHOWN: usize = 5;

impl Resolver<'_> {
    /// Warns about the clones of changed functions that other functions call, or may call.
    pub(super) fn note_clones(&mut self, scope: Scope<'_>, funcs: &[ast::Func], rust: &Rust) {
        let renewed = self.renewed(scope, funcs, rust);
        for func in funcs {
            let Some(address) = self.changed_at(scope, func) else { continue };
            let clones = clones(scope, address);
            let callers: Vec<(&str, Callers)> = clones
                .iter()
                .filter(|(clone, _)| !self.changes(scope, **clone))
                .map(|(&clone, name)| {
                    let is_harmless = |caller: u64| {
                        caller == address
                            || clones.contains_key(&caller)
                            || renewed.contains(&caller)
                            || scope.object.is_init(caller)
                    };
                    (name.as_str(), self.callers_of(scope, clone, is_harmless))
                })
                .filter(|(_, callers)| *callers != Callers::Harmless)
                .collect();
            if !callers.is_empty() {
                self.report(warning(&func.symbol.name, &callers));
            }
        }
    }

    /// The functions that call a clone and would run the old code.
    fn callers_of(
        &self,
        scope: Scope<'_>,
        clone: u64,
        is_harmless: impl Fn(u64) -> bool,
    ) -> Callers {
        let callers: BTreeSet<u64> = self.facts.calls(scope.module).to(clone).collect();
        if callers.is_empty() {
            return Callers::Unknown;
        }
        let callers = callers.into_iter().map(|caller| whole(scope, caller));
        let bypassing: BTreeSet<u64> = callers.filter(|caller| !is_harmless(*caller)).collect();
        let names = bypassing.into_iter().filter_map(|at| Function::at(scope.object, at));
        let names: Vec<String> = names.map(|function| function.written()).collect();
        match names.is_empty() {
            true => Callers::Harmless,
            false => Callers::Bypassing(names),
        }
    }
}

/// The functions that call a clone.
#[derive(PartialEq, Eq)]
enum Callers {
    /// None is known: it may be called through a pointer.
    Unknown,
    /// The changed function itself, or functions whose old code no longer runs.
    Harmless,
    /// Others, by their names.
    Bypassing(Vec<String>),
}

/// The clones of the function at an address, by their own addresses.
fn clones(scope: Scope<'_>, address: u64) -> BTreeMap<u64, String> {
    let symbols = &scope.object.symbols;
    let of = |name: &str| {
        let prefix = format!("{name}.");
        let derived = symbols.with_prefix(&prefix).filter(|sym| is_clone(sym.name));
        derived.map(|sym| (sym.address, sym.name.to_owned())).collect::<Vec<_>>()
    };
    symbols.at(address).flat_map(|sym| of(sym.name)).collect()
}

/// The function that a `.cold` part belongs to; other functions as they are.
fn whole(scope: Scope<'_>, function: u64) -> u64 {
    let symbols = &scope.object.symbols;
    let of = symbols.at(function).find_map(|sym| sym.name.strip_suffix(".cold"));
    match of.map(|name| symbols.named(name)).as_deref() {
        Some([owner]) => owner.address,
        _ => function,
    }
}

fn warning(name: &ast::Name, clones: &[(&str, Callers)]) -> Diagnostic {
    let message = format!("the compiler made clones of `{}`", name.value);
    let warning = Diagnostic::new(CLONES, message).at(name.span, "");
    let noted = clones.iter().fold(warning, |warning, (clone, callers)| match callers {
        Callers::Bypassing(names) => {
            let call = if names.len() == 1 { "calls" } else { "call" };
            warning.note(format!("{} {call} `{clone}` directly", some(names, SHOWN)))
        }
        _ => warning.note(format!("some callers may call `{clone}` directly")),
    });
    noted.help("change those callers, or hook the clone with a `pre` that needs no arguments")
}

// SPDX-License-Identifier: GPL-2.0
//! Inlined copies of changed functions, which have no ftrace site.

use super::bodies::Rust;
use super::c::calls_original;
use super::symbols::Scope;
use super::Resolver;
use crate::advice;
use kps_ast as ast;
use kps_diag::{list, Diagnostic, INLINED_COPIES};
use kps_facts::{DebugInfo, Function, Redirection};
use std::collections::BTreeSet;

/// The most callers that a warning lists.
const SHOWN: usize = 10;

/// The number of examples if there are more callers than that.
const EXAMPLES: usize = 3;

/// A function that has an inlined copy of another one.
struct Caller {
    /// Its name in spec syntax.
    name: String,
    /// The file and line of the call.
    place: String,
    /// Whether ftrace can redirect it.
    has_site: bool,
}

impl Resolver<'_> {
    /// Warns about callers that keep the old code of changed functions. Copies in other objects are
    /// not known.
    pub(super) fn note_inlined(&mut self, scope: Scope<'_>, spec: &ast::Object, rust: &Rust) {
        let Some(debug) = self.facts.debug_of(scope.module) else { return };
        let renewed = self.renewed(scope, &spec.funcs, rust);
        for func in &spec.funcs {
            let name = &func.symbol.name;
            // Callers inline the code before a `.part` and call the `.part` itself.
            if name.value.contains(".part.") {
                continue;
            }
            let Some(address) = self.changed_at(scope, func) else { continue };
            let callers = self.callers(scope, debug, address, &renewed);
            if !callers.is_empty() {
                self.report(self.warning_of_copies(scope, name, &callers));
            }
        }
    }

    /// The functions that have a copy, except those whose old code no longer runs and those that
    /// are freed after boot.
    fn callers(
        &self,
        scope: Scope<'_>,
        debug: &DebugInfo,
        address: u64,
        renewed: &BTreeSet<u64>,
    ) -> Vec<Caller> {
        let object = scope.object;
        let copies = debug.inlined_into(address);
        let lasting =
            copies.filter(|copy| !renewed.contains(&copy.caller) && !object.is_init(copy.caller));
        let caller = |copy: kps_facts::Copy<'_>| {
            let function = Function::at(object, copy.caller)?;
            let place = format!("{}:{}", copy.file, copy.line);
            let has_site = function.redirection == Redirection::Possible;
            Some(Caller { name: function.written(), place, has_site })
        };
        lasting.filter_map(caller).collect()
    }

    /// The functions of an object whose old code no longer runs, by their addresses.
    pub(super) fn renewed(
        &self,
        scope: Scope<'_>,
        funcs: &[ast::Func],
        rust: &Rust,
    ) -> BTreeSet<u64> {
        let renewed = funcs.iter().filter(|func| self.is_renewed(func, rust));
        renewed.filter_map(|func| self.changed_at(scope, func)).collect()
    }

    /// Whether a new body replaces a function and never calls the old one.
    fn is_renewed(&self, func: &ast::Func, rust: &Rust) -> bool {
        if let Some(file) = &func.replace_c {
            let text = self.pieces.c_file(&file.value).unwrap_or_default();
            return !calls_original(text, &func.symbol.name.value);
        }
        let calls_original =
            |code| rust.body(code).is_none_or(|(body, _)| !body.refs(&[]).originals.is_empty());
        func.replace.is_some_and(|replace| !calls_original(replace.code))
    }

    /// The address of a function of the spec, if the patch changes it.
    pub(super) fn changed_at(&self, scope: Scope<'_>, func: &ast::Func) -> Option<u64> {
        let span = func.symbol.name.span;
        let mut changed = self.changed.iter().filter(|((object, _), _)| object == scope.name);
        changed.find(|(_, place)| **place == span).map(|((_, address), _)| *address)
    }

    /// Whether the patch changes the function at an address.
    pub(super) fn changes(&self, scope: Scope<'_>, address: u64) -> bool {
        self.changed.contains_key(&(scope.name.to_owned(), address))
    }

    /// The warning about the copies of a function.
    fn warning_of_copies(
        &self,
        scope: Scope<'_>,
        name: &ast::Name,
        callers: &[Caller],
    ) -> Diagnostic {
        let message = match callers.len() {
            1 => {
                format!("`{}` has a copy in another function, which keeps the old code", name.value)
            }
            n => format!(
                "`{}` has copies in {n} other functions, which keep the old code",
                name.value
            ),
        };
        let mut warning = Diagnostic::new(INLINED_COPIES, message).at(name.span, "");
        for Caller { name, place, has_site } in callers.iter().take(SHOWN) {
            let but = if *has_site { "" } else { ", and cannot be redirected" };
            warning = warning.note(format!("`{name}` inlines the call at {place}{but}"));
        }
        if callers.len() > SHOWN {
            warning = warning.note(format!("and {} more", callers.len() - SHOWN));
        }
        let most = if callers.len() > SHOWN { EXAMPLES } else { SHOWN };
        let changeable = callers.iter().filter(|caller| caller.has_site).take(most);
        let changeable: Vec<String> = changeable.map(|caller| caller.name.clone()).collect();
        let changeable = advice::functions(self.form, scope.name, &changeable);
        match (changeable.is_empty(), callers.len() > SHOWN) {
            (true, _) => warning.help("change the functions that call those"),
            (false, true) => warning.help(format!(
                "also change those that must not keep the old code, for example {}",
                list(&changeable, "or")
            )),
            (false, false) => {
                let them = if changeable.len() == 1 { "it" } else { "them" };
                warning.help(format!("change {them} too: {}", list(&changeable, "and")))
            }
        }
    }
}

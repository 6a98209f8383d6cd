// SPDX-License-Identifier: GPL-2.0
//! Inlined copies of changed functions, which have no ftrace site.

use super::bodies::Rust;
use super::symbols::Scope;
use super::Resolver;
use kps_ast as ast;
use kps_ast::Span;
use kps_diag::{list, Diagnostic, INLINED_COPIES};
use kps_facts::{DebugInfo, Function, Redirection};

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
        let renewed: Vec<Span> =
            spec.funcs.iter().filter(|func| is_renewed(func, rust)).map(place).collect();
        for func in &spec.funcs {
            let name = &func.symbol.name;
            // Callers inline the code before a `.part` and call the `.part` itself.
            if name.value.contains(".part.") {
                continue;
            }
            let is_it =
                |(key, span): &(&(String, u64), &_)| key.0 == scope.name && **span == name.span;
            let Some((_, address)) = self.changed.iter().find(is_it).map(|(key, _)| key) else {
                continue;
            };
            let callers = self.callers(scope, debug, *address, &renewed);
            if !callers.is_empty() {
                self.report(warning(name, &callers));
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
        renewed: &[Span],
    ) -> Vec<Caller> {
        let object = scope.object;
        let is_renewed = |caller: u64| {
            let place = self.changed.get(&(scope.name.to_owned(), caller));
            place.is_some_and(|place| renewed.contains(place))
        };
        let copies = debug.inlined_into(address);
        let lasting =
            copies.filter(|copy| !is_renewed(copy.caller) && !object.is_init(copy.caller));
        let caller = |copy: kps_facts::Copy<'_>| {
            let function = Function::at(object, copy.caller)?;
            let place = format!("{}:{}", copy.file, copy.line);
            let has_site = function.redirection == Redirection::Possible;
            Some(Caller { name: function.written(), place, has_site })
        };
        lasting.filter_map(caller).collect()
    }
}

fn place(func: &ast::Func) -> Span {
    func.symbol.name.span
}

/// Whether a new body replaces a function and never calls the old one.
fn is_renewed(func: &ast::Func, rust: &Rust) -> bool {
    let calls_original =
        |code| rust.body(code).is_none_or(|(body, _)| !body.refs(&[]).originals.is_empty());
    func.replace_c.is_some() || func.replace.is_some_and(|replace| !calls_original(replace.code))
}

fn warning(name: &ast::Name, callers: &[Caller]) -> Diagnostic {
    let message = match callers.len() {
        1 => format!("`{}` has a copy in another function, which keeps the old code", name.value),
        n => format!("`{}` has copies in {n} other functions, which keep the old code", name.value),
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
    let changeable: Vec<String> =
        changeable.map(|caller| format!("fn {} {{ .. }}", caller.name)).collect();
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

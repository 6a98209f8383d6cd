// SPDX-License-Identifier: GPL-2.0
//! The lock of the module's parameters, a mutex of which there is one: `with` holds it, and
//! `kernel_param_lock()` takes it.

use super::bodies::Rust;
use super::calls::calls_of;
use super::own::Callee;
use super::Resolver;
use kps_ast::{self as ast, Code};
use kps_codegen::refs::{Call, Event};
use kps_diag::{Diagnostic, Severity, LOCK_TAKEN_TWICE};

const LOCK: &str = "kernel_param_lock";
const UNLOCK: &str = "kernel_param_unlock";

impl Resolver<'_> {
    pub(super) fn check_param_lock(&mut self, spec: &ast::Patch, rust: &Rust) {
        for (code, refs) in rust.snippets() {
            self.check_locked(spec, rust, code, &refs.sequence, &mut false);
        }
        for own in rust.own.functions() {
            self.check_locked(spec, rust, own.code, &own.refs.sequence, &mut false);
        }
    }

    /// Follows calls in order. `is_taken` is whether the code has taken the lock of some module.
    fn check_locked(
        &mut self,
        spec: &ast::Patch,
        rust: &Rust,
        code: Code,
        events: &[Event],
        is_taken: &mut bool,
    ) {
        for event in events {
            match event {
                Event::Branch(events) => {
                    let mut inside = *is_taken;
                    self.check_locked(spec, rust, code, events, &mut inside);
                    *is_taken &= inside;
                }
                Event::Flag(..) | Event::Unknown => {}
                Event::Call(call) => {
                    self.check_with(spec, code, call, *is_taken);
                    self.check_through(spec, rust, code, call);
                    *is_taken = (*is_taken || call.name == LOCK) && call.name != UNLOCK;
                }
            }
        }
    }

    fn check_with(&mut self, spec: &ast::Patch, code: Code, call: &Call, is_taken: bool) {
        let is_with = |text: &str| is_with(spec, text);
        let text = call.of.as_ref().map(|of| format!("{of}.{}", call.name));
        let text = text.filter(|text| is_with(text));
        let outer = call.inside.iter().rev().find(|outer| is_with(outer));
        let place = self.pieces.place(code, call.span);
        let error = |message: String| Diagnostic::new(LOCK_TAKEN_TWICE, message).at(place, "");
        let warning = |message: String| Diagnostic {
            severity: Severity::Warning,
            ..error(message).note(
                "it does if the module is this one: there is one lock for all of its parameters",
            )
        };
        self.report(match (text, outer, call.name.as_str()) {
            (Some(text), Some(outer), _) => {
                error(format!("`{text}` inside of `{outer}` deadlocks"))
                    .note("both take the one lock of the module's parameters")
                    .help(format!("copy what you need out of `{outer}`, and call `{text}` after it"))
            }
            (Some(text), None, _) if is_taken => {
                warning(format!("`{text}` after `{LOCK}` may deadlock"))
                    .help(format!("drop `{LOCK}`: `{text}` takes the lock itself"))
            }
            (None, Some(outer), LOCK) => warning(format!("`{LOCK}` inside of `{outer}` may deadlock"))
                .help(format!("drop it: `{outer}` holds the lock")),
            (None, Some(outer), UNLOCK) => Diagnostic {
                severity: Severity::Warning,
                ..error(format!("`{UNLOCK}` inside of `{outer}` may drop its lock"))
                    .note("it does if the module is this one: the value may then be freed while it is used")
                    .help(format!("drop it: `{outer}` drops the lock at its end"))
            },
            _ => return,
        });
    }

    /// Reports one of the author's functions that takes the lock and is called while it is held.
    fn check_through(&mut self, spec: &ast::Patch, rust: &Rust, code: Code, call: &Call) {
        let Some(outer) = call.inside.iter().rev().find(|outer| is_with(spec, outer)) else {
            return;
        };
        let Callee::Own(own) = rust.own.callee(call.of.as_deref(), &call.name) else { return };
        let behind = calls_of(self.pieces, rust, spec, own.code, &own.refs);
        let Some(inner) = behind.calls.iter().find(|call| is_with(spec, &call.name)) else {
            return;
        };
        let (does, severity) = match behind.is_straight {
            true => ("deadlocks", Severity::Error),
            false => ("may deadlock", Severity::Warning),
        };
        let (name, inner) = (&call.name, &inner.name);
        let message = format!("`{name}` inside of `{outer}` {does}");
        let diagnostic = Diagnostic::with(severity, LOCK_TAKEN_TWICE, message)
            .at(self.pieces.place(code, call.span), "")
            .note(format!("it calls `{inner}`: both take the one lock of the module's parameters"))
            .help(format!("copy what you need out of `{outer}`, and call `{name}` after it"));
        self.report(diagnostic);
    }
}

/// Whether a call is that of a parameter's `with`.
fn is_with(spec: &ast::Patch, call: &str) -> bool {
    let param = call.strip_suffix(".with");
    param.is_some_and(|name| spec.params.iter().any(|param| param.name.value == name))
}

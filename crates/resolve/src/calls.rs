// SPDX-License-Identifier: GPL-2.0
//! Calls that bodies must not make in their context. Only their own calls and those of the patch's
//! own functions are known. Some kernel functions are known by name, with their effect.

use super::bodies::Rust;
use super::{Resolver, SourceText};
use crate::notable::{self, Blocks};
use kps_ast::Span;
use kps_ast::{self as ast, Code};
use kps_codegen::refs::{Refs, Role};
use kps_diag::{
    Diagnostic, Severity, CALL_UNDER_SHADOW_LOCK, DEADLOCK_IN_CALLBACK, RECURSIVE_HOOK,
    SLEEP_IN_ATOMIC,
};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;

/// A function or macro that a body calls, directly or through a function of the patch.
struct Call {
    name: String,
    span: Span,
    /// The snippet that contains the call.
    code: Code,
}

impl Resolver<'_> {
    pub(super) fn check_calls(&mut self, spec: &ast::Patch, rust: &Rust) {
        for shadow in &spec.shadows {
            for body in [&shadow.ctor, &shadow.dtor].into_iter().flatten() {
                self.check_under_lock(spec, body, rust);
            }
        }
        let callbacks = spec.objects.iter().flat_map(|object| &object.callbacks);
        let callbacks =
            callbacks.map(|written| (written.callback.name(), written.word, written.code));
        let states = spec.states.iter().flat_map(|state| {
            let bodies =
                [("save", &state.save), ("apply", &state.apply), ("restore", &state.restore)];
            bodies.map(|(name, body)| Some((name, body.as_ref()?.word, body.as_ref()?.code)))
        });
        for (name, word, code) in callbacks.chain(states.flatten()) {
            self.check_callback(name, word, &calls(self.pieces, rust, code).calls);
        }
        for func in spec.objects.iter().flat_map(|object| &object.funcs) {
            for body in [func.replace, func.pre, func.post].into_iter().flatten() {
                let calls = calls(self.pieces, rust, body.code);
                self.check_atomic(func, &calls.calls);
                self.check_recursion(func, body, &calls);
            }
        }
    }

    /// Constructors and destructors run under the kernel's shadow lock, with interrupts off
    /// (`kernel/livepatch/shadow.c`).
    fn check_under_lock(&mut self, spec: &ast::Patch, body: &ast::BodyWithParams, rust: &Rust) {
        let is_shadow = |name: &str| spec.shadows.iter().any(|shadow| shadow.name.value == name);
        let values =
            rust.body(body.code).into_iter().flat_map(|(parsed, _)| parsed.refs(&[]).names);
        let values = values.filter(|name| name.role != Role::Function && is_shadow(&name.name));
        let values = values.map(|name| Call {
            span: self.pieces.place(body.code, name.span),
            code: body.code,
            name: name.name,
        });
        for Call { name, span, .. } in
            calls(self.pieces, rust, body.code).calls.into_iter().chain(values)
        {
            let note = if notable::takes_the_shadow_lock(&name) || is_shadow(&name) {
                "the lock is held already"
            } else if notable::may_sleep(&name) {
                "it may sleep"
            } else if notable::allocates(&name) {
                "`get_or_init` allocates the memory beforehand, with its flags"
            } else {
                continue;
            };
            self.report(
                Diagnostic::new(CALL_UNDER_SHADOW_LOCK, format!("`{name}` cannot be used here"))
                    .at(span, "")
                    .at(body.word, "this runs under the kernel's shadow lock, with interrupts off")
                    .note(note)
                    .help("do it in a body, before `get_or_init` or after `remove`"),
            );
        }
    }

    /// Callbacks run while the kernel holds `klp_mutex` (`kernel/livepatch/core.c`).
    fn check_callback(&mut self, callback: &str, word: Span, calls: &[Call]) {
        const LOCK: &str = "this runs while the kernel holds the livepatch lock";
        for Call { name, span, code } in calls {
            let diagnostic = match notable::blocks_under_livepatch_lock(name) {
                None => continue,
                // Its first argument decides whether it waits for the module.
                Some(Blocks::Always) if self.never_waits(*code, name) => continue,
                Some(Blocks::Always) => Diagnostic::new(
                    DEADLOCK_IN_CALLBACK,
                    format!("`{name}` in `{callback}` deadlocks"),
                )
                .note(
                    "loading a module takes that lock: this call takes it itself, or waits for a program that does",
                ),
                Some(Blocks::WhenItLoads) => Diagnostic::with(
                    Severity::Warning,
                    DEADLOCK_IN_CALLBACK,
                    format!("`{name}` in `{callback}` may deadlock"),
                )
                .note("it loads a module if a module provides what it asks for, and loading a module takes that lock"),
            };
            self.report(
                diagnostic
                    .at(*span, "")
                    .at(word, LOCK)
                    .help("load the module before the patch, or do this in the body of a function"),
            );
        }
    }

    /// Whether all calls of this name in a snippet return at once, by their first argument.
    fn never_waits(&self, code: Code, name: &str) -> bool {
        let tokens = self.pieces.tokens(code).unwrap_or_default();
        only_called_with_false(tokens, name).unwrap_or(false)
    }

    /// Code that handles interrupts, timers and packets must not sleep.
    fn check_atomic(&mut self, func: &ast::Func, calls: &[Call]) {
        let function = &func.symbol.name;
        if !notable::is_atomic(&function.value) {
            return;
        }
        for Call { name, span, .. } in calls {
            let help = if name == "GFP_KERNEL" {
                "write `GFP_ATOMIC`, and handle a failed allocation"
            } else if notable::may_sleep(name) {
                "do this in a function that may sleep, or use a spinlock and calls that do not sleep"
            } else {
                continue;
            };
            self.report(
                Diagnostic::new(
                    SLEEP_IN_ATOMIC,
                    format!(
                        "`{name}` may sleep, and `{}` may run in atomic context",
                        function.value
                    ),
                )
                .at(*span, "")
                .at(function.span, "it is called from interrupts or under spinlocks")
                .note("the kernel stops with \"scheduling while atomic\"")
                .help(help),
            );
        }
    }

    /// A hook that calls its own function recurses until the stack is full.
    fn check_recursion(
        &mut self,
        func: &ast::Func,
        body: ast::Body,
        Calls { calls, is_straight }: &Calls,
    ) {
        let function = &func.symbol.name;
        let is_new_body = func.replace.is_some_and(|replace| replace.word == body.word);
        for Call { name, span, .. } in calls {
            let (message, help) = if *name == function.value {
                let help = match is_new_body {
                    true => "write `original(..)`, which is the old function",
                    false => "drop the call, or write a `replace` that calls `original(..)`",
                };
                (format!("this calls `{name}`, which comes back to this hook"), help)
            } else if notable::passes_through(name, &function.value) {
                let help = "drop the call: count in a `static`, and show that in another function";
                (
                    format!("`{name}` calls `{}`, which comes back to this hook", function.value),
                    help,
                )
            } else {
                continue;
            };
            let diagnostic = match is_straight {
                true => Diagnostic::new(RECURSIVE_HOOK, message)
                    .note("every call goes to the patch, so this recurses until the stack is full"),
                false => Diagnostic::with(Severity::Warning, RECURSIVE_HOOK, message)
                    .note("every call goes to the patch: make sure that the recursion ends before the stack is full"),
            };
            self.report(
                diagnostic.at(*span, "").at(function.span, "this function is changed").help(help),
            );
        }
    }
}

/// Whether some tokens call a function and every such call passes `false` as its first argument.
fn only_called_with_false(tokens: TokenStream, name: &str) -> Option<bool> {
    let mut answer = None;
    let mut add = |found: Option<bool>| {
        answer = found.map_or(answer, |found| Some(answer.unwrap_or(true) && found));
    };
    let mut last_is_name = false;
    for tree in tokens {
        match tree {
            TokenTree::Group(group) => {
                if last_is_name && group.delimiter() == Delimiter::Parenthesis {
                    let mut first = group.stream().into_iter().map(|tree| tree.to_string());
                    let is_false = first.next().is_some_and(|word| word == "false");
                    add(Some(is_false && first.next().is_none_or(|next| next == ",")));
                }
                add(only_called_with_false(group.stream(), name));
                last_is_name = false;
            }
            TokenTree::Ident(ident) => last_is_name = ident == name,
            TokenTree::Punct(_) | TokenTree::Literal(_) => last_is_name = false,
        }
    }
    answer
}

/// The calls of a body, and whether it always makes them.
struct Calls {
    calls: Vec<Call>,
    /// No branch, loop or `return` decides whether it gets to a call.
    is_straight: bool,
}

/// The calls of a body. `GFP_KERNEL` counts as one: it tells how an allocation behaves.
fn calls(pieces: &dyn SourceText, rust: &Rust, code: Code) -> Calls {
    const SLEEPING_FLAGS: &str = "GFP_KERNEL";
    let mut found = Calls { calls: Vec::new(), is_straight: true };
    let mut followed = BTreeSet::new();
    let mut pending: Vec<(Code, Refs)> =
        rust.body(code).map(|(body, _)| (code, body.refs(&[]))).into_iter().collect();
    while let Some((code, refs)) = pending.pop() {
        found.is_straight &= !DECIDING.iter().any(|word| refs.words.contains(*word));
        let named = refs.names.iter().chain(&refs.macros);
        for name in named.filter(|name| name.called || name.name == SLEEPING_FLAGS) {
            match rust.own_function(&name.name) {
                Some((own, refs)) if followed.insert(name.name.clone()) => {
                    pending.push((own, refs.clone()));
                }
                Some(_) => {}
                None => found.calls.push(Call {
                    name: name.name.clone(),
                    span: pieces.place(code, name.span),
                    code,
                }),
            }
        }
    }
    found
}

/// Rust keywords that decide whether the following code runs.
const DECIDING: &[&str] = &["for", "if", "loop", "match", "return", "while"];

// SPDX-License-Identifier: GPL-2.0
//! Calls that bodies must not make in their context. Only their own calls and those of the patch's
//! own functions are known. Some kernel functions are known by name, with their effect.

use super::bodies::Rust;
use super::c_text::calls_in_c;
use super::own::{Callee, OwnCode, COPYING};
use super::sleeps::Sleeper;
use super::symbols::Scope;
use super::{Resolver, SourceText};
use crate::notable::{self, Blocks};
use kps_ast::Span;
use kps_ast::{self as ast, Code};
use kps_codegen::refs::{Refs, Role};
use kps_diag::{
    Diagnostic, Severity, CALL_UNDER_SHADOW_LOCK, DEADLOCK_IN_CALLBACK, SLEEP_IN_ATOMIC,
};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A call that a body makes, directly or through a function of the patch.
#[derive(Clone)]
pub(super) struct Call {
    /// The function, macro or method, as the body names it.
    pub(super) name: String,
    /// The kernel's function that it enters. It may not exist: any name is taken for one.
    pub(super) enters: String,
    pub(super) span: Span,
    /// The snippet that contains the call.
    pub(super) code: Code,
}

/// Why a function must not sleep.
enum Atomic {
    /// It is sure.
    Known(&'static str),
    /// Most functions like it must not.
    Suspected(&'static str),
}

impl Call {
    /// A call at a place in some code.
    pub(super) fn new(name: &str, span: Span, code: Code) -> Call {
        Call { name: name.to_owned(), enters: name.to_owned(), span, code }
    }
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
        let resources = spec.resources.iter().flat_map(|resource| {
            let bodies = [
                ("acquire", &resource.acquire),
                ("release", &resource.release),
                ("adopt", &resource.adopt),
            ];
            bodies.map(|(name, body)| Some((name, body.as_ref()?.word, body.as_ref()?.code)))
        });
        for (name, word, code) in callbacks.chain(states.flatten()).chain(resources.flatten()) {
            self.check_callback(name, word, &calls(self.pieces, rust, spec, code).calls);
        }
        for object in &spec.objects {
            for func in &object.funcs {
                for body in [func.replace, func.pre, func.post].into_iter().flatten() {
                    let mut calls = calls(self.pieces, rust, spec, body.code).calls;
                    let in_c = calls.iter().flat_map(|call| self.through_c(spec, call));
                    let in_c: Vec<Call> = in_c.collect();
                    calls.extend(in_c);
                    if let Some(scope) = Scope::of(self.facts, &object.name.value) {
                        calls.extend(self.copies(scope, func, body.code, rust));
                    }
                    self.check_atomic(object, func, &calls);
                }
                self.check_atomic(object, func, &self.in_c(spec, func));
            }
        }
        self.check_recursion(spec, rust);
        self.check_param_lock(spec, rust);
        self.check_held(spec, rust);
        self.check_handed(spec, rust);
    }

    /// The calls of a new body in C, at the place that names its file.
    fn in_c(&self, spec: &ast::Patch, func: &ast::Func) -> Vec<Call> {
        let Some(file) = &func.replace_c else { return Vec::new() };
        let text = self.pieces.c_file(&file.value).unwrap_or_default();
        let code = Code { span: file.span };
        let called = calls_in_c(text, &func.symbol.name.value).into_iter();
        let call = |name: String| Call { enters: from_c(spec, &name), name, span: file.span, code };
        called.map(call).collect()
    }

    /// The calls that one of the patch's own functions in C makes, at the place that calls it.
    pub(super) fn through_c(&self, spec: &ast::Patch, call: &Call) -> Vec<Call> {
        let has = |item: &&ast::CFile| item.functions.iter().any(|f| f.name.value == call.name);
        let Some(file) = spec.c_files.iter().find(has) else { return Vec::new() };
        let text = self.pieces.c_file(&file.file.value).unwrap_or_default();
        let called = calls_in_c(text, &call.name).into_iter();
        called.map(|name| Call { enters: from_c(spec, &name), name, ..call.clone() }).collect()
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
            enters: name.name.clone(),
            name: name.name,
        });
        let flags = rust.body(body.code).map(|(parsed, _)| parsed.refs(&[]).flags);
        let flags = flags.into_iter().flatten().map(|flag| flag.name);
        let flags: Vec<String> = flags.filter(|flag| flag.starts_with("GFP_")).collect();
        let is_atomic = |flag: &String| ["GFP_ATOMIC", "GFP_NOWAIT"].contains(&flag.as_str());
        let never_sleeps = !flags.is_empty() && flags.iter().all(is_atomic);
        for Call { name, enters, span, .. } in
            calls(self.pieces, rust, spec, body.code).calls.into_iter().chain(values)
        {
            let note = if notable::takes_the_shadow_lock(&enters) || is_shadow(&name) {
                "the lock is held already".to_owned()
            } else if notable::is_sleeping_flag(&enters) {
                // The allocation that gets it is reported.
                continue;
            } else if let Some(sleeper) = self.sleeper(&enters) {
                sleeper.reason(&enters).unwrap_or_else(|| "it may sleep".to_owned())
            } else if notable::allocates(&enters) && !never_sleeps {
                "`get_or_init` allocates the memory beforehand, with its flags".to_owned()
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
        for Call { name, span, code, .. } in calls {
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

    /// Why a function that a spec changes must not sleep. None if it may, as far as is known.
    fn atomic(&self, object: &ast::Object, func: &ast::Func) -> Option<Atomic> {
        let name = &func.symbol.name.value;
        if notable::is_atomic(name) {
            return Some(Atomic::Known("it is called from interrupts or under spinlocks"));
        }
        let scope = Scope::of(self.facts, &object.name.value)?;
        let address = self.address_of(scope, &func.symbol)?;
        let roles = self.facts.roles(scope.module);
        if let Some(why) = roles.of(address).find_map(kps_facts::Role::atomic) {
            return Some(Atomic::Known(why));
        }
        let is_thread = roles.has(address, kps_facts::Role::InterruptThread);
        match self.suspected_role(scope, name).filter(|_| !is_thread)? {
            kps_facts::Role::RcuCallback => {
                Some(Atomic::Suspected("its prototype is that of RCU callbacks"))
            }
            _ => Some(Atomic::Suspected("its prototype is that of interrupt handlers")),
        }
    }

    /// Code that handles interrupts, timers and packets must not sleep.
    fn check_atomic(&mut self, object: &ast::Object, func: &ast::Func, calls: &[Call]) {
        let function = &func.symbol.name;
        let Some(atomic) = self.atomic(object, func) else { return };
        let asks = calls.iter().any(|call| notable::asks_where_it_runs(&call.enters));
        for Call { name, enters, span, .. } in calls {
            let sleeper = self.sleeper(enters).filter(|_| !notable::defers_in_interrupts(enters));
            let Some(sleeper) = sleeper else { continue };
            let message =
                format!("`{name}` may sleep, and `{}` may run in atomic context", function.value);
            let error = sleep_in_atomic(message, (name, enters), &sleeper, *span).note(STOPS);
            self.report(match atomic {
                Atomic::Known(why) if asks => Diagnostic { severity: Severity::Warning, ..error }
                    .at(function.span, why)
                    .note("whether the code asks before the call is not known"),
                Atomic::Known(why) => error.at(function.span, why),
                Atomic::Suspected(why) => Diagnostic { severity: Severity::Warning, ..error }
                    .at(function.span, why)
                    .note("functions that may sleep, of interrupt threads and `task_work`, have such prototypes too"),
            });
        }
    }
}

/// What happens when code sleeps in atomic context.
pub(super) const STOPS: &str = "the kernel stops with \"scheduling while atomic\"";

/// A call that may sleep where nothing may, as the body names it and as the kernel does.
pub(super) fn sleep_in_atomic(
    message: String,
    (name, enters): (&str, &str),
    sleeper: &Sleeper,
    span: Span,
) -> Diagnostic {
    let help = match sleeper {
        Sleeper::Flag => "write `GFP_ATOMIC`, and handle a failed allocation",
        Sleeper::OnRt => "do this before or behind that, or protect the data with a raw spinlock",
        _ => "do this in a function that may sleep, or use a spinlock and calls that do not sleep",
    };
    let error = Diagnostic::new(SLEEP_IN_ATOMIC, message).at(span, "");
    let is_alias = name != enters && !name.contains(['.', ':']);
    let notes = is_alias.then(|| format!("`{name}` stands for `{enters}`"));
    let notes = notes.into_iter().chain(sleeper.reason(enters));
    notes.fold(error, Diagnostic::note).help(help)
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
pub(super) struct Calls {
    pub(super) calls: Vec<Call>,
    /// No branch, loop or `return` decides whether it gets to a call.
    pub(super) is_straight: bool,
}

/// The calls of a body. A flag such as `GFP_KERNEL` counts as one: it tells how an allocation
/// behaves.
pub(super) fn calls(pieces: &dyn SourceText, rust: &Rust, spec: &ast::Patch, code: Code) -> Calls {
    match rust.body(code) {
        Some((body, _)) => calls_of(pieces, rust, spec, code, &body.refs(&[])),
        None => Calls { calls: Vec::new(), is_straight: true },
    }
}

/// The calls of some code, and of the author's own functions that it calls.
pub(super) fn calls_of(
    pieces: &dyn SourceText,
    rust: &Rust,
    spec: &ast::Patch,
    code: Code,
    refs: &Refs,
) -> Calls {
    let mut found = Calls { calls: Vec::new(), is_straight: true };
    for (code, refs) in reached(rust, code, refs) {
        found.is_straight &=
            !refs.branches && !DECIDING.iter().any(|word| refs.words.contains(*word));
        let mut add = |name: String, enters: String, span| {
            found.calls.push(Call { name, enters, span: pieces.place(code, span), code });
        };
        for flag in &refs.flags {
            let flags = rust.own.flags(&flag.name).into_iter();
            for sleeping in flags.filter(|flag| notable::is_sleeping_flag(flag)) {
                add(flag.name.clone(), sleeping.to_owned(), flag.span);
            }
        }
        for Named { of, name, span } in named(refs) {
            match rust.own.callee(of, name) {
                Callee::Own(_) | Callee::Other => {}
                Callee::Kernel(enters) => {
                    let of = of.filter(|of| *of != "kernel").map(|of| format!("{of}::"));
                    add(of.unwrap_or_default() + name, enters, span);
                }
            }
        }
        for method in &refs.methods {
            if let Some(enters) = of_runtime(spec, &method.of, &method.name) {
                add(format!("{}.{}", method.of, method.name), enters.to_owned(), method.span);
            }
        }
    }
    found
}

/// Some code, and the author's own functions that it calls, directly or through others.
pub(super) fn reached<'r>(rust: &'r Rust, code: Code, refs: &'r Refs) -> Vec<(Code, &'r Refs)> {
    let mut followed: Vec<*const OwnCode> = Vec::new();
    let mut found = Vec::new();
    let mut pending = vec![(code, refs)];
    while let Some((code, refs)) = pending.pop() {
        found.push((code, refs));
        for Named { of, name, .. } in named(refs) {
            let Callee::Own(own) = rust.own.callee(of, name) else { continue };
            if !followed.iter().any(|known| std::ptr::eq(*known, own)) {
                followed.push(own);
                pending.push((own.code, &own.refs));
            }
        }
    }
    found
}

/// A function, macro or method that some code calls.
struct Named<'r> {
    /// The name of its path that decides, or what the method is called on.
    of: Option<&'r str>,
    name: &'r str,
    span: proc_macro2::Span,
}

fn named(refs: &Refs) -> impl Iterator<Item = Named<'_>> {
    let short = refs.names.iter().chain(&refs.macros).filter(|name| name.called);
    let short = short.map(|name| Named { of: None, name: &name.name, span: name.span });
    let paths = refs.paths.iter().filter(|path| path.called).chain(&refs.aliased);
    let paths = paths.map(|path| Named {
        of: match path.owner == COPYING {
            true => Some(COPYING),
            false => Some(path.first.as_str()).filter(|first| *first != path.last),
        },
        name: &path.last,
        span: path.span,
    });
    let methods = refs.methods.iter();
    let methods =
        methods.map(|call| Named { of: Some(&call.of), name: &call.name, span: call.span });
    short.chain(paths).chain(methods)
}

/// The kernel's function that a function or macro of this name enters.
pub(super) fn entered(name: &str) -> String {
    match name.strip_prefix("pr_") {
        Some(level) if PR_LEVELS.contains(&level) => "_printk".to_owned(),
        _ => name.to_owned(),
    }
}

/// The levels of `pr_info!` and its kind.
const PR_LEVELS: &[&str] =
    &["alert", "cont", "crit", "debug", "emerg", "err", "info", "notice", "warn"];

/// The kernel's function that a method of the runtime enters, if it takes a lock or allocates.
pub(super) fn of_runtime(spec: &ast::Patch, of: &str, method: &str) -> Option<&'static str> {
    let is = |name: &ast::Name| name.value == of;
    if spec.shadows.iter().any(|shadow| is(&shadow.name)) {
        return match method {
            "get" => Some("klp_shadow_get"),
            "get_or_init" => Some("klp_shadow_get_or_alloc"),
            "remove" => Some("klp_shadow_free"),
            _ => None,
        };
    }
    let is_param = spec.params.iter().any(|param| is(&param.name));
    (is_param && method == "with").then_some("kernel_param_lock")
}

/// The kernel's function that a function of this name enters in C: the shadow variables have
/// functions there.
pub(super) fn from_c(spec: &ast::Patch, name: &str) -> String {
    let entered = ["get_or_init", "get", "remove"].into_iter().find_map(|method| {
        let of = name.strip_suffix(method)?.strip_suffix('_')?;
        of_runtime(spec, of, method)
    });
    entered.unwrap_or(name).to_owned()
}

/// Rust keywords that decide whether the following code runs.
const DECIDING: &[&str] = &["for", "if", "loop", "match", "return", "while"];

// SPDX-License-Identifier: GPL-2.0
//! Calls that may sleep between taking a spinlock and dropping it, or where preemption, interrupts
//! or the end of an RCU grace period are held off. Only code that runs on each path to the call is
//! looked at, and nothing behind a call that is not known: it may drop what is held, as the end of
//! a lock guard does.

use super::bodies::Rust;
use super::calls::{of_runtime, sleep_in_atomic, STOPS};
use super::own::Callee;
use super::sleeps::Sleeper;
use super::Resolver;
use crate::notable::{self, Hold};
use kps_ast::{self as ast, Code, Span};
use kps_codegen::refs::{self, Event};
use std::collections::BTreeSet;

/// How deep the author's functions are followed.
const DEPTH: usize = 8;

/// Something that is held, and where the code takes it.
#[derive(Clone)]
struct Held {
    hold: Hold,
    /// As the code names what takes it.
    name: String,
    /// As the kernel does.
    enters: String,
    span: Span,
}

impl Held {
    /// What the kernel does if a task sleeps while this is held.
    fn consequence(&self, is_rt: bool) -> &'static str {
        let is_raw = self.enters.contains("raw_");
        match self.hold {
            Hold::Rcu => "the kernel warns of a voluntary context switch, and may free what is read here meanwhile",
            // `kernel/locking/spinlock_rt.c` and `kernel/softirq.c` call `rcu_read_lock()`.
            Hold::Spin | Hold::Read | Hold::Write if is_rt && !is_raw => OF_RCU,
            Hold::Softirqs if is_rt => OF_RCU,
            _ => STOPS,
        }
    }
}

impl Held {
    /// Whether nothing may wait here even with CONFIG_PREEMPT_RT, which spinlocks do there.
    fn is_atomic_on_rt(&self) -> bool {
        match self.hold {
            Hold::Preemption | Hold::Interrupts => true,
            Hold::Spin | Hold::Read | Hold::Write => self.enters.contains("raw_"),
            Hold::Rcu | Hold::Softirqs => false,
        }
    }
}

/// There a task may be preempted and wait for spinlocks, but not for anything else.
const OF_RCU: &str = "the kernel warns of a voluntary context switch: with CONFIG_PREEMPT_RT this is a critical section of RCU";

/// A call that may sleep, and what is held there.
struct Found {
    name: String,
    enters: String,
    span: Span,
    held: Held,
}

/// A walk over what a body does.
struct Holds<'r> {
    resolver: &'r Resolver<'r>,
    spec: &'r ast::Patch,
    rust: &'r Rust,
    held: Vec<Held>,
    found: Vec<Found>,
}

impl Resolver<'_> {
    pub(super) fn check_held(&mut self, spec: &ast::Patch, rust: &Rust) {
        let is_rt = self.facts.config_enabled("CONFIG_PREEMPT_RT");
        let mut reported = BTreeSet::new();
        for (code, refs) in rust.bodies_with_refs() {
            let mut holds =
                Holds { resolver: self, spec, rust, held: Vec::new(), found: Vec::new() };
            holds.follow(code, &refs.sequence, 0);
            for Found { name, enters, span, held } in holds.found {
                let waits = || is_rt && held.is_atomic_on_rt() && notable::waits_on_rt(&enters);
                let sleeper = self.sleeper(&enters).or_else(|| waits().then_some(Sleeper::OnRt));
                let Some(sleeper) = sleeper else { continue };
                if !reported.insert((span.start, span.end)) {
                    continue;
                }
                let message =
                    format!("`{name}` may sleep after `{}`, where nothing may", held.name);
                let error = sleep_in_atomic(message, (&name, &enters), &sleeper, span);
                let error = error.at(held.span, "nothing may sleep from here until this is undone");
                self.report(error.note(held.consequence(is_rt)));
            }
        }
    }
}

impl Holds<'_> {
    fn follow(&mut self, code: Code, events: &[Event], depth: usize) {
        for event in events {
            match event {
                Event::Call(call) => self.call(code, call, depth),
                Event::Flag(name, span) => {
                    let span = self.resolver.pieces.place(code, *span);
                    for flag in self.rust.own.flags(name) {
                        self.enter(name.clone(), flag.to_owned(), span);
                    }
                }
                Event::Unknown => self.held.clear(),
                Event::Branch(events) => {
                    let before = self.held.clone();
                    self.follow(code, events, depth);
                    // What a branch may have dropped is not known to be held, and what it has taken
                    // is not either.
                    self.keep(before);
                }
            }
        }
    }

    /// Keeps those of some things that are still held.
    fn keep(&mut self, before: Vec<Held>) {
        let behind = std::mem::take(&mut self.held);
        let stays = |held: &Held| behind.iter().any(|b| b.span == held.span);
        self.held = before.into_iter().filter(|held| stays(held)).collect();
    }

    fn call(&mut self, code: Code, call: &refs::Call, depth: usize) {
        let of = call.of.as_deref();
        let span = self.resolver.pieces.place(code, call.span);
        if let Some(of) = of {
            if let Some(enters) = of_runtime(self.spec, of, &call.name) {
                return self.enter(format!("{of}.{}", call.name), enters.to_owned(), span);
            }
        }
        match self.rust.own.callee(of, &call.name) {
            Callee::Own(own) if depth < DEPTH => {
                let before = self.held.clone();
                self.follow(own.code, &own.refs.sequence, depth + 1);
                // The value that it returns may be a guard, which drops what the function took.
                let returns = own.signature.as_ref().map(|signature| &signature.output);
                if matches!(returns, Some(syn::ReturnType::Type(..))) {
                    self.keep(before);
                }
            }
            // The value of a type, which may be a guard, and the end of one.
            Callee::Kernel(_) if is_of_a_type(&call.name) || call.name == "drop" => {
                self.held.clear();
            }
            // What the kernel crate's functions take, a guard holds.
            Callee::Kernel(enters) if of.is_some() && notable::holds(&enters).is_some() => {}
            Callee::Kernel(enters) => self.enter(call.name.clone(), enters, span),
            Callee::Other if refs::is_plain_method(&call.name) => {}
            Callee::Own(_) | Callee::Other => self.held.clear(),
        }
    }

    fn enter(&mut self, name: String, enters: String, span: Span) {
        if notable::waits_on_rt(&enters) {
            let atomic = self.held.iter().rev().find(|held| held.is_atomic_on_rt()).cloned();
            let (name, enters) = (name.clone(), enters.clone());
            self.found.extend(atomic.map(|held| Found { name, enters, span, held }));
        }
        if let Some(hold) = notable::holds(&enters) {
            self.held.push(Held { hold, name, enters, span });
        } else if let Some(hold) = notable::drops(&enters) {
            if let Some(last) = self.held.iter().rposition(|held| held.hold == hold) {
                self.held.remove(last);
            }
        } else if let Some(held) = self.held.last() {
            self.found.push(Found { name, enters, span, held: held.clone() });
        }
    }
}

/// Whether a name is that of a type or a variant.
fn is_of_a_type(name: &str) -> bool {
    let is_flag = name.contains('_');
    name.starts_with(|c: char| c.is_ascii_uppercase()) && !is_flag
}

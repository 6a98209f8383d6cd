// SPDX-License-Identifier: GPL-2.0
//! Hooks that reenter their own function: every call of a changed function goes to the patch, so a
//! body that reaches its own function recurses until the stack is full.
//!
//! A body reaches a changed function by a call of its own, by the kernel's code behind such a call,
//! or by another hook of the patch. The direct calls of the kernel and its modules are facts;
//! whether they are made each time is not, so they warn.

use super::bodies::Rust;
use super::c_text::calls_in_c;
use super::calls::{calls, from_c, Call, Calls};
use super::symbols::Scope;
use super::Resolver;
use crate::notable;
use kps_ast::{self as ast, Span};
use kps_diag::{list, Diagnostic, Severity, RECURSIVE_HOOK};
use kps_facts::paths;
use kps_plan::ObjectName;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// How many calls deep the kernel's code is followed. Behind that are mostly error paths.
const DEPTH: usize = 6;

/// A function: the object that it is in, and its address there.
type Place<'s> = (&'s str, u64);

/// What the calls of a function reach, by the object of the caller and the name that it calls: the
/// indices of hooks, each with the functions between.
type Known<'s> = BTreeMap<(&'s str, String), Vec<(usize, Vec<String>)>>;

/// A function that the spec changes, and the changed functions that its bodies reach.
struct Hook<'s> {
    /// The object that it is in.
    object: &'s str,
    func: &'s ast::Func,
    /// Where it is, if the name tells.
    place: Option<Place<'s>>,
    /// Whether the old function still runs.
    runs_old: bool,
    reaches: Vec<Reach>,
}

/// A changed function that a body reaches.
struct Reach {
    /// The index of its hook.
    hook: usize,
    /// The call, as the body names it.
    call: String,
    /// Where it is, if it is in Rust.
    span: Option<Span>,
    /// The kernel's functions between the call and the changed function.
    through: Vec<String>,
    /// Whether the body gets there each time.
    is_certain: bool,
}

impl Resolver<'_> {
    pub(super) fn check_recursion(&mut self, spec: &ast::Patch, rust: &Rust) {
        let hooks = self.hooks(spec, rust);
        let mut reported = vec![false; hooks.len()];
        for n in 0..hooks.len() {
            let Some(cycle) = shortest_cycle(&hooks, n) else { continue };
            // A cycle is reported at its first function.
            if !std::mem::replace(&mut reported[n], true) {
                cycle.iter().for_each(|(hook, _)| reported[*hook] = true);
                self.report(recursion(&hooks, &cycle));
            }
        }
    }

    /// The functions that a spec changes, with what their bodies reach.
    fn hooks<'s>(&self, spec: &'s ast::Patch, rust: &Rust) -> Vec<Hook<'s>> {
        let mut hooks = Vec::new();
        for object in &spec.objects {
            let name = object.name.value.as_str();
            let scope = Scope::of(self.facts, name);
            for func in &object.funcs {
                let address = scope.and_then(|scope| self.address_of(scope, &func.symbol));
                let runs_old = func.replace.is_none_or(|new| {
                    rust.body(new.code).is_none_or(|(body, _)| !body.refs(&[]).originals.is_empty())
                });
                let place = address.map(|address| (name, address));
                hooks.push(Hook { object: name, func, place, runs_old, reaches: Vec::new() });
            }
        }
        let mut known = Known::new();
        for n in 0..hooks.len() {
            hooks[n].reaches = self.reaches(spec, rust, &hooks, n, &mut known);
        }
        hooks
    }

    /// The changed functions that the bodies of one function reach.
    fn reaches<'s>(
        &self,
        spec: &'s ast::Patch,
        rust: &Rust,
        hooks: &[Hook<'s>],
        n: usize,
        known: &mut Known<'s>,
    ) -> Vec<Reach> {
        let Hook { object, func, .. } = hooks[n];
        let mut reached = |name: &str| {
            let found = known.entry((object, name.to_owned()));
            found.or_insert_with(|| self.reached(spec, object, name, hooks)).clone()
        };
        let mut reaches = Vec::new();
        let bodies = [func.replace, func.pre, func.post].into_iter().flatten();
        let bodies = bodies.map(|body| calls(self.pieces, rust, spec, body.code));
        let frees = self.freeing_calls(spec, rust, object, &func.symbol);
        for mut calls in bodies.chain(frees) {
            let in_c = calls.calls.iter().flat_map(|call| self.through_c(spec, call));
            let in_c: Vec<Call> = in_c.collect();
            calls.calls.extend(in_c);
            for Call { name, enters, span, .. } in calls.calls {
                reaches.extend(reached(&enters).into_iter().map(|(hook, through)| {
                    let old_name = &hooks[hook].func.symbol.name.value;
                    let is_direct =
                        *old_name == enters || notable::passes_through(&enters, old_name);
                    Reach {
                        hook,
                        call: name.clone(),
                        span: Some(span),
                        through,
                        is_certain: is_direct && calls.is_straight,
                    }
                }));
            }
        }
        let file = func.replace_c.as_ref().and_then(|file| self.pieces.c_file(&file.value));
        let called = file.map(|text| calls_in_c(text, &func.symbol.name.value));
        for call in called.into_iter().flatten().map(|name| from_c(spec, &name)) {
            reaches.extend(reached(&call).into_iter().map(|(hook, through)| Reach {
                hook,
                call: call.clone(),
                span: None,
                through,
                is_certain: false,
            }));
        }
        reaches
    }

    /// The calls by which shadow data is freed before a function runs (`freed by`).
    fn freeing_calls(
        &self,
        spec: &ast::Patch,
        rust: &Rust,
        object: &str,
        symbol: &ast::Symbol,
    ) -> Vec<Calls> {
        let names = self.freed_before(object, symbol);
        let shadows =
            spec.shadows.iter().filter(|shadow| names.contains(&shadow.name.value.as_str()));
        let freeing = |shadow: &ast::Shadow| {
            let code = shadow.init;
            let call = Call::new("klp_shadow_free", shadow.name.span, code);
            let dtor = shadow.dtor.as_ref().map(|dtor| calls(self.pieces, rust, spec, dtor.code));
            let is_straight = true;
            dtor.into_iter().chain([Calls { calls: vec![call], is_straight }]).collect::<Vec<_>>()
        };
        shadows.flat_map(freeing).collect()
    }

    /// The changed functions that a call of a function in the code for an object reaches, each with
    /// the functions between.
    fn reached(
        &self,
        spec: &ast::Patch,
        object: &str,
        called: &str,
        hooks: &[Hook<'_>],
    ) -> Vec<(usize, Vec<String>)> {
        let start = self.callee(spec, object, called);
        let is_called = |hook: &Hook<'_>| {
            let is_other = start.is_some_and(|start| hook.place.is_some_and(|at| at != start));
            hook.func.symbol.name.value == called && !is_other
        };
        let direct = hooks.iter().enumerate().filter(|(_, hook)| is_called(hook));
        let mut found: Vec<(usize, Vec<String>)> = direct.map(|(n, _)| (n, Vec::new())).collect();
        if found.iter().any(|(n, _)| !hooks[*n].runs_old) {
            return found;
        }
        if let Some(start) = start {
            found.extend(self.behind(start, hooks));
        }
        // Kernels whose code is not known.
        let by_name = hooks.iter().enumerate().filter(|(n, hook)| {
            !found.iter().any(|(known, _)| known == n)
                && notable::passes_through(called, &hook.func.symbol.name.value)
        });
        let by_name: Vec<_> = by_name.map(|(n, _)| (n, Vec::new())).collect();
        found.extend(by_name);
        found
    }

    /// The function that the code for an object calls by a name. None if the name does not tell.
    fn callee<'s>(&self, spec: &'s ast::Patch, object: &str, called: &str) -> Option<Place<'s>> {
        let module = self.facts.modules.get(object);
        let is_visible = |name: &str| {
            let depends = module.is_some_and(|module| module.depends.iter().any(|d| d == name));
            name == object || name == ObjectName::IMAGE || depends
        };
        let visible = spec.objects.iter().filter(|other| is_visible(&other.name.value));
        let mut declared = visible.flat_map(|other| {
            let items = other.use_fns.iter().map(|item| &item.symbol);
            let named = items.filter(|symbol| symbol.name.value == called);
            named.map(|symbol| (other.name.value.as_str(), symbol))
        });
        if let Some((name, symbol)) = declared.next() {
            return Some((name, self.address_of(Scope::of(self.facts, name)?, symbol)?));
        }
        match self.facts.vmlinux.symbols.named(called)[..] {
            [symbol] => Some((ObjectName::IMAGE, symbol.address)),
            _ => None,
        }
    }

    /// The changed functions that the code behind a function calls.
    fn behind(&self, start: Place<'_>, hooks: &[Hook<'_>]) -> Vec<(usize, Vec<String>)> {
        let (object, start) = start;
        let module = self.facts.modules.get(object);
        // No other object's code is behind it.
        let changed: HashMap<u64, usize> = hooks
            .iter()
            .enumerate()
            .filter_map(|(n, hook)| Some((n, hook.place?)))
            .filter(|(_, (name, _))| *name == object || *name == ObjectName::IMAGE)
            .map(|(n, (_, address))| (address, n))
            .collect();
        let calls = |function| self.facts.calls_from(module, function);
        let is_gone = |function: &u64| changed.get(function).is_some_and(|&n| !hooks[n].runs_old);
        let name = |&address: &u64| {
            let own = module.into_iter().flat_map(|module| module.object.symbols.at(address));
            let mut all = own.chain(self.facts.vmlinux.symbols.at(address)).map(|sym| sym.name);
            all.next().unwrap_or_default().to_owned()
        };
        let paths = paths(start, DEPTH, calls, |address| changed.contains_key(&address));
        let behind = paths.iter().filter_map(|path| {
            let (last, between) = path.split_last()?;
            let is_open = !between.iter().any(is_gone);
            is_open.then(|| (changed[last], between.iter().map(name).collect()))
        });
        behind.collect()
    }
}

/// The shortest way from the body of a function back to the function: each hook on it with the
/// reach that leads to the next.
fn shortest_cycle(hooks: &[Hook<'_>], start: usize) -> Option<Vec<(usize, usize)>> {
    let mut from: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    let mut pending = VecDeque::from([start]);
    while let Some(hook) = pending.pop_front() {
        for (n, reach) in hooks[hook].reaches.iter().enumerate() {
            // A certain way is worth more than an equally long one that is not.
            let is_better = reach.hook == start && reach.is_certain;
            let is_new = !from.contains_key(&reach.hook);
            if is_better || is_new {
                from.insert(reach.hook, (hook, n));
            }
            if is_new && reach.hook != start {
                pending.push_back(reach.hook);
            }
        }
        if from.contains_key(&start) {
            break;
        }
    }
    let mut cycle = vec![*from.get(&start)?];
    while cycle[0].0 != start {
        cycle.insert(0, *from.get(&cycle[0].0)?);
    }
    Some(cycle)
}

fn recursion(hooks: &[Hook<'_>], cycle: &[(usize, usize)]) -> Diagnostic {
    let reach = |(hook, n): &(usize, usize)| &hooks[*hook].reaches[*n];
    let name = |hook: usize| hooks[hook].func.symbol.name.value.as_str();
    let first = reach(&cycle[0]);
    let (start, call) = (cycle[0].0, &first.call);
    let is_certain = cycle.iter().all(|step| reach(step).is_certain);
    let message = match (cycle, first.through.as_slice()) {
        ([_], []) if *call == name(start) => {
            format!("this calls `{call}`, which reenters this hook")
        }
        ([_], _) => format!("`{call}` calls `{}`, which reenters this hook", name(start)),
        _ => format!("`{call}` reenters the hook of `{}`", name(start)),
    };
    let mut diagnostic = match is_certain {
        true => Diagnostic::new(RECURSIVE_HOOK, message),
        false => Diagnostic::with(Severity::Warning, RECURSIVE_HOOK, message),
    };
    let func = hooks[start].func;
    diagnostic = match first.span {
        Some(span) => diagnostic.at(span, "").at(func.symbol.name.span, "this function is changed"),
        None => diagnostic.at(func.symbol.name.span, "its new body is in C"),
    };
    for step in cycle {
        let reach = reach(step);
        let via = match reach.through.as_slice() {
            [] => String::new(),
            through => format!(" through {}", list(through, "and")),
        };
        let call = format!("the patch's code for `{}` calls `{}`", name(step.0), reach.call);
        if reach.call != name(reach.hook) {
            let reached = name(reach.hook);
            diagnostic = diagnostic.note(format!("{call}, which calls `{reached}`{via}"));
        } else if cycle.len() > 1 {
            diagnostic = diagnostic.note(call);
        }
    }
    let help = match func.replace {
        _ if cycle.len() > 1 => "drop one of these calls, or change fewer functions",
        _ if *call != name(start) => {
            "drop the call: count in a `static`, and show that in another function"
        }
        Some(_) => "write `original(..)`, which is the old function",
        None => "drop the call, or write a `replace` that calls `original(..)`",
    };
    diagnostic
        .note(match is_certain {
            true => "every call goes to the patch, so this recurses until the stack is full",
            false => "every call goes to the patch: make sure that the recursion ends before the stack is full",
        })
        .help(help)
}

// SPDX-License-Identifier: GPL-2.0
//! `when`: leaves out the items that are for other kernels, before any name is resolved. Nothing
//! after this knows of conditions.

use super::metadata::{invalid_range, is_meant_for, version_of};
use super::rust::{parse_body, parse_item};
use super::symbols::Scope;
use super::Resolver;
use crate::advice::Advice;
use kps_ast::{self as ast, Condition, Form, Hook, Name, Span, When};
use kps_diag::{Diagnostic, LEFT_UNCHANGED, NO_ALTERNATIVE};
use kps_facts::{Facts, Object};

/// Whether conditions hold for a kernel as far as they need no more than its version: modules are
/// read only for objects that the kernel may have.
pub fn may_hold(when: &[When], release: &str) -> bool {
    when.iter().all(|when| match &when.condition {
        // A range that is not valid leaves out nothing: it is an error anyway.
        Condition::Kernel(range) => is_meant_for(&range.value, release).unwrap_or(true),
        Condition::Has(_) | Condition::Lacks(_) => true,
    })
}

/// Whether conditions hold. A module that the kernel does not have lacks everything.
fn hold(when: &[When], facts: &Facts, object: Option<&Object>) -> bool {
    let has =
        |name: &Name| object.is_some_and(|object| !object.symbols.named(&name.value).is_empty());
    may_hold(when, &facts.identity.release)
        && when.iter().all(|when| match &when.condition {
            Condition::Kernel(_) => true,
            Condition::Has(name) => has(name),
            Condition::Lacks(name) => !has(name),
        })
}

impl Resolver<'_> {
    /// The patch without the items that are for other kernels.
    pub(super) fn for_target(&mut self, spec: &ast::Patch) -> ast::Patch {
        let facts = self.facts;
        self.check_ranges(spec);
        let mut kept = spec.clone();
        for object in &mut kept.objects {
            let contents = Scope::of(facts, &object.name.value).map(|scope| scope.object);
            let here = |when: &[When]| hold(when, facts, contents);
            let is_here = here(&object.when);
            let drop = |when: &[When], place: Span, absent: &mut Vec<Span>| {
                let stays = is_here && here(when);
                absent.extend((!stays).then_some(place));
                stays
            };
            let absent = &mut kept.absent;
            let before = absent.len();
            object.funcs.retain(|func| drop(&func.when, func.symbol.name.span, absent));
            object.use_fns.retain(|item| drop(&item.when, item.symbol.name.span, absent));
            object.use_statics.retain(|item| drop(&item.when, item.symbol.name.span, absent));
            object.use_percpus.retain(|item| drop(&item.when, item.symbol.name.span, absent));
            // An object of a crate is there because of its items.
            let is_empty = absent.len() > before
                && object.used_symbols().next().is_none()
                && object.funcs.is_empty()
                && object.callbacks.is_empty();
            if !is_here || is_empty && spec.form == Form::Crate && object.from.is_none() {
                absent.push(object.name.span);
            }
        }
        let is_left = |span: Span| kept.absent.contains(&span);
        let objects = spec.objects.iter().filter(|object| is_left(object.name.span));
        let names: Vec<Span> = objects.map(|object| object.name.span).collect();
        self.report_left_out(spec, &is_left);
        kept.objects.retain(|object| !names.contains(&object.name.span));
        let here = |when: &[When]| hold(when, facts, Some(&facts.vmlinux));
        for item in spec.items.iter().filter(|item| !here(&item.when)) {
            kept.absent.push(item.code.span);
            self.check_syntax(parse_item(self.pieces, item.code).err());
        }
        kept.items.retain(|item| here(&item.when));
        kept.absent.extend(spec.tests.iter().filter(|test| !here(&test.when)).map(|t| t.whole));
        kept.tests.retain(|test| here(&test.when));
        kept
    }

    /// Resolves a function for the kernels that its conditions name: a position is that of one.
    pub(super) fn as_for<'w, T>(
        &mut self,
        when: impl Iterator<Item = &'w When>,
        resolve: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = (self.names_one_kernel, self.names_this_kernel);
        for when in when {
            if let Condition::Kernel(range) = &when.condition {
                self.names_one_kernel |= !range.value.contains("..");
                self.names_this_kernel |=
                    range.value.trim() == version_of(&self.facts.identity.release);
            }
        }
        let resolved = resolve(self);
        (self.names_one_kernel, self.names_this_kernel) = before;
        resolved
    }

    /// Reports the ranges that are none.
    fn check_ranges(&mut self, spec: &ast::Patch) {
        let of_objects = spec.objects.iter().flat_map(|object| {
            let funcs = object.funcs.iter().map(|func| &func.when);
            let fns = object.use_fns.iter().map(|item| &item.when);
            let statics = object.use_statics.iter().map(|item| &item.when);
            let percpus = object.use_percpus.iter().map(|item| &item.when);
            std::iter::once(&object.when).chain(funcs).chain(fns).chain(statics).chain(percpus)
        });
        let others = spec.items.iter().map(|item| &item.when);
        let all = of_objects.chain(others).chain(spec.tests.iter().map(|test| &test.when));
        for when in all.flatten() {
            if let Condition::Kernel(range) = &when.condition {
                if is_meant_for(&range.value, &self.facts.identity.release).is_none() {
                    self.report(invalid_range(range));
                }
            }
        }
    }

    /// Reports the functions that stay unchanged because no alternative is for the target. The text
    /// of the alternatives is checked on every kernel.
    fn report_left_out(&mut self, spec: &ast::Patch, is_left: &impl Fn(Span) -> bool) {
        let all =
            || spec.objects.iter().flat_map(|object| object.funcs.iter().map(move |f| (object, f)));
        let (absent, here): (Vec<_>, Vec<_>) =
            all().partition(|(_, func)| is_left(func.symbol.name.span));
        for (n, (object, func)) in absent.iter().enumerate() {
            for body in Hook::ALL.iter().filter_map(|&hook| func.hook(hook)) {
                self.check_syntax(parse_body(self.pieces, body.code).err());
            }
            let is_same = |(of, other): &&(&ast::Object, &ast::Func)| {
                of.name.value == object.name.value
                    && other.symbol.name.value == func.symbol.name.value
            };
            let conditions = conditions(object, func);
            let replaces = |(of, other): &(&ast::Object, &ast::Func)| {
                self::conditions(of, other)
                    .any(|when| conditions.clone().any(|own| is_counterpart(when, own)))
            };
            if here.iter().any(|other| is_same(&other)) || absent[..n].iter().any(|o| is_same(&o)) {
                continue;
            }
            let others: Vec<_> = absent[n + 1..].iter().filter(is_same).collect();
            let release = self.facts.identity.release.clone();
            let (name, place) = (&func.symbol.name.value, func.symbol.name.span);
            if !others.is_empty() {
                let message = format!("no alternative of `{name}` is for {release}");
                let error = Diagnostic::new(NO_ALTERNATIVE, message).at(place, "");
                let error = others.iter().fold(error, |error, (_, other)| {
                    error.at(other.symbol.name.span, "nor is this")
                });
                self.report(error.help(Advice::Alternative.text(self.form)));
            } else if !here.iter().any(replaces) {
                let message = format!("`{name}` stays unchanged on {release}");
                self.report(
                    Diagnostic::new(LEFT_UNCHANGED, message)
                        .at(place, "")
                        .note("its condition does not hold, and no other function takes its place")
                        .help(Advice::Alternative.text(self.form)),
                );
            }
        }
    }

    fn check_syntax(&mut self, error: Option<Diagnostic>) {
        error.into_iter().for_each(|error| self.report(error));
    }
}

/// The conditions of a function, with those of its object.
fn conditions<'s>(
    object: &'s ast::Object,
    func: &'s ast::Func,
) -> impl Iterator<Item = &'s When> + Clone {
    object.when.iter().chain(&func.when)
}

/// Whether a condition that holds is about the same as one that does not: a function with it is
/// meant in place of the other.
fn is_counterpart(holds: &When, other: &When) -> bool {
    match (&holds.condition, &other.condition) {
        (Condition::Kernel(_), Condition::Kernel(_)) => true,
        (Condition::Has(a) | Condition::Lacks(a), Condition::Has(b) | Condition::Lacks(b)) => {
            a.value == b.value
        }
        _ => false,
    }
}

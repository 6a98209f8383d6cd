// SPDX-License-Identifier: GPL-2.0
//! Functions of the patch that the kernel calls in atomic context, because the patch makes timers,
//! interrupt handlers, RCU callbacks and the like of them.

use super::bodies::Rust;
use super::calls::{calls_of, sleep_in_atomic, Call, STOPS};
use super::own::OwnCode;
use super::Resolver;
use crate::notable;
use kps_ast::{self as ast, Code, Span};
use kps_codegen::refs::Refs;
use kps_diag::Diagnostic;
use kps_facts::Role;

/// A function that the patch hands to the kernel.
struct Handed {
    name: String,
    role: Role,
    /// What says so, and where.
    why: String,
    span: Span,
    calls: Vec<Call>,
}

impl Resolver<'_> {
    pub(super) fn check_handed(&mut self, spec: &ast::Patch, rust: &Rust) {
        for Handed { name, role, why, span, calls } in self.handed(spec, rust) {
            for call in &calls {
                let sleeper = self.sleeper(&call.enters);
                let sleeper = sleeper.filter(|_| !notable::defers_in_interrupts(&call.enters));
                let Some(sleeper) = sleeper else { continue };
                let message =
                    format!("`{}` may sleep, and `{name}` runs in atomic context", call.name);
                let error =
                    sleep_in_atomic(message, (&call.name, &call.enters), &sleeper, call.span);
                let error = error.at(span, why.as_str());
                let error = role.atomic().into_iter().fold(error, Diagnostic::note);
                self.report(error.note(STOPS));
            }
        }
    }

    /// The functions that the patch hands to the kernel, each once.
    fn handed(&self, spec: &ast::Patch, rust: &Rust) -> Vec<Handed> {
        let snippets = rust.snippets();
        let mut handed: Vec<Handed> = Vec::new();
        for (code, refs) in &snippets {
            for passed in &refs.passed {
                let mut roles = Role::registered_by(&passed.function);
                let role = roles.find(|(_, argument)| *argument == passed.argument);
                let Some((role, _)) = role.filter(|(role, _)| role.atomic().is_some()) else {
                    continue;
                };
                if handed.iter().any(|handed| handed.name == passed.name) {
                    continue;
                }
                let span = self.pieces.place(*code, passed.span);
                let why = format!("the patch gives it to `{}`", passed.function);
                let (name, code) = (passed.name.clone(), *code);
                let calls = self.calls_behind(spec, rust, &name, code, span);
                handed.push(Handed { name, role, why, span, calls });
            }
        }
        for own in rust.own.functions() {
            let role = own.signature.as_ref().and_then(role_of_signature);
            let Some(role) = role.filter(|_| !handed.iter().any(|known| known.name == own.name))
            else {
                continue;
            };
            let used = snippets.iter().find_map(|(code, refs)| Some((code, value(refs, own)?)));
            let Some((&code, place)) = used else { continue };
            let span = self.pieces.place(code, place);
            let why = "the patch hands it out here".to_owned();
            let calls = self.calls_behind(spec, rust, &own.name, code, span);
            handed.push(Handed { name: own.name.clone(), role, why, span, calls });
        }
        handed
    }

    /// The calls of a function of the patch, in Rust or in C.
    fn calls_behind(
        &self,
        spec: &ast::Patch,
        rust: &Rust,
        name: &str,
        code: Code,
        span: Span,
    ) -> Vec<Call> {
        let own = rust.own.functions().find(|own| own.name == name);
        let mut calls = match own {
            Some(own) => calls_of(self.pieces, rust, spec, own.code, &own.refs).calls,
            None => return self.through_c(spec, &Call::new(name, span, code)),
        };
        let in_c: Vec<Call> = calls.iter().flat_map(|call| self.through_c(spec, call)).collect();
        calls.extend(in_c);
        calls
    }
}

/// Where some code uses a function as a value.
fn value(refs: &Refs, own: &OwnCode) -> Option<proc_macro2::Span> {
    let names = refs.names.iter().filter(|name| !name.called && name.name == own.name);
    let paths = refs.paths.iter().filter(|path| !path.called && path.last == own.name);
    names.map(|name| name.span).chain(paths.map(|path| path.span)).next()
}

/// The role of functions with a prototype. The kernel has no others of these.
fn role_of_signature(signature: &syn::Signature) -> Option<Role> {
    let last = |ty: &syn::Type| match ty {
        syn::Type::Path(ty) => ty.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    };
    let to = |input: &syn::FnArg| match input {
        syn::FnArg::Typed(syn::PatType { ty, .. }) => match &**ty {
            syn::Type::Ptr(to) => last(&to.elem),
            _ => None,
        },
        syn::FnArg::Receiver(_) => None,
    };
    signature.abi.as_ref()?;
    let inputs: Vec<&syn::FnArg> = signature.inputs.iter().collect();
    let &[input] = inputs.as_slice() else { return None };
    let ret = match &signature.output {
        syn::ReturnType::Default => None,
        syn::ReturnType::Type(_, ty) => Some(last(ty).unwrap_or_default()),
    };
    match (to(input)?.as_str(), ret.as_deref()) {
        ("timer_list", None) => Some(Role::Timer),
        // `task_work` calls functions of the other name of it, `callback_head`, too.
        ("rcu_head", None) => Some(Role::RcuCallback),
        ("irq_work", None) => Some(Role::IrqWork),
        ("tasklet_struct", None) => Some(Role::Tasklet),
        ("hrtimer", Some("hrtimer_restart")) => Some(Role::HrTimer),
        _ => None,
    }
}

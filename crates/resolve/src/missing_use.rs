// SPDX-License-Identifier: GPL-2.0
//! Kernel names that a body uses without the required declaration.

use super::names::exported;
use super::percpu::is_per_cpu;
use super::symbols::Scope;
use super::uses::Untyped;
use super::Resolver;
use crate::advice::{self, Advice};
use crate::propose::TYPES;
use kps_ast::Span;
use kps_codegen::refs::{Name, Role};
use kps_diag::{Diagnostic, MISSING_USE, UNKNOWN_PROTOTYPE};
use kps_facts::Importer;
use kps_plan::ObjectName;

impl Resolver<'_> {
    /// A name that another object has: only its own bodies can use it.
    /// Returns whether there is one.
    fn of_another_object(&mut self, name: &Name, span: Span) -> bool {
        let text = &name.name;
        let Some(&other) = self.objects_with(text).first() else { return false };
        let is_function = Scope::of(self.facts, other).is_some_and(|scope| {
            scope.object.symbols.named(text).iter().all(|sym| scope.object.is_function(*sym))
        });
        let kind = match name.role {
            Role::Function => "function",
            Role::Value if !is_function => "variable",
            _ => return true,
        };
        let error = Diagnostic::new(MISSING_USE, format!("`{text}` is a {kind} of {other}"))
            .at(span, "")
            .note("a module's symbols exist only while it is loaded")
            .help(Advice::InBodiesOf(other).text(self.form));
        self.report(error);
        true
    }

    /// A name that is declared without a type, which is known nowhere. Returns whether it is one.
    pub(super) fn missing_type(&mut self, object: &str, name: &Name, span: Span) -> bool {
        let is_in_scope =
            |untyped: &Untyped| untyped.object == ObjectName::IMAGE || untyped.object == object;
        let Some(untyped) = self.untyped.as_mut().filter(|_| name.role != Role::Type) else {
            return false;
        };
        if !untyped.get(&name.name).is_some_and(is_in_scope) {
            return false;
        }
        if let Some(Untyped { error, .. }) = untyped.remove(&name.name) {
            self.report(
                error.at(span, "Rust names it here").note(
                    "only C files can use it without its type: they have a declaration of it",
                ),
            );
        }
        true
    }

    /// A name that is a kernel symbol but needs a declaration. Returns whether it is one.
    pub(super) fn missing_use(
        &mut self,
        object: &str,
        name: &Name,
        span: Span,
        importer: &mut Importer<'_>,
    ) -> bool {
        let text = &name.name;
        let scopes = [Scope::of(self.facts, object), Some(Scope::vmlinux(self.facts))];
        let found = scopes.into_iter().flatten().find_map(|scope| {
            let &symbol = scope.object.symbols.named(text).first()?;
            Some((scope, symbol))
        });
        let Some((scope, symbol)) = found else {
            return self.of_another_object(name, span);
        };
        let is_function = scope.object.is_function(symbol);
        // rustc knows better whether a name in another role is meant to be a kernel symbol.
        if name.role == Role::Type || (name.role == Role::Function && !is_function) {
            return true;
        }
        let exported = scope.module.is_none() && exported(self.facts, text).is_some();
        let known = self.prototypes(scope, text).first().copied();
        let object = scope.name;
        let prototype = known.and_then(|id| importer.signature(id));
        let prototype = prototype.map(|signature| advice::prototype(importer.types(), &signature));
        let prototype = prototype.as_deref();
        let (code, message, advice) = match (is_function, known) {
            (true, Some(_)) => {
                let message = match scope.module {
                    None => format!("`{text}` is not exported to modules"),
                    Some(_) => format!("`{text}` is a function of {}", scope.name),
                };
                (
                    MISSING_USE,
                    message,
                    Advice::UseFn { object, name: text, prototype, is_in_btf: true },
                )
            }
            (true, None) => (
                UNKNOWN_PROTOTYPE,
                format!("BTF has no prototype of `{text}`"),
                Advice::UseFn { object, name: text, prototype, is_in_btf: false },
            ),
            (false, _) if is_per_cpu(scope, symbol.address) => (
                MISSING_USE,
                format!("`{text}` is a per-CPU variable of the kernel"),
                Advice::UsePerCpu { object, name: text },
            ),
            (false, _) => (
                MISSING_USE,
                format!("the type of kernel variable `{text}` is not known"),
                Advice::UseStatic { object, name: text },
            ),
        };
        let mut error = Diagnostic::new(code, message).at(span, "");
        if let Some(id) = known {
            error = error.note(format!("in the kernel it is `{}`", self.facts.btf.declaration(id)));
        }
        if !exported && is_function {
            error = error.note("a klp relocation will reach it");
        }
        let advice = advice.text(self.form);
        if advice.contains("TYPE") {
            error = error.note(TYPES);
        }
        self.report(error.help(advice));
        true
    }
}

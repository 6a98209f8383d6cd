// SPDX-License-Identifier: GPL-2.0
//! Per-CPU variables: `use percpu` declarations and their types, which BTF knows.

use super::symbols::{Found, Scope, Wanted};
use super::Resolver;
use crate::advice::Advice;
use crate::propose::TYPES;
use kps_ast::{self as ast, Code};
use kps_diag::{Diagnostic, PER_CPU_MISMATCH, UNKNOWN_PROTOTYPE, WRONG_PROTOTYPE};
use kps_facts::Importer;
use kps_plan::{Static, StaticKind, Type};

/// Whether an address holds the initial value of a per-CPU variable. Only its section tells.
pub(super) fn is_per_cpu(scope: Scope<'_>, address: u64) -> bool {
    scope
        .object
        .section_of(address)
        .is_some_and(|section| section.name.starts_with(".data..percpu"))
}

impl Resolver<'_> {
    /// A variable that `use percpu` declares.
    pub(super) fn per_cpu(
        &mut self,
        scope: Scope<'_>,
        item: &ast::UsePerCpu,
        importer: &mut Importer<'_>,
    ) -> Option<Static> {
        let symbol = &item.symbol;
        let name = &symbol.name.value;
        let found = self.find(scope, symbol, Wanted::Variable)?;
        if !is_per_cpu(scope, found.address) {
            self.report(
                Diagnostic::new(PER_CPU_MISMATCH, format!("`{name}` is not a per-CPU variable"))
                    .at(symbol.name.span, "")
                    .note("all CPUs share one copy")
                    .help({
                        let ty = item.ty.map(|ty| self.pieces.text(ty.span));
                        Advice::NotPerCpu { name, ty: ty.as_deref().unwrap_or("TYPE") }
                            .text(self.form)
                    }),
            );
            return None;
        }
        let ty = self.per_cpu_type(scope, item, importer)?;
        if let Some(written) = item.ty {
            self.check_size(scope, symbol, written, found.address, importer.types().size(&ty));
        }
        Some(Static {
            name: name.clone(),
            ty,
            kind: StaticKind::PerCpu,
            link: self.link(found.symbol),
        })
    }

    /// The type from BTF or from the declaration. If both exist, they must agree.
    fn per_cpu_type(
        &mut self,
        scope: Scope<'_>,
        item: &ast::UsePerCpu,
        importer: &mut Importer<'_>,
    ) -> Option<Type> {
        let name = &item.symbol.name;
        let ids = self.of_scope(scope, self.facts.btf.variables(&name.value));
        let known: Vec<Type> = ids.iter().map(|&id| importer.ty(id)).collect();
        let Some(written) = item.ty else {
            let (message, note) = match known.as_slice() {
                [one, others @ ..]
                    if others.iter().all(|other| importer.types().same(one, other)) =>
                {
                    return Some(one.clone());
                }
                [] => (
                    "BTF has no type of",
                    "the kernel's type information does not cover every variable",
                ),
                _ => (
                    "BTF has more than one type of",
                    "several translation units have a variable of that name",
                ),
            };
            self.report(
                Diagnostic::new(UNKNOWN_PROTOTYPE, format!("{message} `{}`", name.value))
                    .at(name.span, "")
                    .note(note)
                    .note(TYPES)
                    .help(format!("write it: `use percpu {}: TYPE;`", name.value)),
            );
            return None;
        };
        let ty = self.written_type(written, importer)?;
        if !known.is_empty() && !known.iter().any(|known| importer.types().same(known, &ty)) {
            let error =
                Diagnostic::new(WRONG_PROTOTYPE, format!("`{}` has a different type", name.value));
            let error = ids.iter().fold(error.at(written.span, ""), |error, &id| {
                error.note(format!("in the kernel it is `{}`", self.facts.btf.declaration(id)))
            });
            self.report(error.help(Advice::KnownType.text(self.form)));
            return None;
        }
        Some(ty)
    }

    /// Whether all CPUs share one variable, as `use static` requires.
    pub(super) fn is_one(
        &mut self,
        scope: Scope<'_>,
        symbol: &ast::Symbol,
        ty: Code,
        found: &Found,
    ) -> bool {
        let name = &symbol.name;
        if !is_per_cpu(scope, found.address) {
            return true;
        }
        let is_known = !self.of_scope(scope, self.facts.btf.variables(&name.value)).is_empty();
        let ty = if is_known { None } else { Some(self.pieces.text(ty.span)) };
        let advice = Advice::PerCpu { name: &name.value, ty: ty.as_deref() }.text(self.form);
        self.report(
            Diagnostic::new(PER_CPU_MISMATCH, format!("`{}` is a per-CPU variable", name.value))
                .at(name.span, "")
                .note("every CPU has its own copy, and the symbol points to none of them")
                .help(advice),
        );
        false
    }
}

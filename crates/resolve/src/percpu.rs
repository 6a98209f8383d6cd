// SPDX-License-Identifier: GPL-2.0
//! Per-CPU variables: `use percpu` declarations and their types, which BTF knows.

use super::symbols::{Found, Scope, Wanted};
use super::Resolver;
use crate::advice::Advice;
use crate::propose::TYPES;
use kps_ast::{self as ast, Code};
use kps_diag::{Diagnostic, PER_CPU_MISMATCH, UNKNOWN_PROTOTYPE, WRONG_PROTOTYPE};
use kps_facts::Importer;
use kps_plan::{Static, StaticKind, Type, Uses};

/// Whether an address holds the initial value of a per-CPU variable. Only its section tells.
pub(super) fn is_per_cpu(scope: Scope<'_>, address: u64) -> bool {
    scope
        .object
        .section_of(address)
        .is_some_and(|section| section.name.starts_with(".data..percpu"))
}

impl Resolver<'_> {
    /// Adds a variable that `use percpu` declares.
    pub(super) fn use_percpu(
        &mut self,
        scope: Scope<'_>,
        item: &ast::UsePerCpu,
        importer: &mut Importer<'_>,
        uses: &mut Uses,
    ) {
        let symbol = &item.symbol;
        let name = &symbol.name.value;
        let Some(found) = self.find(scope, symbol, Wanted::Variable) else { return };
        if !is_per_cpu(scope, found.address) {
            return self.report(
                Diagnostic::new(PER_CPU_MISMATCH, format!("`{name}` is not a per-CPU variable"))
                    .at(symbol.name.span, "")
                    .note("all CPUs share one copy")
                    .help({
                        let ty = item.ty.map(|ty| self.pieces.text(ty.span));
                        Advice::NotPerCpu { name, ty: ty.as_deref().unwrap_or("TYPE") }
                            .text(self.form)
                    }),
            );
        }
        let link = self.link(found.symbol);
        let ty = match item.ty {
            Some(written) => self.per_cpu_type(scope, &symbol.name, written, importer),
            None => match self.known_type(scope, &symbol.name, "percpu", importer) {
                Ok(ty) => Some(ty),
                Err(error) => return self.keep_untyped(scope, symbol, link, error, uses),
            },
        };
        let Some(ty) = ty else { return };
        if let Some(written) = item.ty {
            self.check_size(scope, symbol, written, found.address, importer.types().size(&ty));
        }
        uses.statics.push(Static { name: name.clone(), ty, kind: StaticKind::PerCpu, link });
    }

    /// The type of a variable from BTF, or the error about its absence. `word` is that of its
    /// `use`.
    pub(super) fn known_type(
        &self,
        scope: Scope<'_>,
        name: &ast::Name,
        word: &str,
        importer: &mut Importer<'_>,
    ) -> Result<Type, Diagnostic> {
        let ids = self.of_scope(scope, self.facts.btf.variables(&name.value));
        let known: Vec<Type> = ids.iter().map(|&id| importer.ty(id)).collect();
        let (message, note) = match known.as_slice() {
            [one, others @ ..] if others.iter().all(|other| importer.types().same(one, other)) => {
                return Ok(one.clone());
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
        Err(Diagnostic::new(UNKNOWN_PROTOTYPE, format!("{message} `{}`", name.value))
            .at(name.span, "")
            .note(note)
            .note(TYPES)
            .help(Advice::VariableType { word, name: &name.value }.text(self.form)))
    }

    /// The type that the author gives a per-CPU variable. If BTF has one, the two must agree.
    fn per_cpu_type(
        &mut self,
        scope: Scope<'_>,
        name: &ast::Name,
        written: Code,
        importer: &mut Importer<'_>,
    ) -> Option<Type> {
        let ids = self.of_scope(scope, self.facts.btf.variables(&name.value));
        let known: Vec<Type> = ids.iter().map(|&id| importer.ty(id)).collect();
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
        ty: Option<Code>,
        found: &Found,
    ) -> bool {
        let name = &symbol.name;
        if !is_per_cpu(scope, found.address) {
            return true;
        }
        let is_known = !self.of_scope(scope, self.facts.btf.variables(&name.value)).is_empty();
        let ty = ty.filter(|_| !is_known).map(|ty| self.pieces.text(ty.span));
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

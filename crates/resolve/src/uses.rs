// SPDX-License-Identifier: GPL-2.0
//! The `use` lines of a patch: kernel symbols that bodies and C files reach through klp
//! relocations.
//!
//! Rust needs the type of what it uses, from BTF or from the author. C brings its own declarations,
//! so a line without a type that is known nowhere is complete as long as no Rust names the symbol.

use super::clones::Told;
use super::names::exported;
use super::signatures::{no_prototype, Known};
use super::symbols::{Found, Scope, Wanted};
use super::Resolver;
use kps_ast::{self as ast, Code, Span};
use kps_diag::{Diagnostic, FREED_AFTER_BOOT, REPEATED_NAME, VARIABLE_TOO_LARGE};
use kps_facts::Importer;
use kps_plan::{CSymbol, Function, Link, ObjectName, Static, StaticKind, Symbol, Uses};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What the `use` lines of a spec declare.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// Symbols of vmlinux.
    pub(super) vmlinux: Uses,
    /// Symbols of modules, by module.
    pub(super) modules: BTreeMap<String, Uses>,
    /// The declared names that Rust may use by object, including those that could not be resolved.
    pub(super) names: BTreeMap<String, BTreeSet<String>>,
}

/// A declared symbol whose type is known nowhere.
#[derive(Debug)]
pub(super) struct Untyped {
    /// The object that it is declared in.
    pub(super) object: String,
    /// The error, if Rust uses it.
    pub(super) error: Diagnostic,
}

impl Resolver<'_> {
    /// What the `use` lines declare.
    pub(super) fn declared(
        &mut self,
        objects: &[(Scope<'_>, &ast::Object)],
        importer: &mut Importer<'_>,
    ) -> Declared {
        let mut declared = Declared::default();
        let mut seen: HashMap<String, Span> = HashMap::new();
        for &(scope, object) in objects {
            let mut uses = Uses::default();
            for item in &object.use_fns {
                if self.first_use(&mut seen, &item.symbol) {
                    self.use_fn(scope, item, importer, &mut uses);
                }
            }
            for item in &object.use_statics {
                if self.first_use(&mut seen, &item.symbol) {
                    self.use_static(scope, item, importer, &mut uses);
                }
            }
            for item in &object.use_percpus {
                if self.first_use(&mut seen, &item.symbol) {
                    self.use_percpu(scope, item, importer, &mut uses);
                }
            }
            let typed = object.used_symbols().map(|symbol| &symbol.name.value);
            let is_untyped =
                |name: &str| self.untyped.as_ref().is_some_and(|all| all.contains_key(name));
            let typed = typed.filter(|name| !is_untyped(name)).cloned();
            declared.names.insert(scope.name.to_owned(), typed.collect());
            match scope.module {
                None => declared.vmlinux = uses,
                Some(_) => drop(declared.modules.insert(scope.name.to_owned(), uses)),
            }
        }
        declared
    }

    fn use_fn(
        &mut self,
        scope: Scope<'_>,
        item: &ast::UseFn,
        importer: &mut Importer<'_>,
        uses: &mut Uses,
    ) {
        let (symbol, name) = (&item.symbol, &item.symbol.name);
        let found = self.find(scope, symbol, Wanted::Callee);
        let found = found.filter(|found| self.stays(scope, symbol, found));
        // Nothing is known of a function that is not there.
        let Some(found) = found else { return };
        let link = self.link(found.symbol);
        if item.prototype.is_none() && !self.is_unknown_clone(&name.value) {
            let known = self.known_signature(scope, &name.value, importer);
            if !matches!(known, Known::One(_)) {
                return self.keep_untyped(scope, symbol, link, no_prototype(name, &known), uses);
            }
        }
        let written = item.prototype.as_ref();
        let signature = self.signature(scope, symbol, written, Told::Nowhere, importer);
        let name = name.value.clone();
        uses.functions.extend(signature.map(|signature| Function { name, signature, link }));
    }

    fn use_static(
        &mut self,
        scope: Scope<'_>,
        item: &ast::UseStatic,
        importer: &mut Importer<'_>,
        uses: &mut Uses,
    ) {
        let (symbol, name) = (&item.symbol, &item.symbol.name);
        let found = self.find(scope, symbol, Wanted::Variable);
        let found = found.filter(|found| self.is_one(scope, symbol, item.ty, found));
        let found = found.filter(|found| self.stays(scope, symbol, found));
        let ty = match item.ty {
            Some(written) => self.written_type(written, importer).map(Ok),
            None => Some(self.known_type(scope, name, "static", importer)),
        };
        let (Some(found), Some(ty)) = (found, ty) else { return };
        let link = self.link(found.symbol.clone());
        let ty = match ty {
            Ok(ty) => ty,
            Err(error) => return self.keep_untyped(scope, symbol, link, error, uses),
        };
        if let Some(written) = item.ty {
            self.check_size(scope, symbol, written, found.address, importer.types().size(&ty));
        }
        let kind = match scope.object.is_read_only(found.address) {
            true => StaticKind::ReadOnly,
            false => StaticKind::Plain,
        };
        uses.statics.push(Static { name: name.value.clone(), ty, kind, link });
    }

    /// Keeps a symbol whose type is known nowhere for the C files of the patch. Without such files
    /// the missing type is an error at once.
    pub(super) fn keep_untyped(
        &mut self,
        scope: Scope<'_>,
        symbol: &ast::Symbol,
        link: Link,
        error: Diagnostic,
        uses: &mut Uses,
    ) {
        let Some(untyped) = &mut self.untyped else { return self.report(error) };
        let name = symbol.name.value.clone();
        let object = scope.name.to_owned();
        untyped.insert(name.clone(), Untyped { object, error });
        uses.of_c.push(CSymbol { name, link });
    }

    /// Whether an address stays valid after boot, or after the module is loaded.
    fn stays(&mut self, scope: Scope<'_>, symbol: &ast::Symbol, found: &Found) -> bool {
        let name = &symbol.name;
        if scope.object.is_init(found.address) {
            self.report(freed(scope, name).help("use the data that it set up"));
            return false;
        }
        true
    }

    fn first_use(&mut self, seen: &mut HashMap<String, Span>, symbol: &ast::Symbol) -> bool {
        let name = &symbol.name;
        if let Some(&first) = seen.get(&name.value) {
            self.report(
                Diagnostic::new(REPEATED_NAME, format!("`{}` is declared twice", name.value))
                    .at(name.span, "")
                    .at(first, "first here")
                    .help("drop one"),
            );
            return false;
        }
        seen.insert(name.value.clone(), name.span);
        true
    }

    /// Exports of vmlinux link directly, and everything else needs a klp relocation: a direct link
    /// to a symbol of a module would make the module load before the patch.
    pub(super) fn link(&self, symbol: Symbol) -> Link {
        let export = Some(&symbol.object).filter(|object| **object == ObjectName::Vmlinux);
        match export.and_then(|_| exported(self.facts, &symbol.name)) {
            // An export is one symbol; an ambiguous name needs its position.
            Some(export) if symbol.sympos == 0 => {
                Link::Export { namespace: export.namespace.map(str::to_owned) }
            }
            _ => Link::Livepatch(symbol),
        }
    }

    pub(super) fn check_size(
        &mut self,
        scope: Scope<'_>,
        symbol: &ast::Symbol,
        ty: Code,
        address: u64,
        size: Option<u64>,
    ) {
        let name = &symbol.name;
        let end = scope
            .object
            .section_of(address)
            .map(|section| section.address.saturating_add(section.size));
        let next = scope.object.symbols.next_address(address);
        let Some(next) = next.into_iter().chain(end).min() else { return };
        if size.is_none_or(|size| size > next - address) {
            let large = size.map_or("no valid size".to_owned(), |size| format!("{size} bytes"));
            self.report(
                Diagnostic::new(VARIABLE_TOO_LARGE, format!("this type is larger than `{}`", name.value))
                    .at(ty.span, large)
                    .note(format!("in {} it has room for {} bytes", scope.name, next - address))
                    .help("write the type that it has in the kernel's source: `c_int` (4 bytes) for `int`, `c_long` (8 bytes) for `long`"),
            );
        }
    }
}

/// The error about a symbol whose memory is freed after boot, or after the module is loaded.
pub(super) fn freed(scope: Scope<'_>, name: &ast::Name) -> Diagnostic {
    let message = format!("`{}` is freed after {}", name.value, scope.ready());
    Diagnostic::new(FREED_AFTER_BOOT, message)
        .at(name.span, "")
        .note("it is `__init`: its memory is freed and reused")
}

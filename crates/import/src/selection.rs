// SPDX-License-Identifier: GPL-2.0
//! What the new bodies need of their file: which of its items are taken as they are, and which
//! become declarations of what the kernel has.

mod statics;

use crate::changes::{Change, Changes};
use crate::declared::{extern_text, per_cpu_declaration};
use crate::find::{find, find_in, Found};
use crate::kernel::{self, Kernel, SymbolKind, VMLINUX};
use crate::roots::File;
use crate::shadow::getter;
use crate::text::{declarations, is_definition, Name, Space};
use crate::unit::{At, Declaration, Declared, Item, ItemKind, Kind, Of, Use};
use kps_diag::{Diagnostic, UNKNOWN_SYMBOL};
use kps_facts::Export;
use kps_grammar::{identifiers, Language};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What is taken of a file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The items that are written, by their numbers in the new text.
    pub items: BTreeMap<usize, Form>,
    /// What replaces parts of the items that are taken as they are.
    pub edits: BTreeMap<usize, Vec<(Range<usize>, String)>>,
    /// The symbols that the file reaches, with the object that has them.
    pub uses: BTreeSet<(String, UseLine)>,
    /// Functions of this file that get another name: their prototypes change, and the kernel keeps
    /// the old ones.
    pub renamed: BTreeSet<String>,
    /// Whether the file is of a module: the kernel reads a patch's tables of branches before it
    /// knows where the keys of modules are.
    pub is_of_module: bool,
    /// Trace events of the module, which are such branches.
    pub traces: BTreeSet<String>,
    /// The namespaces of exports that the file uses.
    pub namespaces: BTreeSet<String>,
}

/// How an item is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// As the author has it.
    Whole,
    /// These lines in its place: declarations of what the kernel has.
    Declared(BTreeSet<String>),
}

/// A `use` line of the spec.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UseLine {
    /// `use fn NAME;`
    Function(String),
    /// `use static NAME;`
    Static(String),
    /// `use percpu NAME;`
    PerCpu(String),
}

/// Selects what the new bodies need: those of the functions that the file is written for.
pub fn select(
    file: &File<'_>,
    roots: BTreeSet<&str>,
    changes: &Changes,
    kernel: &dyn Kernel,
) -> (Selection, Vec<Diagnostic>) {
    let mut selector = Selector {
        file,
        changes,
        kernel,
        roots: &roots,
        seen: BTreeSet::new(),
        pending: Vec::new(),
        selection: Selection { is_of_module: file.object != VMLINUX, ..Selection::default() },
        errors: Vec::new(),
    };
    for root in &roots {
        let name = Name::new(Space::Function, *root);
        selector.take_whole(&name);
        selector.seen.insert(name);
    }
    while let Some(name) = selector.pending.pop() {
        selector.take(&name);
    }
    selector.add_includes();
    selector.reach_compiled();
    while let Some(name) = selector.pending.pop() {
        selector.take(&name);
    }
    (selector.selection, selector.errors)
}

struct Selector<'a> {
    file: &'a File<'a>,
    changes: &'a Changes,
    kernel: &'a dyn Kernel,
    roots: &'a BTreeSet<&'a str>,
    seen: BTreeSet<Name>,
    pending: Vec<Name>,
    selection: Selection,
    errors: Vec<Diagnostic>,
}

impl Selector<'_> {
    fn need(&mut self, name: Name) {
        if self.seen.insert(name.clone()) {
            self.pending.push(name);
        }
    }

    /// Takes what a name means in the file.
    fn take(&mut self, name: &Name) {
        match name.space {
            Space::Function => self.take_function(name),
            Space::Variable => self.take_variable(name),
            Space::Type | Space::Macro => self.take_whole(name),
        }
    }

    /// Takes all items that declare a name, as they are.
    fn take_whole(&mut self, name: &Name) {
        for n in self.file.new.declaring(name).to_vec() {
            self.take_item(n);
        }
    }

    /// Takes an item as it is, and needs what it uses.
    fn take_item(&mut self, n: usize) {
        let Some(item) = self.file.new.items().get(n) else { return };
        if let Some(shared) = self.shared(item) {
            if self.selection.items.contains_key(&n) {
                return;
            }
            self.instead(n, extern_text(self.file.new.item(n)));
            declarations(item)
                .iter()
                .for_each(|one| self.need_used(one, |used| used.of == Of::Type));
            self.need(shared);
            return;
        }
        if self.selection.items.insert(n, Form::Whole) == Some(Form::Whole) {
            return;
        }
        match &item.kind {
            ItemKind::Include { .. } | ItemKind::Undef { .. } => {}
            ItemKind::Define { words, .. } => {
                let macros = words.iter().map(|word| Name::new(Space::Macro, word));
                macros.collect::<Vec<_>>().into_iter().for_each(|name| self.need(name));
            }
            ItemKind::Declarations(all) => {
                for one in all {
                    self.need_used(one, |_| true);
                    self.share_statics(n, one);
                }
                self.need_conditions(n);
            }
        }
    }

    /// Needs the macros that conditions within an item ask for: clang does not tell them.
    fn need_conditions(&mut self, n: usize) {
        let conditions =
            self.file.new.item(n).lines().filter(|line| line.trim_start().starts_with('#'));
        for line in conditions {
            for (_, word) in identifiers(line, Language::C) {
                self.need(Name::new(Space::Macro, word));
            }
        }
    }

    /// The variable of an item that defines a type as well, if the kernel has it.
    fn shared(&self, item: &Item) -> Option<Name> {
        let all = declarations(item);
        let is_shared = |one: &&Declaration| {
            let name = Name::new(Space::Variable, &one.name);
            matches!(one.kind, Kind::Variable { is_definition: true, .. })
                && self.changes.of(&name).is_none()
                && find(self.kernel, self.file, &name) != Found::No
        };
        let has_type =
            all.iter().any(|one| matches!(one.kind, Kind::Record { .. } | Kind::Enum { .. }));
        let found = all.iter().find(is_shared).filter(|_| has_type);
        found.map(|one| Name::new(Space::Variable, &one.name))
    }

    /// Needs what a declaration uses, as far as it is used at some places.
    fn need_used(&mut self, one: &Declaration, is_meant: impl Fn(&Use) -> bool) {
        for used in one.uses.iter().filter(|used| is_meant(used)) {
            let name = Name::new(Space::from(used.of), &used.name);
            match &used.at {
                At::Builtin => {}
                At::Header(_) => self.reach(&name),
                At::Item(n) => {
                    // A member is named with its struct, which the item defines.
                    if self.file.new.declaring(&name).is_empty() {
                        self.take_item(*n);
                    }
                    self.need(name);
                }
            }
        }
    }

    fn take_function(&mut self, name: &Name) {
        let new = self.file.new;
        if self.file.shadows.iter().any(|shadow| getter(&shadow.name) == name.name) {
            // The build of the patch declares it.
            return;
        }
        let Some((_, one)) = new.function(&name.name) else {
            // It is only declared here: the kernel has it, or a new file of the fix.
            self.declare(name, |_| true);
            self.reach(name);
            return;
        };
        let change = self.changes.of(name);
        let is_inline = matches!(one.kind, Kind::Function { is_inline: true, .. });
        if self.roots.contains(name.name.as_str()) || change.is_some() || is_inline {
            if change == Some(Change::Prototype) && !one.is_static {
                self.selection.renamed.insert(name.name.clone());
            }
            self.take_whole(name);
            return;
        }
        match find(self.kernel, self.file, name) {
            Found::Yes(symbol) => {
                self.declare(name, |used| used.of == Of::Type);
                self.add_use(self.file.object, UseLine::Function(symbol.written()), &name.name);
            }
            Found::No => self.take_whole(name),
            Found::Unclear(count) => self.unclear(name, count),
        }
    }

    fn take_variable(&mut self, name: &Name) {
        let Some((n, one)) = self.file.new.definition(name) else {
            self.declare(name, |_| true);
            self.reach(name);
            return;
        };
        if self.changes.of(name).is_some() {
            self.take_whole(name);
            return;
        }
        match find(self.kernel, self.file, name) {
            Found::Yes(symbol) => {
                let object = kernel::object(self.kernel.facts(), self.file.object);
                match object.map(|object| kernel::kind_at(object, symbol.address)) {
                    Some(SymbolKind::PerCpu) => {
                        self.need_used(one, |_| true);
                        let line = per_cpu_declaration(self.file.new.item(n));
                        self.instead(n, line.or_else(|| one.declaration.clone()));
                        self.add_use(
                            self.file.object,
                            UseLine::PerCpu(symbol.written()),
                            &name.name,
                        );
                    }
                    _ => {
                        self.declare(name, |used| used.of == Of::Type);
                        self.add_use(
                            self.file.object,
                            UseLine::Static(symbol.written()),
                            &name.name,
                        );
                    }
                }
            }
            // The compiler has dropped it: nothing writes it, or nothing needs its address.
            Found::No => self.take_whole(name),
            Found::Unclear(count) => self.unclear(name, count),
        }
    }

    /// Reaches what the compiled code refers to through inline functions of headers, which the file
    /// does not name.
    fn reach_compiled(&mut self) {
        let Some(compiled) = self.file.compiled else { return };
        let new = self.file.new;
        let locals: BTreeSet<&str> = new
            .functions()
            .filter_map(|(_, one)| match &one.kind {
                Kind::Function { statics, .. } => Some(statics),
                _ => None,
            })
            .flatten()
            .map(|local| local.name.as_str())
            .collect();
        let mut pending: Vec<String> = taken(self.file, &self.selection)
            .filter(|one| matches!(one.kind, Kind::Function { .. }))
            .map(|one| one.name.clone())
            .collect();
        let is_of_file = |name: &str| {
            let spaces = [Space::Function, Space::Variable];
            spaces.iter().any(|space| !new.declaring(&Name::new(*space, name)).is_empty())
        };
        let mut seen = BTreeSet::new();
        while let Some(function) = pending.pop() {
            for name in compiled.reaches.get(&function).into_iter().flatten() {
                if locals.contains(name.as_str()) || is_of_file(name) || !seen.insert(name) {
                    continue;
                }
                // The compiler makes a function of an inline one of a header, in the patch too.
                match compiled.reaches.contains_key(name) {
                    true => pending.push(name.clone()),
                    false => self.reach_symbol(name),
                }
            }
        }
    }

    /// Declares a function or variable that the kernel has, in the place of its first item.
    fn declare(&mut self, name: &Name, is_meant: impl Fn(&Use) -> bool) {
        let new = self.file.new;
        let all: Vec<(usize, Declaration)> =
            new.declarations(name).map(|(n, one)| (n, one.clone())).collect();
        let Some((first, _)) = all.first() else { return };
        if all.iter().any(|(_, one)| one.is_declared_before == Declared::InHeader) {
            return;
        }
        let line = all.iter().find_map(|(_, one)| one.declaration.clone());
        // clang cannot declare a variable whose type has no name; its own text can.
        let line = line.or_else(|| match name.space {
            Space::Variable => extern_text(new.item(*first)),
            _ => None,
        });
        for (_, one) in all.iter().take(1) {
            let body = match &one.kind {
                Kind::Function { body: Some(body), .. } => body.start,
                _ => usize::MAX,
            };
            let is_before = |used: &Use| used.places.iter().any(|place| place.start < body);
            self.need_used(one, |used| is_meant(used) && is_before(used));
        }
        self.instead(*first, line);
    }

    /// Writes a declaration in the place of an item, unless that is taken as it is.
    fn instead(&mut self, n: usize, line: Option<String>) {
        let Some(line) = line else { return };
        let form = self.selection.items.entry(n).or_insert_with(|| Form::Declared(BTreeSet::new()));
        if let Form::Declared(lines) = form {
            lines.insert(line);
        }
    }

    /// Reaches what a header declares. If the file was compiled, its code tells.
    fn reach(&mut self, name: &Name) {
        if self.is_trace_of_module(name) {
            self.selection.traces.insert(name.name.clone());
        }
        if self.file.compiled.is_none() {
            self.reach_symbol(&name.name);
        }
    }

    /// Reaches a symbol, if the kernel has it and exports it to no module.
    fn reach_symbol(&mut self, name: &str) {
        let facts = self.kernel.facts();
        let depends = facts.modules.get(self.file.object).map(|module| &module.depends);
        let depends = depends.into_iter().flatten().map(String::as_str);
        let mut objects = [self.file.object, VMLINUX].into_iter().chain(depends);
        let full = Name::new(Space::Function, name);
        let found =
            objects.find_map(|object| match find_in(self.kernel, object, self.file, &full) {
                Found::Yes(symbol) => Some((object, symbol)),
                Found::No | Found::Unclear(_) => None,
            });
        let Some((object, symbol)) = found else { return };
        let Some(contents) = kernel::object(facts, object) else { return };
        let line = match kernel::kind_at(contents, symbol.address) {
            SymbolKind::Function => UseLine::Function(symbol.written()),
            SymbolKind::Variable => UseLine::Static(symbol.written()),
            SymbolKind::PerCpu => UseLine::PerCpu(symbol.written()),
        };
        self.add_use(object, line, name);
    }

    fn is_trace_of_module(&self, name: &Name) -> bool {
        let event = name.name.strip_prefix("trace_").filter(|_| name.space == Space::Function);
        let module = self.kernel.facts().modules.get(self.file.object);
        event.zip(module).is_some_and(|(event, module)| {
            !module.object.symbols.named(&format!("__tracepoint_{event}")).is_empty()
        })
    }

    fn add_use(&mut self, object: &str, line: UseLine, name: &str) {
        let is_own = self.roots.contains(name);
        let export = self.kernel.facts().exports.get(name).filter(|_| object == VMLINUX);
        match export.filter(Export::is_for_all) {
            Some(export) => self.selection.namespaces.extend(export.namespace.map(str::to_owned)),
            None if is_own => {}
            None => drop(self.selection.uses.insert((object.to_owned(), line))),
        }
    }

    fn unclear(&mut self, name: &Name, count: usize) {
        let message = format!("{} has {count} symbols `{}`", self.file.object, name.name);
        let error = Diagnostic::new(UNKNOWN_SYMBOL, message)
            .note(format!("none or several of them are among those of {}", self.file.path))
            .help(format!("write the patch by hand: `kpsc inspect {}` shows them", name.name));
        self.errors.push(error);
    }

    /// Adds the includes, and the macros before the last of them, which may configure the headers.
    fn add_includes(&mut self) {
        let items = self.file.new.items();
        let is_include = |item: &Item| matches!(item.kind, ItemKind::Include { .. });
        let Some(last) = items.iter().rposition(is_include) else { return };
        let used: BTreeSet<String> = taken(self.file, &self.selection)
            .flat_map(|one| &one.uses)
            .filter_map(|used| match &used.at {
                At::Header(path) => Some(path.clone()),
                _ => None,
            })
            .collect();
        let is_unused =
            |path: &Option<String>| !path.as_deref().is_some_and(|path| used.contains(path));
        for (n, item) in items.iter().enumerate().take(last + 1) {
            match &item.kind {
                // It would make the kernel's tracepoints a second time.
                ItemKind::Define { name, .. } if name == "CREATE_TRACE_POINTS" => {}
                // It would make a second one of what the kernel has.
                ItemKind::Include { defines: true, .. } | ItemKind::Declarations(_) => {}
                ItemKind::Include { is_part: true, path, .. } if is_unused(path) => {}
                _ => self.take_item(n),
            }
        }
    }
}

/// The definitions of the file that a selection takes as they are.
pub fn taken<'f>(
    file: &'f File<'_>,
    selection: &'f Selection,
) -> impl Iterator<Item = &'f Declaration> {
    let whole = selection.items.iter().filter(|(_, form)| **form == Form::Whole);
    let items = whole.filter_map(|(n, _)| file.new.items().get(*n));
    items.flat_map(declarations).filter(|one| is_definition(one))
}

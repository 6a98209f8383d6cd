// SPDX-License-Identifier: GPL-2.0
//! What an import asks about the target: which symbols its objects have, and what their code does.

use crate::objects;
use kps_facts::{Facts, Object, Sym};
use std::ops::Range;

/// The object that the kernel image is.
pub const VMLINUX: &str = "vmlinux";

/// A target kernel.
pub trait Kernel {
    /// What is known of it, with the modules that files of the fix belong to.
    fn facts(&self) -> &Facts;

    /// Why no body in C can replace the function of a symbol; `None` if one can.
    fn refusal(&self, object: &str, symbol: &Symbol) -> Option<String>;

    /// Whether the code of a symbol is what a compiled file has for it.
    fn has_code(&self, object: &str, sym: &Sym<'_>, compiled: &objects::Object) -> bool;

    /// Whether the code at some addresses of an object refers to data.
    fn refers(&self, object: &str, code: &Range<u64>, data: &Range<u64>) -> bool;
}

/// A symbol of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// Its position among those of the same name, from 1; `None` if it is the only one.
    pub position: Option<usize>,
    /// Where it is.
    pub address: u64,
}

impl Symbol {
    /// As a spec names it: `NAME`, or `NAME@2`.
    pub fn written(&self) -> String {
        match self.position {
            Some(position) => format!("{}@{position}", self.name),
            None => self.name.clone(),
        }
    }
}

/// The contents of an object.
pub fn object<'f>(facts: &'f Facts, name: &str) -> Option<&'f Object> {
    match name {
        VMLINUX => Some(&facts.vmlinux),
        module => facts.modules.get(module).map(|module| &module.object),
    }
}

/// The code of a function, or the memory of a variable: up to the next symbol.
pub fn extent(object: &Object, address: u64) -> Range<u64> {
    let end =
        object.section_of(address).map(|section| section.address.saturating_add(section.size));
    let next = object.symbols.next_address(address);
    let end = match (next, end) {
        (Some(next), Some(end)) => next.min(end),
        (next, end) => next.or(end).unwrap_or(address),
    };
    address..end
}

/// The parts of a function that the compiler has made functions of their own, which its callers may
/// call in its place: `NAME.isra.0`, `NAME.constprop.0`, `NAME.part.0`.
pub fn clones<'f>(object: &'f Object, name: &'f str) -> Vec<Sym<'f>> {
    let prefix = format!("{name}.");
    let found: Vec<String> = object
        .symbols
        .with_prefix(&prefix)
        .map(|sym| sym.name.to_owned())
        .filter(|name| ["isra", "constprop", "part"].iter().any(|part| name.contains(part)))
        .collect();
    let mut clones: Vec<Sym<'f>> =
        found.iter().flat_map(|name| object.symbols.named(name)).collect();
    clones.sort_by_key(|sym| sym.address);
    clones.dedup_by_key(|sym| sym.address);
    clones
}

/// What a symbol is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolKind {
    /// A function.
    Function,
    /// A variable that every CPU has for itself.
    PerCpu,
    /// Another variable.
    Variable,
}

/// What the symbol at an address is of. The letters of kallsyms are unreliable; the section tells.
pub fn kind_at(object: &Object, address: u64) -> SymbolKind {
    match object.section_of(address).map(|section| section.name.as_str()) {
        Some(name) if name.starts_with(".data..percpu") => SymbolKind::PerCpu,
        Some(name) if name.contains(".text") => SymbolKind::Function,
        _ => SymbolKind::Variable,
    }
}

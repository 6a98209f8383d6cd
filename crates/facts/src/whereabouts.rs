// SPDX-License-Identifier: GPL-2.0
//! What a compiler has made of a function of the kernel's source: who fixes a bug knows the
//! function by its name in the source, and a kernel may have no symbol of that name.
//!
//! Symbols, ftrace sites and calls tell a part. Only debug information knows of functions that were
//! inlined everywhere.

use crate::{Copy, DebugInfo, Defined, Facts, Module, Object, Sym};
use std::collections::{BTreeMap, BTreeSet};

/// What vmlinux or a module has of a function of the kernel's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts<'a> {
    /// The functions of its name, in the order of their positions.
    pub symbols: Vec<Function<'a>>,
    /// The functions that the compiler derived from it, such as `NAME.isra.0` and `NAME.cold`.
    pub clones: Vec<Function<'a>>,
    /// What debug information has of definitions without a symbol of their name.
    pub inlined: Vec<Inlined<'a>>,
}

/// A function that has code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its position among the symbols of its name, from 1; `None` if there are no others.
    pub position: Option<u32>,
    /// Its address.
    pub address: u64,
    /// Whether a livepatch can redirect it.
    pub redirection: Redirection,
}

/// Whether a livepatch can redirect a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirection {
    /// ftrace can.
    Possible,
    /// It has no ftrace site: it is `notrace` or `noinstr`, assembly, or in a file that is compiled
    /// without tracing.
    NoSite,
    /// It is freed after boot, or after its module is loaded.
    Freed,
}

/// A definition without a symbol of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inlined<'a> {
    /// Its file, relative to the kernel's source.
    pub file: &'a str,
    /// Its line.
    pub line: u32,
    /// The functions that contain its code, each once. A copy inside a copy counts for the
    /// outermost function. If there are none, no code of the definition is left.
    pub into: Vec<(Function<'a>, Copy<'a>)>,
}

/// An answer in one word. The first that holds is the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A function of its name can be redirected.
    Redirectable,
    /// Functions of its name have no ftrace site, or are freed after boot.
    Fixed,
    /// It is inlined wherever it is called.
    Inlined,
    /// Only clones of it are left.
    Cloned,
    /// Its definition is known, and no code of it is left.
    Gone,
    /// Nothing is known of it. Without debug information, it may be inlined.
    Unknown,
}

impl<'a> Whereabouts<'a> {
    /// What vmlinux or a module has of the functions of a name: of all, or of those that a source
    /// file defines. A symbol's file is known from debug information alone; without it, every
    /// symbol counts.
    pub fn of(
        facts: &'a Facts,
        module: Option<&'a Module>,
        name: &str,
        file: Option<&str>,
    ) -> Whereabouts<'a> {
        let object = object(facts, module);
        let debug = facts.debug_of(module);
        let is_in_file =
            |address: u64| match (file, debug.and_then(|debug| debug.position(address))) {
                (Some(file), Some((known, _))) => file == known,
                _ => true,
            };
        let is_wanted = |sym: &Sym<'_>| object.is_function(*sym) && is_in_file(sym.address);
        let function = |sym: Sym<'_>| Function::named(object, sym.name, sym.address);
        let symbols = object.symbols.named(name).into_iter().filter(is_wanted);
        let symbols: Vec<Function<'a>> = symbols.filter_map(function).collect();
        let prefix = format!("{name}.");
        let derived = object.symbols.with_prefix(&prefix).filter(is_wanted);
        let mut clones: Vec<Function<'a>> = derived.filter_map(function).collect();
        clones.sort_by_key(|clone| (clone.name, clone.address));
        let has_symbol = |debug: &DebugInfo, defined: Defined<'_>| {
            debug.compiled_from(defined).any(|at| symbols.iter().any(|sym| sym.address == at))
        };
        let inlined = debug.into_iter().flat_map(|debug| {
            let defined = debug.definitions(name);
            let defined = defined.filter(|of| file.is_none_or(|file| file == of.file));
            let without = defined.filter(|of| !has_symbol(debug, *of));
            without.map(|of| Inlined::of(object, debug, of)).collect::<Vec<_>>()
        });
        let inlined = inlined.collect();
        Whereabouts { symbols, clones, inlined }
    }

    /// The answer in one word.
    pub fn outcome(&self) -> Outcome {
        let is_possible = |function: &Function<'_>| function.redirection == Redirection::Possible;
        match self {
            _ if self.symbols.iter().any(is_possible) => Outcome::Redirectable,
            _ if !self.symbols.is_empty() => Outcome::Fixed,
            _ if self.inlined.iter().any(|of| !of.into.is_empty()) => Outcome::Inlined,
            _ if !self.clones.is_empty() => Outcome::Cloned,
            _ if !self.inlined.is_empty() => Outcome::Gone,
            _ => Outcome::Unknown,
        }
    }

    /// The functions to change in place of this one: those that contain its code or, where they
    /// cannot be redirected, the nearest functions above that can.
    pub fn containers(&self, facts: &'a Facts, module: Option<&'a Module>) -> Vec<Function<'a>> {
        let into = self.inlined.iter().flat_map(|of| of.into.iter().map(|(f, _)| f.address));
        redirectable_above(facts, module, into)
    }
}

impl<'a> Inlined<'a> {
    fn of(object: &'a Object, debug: &'a DebugInfo, of: Defined<'a>) -> Inlined<'a> {
        let copies = debug.copies_of(of);
        let into = copies.filter_map(|copy| Some((Function::at(object, copy.caller)?, copy)));
        Inlined { file: of.file, line: of.line, into: into.collect() }
    }
}

impl<'a> Function<'a> {
    /// The function at an address of vmlinux or of a module, by the first of its names.
    pub fn at(object: &'a Object, address: u64) -> Option<Function<'a>> {
        let mut names = object.symbols.at(address).map(|sym| sym.name);
        let name = names.find(|name| !name.starts_with("__pfx_"))?;
        Function::named(object, name, address)
    }

    fn named(object: &'a Object, name: &str, address: u64) -> Option<Function<'a>> {
        let name = object.symbols.at(address).map(|sym| sym.name).find(|known| *known == name)?;
        let all = object.symbols.named(name);
        let position = all.iter().zip(1..).find(|(sym, _)| sym.address == address);
        let position = position.map(|(_, n)| n).filter(|_| all.len() > 1);
        let redirection = match object.sites.contains(address) {
            _ if object.is_init(address) => Redirection::Freed,
            true => Redirection::Possible,
            false => Redirection::NoSite,
        };
        Some(Function { name, position, address, redirection })
    }

    /// Its name in a spec: `NAME`, or `NAME@N` if there are others of the name.
    pub fn written(&self) -> String {
        match self.position {
            Some(n) => format!("{}@{n}", self.name),
            None => self.name.to_owned(),
        }
    }
}

/// The most functions that a search upwards looks at.
const SEARCHED: usize = 64;

/// The nearest functions that ftrace can redirect and that run these functions, by address: the
/// functions themselves, or those that call or contain them, and so on. Calls through pointers are
/// not known. The search ends after some dozen functions; those that are found by then are right.
pub fn redirectable_above<'a>(
    facts: &'a Facts,
    module: Option<&'a Module>,
    functions: impl IntoIterator<Item = u64>,
) -> Vec<Function<'a>> {
    let object = object(facts, module);
    let mut pending: Vec<u64> = functions.into_iter().collect();
    let mut seen: BTreeSet<u64> = pending.iter().copied().collect();
    let mut found: BTreeMap<u64, Function<'a>> = BTreeMap::new();
    let mut searched = 0;
    while !pending.is_empty() && searched < SEARCHED {
        let mut above = Vec::new();
        for address in std::mem::take(&mut pending) {
            match Function::at(object, address) {
                Some(function) if function.redirection == Redirection::Possible => {
                    found.insert(address, function);
                }
                Some(Function { redirection: Redirection::Freed, .. }) => {}
                _ if searched < SEARCHED => {
                    searched += 1;
                    above.extend(callers(facts, module, address).filter(|at| seen.insert(*at)));
                }
                _ => {}
            }
        }
        pending = above;
    }
    found.into_values().collect()
}

/// The functions that call a function directly, or contain a copy of it.
fn callers<'a>(
    facts: &'a Facts,
    module: Option<&'a Module>,
    address: u64,
) -> impl Iterator<Item = u64> + 'a {
    let copies = facts.debug_of(module).into_iter();
    let copies = copies.flat_map(move |debug| debug.inlined_into(address));
    facts.calls(module).to(address).chain(copies.map(|copy| copy.caller))
}

fn object<'a>(facts: &'a Facts, module: Option<&'a Module>) -> &'a Object {
    module.map_or(&facts.vmlinux, |module| &module.object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Calls, Site, Sites, Symbols, ENTRY_BYTES};

    /// A kernel in which `redirectable` calls `low`, and two functions without a site call each
    /// other.
    fn facts() -> Facts {
        let names = [(1, "redirectable"), (2, "low"), (3, "one"), (4, "other")];
        let symbol = |(address, name)| Sym { address, kind: 't', name };
        let site = (1, Site { offset: 0, bytes: [0; ENTRY_BYTES] });
        let mut facts = Facts::default();
        facts.vmlinux.symbols = Symbols::new(names.map(symbol));
        facts.vmlinux.sites = Sites::from_iter([site]);
        facts.calls = Calls::new([(1, 2), (3, 4), (4, 3)]);
        facts
    }

    #[test]
    fn the_nearest_functions_above_are_found_and_circles_end() {
        let facts = facts();
        let above = |address| {
            let found = redirectable_above(&facts, None, [address]).into_iter();
            found.map(|function| function.written()).collect::<Vec<_>>()
        };
        assert_eq!(above(1), ["redirectable"]);
        assert_eq!(above(2), ["redirectable"]);
        assert_eq!(above(3), [] as [&str; 0]);
    }

    #[test]
    fn without_debug_information_symbols_tell_what_they_can() {
        let facts = facts();
        let outcome = |name| Whereabouts::of(&facts, None, name, Some("a.c")).outcome();
        assert_eq!(outcome("redirectable"), Outcome::Redirectable);
        assert_eq!(outcome("low"), Outcome::Fixed);
        assert_eq!(outcome("lo"), Outcome::Unknown);
    }
}

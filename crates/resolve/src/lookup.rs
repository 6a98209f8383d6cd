// SPDX-License-Identifier: GPL-2.0
//! What the kernel has under the name of a symbol that compiled C code needs. Only a compiler knows
//! these names: macros and inline functions of the kernel's headers bring some of them.

use crate::percpu::is_per_cpu;
use crate::symbols::{whereabouts, Scope};
use kps_facts::{DebugInfo, Facts, Sym, Whereabouts};
use kps_plan::ObjectName;
use std::collections::BTreeSet;

/// What an object has under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// One function or variable.
    One(UseKind),
    /// Several symbols, by address. Only the author knows which one is meant.
    Several(Vec<Candidate>),
    /// A function or variable whose memory is freed after boot, or after the module is loaded.
    Freed(UseKind),
    /// Nothing but functions of these names, which the compiler derived from it.
    Derived(Vec<String>),
    /// A function without a symbol: its place in the source, and the functions that contain its
    /// code. If there are none, no code of it is left.
    Inlined(String, Vec<String>),
    /// Nothing, and debug information would tell of a function.
    Absent,
}

impl Offer {
    /// Whether there is a symbol, or what the compiler made of it.
    pub fn is_something(&self) -> bool {
        !matches!(self, Offer::Absent)
    }
}

/// How a `use` line declares a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UseKind {
    /// `use fn`
    Function,
    /// `use static`
    Variable,
    /// `use percpu`
    PerCpu,
}

impl UseKind {
    /// The word after `use`.
    pub fn word(self) -> &'static str {
        match self {
            UseKind::Function => "fn",
            UseKind::Variable => "static",
            UseKind::PerCpu => "percpu",
        }
    }

    /// What readers call it.
    pub fn noun(self) -> &'static str {
        match self {
            UseKind::Function => "function",
            UseKind::Variable => "variable",
            UseKind::PerCpu => "per-CPU variable",
        }
    }
}

/// One of several symbols of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What it is.
    pub kind: UseKind,
    /// What tells it from the others: its place in the source if that is known, or its neighbours.
    pub whereabouts: String,
}

/// What an object has under a name; `None` if that is not known.
pub fn offer(facts: &Facts, object: &ObjectName, name: &str) -> Option<Offer> {
    let scope = Scope::of(facts, object.as_str())?;
    let all = scope.object.symbols.named(name);
    let kind = |sym: Sym<'_>| match scope.object.is_function(sym) {
        true => UseKind::Function,
        false if is_per_cpu(scope, sym.address) => UseKind::PerCpu,
        false => UseKind::Variable,
    };
    // The initial values of per-CPU variables are freed, and not the variables.
    let is_freed = |sym: Sym<'_>| scope.object.is_init(sym.address) && kind(sym) != UseKind::PerCpu;
    match all.as_slice() {
        [] => without_symbol(facts, scope, name),
        &[one] if is_freed(one) => Some(Offer::Freed(kind(one))),
        &[one] => Some(Offer::One(kind(one))),
        several => {
            let candidate = |&sym: &Sym<'_>| {
                let freed = if is_freed(sym) { ", and is freed then" } else { "" };
                let whereabouts = format!("{}{freed}", whereabouts(facts, scope, sym));
                Candidate { kind: kind(sym), whereabouts }
            };
            Some(Offer::Several(several.iter().map(candidate).collect()))
        }
    }
}

/// What the compiler has made of a name that no symbol has.
fn without_symbol(facts: &Facts, scope: Scope<'_>, name: &str) -> Option<Offer> {
    /// Rarely executed code, which is not a function.
    const COLD: &str = ".cold";
    let found = Whereabouts::of(facts, scope.module, name, None);
    let derived = found.clones.iter().filter(|clone| !clone.name.contains(COLD));
    let derived: BTreeSet<String> = derived.map(|clone| clone.name.to_owned()).collect();
    let defined = found.inlined.iter().max_by_key(|of| of.into.len());
    match defined {
        Some(of) if derived.is_empty() || !of.into.is_empty() => {
            let into = of.into.iter().map(|(function, _)| function.written()).collect();
            Some(Offer::Inlined(format!("{}:{}", of.file, of.line), into))
        }
        _ if !derived.is_empty() => Some(Offer::Derived(derived.into_iter().collect())),
        _ => {
            let debug = facts.debug_of(scope.module);
            debug.is_some_and(DebugInfo::has_functions).then_some(Offer::Absent)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kps_facts::{Compiled, Definition, Section, SourceLine, Symbols};

    fn facts() -> Facts {
        let section = |name: &str, address| Section { name: name.to_owned(), address, size: 0x100 };
        let symbols = [
            (0x1000, 't', "one"),
            (0x1010, 't', "two"),
            (0x1020, 't', "two"),
            (0x1030, 't', "gone.isra.0"),
            (0x1040, 't', "gone.cold"),
            (0x1050, 't', "rare.cold"),
            (0x2000, 'd', "count"),
            (0x3000, 'D', "__init_begin"),
            (0x3010, 't', "early"),
            (0x4000, 'd', "each"),
            (0x5000, 'D', "__init_end"),
        ];
        let vmlinux = kps_facts::Object {
            symbols: Symbols::new(symbols.map(|(address, kind, name)| Sym { address, kind, name })),
            sections: vec![
                section(".text", 0x1000),
                section(".data", 0x2000),
                section(".init.text", 0x3000),
                section(".data..percpu", 0x4000),
            ],
            ..kps_facts::Object::default()
        };
        Facts { vmlinux, ..Facts::default() }
    }

    #[test]
    fn each_name_is_what_the_kernel_has_under_it() {
        let facts = facts();
        let offer = |name| offer(&facts, &ObjectName::Vmlinux, name);
        assert_eq!(offer("one"), Some(Offer::One(UseKind::Function)));
        assert_eq!(offer("count"), Some(Offer::One(UseKind::Variable)));
        assert_eq!(offer("each"), Some(Offer::One(UseKind::PerCpu)));
        assert_eq!(offer("early"), Some(Offer::Freed(UseKind::Function)));
        assert_eq!(offer("gone"), Some(Offer::Derived(vec!["gone.isra.0".to_owned()])));
        assert_eq!((offer("rare"), offer("on")), (None, None));
        let Some(Offer::Several(all)) = offer("two") else { panic!("two symbols") };
        let places: Vec<&str> = all.iter().map(|one| one.whereabouts.as_str()).collect();
        assert_eq!(places.len(), 2);
        assert!(places[0].starts_with("at 0x1010, between `one` and"), "{places:?}");
    }

    /// `small` is inlined into `one`, and nothing is left of `empty`.
    #[test]
    fn debug_information_tells_of_what_has_no_symbol() {
        let at = |line| SourceLine { file: 0, line };
        let definition = |name: &str, line| Definition { name: name.to_owned(), place: at(line) };
        let compiled = Compiled {
            definitions: vec![definition("small", 3), definition("empty", 5)],
            functions: vec![(0x1000, at(9), None)],
            copies: vec![(0, 0x1000, at(11))],
        };
        let debug = DebugInfo::new(&[1], &["a.c".to_owned()], compiled);
        let facts = Facts { debug: Some(debug), ..facts() };
        let offer = |name| offer(&facts, &ObjectName::Vmlinux, name);
        let inlined = |place: &str, into: &[&str]| {
            let into = into.iter().map(|name| (*name).to_owned()).collect();
            Some(Offer::Inlined(place.to_owned(), into))
        };
        assert_eq!(offer("small"), inlined("a.c:3", &["one"]));
        assert_eq!(offer("empty"), inlined("a.c:5", &[]));
        assert_eq!(offer("other"), Some(Offer::Absent));
        assert_eq!(offer("one"), Some(Offer::One(UseKind::Function)));
    }

    #[test]
    fn an_object_that_is_not_known_has_nothing() {
        assert_eq!(offer(&facts(), &ObjectName::new("other"), "one"), None);
    }
}

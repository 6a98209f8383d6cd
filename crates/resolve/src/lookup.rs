// SPDX-License-Identifier: GPL-2.0
//! What the kernel has under the name of a symbol that compiled C code needs. Only a compiler knows
//! these names: macros and inline functions of the kernel's headers bring some of them.

use crate::percpu::is_per_cpu;
use crate::symbols::{whereabouts, Scope};
use kps_facts::{Facts, Sym};
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

/// What an object has under a name; `None` if it has nothing, or is not known.
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
        [] => derived(scope, name),
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

/// The functions that the compiler derived from one that it did not keep, such as `NAME.isra.0`.
fn derived(scope: Scope<'_>, name: &str) -> Option<Offer> {
    /// Rarely executed code, which is not a function.
    const COLD: &str = ".cold";
    let with_prefix = scope.object.symbols.with_prefix(name);
    let is_derived = |sym: &Sym<'_>| {
        let suffix = &sym.name[name.len()..];
        suffix.starts_with('.') && !suffix.contains(COLD) && scope.object.is_function(*sym)
    };
    let names: BTreeSet<String> =
        with_prefix.filter(is_derived).map(|sym| sym.name.to_owned()).collect();
    (!names.is_empty()).then(|| Offer::Derived(names.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kps_facts::{Section, Symbols};

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

    #[test]
    fn an_object_that_is_not_known_has_nothing() {
        assert_eq!(offer(&facts(), &ObjectName::new("other"), "one"), None);
    }
}

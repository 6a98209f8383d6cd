// SPDX-License-Identifier: GPL-2.0
//! The roles and calls of a module's functions. They need the facts of vmlinux: a module registers
//! its functions there, and whether a function returns may depend on one of vmlinux.

use super::{is_rest, rests, Image, Kallsym, Surroundings};
use crate::code::{only_entered_directly, Code, Function, Step, ENTERED_DIRECTLY};
use crate::linked::Linked;
use kps_facts::{Calls, Facts, Object, Role, Roles, Sym};
use std::collections::{HashMap, HashSet};

/// The prefix of the symbol that a module has for each symbol that it exports
/// (`include/linux/export-internal.h`).
const EXPORT: &str = "__ksymtab_";

/// The code of a function of another object, which is not decoded.
const ELSEWHERE: &[u8] = &[0];

/// The roles of a module's functions, their calls of each other, and those of vmlinux. `linked` is
/// the module that the facts have as `module`.
pub(crate) fn roles_of_module(
    facts: &Facts,
    module: &Object,
    linked: &Linked<'_>,
) -> (Roles, Calls, Calls) {
    let kernel = in_kernel(facts, linked);
    let symbol = |address, name: &str| Kallsym { address, kind: b't', name: name.to_owned() };
    let mut symbols: Vec<Kallsym> =
        module.symbols.iter().map(|sym| symbol(sym.address, sym.name)).collect();
    let own = symbols.len();
    // Another module may have them too.
    let is_special = |name: &str| Role::registered_by(name).next().is_some() || is_rest(name);
    let is_known = |(at, name): &&(u64, &str)| kernel.contains_key(at) || is_special(name);
    let externals = linked.externals.iter().filter(is_known);
    symbols.extend(externals.map(|(address, name)| symbol(*address, name)));
    let mut image = Image::decode(linked.memory.code(), &symbols, HashMap::new());
    image.add_externals(facts, linked, &kernel);

    let resting = rests(&symbols);
    let rests_in_kernel = |function: u64| {
        let is_rest = |called| facts.vmlinux.symbols.at(called).any(|sym| is_rest(sym.name));
        facts.calls.from(function).any(is_rest)
    };
    let exports = module.symbols.with_prefix(EXPORT);
    let exports: HashSet<&str> = exports.map(|sym| &sym.name[EXPORT.len()..]).collect();
    // Other modules may call what the module exports.
    let called_elsewhere = exports.iter().flat_map(|name| module.symbols.named(name));
    let called_elsewhere: HashSet<u64> = called_elsewhere.map(|sym| sym.address).collect();
    let sealed = linked.memory.section(ENTERED_DIRECTLY);
    let surroundings = Surroundings {
        btf: &facts.btf,
        is_exported: &|name| exports.contains(name),
        rests: &|function| match kernel.get(&function) {
            Some(function) => rests_in_kernel(*function),
            None => image.leads_to(function).iter().any(|f| resting.contains(f)),
        },
        only_called: &only_entered_directly(sealed, &image.codes) - &called_elsewhere,
    };
    let roles = image.roles(&symbols[..own], &surroundings);
    let first = linked.externals.first().map_or(u64::MAX, |(address, _)| *address);
    let roles = roles.into_iter().filter(|(function, _)| *function < first).collect();
    let (inside, outside): (Vec<_>, Vec<_>) = image.calls().partition(|(_, to)| *to < first);
    let outside = outside.into_iter().filter_map(|(from, to)| Some((from, *kernel.get(&to)?)));
    (roles, Calls::new(inside), Calls::new(outside))
}

/// The functions of vmlinux that a module uses, by the addresses that stand for them.
fn in_kernel(facts: &Facts, linked: &Linked<'_>) -> HashMap<u64, u64> {
    let address = |&(stands_for, name): &(u64, &str)| {
        facts.exports.get(name)?;
        // Functions of one file may have the name of one that all may use.
        let all = facts.vmlinux.symbols.named(name);
        let is_global = |sym: &&Sym<'_>| sym.kind.is_ascii_uppercase();
        let sym = match all.as_slice() {
            [one] => one,
            all => all.iter().find(is_global)?,
        };
        Some((stands_for, sym.address))
    };
    linked.externals.iter().filter_map(address).collect()
}

impl Image<'_> {
    /// Adds the functions of other objects that a module uses: calls lead to them, and they return
    /// unless the kernel's never do.
    fn add_externals(&mut self, facts: &Facts, linked: &Linked<'_>, kernel: &HashMap<u64, u64>) {
        for &(address, _) in &linked.externals {
            let never_returns = |f: &u64| facts.roles.has(*f, Role::NeverReturns);
            let steps = match kernel.get(&address).is_some_and(never_returns) {
                true => Vec::new(),
                false => vec![Step::Leave],
            };
            self.index.insert(address, self.codes.len());
            self.codes.push(Code { address, bytes: ELSEWHERE });
            self.functions.push(Function { steps, turns: Vec::new(), falls_through: false });
        }
    }
}

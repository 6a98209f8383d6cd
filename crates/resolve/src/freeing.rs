// SPDX-License-Identifier: GPL-2.0
//! Which functions may free the objects of a struct. Only the author knows which of them does.

use kps_facts::btf::{BtfId, Kind};
use kps_facts::{Facts, Module, Object};

/// The most that a message lists.
const SHOWN: usize = 6;
/// Parts of the names of functions that free what they are given.
const PARTS: [&str; 4] = ["free", "destroy", "release", "dealloc"];
/// Whole words of such names.
const WORDS: [&str; 2] = ["put", "drop"];
/// The functions that end every object.
const ENDS: [&str; 6] =
    ["kfree", "kvfree", "kmem_cache_free", "kvfree_call_rcu", "call_rcu", "kfree_sensitive"];

/// The functions that take a pointer to a struct and may free it, as `FN(PARAM)`, those first that
/// call an allocator. Those of modules have the module in front.
pub(crate) fn freeing(facts: &Facts, record: &str) -> Vec<String> {
    let modules = facts.modules.iter().map(|(name, module)| (name.as_str(), Some(module)));
    let mut found = Vec::new();
    for (name, module) in [("", None)].into_iter().chain(modules) {
        let object = module.map_or(&facts.vmlinux, |module| &module.object);
        for (address, _) in object.sites.iter() {
            let symbols = object.symbols.at(address);
            for sym in symbols.filter(|sym| is_named_so(sym.name)) {
                let Some(param) = param_to(facts, sym.name, record) else { continue };
                let call = format!("{}({param})", sym.name);
                let call = if name.is_empty() { call } else { format!("{name}::{call}") };
                found.push((!ends(facts, object, module, address), call));
            }
        }
    }
    found.sort();
    found.into_iter().map(|(_, call)| call).take(SHOWN).collect()
}

fn is_named_so(name: &str) -> bool {
    PARTS.iter().any(|part| name.contains(part))
        || name.split('_').any(|word| WORDS.contains(&word))
}

/// Whether a function calls an allocator to free something.
fn ends(facts: &Facts, object: &Object, module: Option<&Module>, function: u64) -> bool {
    facts.calls_from(module, function).any(|callee| {
        let mut symbols = object.symbols.at(callee).chain(facts.vmlinux.symbols.at(callee));
        symbols.any(|sym| ENDS.contains(&sym.name))
    })
}

/// The name of the parameter of a function that points to a struct.
fn param_to<'a>(facts: &'a Facts, function: &str, record: &str) -> Option<&'a str> {
    let btf = &facts.btf;
    let &[function] = btf.functions(function).as_slice() else { return None };
    let Kind::Function(prototype) = btf.get(function).kind else { return None };
    let Kind::Prototype(prototype) = btf.get(prototype).kind else { return None };
    let is_to = |param: BtfId| match btf.get(btf.strip(param)).kind {
        Kind::Pointer(to) => btf.get(btf.strip(to)).name == record,
        _ => false,
    };
    let (name, _) = prototype.params().find(|&(_, param)| is_to(param))?;
    (!name.is_empty()).then_some(name)
}

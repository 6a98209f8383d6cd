// SPDX-License-Identifier: GPL-2.0
//! Specs that change many functions, for whatever kernel is the target.

use anyhow::{ensure, Result};
use kps_facts::btf::{BtfId, Kind};
use kps_facts::{Facts, Role, Sym};
use kpsc::notable;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How many functions are changed.
pub const COUNTS: [usize; 4] = [1, 10, 50, 200];

/// The name of the patch of so many functions.
pub fn name(count: usize) -> String {
    format!("calls_{count}")
}

/// What a spec of so many functions is called in tables.
pub(super) fn label(count: usize) -> String {
    if count == 1 {
        "1 function".to_owned()
    } else {
        format!("{count} functions")
    }
}

/// A spec that counts the calls of so many functions, as `replace`, `pre` and `post` in turn.
///
/// The functions are spread over the kernel and always the same: every so-manieth of all that fit,
/// by name.
pub fn spec(facts: &Facts, count: usize) -> Result<String> {
    let all = candidates(facts);
    ensure!(count <= all.len(), "the target has only {} functions that fit", all.len());
    let mut text = format!(
        "/// Counts the calls of {count} functions\npatch {} {{\n    license \"GPL\";\n\n    \
         static CALLS: AtomicU64 = AtomicU64::new(0);\n\n    object vmlinux {{\n",
        name(count)
    );
    // Those of a smaller spec are among those of every larger one.
    let step = (all.len() / COUNTS[COUNTS.len() - 1].max(count)).max(1);
    for n in 0..count {
        let name = all[n * step];
        let body = match n % 3 {
            0 => "replace { CALLS.fetch_add(1, Ordering::Relaxed); zeroed() }",
            1 => "pre { CALLS.fetch_add(1, Ordering::Relaxed); }",
            _ => "post { CALLS.fetch_add(1, Ordering::Relaxed); }",
        };
        writeln!(text, "        fn {name} {{ {body} }}")?;
    }
    text.push_str("    }\n}\n");
    Ok(text)
}

/// Every function that can be changed without a warning and takes at most six integers and
/// pointers, by name.
fn candidates(facts: &Facts) -> Vec<&str> {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    let mut addresses: BTreeMap<u64, usize> = BTreeMap::new();
    for symbol in facts.vmlinux.symbols.iter() {
        *names.entry(symbol.name).or_default() += 1;
        *addresses.entry(symbol.address).or_default() += 1;
    }
    let mut found: Vec<&str> = Vec::new();
    for symbol in facts.vmlinux.symbols.iter() {
        let site =
            facts.vmlinux.sites.get(symbol.address).and_then(|site| site.entry(facts.arch()));
        let fits = site.is_some()
            && names[symbol.name] == 1
            && addresses[&symbol.address] == 1
            && is_plain(symbol.name)
            && !facts.vmlinux.is_init(symbol.address)
            && !is_notable(facts, symbol)
            && !has_clones(facts, symbol.name)
            && is_simple(facts, symbol.name);
        if fits {
            found.push(symbol.name);
        }
    }
    found.sort_unstable();
    found
}

fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
}

/// Whether kpsc warns of a change of the function, or refuses it.
fn is_notable(facts: &Facts, symbol: Sym<'_>) -> bool {
    let name = symbol.name;
    let calls = &facts.arch().syscalls;
    notable::wait(name).is_some()
        || notable::is_main_loop(name)
        || notable::never_returns(name)
        || facts.roles.has(symbol.address, Role::NeverReturns)
        || name.starts_with(calls.entry)
        || calls.other_entry(name).is_some()
}

fn has_clones(facts: &Facts, name: &str) -> bool {
    facts.vmlinux.symbols.with_prefix(name).any(|other| other.name[name.len()..].starts_with('.'))
}

/// Whether BTF has one prototype, with nothing in it that does not travel in a register.
fn is_simple(facts: &Facts, name: &str) -> bool {
    let scalar = |id: BtfId| {
        matches!(
            facts.btf.get(facts.btf.strip(id)).kind,
            Kind::Int(_) | Kind::Pointer(_) | Kind::Enum(_)
        )
    };
    let functions = facts.btf.functions(name);
    let [function] = functions.as_slice() else { return false };
    let Kind::Function(prototype) = facts.btf.get(*function).kind else { return false };
    let Kind::Prototype(prototype) = facts.btf.get(prototype).kind else { return false };
    let returns = facts.btf.strip(prototype.ret);
    !prototype.variadic()
        && prototype.params().count() <= 6
        && prototype.params().all(|(_, id)| scalar(id))
        && (returns == BtfId::VOID || scalar(returns))
}

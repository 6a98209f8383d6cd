// SPDX-License-Identifier: GPL-2.0
//! Whether a call may sleep: by the name of the function that it enters, or because each path
//! through that function's code calls one that may.

use super::Resolver;
use crate::notable;
use kps_facts::{Role, Sym};

/// A function that may sleep.
pub(super) enum Sleeper {
    /// A flag that lets an allocation sleep.
    Flag,
    /// It is known by its name.
    Known,
    /// The kernel's code tells. It calls this function, among others.
    Calls(Option<String>),
    /// It waits with CONFIG_PREEMPT_RT.
    OnRt,
}

impl Sleeper {
    /// The reason, where the name does not tell it.
    pub(super) fn reason(&self, name: &str) -> Option<String> {
        match self {
            Sleeper::Calls(Some(called)) => Some(format!(
                "on each path through it `{name}` calls a function that may sleep, such as `{called}`"
            )),
            Sleeper::Calls(None) => {
                Some(format!("on each path through it `{name}` calls a function that may sleep"))
            }
            Sleeper::OnRt => {
                Some("with CONFIG_PREEMPT_RT it takes a lock that a task may wait for".to_owned())
            }
            Sleeper::Flag | Sleeper::Known => None,
        }
    }
}

impl Resolver<'_> {
    /// Whether a call of a kernel function, or a flag, may sleep.
    pub(super) fn sleeper(&self, enters: &str) -> Option<Sleeper> {
        if notable::is_sleeping_flag(enters) {
            return Some(Sleeper::Flag);
        }
        if notable::may_sleep(enters) {
            return Some(Sleeper::Known);
        }
        let symbols = &self.facts.vmlinux.symbols;
        let sleeps = |address: u64| self.facts.roles.has(address, Role::Sleeps);
        let functions = symbols.named(enters);
        // Which of several functions of one name it is cannot be known here.
        if functions.is_empty() || !functions.iter().all(|sym| sleeps(sym.address)) {
            return None;
        }
        let called = functions.iter().flat_map(|sym| self.facts.calls.from(sym.address));
        let called =
            called.filter(|&address| sleeps(address)).flat_map(|address| symbols.at(address));
        // A static call has no other name.
        let names: Vec<&str> =
            called.map(|sym: Sym<'_>| sym.name.trim_start_matches("__SCT__")).collect();
        let known = names.iter().find(|name| notable::may_sleep(name)).or(names.first());
        Some(Sleeper::Calls(known.map(|name| (*name).to_owned())))
    }
}

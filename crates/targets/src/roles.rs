// SPDX-License-Identifier: GPL-2.0
//! The roles of a kernel's functions and its calls, from its machine code.

mod entered;
mod of_module;
mod sleeps;

use super::code::{functions, switched_jumps, Code, Decoder, Function, Step};
use super::image::Vmlinux;
use super::kallsyms::Kallsym;
use kps_facts::btf::Btf;
use kps_facts::{Calls, Exports, Role, Roles};
use std::collections::{BTreeSet, HashMap, HashSet};

pub(super) use of_module::roles_of_module;

/// Whether threads call a function in their main loop, to sleep or to find out whether they should
/// stop.
fn is_rest(name: &str) -> bool {
    const RESTS: &[&str] = &[
        "io_schedule",
        "kthread_freezable_should",
        "kthread_should_",
        "msleep",
        "schedule",
        "svc_recv",
    ];
    const OTHERS: &[&str] = &["schedule_delayed_", "schedule_on_", "schedule_work"];
    let starts = |names: &[&str]| names.iter().any(|start| name.starts_with(start));
    starts(RESTS) && !starts(OTHERS)
}

/// The roles and calls of an image's functions. `symbols` are in the order of their addresses.
pub(super) fn roles(
    vmlinux: &Vmlinux<'_>,
    symbols: &[Kallsym],
    btf: &Btf,
    exports: &Exports,
) -> (Roles, Calls) {
    let image = Image::decode(vmlinux.code(), symbols, switched_jumps(vmlinux, symbols));
    let rests = rests(symbols);
    let facts = Surroundings {
        btf,
        is_exported: &|name| exports.get(name).is_some(),
        rests: &|function| image.leads_to(function).iter().any(|f| rests.contains(f)),
        only_called: entered::only_called(vmlinux, symbols, &image.codes),
    };
    let mut roles = image.roles(symbols, &facts);
    let endless = roles.iter().filter(|(_, role)| *role == Role::NeverReturns);
    let endless = endless.map(|(function, _)| *function).collect();
    roles.extend(image.sleepers(symbols, &endless).map(|function| (function, Role::Sleeps)));
    let calls = &kps_arch::native().syscalls;
    for (tables, role) in [(calls.tables, Role::Syscall), (calls.other_tables, Role::OtherSyscall)]
    {
        let entries = image.entries(vmlinux, symbols, tables);
        roles.extend(entries.into_iter().map(|function| (function, role)));
    }
    (roles.into_iter().collect(), Calls::new(image.calls()))
}

/// The functions among some symbols that threads call to rest.
fn rests(symbols: &[Kallsym]) -> HashSet<u64> {
    symbols.iter().filter(|sym| is_rest(&sym.name)).map(|sym| sym.address).collect()
}

/// What the code of an object does not tell of its functions.
struct Surroundings<'a> {
    btf: &'a Btf,
    /// Whether other objects may use a function of this name.
    is_exported: &'a dyn Fn(&str) -> bool,
    /// Whether a function calls one that rests.
    rests: &'a dyn Fn(u64) -> bool,
    /// The functions that only direct calls enter.
    only_called: HashSet<u64>,
}

/// All decoded functions, by address.
struct Image<'a> {
    codes: Vec<Code<'a>>,
    functions: Vec<Function>,
    /// The place of each function in both lists.
    index: HashMap<u64, usize>,
    /// Functions that get others to call later, by address: their roles, and which arguments.
    registrars: HashMap<u64, Vec<(Role, usize)>>,
}

impl<'a> Image<'a> {
    /// `switched` has the jumps that the kernel switches on and off, with their targets.
    fn decode(
        sections: Vec<(u64, &'a [u8])>,
        symbols: &[Kallsym],
        switched: HashMap<u64, u64>,
    ) -> Image<'a> {
        let codes = functions(sections, symbols);
        let decoder = Decoder::new(symbols, switched);
        let functions = codes.iter().map(|code| decoder.decode(code)).collect();
        let index = codes.iter().enumerate().map(|(n, code)| (code.address, n)).collect();
        let registrar = |sym: &Kallsym| (sym.address, Role::registered_by(&sym.name).collect());
        let registrars: HashMap<u64, Vec<_>> = symbols.iter().map(registrar).collect();
        let registrars = registrars.into_iter().filter(|(_, roles)| !roles.is_empty()).collect();
        Image { codes, functions, index, registrars }
    }

    /// The roles of the functions, as far as their own code and what surrounds it tell.
    fn roles(&self, symbols: &[Kallsym], facts: &Surroundings<'_>) -> BTreeSet<(u64, Role)> {
        let mut roles: BTreeSet<(u64, Role)> = self.registered();
        roles.extend(softirqs(self, symbols));
        let own = symbols.iter().filter(|sym| self.index.contains_key(&sym.address));
        let of_prototype = own.filter_map(|sym| {
            let role = Role::of_prototype(facts.btf, &sym.name)?;
            // Functions that add a timer look like a timer's; nothing looks like a wake function.
            let is_certain = role == Role::Wake || !(facts.is_exported)(&sym.name);
            is_certain.then_some((sym.address, role))
        });
        roles.extend(of_prototype);
        let endless = self.endless();
        let (started, mut roles): (BTreeSet<_>, BTreeSet<_>) =
            roles.into_iter().partition(|(_, role)| *role == Role::ThreadMain);
        let started = started.into_iter().map(|(function, _)| function).collect();
        let loops = self.thread_loops(&started, &(&endless - &failures(symbols)), facts.rests);
        roles.extend(loops.into_iter().map(|function| (function, Role::ThreadMain)));
        roles.extend(endless.into_iter().map(|function| (function, Role::NeverReturns)));
        roles.extend(self.only_from_atomic(&roles, &facts.only_called));
        roles
    }

    /// The function that an address is in.
    fn owner(&self, address: u64) -> Option<u64> {
        let next = self.codes.partition_point(|code| code.address <= address);
        let code = self.codes.get(next.checked_sub(1)?)?;
        (address - code.address < code.bytes.len() as u64).then_some(code.address)
    }

    fn all(&self) -> impl Iterator<Item = (u64, &Function)> {
        self.codes.iter().map(|code| code.address).zip(&self.functions)
    }

    /// The functions that a function calls or jumps to, itself left out.
    fn leads_to(&self, function: u64) -> BTreeSet<u64> {
        let steps = self.index.get(&function).map(|&n| &self.functions[n].steps);
        let target = |step: &Step| match *step {
            Step::Call { target, .. } | Step::Jump { target, .. } => self.owner(target),
            Step::Store { .. } | Step::Leave => None,
        };
        let targets = steps.into_iter().flatten().filter_map(target);
        targets.filter(|target| *target != function).collect()
    }

    /// The functions that a table of system calls leads to: a function that calls them, or an array
    /// of their addresses.
    fn entries(
        &self,
        vmlinux: &Vmlinux<'_>,
        symbols: &[Kallsym],
        tables: &[&str],
    ) -> BTreeSet<u64> {
        let mut entries = BTreeSet::new();
        for table in symbols.iter().filter(|sym| tables.contains(&sym.name.as_str())) {
            if self.index.contains_key(&table.address) {
                entries.extend(self.leads_to(table.address));
                continue;
            }
            let next = symbols.partition_point(|sym| sym.address <= table.address);
            let len = symbols.get(next).map_or(0, |next| next.address - table.address) as usize;
            let bytes = vmlinux.memory(table.address).unwrap_or_default();
            let addresses = bytes[..len.min(bytes.len())].chunks_exact(8);
            let addresses = addresses.filter_map(|bytes| bytes.try_into().ok());
            let addresses = addresses.map(u64::from_le_bytes);
            entries.extend(addresses.filter(|address| self.index.contains_key(address)));
        }
        entries
    }

    fn calls(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.codes.iter().flat_map(|code| {
            self.leads_to(code.address).into_iter().map(|called| (code.address, called))
        })
    }

    /// The functions whose addresses the code passes to a registrar.
    fn registered(&self) -> BTreeSet<(u64, Role)> {
        let steps = self.functions.iter().flat_map(|function| &function.steps);
        let registered = steps.flat_map(|step| {
            let (target, args) = match step {
                Step::Call { target, args } | Step::Jump { target, args, .. } => (target, args),
                Step::Store { .. } | Step::Leave => return Vec::new(),
            };
            let roles = self.registrars.get(target).into_iter().flatten();
            let passed = roles.filter_map(|&(role, argument)| {
                let passed = args.get(argument).copied().flatten();
                Some((passed.filter(|address| self.index.contains_key(address))?, role))
            });
            passed.collect()
        });
        registered.collect()
    }

    /// The functions from which no path leads back to the caller: no return in them, and none in a
    /// function that they end with.
    fn endless(&self) -> BTreeSet<u64> {
        let leaves =
            |function: &Function| function.falls_through || function.steps.contains(&Step::Leave);
        let mut ends_with: HashMap<u64, Vec<u64>> = HashMap::new();
        let mut pending = Vec::new();
        for (address, function) in self.all() {
            let returns = leaves(function);
            for step in &function.steps {
                let Step::Jump { target, .. } = *step else { continue };
                match self.owner(target) {
                    Some(owner) if owner == address => {}
                    Some(owner) => ends_with.entry(owner).or_default().push(address),
                    // Pieces that the kernel may put into several functions as it boots, and that
                    // jump back into them (`ALTERNATIVE`).
                    None => {}
                }
            }
            if returns {
                pending.push(address);
            }
        }
        let mut returning: HashSet<u64> = HashSet::new();
        while let Some(function) = pending.pop() {
            if returning.insert(function) {
                pending.extend(ends_with.get(&function).into_iter().flatten());
            }
        }
        self.codes.iter().map(|code| code.address).filter(|f| !returning.contains(f)).collect()
    }

    /// Whether a function jumps back to an instruction behind its first.
    fn loops(&self, function: u64) -> bool {
        let steps = self.index.get(&function).map(|&n| &self.functions[n].steps);
        let is_back = |step: &Step| match *step {
            Step::Jump { from, target, .. } => target < from && target > function,
            _ => false,
        };
        steps.into_iter().flatten().any(is_back)
    }

    /// The functions in which kernel threads spend their time. Of the functions that start as a
    /// thread those with a loop that rests: it sleeps or asks whether to stop, itself or in a
    /// function that it calls. And endless loops that only starting functions call, with their
    /// caller. An endless function that calls another one, or that others call, may end the thread
    /// instead, as `panic()` does.
    fn thread_loops(
        &self,
        started: &BTreeSet<u64>,
        endless: &BTreeSet<u64>,
        rests: &dyn Fn(u64) -> bool,
    ) -> BTreeSet<u64> {
        // Its own code that is seldom run, `NAME.cold`, jumps back to it.
        let ends_in = |function: u64, called: &u64| {
            endless.contains(called) && !self.leads_to(*called).contains(&function)
        };
        let is_endless_loop = |&function: &u64| {
            self.loops(function)
                && !self.leads_to(function).iter().any(|called| ends_in(function, called))
        };
        let endless_loops: BTreeSet<u64> = started
            .iter()
            .flat_map(|&function| self.leads_to(function))
            .filter(|called| endless.contains(called) && is_endless_loop(called))
            .collect();
        let called_by_others: BTreeSet<u64> = self
            .calls()
            .filter(|(caller, called)| endless_loops.contains(called) && !started.contains(caller))
            .filter(|(caller, called)| !self.leads_to(*called).contains(caller))
            .map(|(_, called)| called)
            .collect();
        let endless_loops = &endless_loops - &called_by_others;
        let mut loops = BTreeSet::new();
        for &function in started {
            let called = self.leads_to(function);
            let inner: Vec<u64> = called.intersection(&endless_loops).copied().collect();
            let is_loop =
                self.loops(function) && (rests(function) || called.iter().any(|&f| rests(f)));
            if is_loop || !inner.is_empty() {
                loops.insert(function);
            }
            loops.extend(inner);
        }
        loops
    }

    /// The functions that cannot be entered but by a call from a function in atomic context.
    fn only_from_atomic(
        &self,
        roles: &BTreeSet<(u64, Role)>,
        only_called: &HashSet<u64>,
    ) -> Vec<(u64, Role)> {
        let atomic = roles.iter().filter(|(_, role)| role.atomic().is_some());
        let mut atomic: HashSet<u64> = atomic.map(|(function, _)| *function).collect();
        let mut callers: HashMap<u64, Vec<u64>> = HashMap::new();
        for (caller, called) in self.calls() {
            callers.entry(called).or_default().push(caller);
        }
        let mut found = Vec::new();
        let mut pending: Vec<u64> = atomic.iter().copied().collect();
        while let Some(caller) = pending.pop() {
            for called in self.leads_to(caller) {
                let by_all = |callers: &Vec<u64>| callers.iter().all(|c| atomic.contains(c));
                if only_called.contains(&called)
                    && !atomic.contains(&called)
                    && callers.get(&called).is_some_and(by_all)
                {
                    atomic.insert(called);
                    found.push((called, Role::OnlyFromAtomic));
                    pending.push(called);
                }
            }
        }
        found
    }
}

/// Functions that any other may call before it returns, if its stack is damaged: that it calls one
/// says nothing of its own end.
fn failures(symbols: &[Kallsym]) -> BTreeSet<u64> {
    const FAILURE: &str = "__stack_chk_fail";
    symbols.iter().filter(|sym| sym.name == FAILURE).map(|sym| sym.address).collect()
}

/// The functions that the code stores in the table of softirqs: compilers inline `open_softirq()`.
fn softirqs(image: &Image<'_>, symbols: &[Kallsym]) -> Vec<(u64, Role)> {
    let Some(start) = symbols.iter().find(|sym| sym.name == "softirq_vec") else { return vec![] };
    let next = symbols.partition_point(|sym| sym.address <= start.address);
    let end = symbols.get(next).map_or(start.address, |sym| sym.address);
    let steps = image.functions.iter().flat_map(|function| &function.steps);
    let stored = steps.filter_map(|step| match *step {
        Step::Store { address, value } if (start.address..end).contains(&address) => Some(value),
        _ => None,
    });
    let functions = stored.filter(|value| image.index.contains_key(value));
    functions.map(|function| (function, Role::Softirq)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::ARGS;

    /// An image of functions 16 bytes long, from address 16 on.
    fn image(functions: Vec<Vec<Step>>) -> Image<'static> {
        let codes: Vec<Code<'_>> = (1..=functions.len() as u64)
            .map(|n| Code { address: 16 * n, bytes: &[0; 16] })
            .collect();
        Image {
            index: codes.iter().enumerate().map(|(n, code)| (code.address, n)).collect(),
            functions: functions
                .into_iter()
                .map(|steps| Function { steps, turns: Vec::new(), falls_through: false })
                .collect(),
            codes,
            registrars: HashMap::from([(16, vec![(Role::Timer, 1)])]),
        }
    }

    fn call(target: u64) -> Step {
        Step::Call { target, args: [None; ARGS] }
    }

    fn jump(from: u64, target: u64) -> Step {
        Step::Jump { from, target, args: [None; ARGS] }
    }

    #[test]
    fn a_function_is_endless_if_no_way_leads_out() {
        let image = image(vec![
            vec![Step::Leave],
            vec![jump(40, 16)],
            vec![jump(60, 50)],
            vec![jump(70, 48)],
            vec![call(48), jump(90, 68), jump(91, 16)],
        ]);
        assert_eq!(image.endless(), BTreeSet::from([48, 64]));
    }

    #[test]
    fn what_is_passed_to_a_registrar_has_its_role() {
        let passes = |args| Step::Call { target: 16, args };
        let image = image(vec![
            vec![Step::Leave],
            vec![
                passes([Some(16), Some(48), None, None, None]),
                passes([None, Some(7), None, None, None]),
            ],
            vec![Step::Leave],
        ]);
        assert_eq!(image.registered(), BTreeSet::from([(48, Role::Timer)]));
    }

    #[test]
    fn what_only_atomic_functions_call_is_atomic() {
        let image = image(vec![
            vec![call(32), call(64)],
            vec![call(48)],
            vec![Step::Leave],
            vec![Step::Leave],
            vec![call(64)],
        ]);
        let timer = BTreeSet::from([(16, Role::Timer)]);
        let only_called = HashSet::from([32, 48, 64]);
        let mut found = image.only_from_atomic(&timer, &only_called);
        found.sort_unstable();
        assert_eq!(found, [(32, Role::OnlyFromAtomic), (48, Role::OnlyFromAtomic)]);
        assert_eq!(image.only_from_atomic(&timer, &HashSet::new()), []);
    }

    #[test]
    fn a_main_loop_rests_or_calls_an_endless_one() {
        let image = image(vec![
            vec![Step::Leave],
            vec![call(16), jump(44, 40), Step::Leave],
            vec![call(16), Step::Leave],
            vec![call(80), Step::Leave],
            vec![jump(90, 84)],
            // One that stops the machine, which others call too.
            vec![call(112), Step::Leave],
            vec![jump(122, 116)],
            vec![call(112), Step::Leave],
        ]);
        let started = BTreeSet::from([32, 48, 64, 96]);
        let rests = |function| image.leads_to(function).contains(&16);
        let loops = image.thread_loops(&started, &image.endless(), &rests);
        assert_eq!(loops, BTreeSet::from([32, 64, 80]));
    }

    #[test]
    fn a_main_loop_may_find_its_stack_damaged() {
        const FAILURE: u64 = 64;
        let image = image(vec![
            vec![Step::Leave],
            vec![call(48), Step::Leave],
            // With a part elsewhere, which jumps back.
            vec![call(FAILURE), jump(58, 52), jump(60, 80)],
            vec![jump(70, 66)],
            vec![jump(84, 54)],
        ]);
        let (started, rests) = (BTreeSet::from([32]), |_| false);
        let endless = image.endless();
        assert_eq!(image.thread_loops(&started, &endless, &rests), BTreeSet::new());
        let own = &endless - &BTreeSet::from([FAILURE]);
        assert_eq!(image.thread_loops(&started, &own, &rests), BTreeSet::from([32, 48]));
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Functions that sleep whenever they are called: each path through their code calls one that may
//! sleep. Such a call is wrong in atomic context, whatever its arguments are.

use super::super::code::Way;
use super::super::kallsyms::Kallsym;
use super::Image;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The kernel's functions for sleeping, by their exact names. `__SCT__` starts the name of a static
/// call: with CONFIG_PREEMPT_DYNAMIC, `might_sleep()` is one.
const SLEEPERS: &[&str] = &[
    "__SCT__cond_resched",
    "__SCT__might_resched",
    "__cond_resched",
    "__flush_work",
    "__flush_workqueue",
    "__might_resched",
    "__might_sleep",
    "__wait_rcu_gp",
    "cancel_delayed_work_sync",
    "cancel_work_sync",
    "console_lock",
    "down",
    "down_interruptible",
    "down_killable",
    "down_read",
    "down_read_interruptible",
    "down_read_killable",
    "down_timeout",
    "down_write",
    "down_write_killable",
    "flush_delayed_work",
    "flush_work",
    "io_schedule",
    "io_schedule_timeout",
    "kthread_stop",
    "msleep",
    "msleep_interruptible",
    "mutex_lock",
    "percpu_down_write",
    "rcu_barrier",
    "schedule",
    "schedule_preempt_disabled",
    "srcu_barrier",
    "synchronize_irq",
    "synchronize_net",
    "synchronize_rcu",
    "synchronize_rcu_expedited",
    "synchronize_srcu",
    "synchronize_srcu_expedited",
    "usleep_range_state",
    "wait_woken",
];

/// And by the start of their names.
const KINDS: &[&str] = &[
    "__mutex_lock",
    "__wait_on_bit",
    "mutex_lock_",
    "out_of_line_wait_on_",
    "rt_mutex_lock",
    "schedule_hrtimeout",
    "schedule_timeout",
    "wait_for_completion",
    "ww_mutex_lock",
];

impl Image<'_> {
    /// The functions that sleep whenever they are called. A function that never returns is not
    /// among them: nothing tells what the paths to its end do.
    pub(super) fn sleepers(
        &self,
        symbols: &[Kallsym],
        endless: &BTreeSet<u64>,
    ) -> impl Iterator<Item = u64> {
        let is_sleeper = |name: &str| {
            SLEEPERS.contains(&name) || KINDS.iter().any(|start| name.starts_with(start))
        };
        let known = |sym: &&Kallsym| self.index.contains_key(&sym.address);
        let seeds = symbols.iter().filter(|sym| is_sleeper(&sym.name)).filter(known);
        let cold = symbols.iter().filter(|sym| sym.name.contains(".cold"));
        let cold = cold.map(|sym| sym.address).collect();
        let mut paths =
            Paths { image: self, endless, cold, sleepers: seeds.map(|sym| sym.address).collect() };
        let mut callers: HashMap<u64, Vec<u64>> = HashMap::new();
        for (caller, called) in self.calls() {
            // The compiler puts what runs seldom into a function of its own, which calls for it.
            for caller in [caller].into_iter().chain(paths.parents_of_cold(caller)) {
                callers.entry(called).or_default().push(caller);
            }
        }
        let mut pending: Vec<u64> = paths.sleepers.iter().copied().collect();
        while let Some(sleeper) = pending.pop() {
            for &caller in callers.get(&sleeper).into_iter().flatten() {
                let is_new = !paths.sleepers.contains(&caller)
                    && !paths.cold.contains(&caller)
                    && !endless.contains(&caller);
                if is_new && paths.always_sleep(caller) {
                    paths.sleepers.insert(caller);
                    pending.push(caller);
                }
            }
        }
        paths.sleepers.into_iter()
    }
}

/// The paths through functions.
struct Paths<'i> {
    image: &'i Image<'i>,
    endless: &'i BTreeSet<u64>,
    /// Functions that are parts of others.
    cold: HashSet<u64>,
    sleepers: HashSet<u64>,
}

/// What follows at a place in the code.
enum Next {
    /// The function has slept.
    Sleeps,
    /// Nothing: the kernel has stopped.
    Nothing,
    /// The caller, or a function of which nothing is known.
    Leaves,
    /// Instructions from an address on.
    Code(u64),
}

impl Paths<'_> {
    /// Whether a function sleeps on each path from its start to its end.
    fn always_sleep(&self, function: u64) -> bool {
        let mut slept = false;
        let mut seen = HashSet::new();
        let mut pending = vec![function];
        while let Some(address) = pending.pop() {
            if !seen.insert(address) {
                continue;
            }
            for next in self.after(address) {
                match next {
                    Next::Sleeps => slept = true,
                    Next::Nothing => {}
                    Next::Leaves => return false,
                    Next::Code(address) => pending.push(address),
                }
            }
        }
        slept
    }

    /// What follows the next instruction that leads elsewhere.
    fn after(&self, address: u64) -> Vec<Next> {
        let Some(owner) = self.image.owner(address) else { return vec![Next::Leaves] };
        let function = &self.image.functions[self.image.index[&owner]];
        let turn = function.turns.partition_point(|turn| turn.at < address);
        let Some(turn) = function.turns.get(turn) else {
            return vec![if function.falls_through { Next::Leaves } else { Next::Nothing }];
        };
        let behind = Next::Code(turn.at + 1);
        match turn.way {
            Way::Call(called) if self.sleepers.contains(&called) => vec![Next::Sleeps],
            Way::Call(called) if self.endless.contains(&called) => vec![Next::Nothing],
            Way::Call(_) => vec![behind],
            Way::Jump(target) => vec![self.at(owner, target)],
            Way::Branch(target) => vec![self.at(owner, target), behind],
            Way::Leave => vec![Next::Leaves],
        }
    }

    /// What follows at the target of a jump in a function.
    fn at(&self, function: u64, target: u64) -> Next {
        if self.sleepers.contains(&target) {
            return Next::Sleeps;
        }
        if self.endless.contains(&target) {
            return Next::Nothing;
        }
        let is_start = self.image.index.contains_key(&target) && target != function;
        match is_start && !self.cold.contains(&target) {
            true => Next::Leaves,
            false => Next::Code(target),
        }
    }

    /// The functions that a part jumps back into.
    fn parents_of_cold(&self, part: u64) -> Vec<u64> {
        match self.cold.contains(&part) {
            true => self.image.leads_to(part).into_iter().collect(),
            false => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::code::{Code, Function, Step, Turn, ARGS};
    use super::*;

    /// The names of those of some functions that sleep. They are 16 bytes long, from address 16 on;
    /// a turn is one byte long.
    fn sleepers(functions: &[(&str, &[Way])]) -> Vec<String> {
        let start = |n: usize| 16 * (n as u64 + 1);
        let function = |(n, (_, ways)): (usize, &(&str, &[Way]))| {
            let turn = |(m, way): (usize, &Way)| Turn { at: start(n) + m as u64, way: *way };
            let turns: Vec<Turn> = ways.iter().enumerate().map(turn).collect();
            let called = |turn: &Turn| match turn.way {
                Way::Call(target) => Some(Step::Call { target, args: [None; ARGS] }),
                Way::Jump(target) | Way::Branch(target) => {
                    Some(Step::Jump { from: turn.at, target, args: [None; ARGS] })
                }
                Way::Leave => None,
            };
            Function {
                steps: turns.iter().filter_map(called).collect(),
                turns,
                falls_through: false,
            }
        };
        let count = functions.len();
        let image = Image {
            codes: (0..count).map(|n| Code { address: start(n), bytes: &[0; 16] }).collect(),
            functions: functions.iter().enumerate().map(function).collect(),
            index: (0..count).map(|n| (start(n), n)).collect(),
            registrars: HashMap::new(),
        };
        let symbol = |(n, (name, _)): (usize, &(&str, &[Way]))| Kallsym {
            address: start(n),
            kind: b't',
            name: (*name).to_owned(),
        };
        let symbols: Vec<Kallsym> = functions.iter().enumerate().map(symbol).collect();
        let mut found: Vec<u64> = image.sleepers(&symbols, &BTreeSet::new()).collect();
        found.sort_unstable();
        found.into_iter().map(|at| functions[at as usize / 16 - 1].0.to_owned()).collect()
    }

    const LOCK: u64 = 16;
    const OTHER: u64 = 32;

    #[test]
    fn a_function_sleeps_if_each_path_does() {
        let found = sleepers(&[
            ("mutex_lock", &[Way::Leave]),
            ("other", &[Way::Leave]),
            ("locks", &[Way::Call(OTHER), Way::Call(LOCK), Way::Leave]),
            ("locks_for_one", &[Way::Branch(0x42), Way::Call(LOCK), Way::Leave]),
            ("locks_in_both", &[Way::Branch(0x52), Way::Jump(LOCK), Way::Call(LOCK), Way::Leave]),
            ("calls_one_that_does", &[Way::Call(0x30), Way::Leave]),
            ("loops_first", &[Way::Call(OTHER), Way::Branch(0x70), Way::Call(LOCK), Way::Leave]),
            ("ends_in_another", &[Way::Jump(OTHER), Way::Call(LOCK), Way::Leave]),
        ]);
        let sleeping =
            ["mutex_lock", "locks", "locks_in_both", "calls_one_that_does", "loops_first"];
        assert_eq!(found, sleeping);
    }

    #[test]
    fn a_path_goes_through_the_part_that_the_compiler_moved_away() {
        let found = sleepers(&[
            ("mutex_lock", &[Way::Leave]),
            ("slow", &[Way::Branch(0x30), Way::Call(LOCK), Way::Leave]),
            ("slow.cold", &[Way::Call(LOCK), Way::Jump(0x22)]),
            ("quick", &[Way::Branch(0x50), Way::Call(LOCK), Way::Leave]),
            ("quick.cold", &[Way::Jump(0x42)]),
        ]);
        assert_eq!(found, ["mutex_lock", "slow"]);
    }
}

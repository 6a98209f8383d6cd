// SPDX-License-Identifier: GPL-2.0
//! Kernel functions between which nothing may sleep.

/// What is held between two calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// A spinlock.
    Spin,
    /// A spinlock of many readers.
    Read,
    /// The same, as its writer.
    Write,
    /// The end of a grace period.
    Rcu,
    /// Preemption.
    Preemption,
    /// Interrupts.
    Interrupts,
    /// Softirqs.
    Softirqs,
}

/// What begins and what ends it, without the endings below. With CONFIG_PREEMPT_RT a task may wait
/// for the lock of `rt_spin_lock()` and its kind, but not for anything else while it holds one.
const PAIRS: &[(Hold, &str, &str)] = &[
    (Hold::Spin, "spin_lock", "spin_unlock"),
    (Hold::Spin, "raw_spin_lock", "raw_spin_unlock"),
    (Hold::Spin, "_raw_spin_lock", "_raw_spin_unlock"),
    (Hold::Spin, "rt_spin_lock", "rt_spin_unlock"),
    (Hold::Read, "read_lock", "read_unlock"),
    (Hold::Read, "_raw_read_lock", "_raw_read_unlock"),
    (Hold::Read, "rt_read_lock", "rt_read_unlock"),
    (Hold::Write, "write_lock", "write_unlock"),
    (Hold::Write, "_raw_write_lock", "_raw_write_unlock"),
    (Hold::Write, "rt_write_lock", "rt_write_unlock"),
    (Hold::Rcu, "rcu_read_lock", "rcu_read_unlock"),
    (Hold::Rcu, "__rcu_read_lock", "__rcu_read_unlock"),
    (Hold::Preemption, "preempt_disable", "preempt_enable"),
    (Hold::Interrupts, "local_irq_disable", "local_irq_enable"),
    (Hold::Interrupts, "local_irq_save", "local_irq_restore"),
    (Hold::Softirqs, "local_bh_disable", "local_bh_enable"),
    (Hold::Softirqs, "__local_bh_disable_ip", "__local_bh_enable_ip"),
];

const BEGINNINGS: &[&str] = &[
    "",
    "_bh",
    "_irq",
    "_irqsave",
    "_irqsave_nested",
    "_nest_lock",
    "_nested",
    "_notrace",
    "_sched",
];
const ENDS: &[&str] = &["", "_bh", "_irq", "_irqrestore", "_no_resched", "_notrace", "_sched"];

/// The kernel crate's names of inline functions in C.
const HELPER: &str = "rust_helper_";

/// What a call begins to hold, judging by the function's name.
pub fn holds(name: &str) -> Option<Hold> {
    let name = name.strip_prefix(HELPER).unwrap_or(name);
    let begins =
        |start: &str| name.strip_prefix(start).is_some_and(|end| BEGINNINGS.contains(&end));
    PAIRS.iter().find(|(_, start, _)| begins(start)).map(|(hold, ..)| *hold)
}

/// What a call ends to hold, judging by the function's name.
pub fn drops(name: &str) -> Option<Hold> {
    let name = name.strip_prefix(HELPER).unwrap_or(name);
    let ends = |start: &str| name.strip_prefix(start).is_some_and(|end| ENDS.contains(&end));
    PAIRS.iter().find(|(.., start)| ends(start)).map(|(hold, ..)| *hold)
}

/// What allocates and frees memory, under locks of the allocator.
const OF_ALLOCATOR: &[&str] = &["kmalloc", "kzalloc", "kcalloc", "kvmalloc", "kvzalloc", "kfree"];
/// What takes the lock of all shadow variables (`kernel/livepatch/shadow.c`).
const OF_SHADOWS: &[&str] = &["klp_shadow_get_or_alloc", "klp_shadow_alloc", "klp_shadow_free"];

/// Whether a call may wait with CONFIG_PREEMPT_RT and nowhere else: for a spinlock that is not raw,
/// or for the end of softirqs.
pub fn waits_on_rt(name: &str) -> bool {
    let is_raw = name.contains("raw_");
    match holds(name) {
        Some(Hold::Spin | Hold::Read | Hold::Write) => !is_raw,
        Some(Hold::Softirqs) => true,
        Some(Hold::Rcu | Hold::Preemption | Hold::Interrupts) => false,
        None => OF_ALLOCATOR.contains(&name) || OF_SHADOWS.contains(&name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_lock_does_not_wait() {
        for name in ["spin_lock", "rt_spin_lock", "read_lock_bh", "local_bh_disable", "kfree"] {
            assert!(waits_on_rt(name), "{name}");
        }
        for name in ["raw_spin_lock", "_raw_spin_lock_irqsave", "rcu_read_lock", "schedule"] {
            assert!(!waits_on_rt(name), "{name}");
        }
    }

    #[test]
    fn what_takes_a_lock_is_told_from_what_asks_about_it() {
        assert_eq!(holds("_raw_spin_lock_irqsave"), Some(Hold::Spin));
        assert_eq!(holds("rust_helper_rcu_read_lock"), Some(Hold::Rcu));
        assert_eq!(drops("_raw_spin_unlock_irqrestore"), Some(Hold::Spin));
        assert_eq!(holds("rt_spin_lock_nested"), Some(Hold::Spin));
        for name in ["spin_lock_init", "rcu_read_lock_held", "_raw_spin_trylock", "lock_sock"] {
            assert_eq!((holds(name), drops(name)), (None, None), "{name}");
        }
    }
}

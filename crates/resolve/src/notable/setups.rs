// SPDX-License-Identifier: GPL-2.0
//! Kernel functions that set something up which stays until something else undoes it.

/// What a call leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetsUp {
    /// Something in the kernel: a file, a thread, an entry in a list.
    Entry,
    /// A later call of the function that it was set up with.
    LaterCall,
}

/// These make entries (prefixes of names).
const ENTRIES: &[&str] = &[
    "__class_create",
    "__cpuhp_setup_state",
    "__request_percpu_irq",
    "cdev_add",
    "class_create",
    "cpuhp_setup_state",
    "debugfs_create_",
    "device_create",
    "init_dummy_netdev",
    "kobject_add",
    "kobject_create_and_add",
    "kobject_init_and_add",
    "kthread_create_",
    "kthread_run_worker",
    "netlink_kernel_create",
    "__netlink_kernel_create",
    "perf_event_create_kernel_counter",
    "proc_create",
    "proc_mkdir",
    "proc_symlink",
    "request_any_context_irq",
    "request_irq",
    "request_threaded_irq",
    "sysfs_add_file_to_group",
    "sysfs_create_",
    "tracefs_create_",
];

/// These arrange a later call (prefixes of names).
const LATER_CALLS: &[&str] = &[
    "__tasklet_schedule",
    "add_timer",
    "call_rcu",
    "call_srcu",
    "hrtimer_start",
    "irq_work_queue",
    "mod_delayed_work",
    "mod_timer",
    "queue_delayed_work",
    "queue_rcu_work",
    "queue_work",
    "schedule_delayed_work",
    "schedule_work",
    "task_work_add",
    "timer_reduce",
];

/// What a function sets up, judging by its name.
pub fn sets_up(name: &str) -> Option<SetsUp> {
    let starts = |names: &[&str]| names.iter().any(|start| name.starts_with(start));
    // `register_kprobe`, `misc_register`, `tracepoint_probe_register_prio`
    let registers = name.split('_').any(|word| word == "register");
    if starts(ENTRIES) || registers {
        return Some(SetsUp::Entry);
    }
    starts(LATER_CALLS).then_some(SetsUp::LaterCall)
}

/// Whether a function waits until calls that were arranged have been made.
pub fn awaits_later_calls(name: &str) -> bool {
    ["__flush_work", "flush_", "rcu_barrier", "srcu_barrier"].iter().any(|s| name.starts_with(s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_told_from_what_passes() {
        for name in ["register_kprobe", "misc_register", "__register_chrdev", "proc_create_data"] {
            assert_eq!(sets_up(name), Some(SetsUp::Entry), "{name}");
        }
        for name in ["mod_timer", "queue_work_on", "call_rcu"] {
            assert_eq!(sets_up(name), Some(SetsUp::LaterCall), "{name}");
        }
        for name in
            ["unregister_kprobe", "module_is_registered", "timer_delete_sync", "kobject_put"]
        {
            assert_eq!(sets_up(name), None, "{name}");
        }
    }
}

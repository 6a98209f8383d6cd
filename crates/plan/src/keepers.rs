// SPDX-License-Identifier: GPL-2.0
//! Kernel functions that set something up which stays behind the call, and the functions that undo
//! it. Nothing in a kernel image tells of it. Most of them keep a pointer to code, which the kernel
//! calls later: the livepatch core does not wait for such calls.
//!
//! Functions that call what they are given and return, such as `sort()` or `stop_machine()`, are
//! not among them.

/// What stays behind a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stays {
    /// Something in the kernel: a file, a thread, an entry in a list.
    Entry,
    /// A later call of the function that it was set up with.
    LaterCall,
    /// A pointer to code, in what the caller starts later.
    Pointer,
}

/// A kernel function that sets something up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeper<'n> {
    /// What it leaves behind.
    pub stays: Stays,
    undoing: Undoing<'n>,
}

/// What undoes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Undoing<'n> {
    /// These functions. If there are none, a program or a device decides how long it stays.
    Listed(&'static [&'static str]),
    /// What unregisters what a function of this name has registered.
    Registered(&'n str),
}

/// The functions that set up one kind of thing, and those that undo it and wait until no call runs.
/// A name with `*` at its end stands for all with that prefix.
struct Kind {
    stays: Stays,
    keepers: &'static [&'static str],
    undoing: &'static [&'static str],
}

/// Macros and inline functions of C are among the names, because C files call them.
const KINDS: &[Kind] = &[
    Kind {
        stays: Stays::Entry,
        keepers: &[
            "create_io_thread",
            "kernel_thread",
            "kthread_create*",
            "kthread_run*",
            "user_mode_thread",
            "vhost_task_create",
        ],
        undoing: &["kthread_stop", "kthread_destroy_worker", "kthread_stop_put", "vhost_task_stop"],
    },
    Kind {
        stays: Stays::Pointer,
        keepers: &["init_timer_key", "timer_init_key", "timer_setup*"],
        undoing: TIMERS,
    },
    Kind {
        stays: Stays::LaterCall,
        keepers: &["add_timer*", "mod_timer*", "timer_reduce"],
        undoing: TIMERS,
    },
    Kind {
        stays: Stays::Pointer,
        keepers: &["hrtimer_init*", "hrtimer_setup*"],
        undoing: &["hrtimer_cancel"],
    },
    Kind { stays: Stays::LaterCall, keepers: &["hrtimer_start*"], undoing: &["hrtimer_cancel"] },
    Kind {
        stays: Stays::Pointer,
        keepers: &["INIT_DEFERRABLE_WORK", "INIT_DELAYED_WORK", "INIT_RCU_WORK", "INIT_WORK"],
        undoing: WORK,
    },
    Kind {
        stays: Stays::LaterCall,
        keepers: &[
            "mod_delayed_work*",
            "queue_delayed_work*",
            "queue_rcu_work",
            "queue_work*",
            "schedule_delayed_work*",
            "schedule_work*",
        ],
        undoing: WORK,
    },
    Kind {
        stays: Stays::LaterCall,
        keepers: &["kthread_mod_delayed_work", "kthread_queue_delayed_work", "kthread_queue_work"],
        undoing: &[
            "kthread_cancel_work_sync",
            "kthread_cancel_delayed_work_sync",
            "kthread_destroy_worker",
            "kthread_flush_work*",
        ],
    },
    Kind {
        stays: Stays::LaterCall,
        keepers: &["call_rcu", "call_rcu_hurry"],
        undoing: &["rcu_barrier"],
    },
    Kind {
        stays: Stays::LaterCall,
        keepers: &["call_rcu_tasks*"],
        undoing: &["rcu_barrier_tasks", "rcu_barrier_tasks_*"],
    },
    Kind { stays: Stays::LaterCall, keepers: &["call_srcu"], undoing: &["srcu_barrier"] },
    Kind {
        stays: Stays::LaterCall,
        keepers: &["init_irq_work", "irq_work_queue*"],
        undoing: &["irq_work_sync"],
    },
    Kind {
        stays: Stays::Pointer,
        keepers: &["tasklet_init", "tasklet_setup"],
        undoing: &["tasklet_kill"],
    },
    Kind {
        stays: Stays::LaterCall,
        keepers: &["__tasklet_hi_schedule", "__tasklet_schedule", "tasklet_schedule"],
        undoing: &["tasklet_kill"],
    },
    Kind {
        stays: Stays::LaterCall,
        keepers: &["task_work_add"],
        undoing: &["task_work_cancel", "task_work_cancel_*"],
    },
    Kind { stays: Stays::LaterCall, keepers: &["smp_call_function_single_async"], undoing: &[] },
    Kind {
        stays: Stays::Entry,
        keepers: &[
            "__request_percpu_irq",
            "devm_request_*",
            "pci_request_irq",
            "request_any_context_irq",
            "request_irq",
            "request_nmi",
            "request_percpu_nmi",
            "request_threaded_irq",
        ],
        undoing: &[
            "devm_free_irq",
            "free_irq",
            "free_nmi",
            "free_percpu_irq",
            "free_percpu_nmi",
            "pci_free_irq",
        ],
    },
    Kind {
        stays: Stays::Entry,
        keepers: &["add_wait_queue*"],
        undoing: &["finish_wait", "remove_wait_queue"],
    },
    Kind {
        stays: Stays::Entry,
        keepers: &["__cpuhp_setup_state*", "cpuhp_setup_state*"],
        undoing: &["cpuhp_remove_state", "__cpuhp_remove_state*", "cpuhp_remove_state_*"],
    },
    Kind {
        stays: Stays::Entry,
        keepers: &["proc_create*", "proc_mkdir*", "proc_symlink"],
        undoing: &["proc_remove", "remove_proc_entry", "remove_proc_subtree"],
    },
    Kind {
        stays: Stays::Entry,
        keepers: &["debugfs_create_*"],
        undoing: &["debugfs_lookup_and_remove", "debugfs_remove*"],
    },
    Kind { stays: Stays::Entry, keepers: &["tracefs_create_*"], undoing: &["tracefs_remove"] },
    Kind {
        stays: Stays::Entry,
        keepers: &["sysfs_add_file_to_group", "sysfs_create_*"],
        undoing: &["kobject_del", "kobject_put", "sysfs_remove_*"],
    },
    Kind {
        stays: Stays::Entry,
        keepers: &["kobject_add", "kobject_create_and_add", "kobject_init_and_add"],
        undoing: &["kobject_del", "kobject_put"],
    },
    Kind {
        stays: Stays::Entry,
        keepers: &["__class_create", "cdev_add", "class_create", "device_create*"],
        undoing: &[
            "cdev_del",
            "cdev_device_del",
            "class_destroy",
            "device_del",
            "device_destroy",
            "device_remove_*",
        ],
    },
    Kind {
        stays: Stays::Entry,
        keepers: &["dev_add_pack"],
        undoing: &["__dev_remove_pack", "dev_remove_pack"],
    },
    Kind {
        stays: Stays::Entry,
        keepers: &["init_dummy_netdev", "netif_napi_add*"],
        undoing: &["__netif_napi_del", "free_netdev", "netif_napi_del"],
    },
    Kind {
        stays: Stays::Entry,
        keepers: &["__netlink_kernel_create", "netlink_kernel_create"],
        undoing: &["netlink_kernel_release"],
    },
    Kind {
        stays: Stays::Entry,
        keepers: &["perf_event_create_kernel_counter"],
        undoing: &["perf_event_release_kernel"],
    },
    Kind {
        stays: Stays::Entry,
        keepers: &["svc_create", "svc_create_pooled"],
        undoing: &["svc_destroy"],
    },
    // The program that has the file open decides.
    Kind {
        stays: Stays::Pointer,
        keepers: &["anon_inode_getfd*", "anon_inode_getfile*", "seq_open*", "single_open*"],
        undoing: &[],
    },
];

const TIMERS: &[&str] = &["timer_shutdown_sync", "timer_delete_sync", "del_timer_sync"];
const WORK: &[&str] = &[
    "cancel_work_sync",
    "cancel_delayed_work_sync",
    "__flush_work*",
    "destroy_workqueue",
    "disable_delayed_work_sync",
    "disable_work_sync",
    "drain_workqueue",
    "flush_*work*",
];

impl<'n> Keeper<'n> {
    /// A function of the kernel that sets something up, judging by its name.
    pub fn named(name: &'n str) -> Option<Keeper<'n>> {
        let mut kinds = KINDS.iter();
        let listed = kinds.find(|kind| kind.keepers.iter().any(|keeper| matches(keeper, name)));
        if let Some(Kind { stays, undoing, .. }) = listed {
            return Some(Keeper { stays: *stays, undoing: Undoing::Listed(undoing) });
        }
        // `register_kprobe`, `misc_register`, `tracepoint_probe_register_prio`
        let registers = name.split('_').any(|word| word == "register");
        let undoing = Undoing::Registered(name);
        registers.then_some(Keeper { stays: Stays::Entry, undoing })
    }

    /// Whether a function undoes what this one has set up.
    pub fn is_undone_by(&self, name: &str) -> bool {
        match self.undoing {
            Undoing::Listed(undoing) => undoing.iter().any(|undoes| matches(undoes, name)),
            Undoing::Registered(by) => {
                let is_back = |word: &str| ["unregister", "deregister"].contains(&word);
                let (registered, back) =
                    (without(by, |word| word == "register"), without(name, is_back));
                name.split('_').any(is_back)
                    && (registered.contains(&back) || back.contains(&registered))
            }
        }
    }

    /// What undoes it, for a message; none if a program or a device decides how long it stays.
    pub fn undone_by(&self) -> Option<String> {
        match self.undoing {
            Undoing::Listed(undoing) => {
                undoing.iter().find(|name| !name.contains('*')).map(|name| format!("`{name}`"))
            }
            Undoing::Registered(_) => Some("the function that unregisters it".to_owned()),
        }
    }
}

/// Whether a name is the one in a list, or has its prefix.
fn matches(listed: &str, name: &str) -> bool {
    match listed.split_once('*') {
        Some((start, middle)) => {
            let middle = middle.trim_end_matches('*');
            name.strip_prefix(start).is_some_and(|rest| rest.contains(middle))
        }
        None => listed == name,
    }
}

/// A name without some of its words.
fn without(name: &str, is_left_out: impl Fn(&str) -> bool) -> String {
    let words = name.split('_').filter(|word| !word.is_empty() && !is_left_out(word));
    words.collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stays(name: &str) -> Option<Stays> {
        Keeper::named(name).map(|keeper| keeper.stays)
    }

    #[test]
    fn what_stays_is_told_from_what_passes() {
        for name in ["register_kprobe", "misc_register", "__register_chrdev", "proc_create_data"] {
            assert_eq!(stays(name), Some(Stays::Entry), "{name}");
        }
        for name in ["mod_timer", "queue_work_on", "call_rcu", "hrtimer_start_range_ns"] {
            assert_eq!(stays(name), Some(Stays::LaterCall), "{name}");
        }
        for name in ["timer_init_key", "tasklet_setup", "single_open_size"] {
            assert_eq!(stays(name), Some(Stays::Pointer), "{name}");
        }
        for name in [
            "unregister_kprobe",
            "module_is_registered",
            "timer_delete_sync",
            "kobject_put",
            "sort",
            "bsearch",
            "on_each_cpu_cond_mask",
            "smp_call_function_single",
            "stop_machine",
            "bus_for_each_dev",
            "iterate_fd",
            "walk_page_range",
            "kthread_stop",
            "call_rcu_lazy_flush",
        ] {
            assert_eq!(stays(name), None, "{name}");
        }
    }

    #[test]
    fn each_thing_is_undone_by_its_own_function() {
        for (keeper, undoes) in [
            ("kthread_create_on_node", "kthread_stop"),
            ("mod_timer", "timer_shutdown_sync"),
            ("hrtimer_setup", "hrtimer_cancel"),
            ("queue_work_on", "cancel_work_sync"),
            ("queue_delayed_work_on", "flush_delayed_work"),
            ("queue_work_on", "__flush_workqueue"),
            ("call_rcu", "rcu_barrier"),
            ("call_srcu", "srcu_barrier"),
            ("request_threaded_irq", "free_irq"),
            ("register_kprobe", "unregister_kprobe"),
            ("register_kprobes", "unregister_kprobe"),
            ("misc_register", "misc_deregister"),
            ("__register_chrdev", "__unregister_chrdev"),
            ("tracepoint_probe_register_prio", "tracepoint_probe_unregister"),
            ("atomic_notifier_chain_register", "atomic_notifier_chain_unregister"),
            ("nf_register_net_hook", "nf_unregister_net_hook"),
        ] {
            let found = Keeper::named(keeper).is_some_and(|keeper| keeper.is_undone_by(undoes));
            assert!(found, "{keeper} by {undoes}");
        }
        for (keeper, other) in [
            ("kthread_create_on_node", "wake_up_process"),
            // It does not wait for a call that runs.
            ("mod_timer", "timer_delete"),
            ("queue_work_on", "cancel_work"),
            ("call_rcu", "synchronize_rcu"),
            ("call_rcu", "srcu_barrier"),
            ("register_kprobe", "unregister_reboot_notifier"),
            ("register_kprobe", "register_kprobe"),
            ("anon_inode_getfd", "close_fd"),
        ] {
            let found = Keeper::named(keeper).is_some_and(|keeper| keeper.is_undone_by(other));
            assert!(!found, "{keeper} by {other}");
        }
    }

    #[test]
    fn a_message_names_what_undoes_it() {
        let undone_by = |name| Keeper::named(name).and_then(|keeper| keeper.undone_by());
        assert_eq!(undone_by("kthread_create_on_node").as_deref(), Some("`kthread_stop`"));
        assert!(undone_by("misc_register").is_some());
        assert_eq!(undone_by("single_open"), None);
        for kind in KINDS.iter().filter(|kind| !kind.undoing.is_empty()) {
            assert!(kind.undoing.iter().any(|name| !name.contains('*')), "{:?}", kind.keepers);
        }
    }
}

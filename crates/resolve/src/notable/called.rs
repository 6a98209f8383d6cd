// SPDX-License-Identifier: GPL-2.0
//! Known kernel functions, by what a call of them does in a body.

/// These wait for the lock under which constructors and destructors of shadow data run.
pub fn takes_the_shadow_lock(name: &str) -> bool {
    name.starts_with("klp_shadow_") && name != "klp_shadow_get"
}

/// These may sleep (prefixes of names): sleeping locks, waits, user memory access, and functions
/// that end in one of them.
const SLEEPERS: &[&str] = &[
    "__cond_resched",
    "__flush_work",
    "__might_sleep",
    "__mutex_lock",
    "__request_module",
    "__vmalloc",
    "__wait_",
    "_copy_from_user",
    "_copy_to_user",
    "alloc_workqueue",
    "blk_mq_freeze_queue",
    "call_usermodehelper",
    "cancel_delayed_work_sync",
    "cancel_work_sync",
    "cleanup_srcu_struct",
    "cond_resched",
    "console_lock",
    "copy_from_user",
    "copy_to_user",
    "cpus_read_lock",
    "destroy_workqueue",
    "dev_close",
    "dev_open",
    "disable_irq",
    "do_exit",
    "do_sys_open",
    "down_",
    "dput",
    "drain_workqueue",
    "filp_close",
    "filp_open",
    "flush_",
    "free_irq",
    "fsleep",
    "get_user_pages",
    "io_schedule",
    "iput",
    "kern_path",
    "kernel_param_lock",
    "kernel_read",
    "kernel_recvmsg",
    "kernel_sendmsg",
    "kernel_write",
    "kthread_create",
    "kthread_stop",
    "lock_sock",
    "memdup_user",
    "mmput",
    "module_put_and_kthread_exit",
    "msleep",
    "mutex_lock",
    "out_of_line_wait",
    "path_put",
    "percpu_down",
    "proc_remove",
    "rcu_barrier",
    "register_netdev",
    "remove_proc_entry",
    "request_firmware",
    "request_module",
    "rt_mutex_lock",
    "rtnl_lock",
    "schedule",
    "sock_recvmsg",
    "sock_sendmsg",
    "ssleep",
    "stop_machine",
    "strncpy_from_user",
    "strnlen_user",
    "synchronize_",
    "unregister_netdev",
    "usleep_range",
    "vfree",
    "vfs_fsync",
    "vfs_read",
    "vfs_write",
    "vmalloc",
    "vmap",
    "vunmap",
    "vzalloc",
    "wait_",
    "ww_mutex_lock",
];

/// Exceptions that share such a prefix and do not sleep: trylocks, deferred work and processor
/// caches.
const SLEEPLESS: &[&str] = &[
    "flush_cache_",
    "flush_dcache_",
    "flush_icache_",
    "flush_signals",
    "flush_tlb_",
    "schedule_console_callback",
    "schedule_delayed_work",
    "schedule_work",
    "synchronize_hardirq",
];

/// Whether a function may sleep, judging by its name.
pub fn may_sleep(name: &str) -> bool {
    const GIVES_UP: &[&str] = &["_atomic", "_fast_only", "_nofault", "_nmi", "_nosync"];
    let is_down = matches!(name, "down" | "down_interruptible" | "down_killable" | "down_timeout");
    let starts = |names: &[&str]| names.iter().any(|start| name.starts_with(start));
    let gives_up = name.contains("trylock") || GIVES_UP.iter().any(|end| name.ends_with(end));
    let is_inline = kps_facts::inline(name).is_some_and(|inline| inline.sleeps);
    is_inline || (is_down || starts(SLEEPERS)) && !starts(SLEEPLESS) && !gives_up
}

/// Whether a function that sleeps leaves its work to a thread if it is called in an interrupt or a
/// softirq.
pub fn defers_in_interrupts(name: &str) -> bool {
    ["kvfree", "vfree"].contains(&name)
}

/// Whether a function tells if its caller may sleep.
pub fn asks_where_it_runs(name: &str) -> bool {
    const QUESTIONS: &[&str] = &[
        "in_atomic",
        "in_hardirq",
        "in_interrupt",
        "in_irq",
        "in_serving_softirq",
        "in_softirq",
        "in_task",
        "irqs_disabled",
        "preempt_count",
        "preemptible",
    ];
    QUESTIONS.contains(&name)
}

/// Whether a flag lets an allocation sleep.
pub fn is_sleeping_flag(name: &str) -> bool {
    const FLAGS: &[&str] = &[
        "GFP_HIGHUSER",
        "GFP_HIGHUSER_MOVABLE",
        "GFP_KERNEL",
        "GFP_KERNEL_ACCOUNT",
        "GFP_NOFS",
        "GFP_NOIO",
        "GFP_USER",
        "__GFP_DIRECT_RECLAIM",
        "__GFP_RECLAIM",
    ];
    FLAGS.contains(&name)
}

/// Allocators (prefixes of names).
const ALLOCATORS: &[&str] = &[
    "__alloc_pages",
    "__get_free_pages",
    "__kmalloc",
    "__kvmalloc",
    "__vmalloc",
    "alloc_pages",
    "dma_alloc_",
    "get_free_pages",
    "kasprintf",
    "kcalloc",
    "kmalloc",
    "kmem_cache_alloc",
    "kmemdup",
    "krealloc",
    "kstrdup",
    "kvmalloc",
    "kzalloc",
    "memdup_",
    "pcpu_alloc",
    "vmalloc",
    "vzalloc",
];

/// Whether a function allocates memory, judging by its name.
pub fn allocates(name: &str) -> bool {
    ALLOCATORS.iter().any(|start| name.starts_with(start))
}

/// The effect of a call under `klp_mutex`, the lock of livepatches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocks {
    /// It deadlocks.
    Always,
    /// It deadlocks if it has to load a module.
    WhenItLoads,
}

/// These take the lock or wait for another task to take it: `klp_module_coming()` takes it for
/// every module that is loaded.
const NEED_LIVEPATCH_LOCK: &[&str] = &["__request_module", "klp_enable_patch", "request_module"];

/// These load a module if it has what they request (prefixes of names).
const LOADERS: &[&str] = &[
    "__sock_create",
    "crypto_alloc_",
    "crypto_create_tfm",
    "dev_load",
    "get_fs_type",
    "load_nls",
    "sock_create",
    "snd_request_card",
    "xt_request_find_",
];

/// Whether a call under `klp_mutex` deadlocks, judging by the function's name.
pub fn blocks_under_livepatch_lock(name: &str) -> Option<Blocks> {
    if NEED_LIVEPATCH_LOCK.contains(&name) {
        return Some(Blocks::Always);
    }
    let loads = LOADERS.iter().any(|start| name.starts_with(start)) && name != "sock_create_lite";
    loads.then_some(Blocks::WhenItLoads)
}

/// Functions (prefixes of names) and the functions that they pass through in every kernel.
const PASSES: &[(&[&str], &[&str])] = &[
    (
        &[
            "_printk",
            "pr_alert",
            "pr_crit",
            "pr_emerg",
            "pr_err",
            "pr_info",
            "pr_notice",
            "pr_warn",
            "vprintk",
        ],
        &[
            "_printk",
            "console_unlock",
            "printk_sprint",
            "prb_final_commit",
            "prb_reserve",
            "vprintk",
            "vprintk_default",
            "vprintk_emit",
            "vprintk_store",
            "vscnprintf",
            "vsnprintf",
            "wake_up_klogd",
        ],
    ),
    // `with` of a text parameter locks and unlocks.
    (&["kernel_param_lock"], &["kernel_param_unlock", "mutex_lock", "mutex_unlock"]),
    // The first call for an object allocates.
    (
        &["klp_shadow_get_or_alloc"],
        &["__klp_shadow_get_or_alloc", "__kmalloc_noprof", "klp_shadow_get"],
    ),
    (&["seq_printf"], &["seq_vprintf", "vsnprintf"]),
    (&["seq_puts"], &["__seq_puts", "seq_write"]),
    (&["kasprintf", "scnprintf", "snprintf", "sprintf"], &["vsnprintf"]),
    (&["__wake_up"], &["__wake_up_common"]),
    (&["complete", "wake_up_process"], &["try_to_wake_up"]),
    (&["queue_work_on", "schedule_work"], &["__queue_work", "insert_work", "queue_work_on"]),
    (&["queue_delayed_work_on"], &["__queue_delayed_work"]),
];

/// Whether a call of one function passes through another, judging by their names.
pub fn passes_through(called: &str, function: &str) -> bool {
    let starts = |names: &[&str]| names.iter().any(|start| called.starts_with(start));
    PASSES.iter().any(|(callers, passed)| starts(callers) && passed.contains(&function))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_sleeps_and_what_gives_up_does_not() {
        for name in
            ["mutex_lock_killable", "down", "down_read", "msleep", "schedule_timeout", "flush_work"]
        {
            assert!(may_sleep(name), "{name}");
        }
        for name in [
            "down_read_trylock",
            "disable_irq_nosync",
            "schedule_work_on",
            "flush_tlb_all",
            "downgrade",
            "vfree_atomic",
            "copy_from_user_nofault",
        ] {
            assert!(!may_sleep(name), "{name}");
        }
    }

    #[test]
    fn printing_passes_through_what_prints() {
        assert!(passes_through("pr_info", "vprintk_emit"));
        assert!(passes_through("queue_work_on", "__queue_work"));
        assert!(!passes_through("pr_debugging", "kfree"));
    }

    #[test]
    fn loading_a_module_never_ends_under_the_lock() {
        assert_eq!(blocks_under_livepatch_lock("__request_module"), Some(Blocks::Always));
        assert_eq!(blocks_under_livepatch_lock("crypto_alloc_shash"), Some(Blocks::WhenItLoads));
        assert_eq!(blocks_under_livepatch_lock("request_firmware"), None);
    }
}

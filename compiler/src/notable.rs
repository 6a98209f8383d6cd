//! Kernel functions that behave unlike others, by name: no fact that a kernel tells about itself says so.

/// Tasks wait in these for as long as it takes: for a child, a peer, a key, a timer.
const WAITERS: &[&str] = &[
    "core_sys_select",
    "do_epoll_wait",
    "do_nanosleep",
    "do_poll",
    "do_select",
    "do_sys_poll",
    "do_wait",
    "ep_poll",
    "futex_wait",
    "hrtimer_nanosleep",
    "inet_csk_accept",
    "kernel_wait4",
    "n_tty_read",
    "pipe_read",
    "schedule_timeout",
    "tcp_recvmsg",
    "unix_stream_read_generic",
    "wait_for_completion",
];

/// The system calls that wait likewise, without `sys_`.
const WAITING_CALLS: &[&str] = &[
    "accept",
    "accept4",
    "clock_nanosleep",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "fcntl",
    "flock",
    "futex",
    "futex_wait",
    "futex_waitv",
    "io_getevents",
    "io_pgetevents",
    "io_uring_enter",
    "mq_timedreceive",
    "mq_timedsend",
    "msgrcv",
    "msgsnd",
    "nanosleep",
    "pause",
    "poll",
    "ppoll",
    "pselect6",
    "read",
    "readv",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "select",
    "semop",
    "semtimedop",
    "wait4",
    "waitid",
    "write",
    "writev",
];

/// Some task is always in one of these and never leaves it: the main loops of kernel threads, and where they sleep.
const MAIN_LOOPS: &[&str] = &[
    "cpu_startup_entry",
    "do_idle",
    "io_wq_worker",
    "kauditd_thread",
    "kcompactd",
    "kdevtmpfs",
    "khugepaged",
    "kswapd",
    "kthread",
    "kthread_worker_fn",
    "kthreadd",
    "oom_reaper",
    "rcu_gp_kthread",
    "rcu_nocb_cb_kthread",
    "rcu_nocb_gp_kthread",
    "rcu_tasks_kthread",
    "rescuer_thread",
    "schedule",
    "smpboot_thread_fn",
    "worker_thread",
];

/// These never return; what follows a call of them is not code (`tools/objtool/noreturns.h`).
const NO_RETURN: &[&str] = &[
    "__fortify_panic",
    "__ia32_sys_exit",
    "__ia32_sys_exit_group",
    "__module_put_and_kthread_exit",
    "__stack_chk_fail",
    "__ubsan_handle_builtin_unreachable",
    "__x64_sys_exit",
    "__x64_sys_exit_group",
    "acpi_processor_ffh_play_dead",
    "arch_cpu_idle_dead",
    "cpu_bringup_and_idle",
    "cpu_startup_entry",
    "do_exit",
    "do_group_exit",
    "do_task_dead",
    "hlt_play_dead",
    "kthread_complete_and_exit",
    "kthread_exit",
    "machine_real_restart",
    "make_task_dead",
    "mwait_play_dead",
    "native_play_dead",
    "nmi_panic_self_stop",
    "panic",
    "panic_smp_self_stop",
    "rewind_stack_and_make_dead",
    "stop_this_cpu",
    "usercopy_abort",
    "vpanic",
];

/// Whether tasks may wait in a function for hours.
pub fn is_waiter(name: &str) -> bool {
    let call = ["__x64_sys_", "__ia32_sys_"].iter().find_map(|prefix| name.strip_prefix(prefix));
    WAITERS.contains(&name) || call.is_some_and(|call| WAITING_CALLS.contains(&call))
}

/// Whether some task never leaves a function.
pub fn is_main_loop(name: &str) -> bool {
    MAIN_LOOPS.contains(&name)
}

/// Whether a function never returns.
pub fn never_returns(name: &str) -> bool {
    NO_RETURN.contains(&name)
}

/// These wait for the lock that constructors and destructors of shadow data run under.
pub fn takes_the_shadow_lock(name: &str) -> bool {
    name.starts_with("klp_shadow_") && name != "klp_shadow_get"
}

/// These may sleep, by the start of their names: locks that sleep, waits, memory of the user's, and what ends in one of them.
const SLEEPERS: &[&str] = &[
    "__mutex_lock",
    "__might_sleep",
    "__wait_",
    "_copy_from_user",
    "_copy_to_user",
    "cancel_delayed_work_sync",
    "cancel_work_sync",
    "cond_resched",
    "copy_from_user",
    "copy_to_user",
    "cpus_read_lock",
    "disable_irq",
    "do_exit",
    "down_",
    "dput",
    "filp_close",
    "filp_open",
    "flush_",
    "fput",
    "free_percpu",
    "get_user_pages",
    "iput",
    "kernel_read",
    "kernel_write",
    "kthread_stop",
    "module_put_and_kthread_exit",
    "msleep",
    "mutex_lock",
    "path_put",
    "proc_remove",
    "rcu_barrier",
    "remove_proc_entry",
    "request_module",
    "rt_mutex_lock",
    "schedule",
    "ssleep",
    "synchronize_",
    "usleep_range",
    "vfree",
    "wait_",
    "ww_mutex_lock",
    "__request_module",
];

/// Whether a function may sleep, as far as its name is known.
pub fn may_sleep(name: &str) -> bool {
    let is_down = matches!(name, "down" | "down_interruptible" | "down_killable" | "down_timeout");
    // Work that somebody else does later.
    const NOT: &[&str] = &["schedule_work", "schedule_delayed_work"];
    (is_down || SLEEPERS.iter().any(|start| name.starts_with(start))) && !NOT.contains(&name)
}

/// Allocators, by the start of their names.
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

/// Whether a function allocates memory, as far as its name is known.
pub fn allocates(name: &str) -> bool {
    ALLOCATORS.iter().any(|start| name.starts_with(start))
}

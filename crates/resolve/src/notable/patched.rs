// SPDX-License-Identifier: GPL-2.0
//! Known kernel functions that need care when a patch changes them.

use kps_arch::syscall_of;

/// How tasks wait in a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// For an event, until a signal comes. A transition that takes long sends one
    /// (`klp_send_signals()`).
    Interruptible,
    /// For an event, and no signal ends the wait: the task is stopped, or must not be interrupted.
    Uninterruptible,
    /// In the scheduler.
    Sleep,
}

/// Tasks wait in these for a child, a peer, a key or a timer.
const WAITERS: &[&str] = &[
    "__do_semtimedop",
    "anon_pipe_read",
    "core_sys_select",
    "do_epoll_wait",
    "do_msgrcv",
    "do_nanosleep",
    "do_poll",
    "do_select",
    "do_sys_poll",
    "do_wait",
    "ep_poll",
    "eventfd_read",
    "fifo_open",
    "futex_wait",
    "hrtimer_nanosleep",
    "inet_csk_accept",
    "inotify_read",
    "io_cqring_wait",
    "kernel_wait4",
    "ksys_read",
    "locks_lock_inode_wait",
    "n_tty_read",
    "pipe_read",
    "signalfd_read",
    "signalfd_read_iter",
    "tcp_recvmsg",
    "timerfd_read",
    "timerfd_read_iter",
    "udp_recvmsg",
    "unix_stream_read_generic",
    "unix_stream_recvmsg",
    "vfs_read",
];

/// Tasks stay in these while they are stopped, traced or frozen, or wait for what no signal ends.
const STOPPED: &[&str] = &[
    "__refrigerator",
    "arch_do_signal_or_restart",
    "do_exit_to_user_mode_loop",
    "do_freezer_trap",
    "do_jobctl_trap",
    "do_signal_stop",
    "exit_to_user_mode_loop",
    "exit_to_user_mode_prepare",
    "get_signal",
    "kernel_clone",
    "ptrace_do_notify",
    "ptrace_notify",
    "ptrace_stop",
    "wait_for_vfork_done",
];

/// System calls in which tasks wait for an event, without `sys_`.
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

/// System calls in which a task waits for its child with the child's memory in use.
const UNINTERRUPTIBLE_CALLS: &[&str] = &["vfork"];

/// Some task is always in one of these and never leaves it: main loops of kernel threads, and the
/// functions in which they sleep.
const MAIN_LOOPS: &[&str] = &[
    "cpu_startup_entry",
    "do_idle",
    "io_wq_worker",
    "io_wqe_worker",
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

/// These never return. Bytes after a call of one are not code (`tools/objtool/noreturns.h`).
const NO_RETURN: &[&str] = &[
    "__fortify_panic",
    "__module_put_and_kthread_exit",
    "__stack_chk_fail",
    "__ubsan_handle_builtin_unreachable",
    "acpi_processor_ffh_play_dead",
    "arch_cpu_idle_dead",
    "cpu_bringup_and_idle",
    "cpu_startup_entry",
    "do_exit",
    "do_group_exit",
    "do_task_dead",
    "fortify_panic",
    "hlt_play_dead",
    "kthread_complete_and_exit",
    "kthread_do_exit",
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

/// How tasks wait in a function, judging by its name.
pub fn wait(name: &str) -> Option<Wait> {
    let call = syscall_of(name);
    let is_call = |calls: &[&str]| call.is_some_and(|call| calls.contains(&call));
    if WAITERS.contains(&name) || is_call(WAITING_CALLS) {
        return Some(Wait::Interruptible);
    }
    (STOPPED.contains(&name) || is_call(UNINTERRUPTIBLE_CALLS)).then_some(Wait::Uninterruptible)
}

/// Whether some task never leaves a function.
pub fn is_main_loop(name: &str) -> bool {
    MAIN_LOOPS.contains(&name)
}

/// Whether a function never returns.
pub fn never_returns(name: &str) -> bool {
    NO_RETURN.contains(&name) || matches!(syscall_of(name), Some("exit" | "exit_group"))
}

/// These are called from interrupts, softirqs or under spinlocks, always or from some callers.
const ATOMIC: &[&str] = &[
    "__common_interrupt",
    "__dev_queue_xmit",
    "__do_softirq",
    "__flush_smp_call_function_queue",
    "__handle_irq_event_percpu",
    "__hrtimer_run_queues",
    "__kfree_skb",
    "__napi_poll",
    "__netif_receive_skb",
    "__netif_receive_skb_core",
    "__queue_work",
    "__rcu_read_lock",
    "__run_timers",
    "__send_signal_locked",
    "__sysvec_apic_timer_interrupt",
    "__wake_up",
    "__wake_up_common",
    "account_process_tick",
    "arp_rcv",
    "bio_endio",
    "blk_mq_complete_request",
    "blk_mq_end_request",
    "br_handle_frame",
    "call_rcu",
    "call_timer_fn",
    "complete",
    "consume_skb",
    "dequeue_task_fair",
    "dev_hard_start_xmit",
    "dst_release",
    "enqueue_task_fair",
    "generic_handle_irq",
    "gro_cell_poll",
    "gro_receive_skb",
    "handle_edge_irq",
    "handle_fasteoi_irq",
    "handle_irq_event",
    "handle_irq_event_percpu",
    "handle_level_irq",
    "handle_percpu_irq",
    "handle_simple_irq",
    "handle_softirqs",
    "hrtimer_interrupt",
    "icmp_rcv",
    "insert_work",
    "ip6_input",
    "ip_local_deliver",
    "ip_rcv",
    "ipv6_rcv",
    "irq_exit_rcu",
    "kfree",
    "kfree_skb_reason",
    "kfree_skbmem",
    "kmem_cache_free",
    "mod_timer",
    "napi_complete_done",
    "napi_gro_receive",
    "net_rx_action",
    "net_tx_action",
    "netif_receive_skb",
    "netif_rx",
    "nf_conntrack_in",
    "nft_do_chain",
    "pick_next_task_fair",
    "process_backlog",
    "queue_work_on",
    "rcu_core",
    "rcu_do_batch",
    "run_timer_softirq",
    "sch_direct_xmit",
    "sched_tick",
    "scheduler_tick",
    "scsi_done",
    "select_task_rq_fair",
    "send_signal_locked",
    "sk_skb_reason_drop",
    "skb_release_data",
    "sock_def_readable",
    "task_tick_fair",
    "tasklet_action_common",
    "tcp_ack",
    "tcp_rcv_established",
    "tcp_rcv_state_process",
    "tcp_retransmit_timer",
    "tcp_v4_do_rcv",
    "tcp_v4_rcv",
    "tcp_v6_do_rcv",
    "tcp_v6_rcv",
    "tcp_write_timer_handler",
    "try_to_wake_up",
    "ttwu_do_activate",
    "udp_rcv",
    "update_curr",
    "update_process_times",
    "wake_up_process",
    "wb_timer_fn",
];

/// Whether a function must not sleep, judging by its name.
pub fn is_atomic(name: &str) -> bool {
    ATOMIC.contains(&name)
}

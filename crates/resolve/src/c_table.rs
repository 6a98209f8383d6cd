// SPDX-License-Identifier: GPL-2.0
//! Words of C, with what bodies have in their place.
//!
//! A body has the kernel's functions, types and constants by their names in C
//! (`docs/headers.md`). Macros that need C's grammar, and what Rust has its own word for, are
//! listed here; `docs/from-c.md` shows the same table.

use kps_ast::Form;

/// What bodies have in place of something of C.
#[derive(Debug, Clone, Copy)]
pub struct FromC {
    /// Names in C.
    pub names: &'static [&'static str],
    /// What to write in a body.
    pub write: &'static str,
}

/// What C writes in other words, by subject.
pub const FROM_C: &[(&str, &[FromC])] = &[
    (
        "Values and types",
        &[
            row(&["NULL"], "`null_mut()`, `null()` for a `const` pointer, `None` for a function"),
            row(&["sizeof"], "`size_of::<TYPE>()`, or `size_of_val(&x)`"),
            row(&["offsetof"], "`offset_of!(TYPE, MEMBER)`"),
            row(&["transmute"], "`core::mem::transmute(x)`, or a cast"),
            row(&["typeof", "__typeof__"], "nothing: Rust infers the type"),
            row(&["ARRAY_SIZE"], "`x.len()`"),
            row(&["INT_MAX", "S32_MAX"], "`c_int::MAX`"),
            row(&["INT_MIN", "S32_MIN"], "`c_int::MIN`"),
            row(&["UINT_MAX", "U32_MAX"], "`c_uint::MAX`"),
            row(&["LONG_MAX", "S64_MAX"], "`c_long::MAX`"),
            row(&["ULONG_MAX", "U64_MAX"], "`c_ulong::MAX`"),
            row(&["SIZE_MAX"], "`usize::MAX`"),
            row(&["U8_MAX"], "`u8::MAX`"),
            row(&["U16_MAX"], "`u16::MAX`"),
            row(&["PAGE_MASK"], "`!(PAGE_SIZE as usize - 1)`"),
            row(&["int"], "`c_int`; a cast is `x as c_int`"),
            row(&["unsigned"], "`c_uint`; a cast is `x as c_uint`"),
            row(&["short"], "`c_short`; a cast is `x as c_short`"),
            row(&["long"], "`c_long`; a cast is `x as c_long`"),
            row(&["void"], "`c_void`"),
            row(&["__func__", "__FUNCTION__"], "the name, as text"),
            row(&["__FILE__"], "`file!()`"),
            row(&["__LINE__"], "`line!()`"),
            row(&["IS_ENABLED", "IS_BUILTIN", "IS_MODULE"], "`cfg!(CONFIG_NAME)`"),
        ],
    ),
    (
        "Numbers",
        &[
            row(&["min", "min_t", "min3"], "`a.min(b)`"),
            row(&["max", "max_t", "max3"], "`a.max(b)`"),
            row(&["clamp", "clamp_t", "clamp_val"], "`x.clamp(low, high)`"),
            row(&["abs", "labs"], "`x.abs()`, or `a.abs_diff(b)`"),
            row(&["swap"], "`core::mem::swap(&mut a, &mut b)`"),
            row(&["BIT", "BIT_ULL"], "`1 << n`"),
            row(&["GENMASK", "GENMASK_ULL"], "the mask as a number, such as `0xff0`"),
            row(&["DIV_ROUND_UP", "DIV_ROUND_UP_ULL"], "`a.div_ceil(b)`"),
            row(&["ALIGN", "round_up", "roundup"], "`x.next_multiple_of(n)`"),
            row(&["round_down", "rounddown", "ALIGN_DOWN"], "`x - x % n`"),
            row(&["PAGE_ALIGN"], "`x.next_multiple_of(PAGE_SIZE as _)`"),
            row(&["IS_ALIGNED"], "`x % n == 0`"),
            row(&["is_power_of_2"], "`x.is_power_of_two()`"),
            row(&["ilog2"], "`x.ilog2()`"),
            row(&["hweight8", "hweight16", "hweight32", "hweight64", "hweight_long"], "`x.count_ones()`"),
            row(&["ffs", "__ffs", "__ffs64"], "`x.trailing_zeros()`, which counts from 0"),
            row(&["fls", "__fls", "fls64", "fls_long"], "`x.checked_ilog2()`, which counts from 0"),
            row(&["do_div", "div_u64", "div64_u64", "div_s64"], "`a / b` and `a % b`"),
            row(
                &["htons", "htonl", "cpu_to_be16", "cpu_to_be32", "cpu_to_be64"],
                "`x.to_be()`",
            ),
            row(
                &["ntohs", "ntohl", "be16_to_cpu", "be32_to_cpu", "be64_to_cpu"],
                "`TYPE::from_be(x)`, such as `u16::from_be(x)`",
            ),
            row(&["cpu_to_le16", "cpu_to_le32", "cpu_to_le64"], "`x.to_le()`"),
            row(
                &["le16_to_cpu", "le32_to_cpu", "le64_to_cpu"],
                "`TYPE::from_le(x)`, such as `u32::from_le(x)`",
            ),
            row(
                &["check_add_overflow", "check_sub_overflow", "check_mul_overflow"],
                "`a.checked_add(b)`, `checked_sub` or `checked_mul`",
            ),
        ],
    ),
    (
        "Control",
        &[
            row(&["likely", "unlikely"], "the condition alone"),
            row(
                &["READ_ONCE", "ACCESS_ONCE"],
                "`(&raw const x).read_volatile()`",
            ),
            row(&["WRITE_ONCE"], "`(&raw mut x).write_volatile(value)`"),
            row(
                &["smp_mb", "smp_rmb", "smp_wmb", "barrier", "mb", "rmb", "wmb"],
                "`core::sync::atomic::fence(Ordering::SeqCst)`",
            ),
            row(
                &["BUG", "BUG_ON", "WARN", "WARN_ON", "WARN_ONCE", "WARN_ON_ONCE", "VM_BUG_ON"],
                "`if condition { pr_warn!(\"..\\n\"); }`, and leave the function with an error",
            ),
            row(&["BUILD_BUG_ON"], "`const { assert!(condition) }`"),
        ],
    ),
    (
        "Messages",
        &[
            row(&["printk", "pr_cont", "pr_warning"], "`pr_info!(\"x is {}\\n\", x)`, with the level in the name"),
            row(
                &[
                    "printk_once", "pr_emerg_once", "pr_alert_once", "pr_crit_once", "pr_err_once",
                    "pr_warn_once", "pr_notice_once", "pr_info_once", "pr_debug_once",
                ],
                "a `static` beside the objects, `static SAID: AtomicBool = AtomicBool::new(false);`, and \
                 `if !SAID.swap(true, Ordering::Relaxed) { pr_info!(\"..\\n\"); }`",
            ),
            row(
                &[
                    "printk_ratelimited", "pr_err_ratelimited", "pr_warn_ratelimited",
                    "pr_notice_ratelimited", "pr_info_ratelimited", "printk_ratelimit",
                ],
                "`pr_info!(\"..\\n\")`, behind a condition of your own",
            ),
            row(
                &["println", "print", "eprintln", "eprint", "dbg", "printf"],
                "`pr_info!(\"..\\n\")`, which ends with `\\n`",
            ),
            row(
                &[
                    "dev_err", "dev_warn", "dev_info", "dev_dbg", "netdev_err", "netdev_warn",
                    "netdev_info", "netdev_dbg", "trace_printk",
                ],
                "`pr_info!(\"..\\n\")`, which names the module and no device",
            ),
            row(
                &["KERN_EMERG", "KERN_ALERT", "KERN_CRIT", "KERN_ERR", "KERN_WARNING", "KERN_NOTICE", "KERN_INFO", "KERN_DEBUG"],
                "a macro of that level: `pr_err!`, `pr_warn!`, `pr_info!`",
            ),
            row(&["seq_puts"], "`seq_printf(m, c\"text\".as_ptr())`"),
            row(&["format", "vec"], "an array on the stack, or memory of `kmalloc()`"),
        ],
    ),
    (
        "The running task",
        &[
            row(&["current"], "`get_current()`, a `*mut task_struct`"),
            row(
                &["current_uid", "current_euid", "current_suid", "current_fsuid"],
                "`(*current_cred()).uid.val`, or `euid`, `suid`, `fsuid`",
            ),
            row(
                &["current_gid", "current_egid", "current_fsgid"],
                "`(*current_cred()).gid.val`, or `egid`, `fsgid`",
            ),
            row(&["current_user_ns"], "`(*current_cred()).user_ns`"),
            row(&["uid_eq", "gid_eq"], "`a.val == b.val`"),
            row(&["uid_valid", "gid_valid"], "`a.val != u32::MAX`"),
            row(&["GLOBAL_ROOT_UID", "KUIDT_INIT"], "`0`, compared with `uid.val`"),
            row(&["is_global_init"], "`task_tgid_nr(task) == 1`"),
            row(&["task_uid", "task_euid"], "`(*(*task).real_cred).uid.val`, or `euid`"),
            row(&["task_ppid_nr"], "`task_tgid_nr((*task).real_parent)`"),
        ],
    ),
    (
        "Lists and containers",
        &[
            row(
                &[
                    "list_entry", "list_first_entry", "list_last_entry", "list_next_entry", "hlist_entry",
                    "rb_entry", "container_of",
                ],
                "`container_of!(pointer, TYPE, MEMBER)`",
            ),
            row(
                &[
                    "list_for_each", "list_for_each_entry", "list_for_each_entry_safe", "list_for_each_safe",
                    "list_for_each_entry_rcu", "list_for_each_entry_reverse",
                ],
                "`let mut at = (*head).next; while at != head { \
                 let entry = container_of!(at, TYPE, MEMBER); at = (*at).next; }`",
            ),
            row(
                &["hlist_for_each", "hlist_for_each_entry", "hlist_for_each_entry_rcu"],
                "`let mut at = (*head).first; while !at.is_null() { \
                 let entry = container_of!(at, TYPE, MEMBER); at = (*at).next; }`",
            ),
            row(
                &[
                    "for_each_process", "for_each_thread", "for_each_process_thread", "for_each_online_cpu",
                    "for_each_possible_cpu", "for_each_set_bit", "rbtree_postorder_for_each_entry_safe",
                ],
                "a loop over what the macro reads, or a file in C",
            ),
            row(&["LIST_HEAD", "LIST_HEAD_INIT"], "`INIT_LIST_HEAD(&raw mut list)`"),
        ],
    ),
    (
        "Memory",
        &[
            row(&["kmalloc_array", "kmalloc_obj", "kzalloc_obj"], "`kcalloc(count, size, flags)` or `kzalloc(size, flags)`"),
            row(&["vmalloc", "vzalloc"], "`kvzalloc(size, GFP_KERNEL)`, and `kvfree()`"),
            row(&["get_user"], "`copy_from_user(to, from, size)`, or `UserPtr::read()`"),
            row(&["put_user"], "`copy_to_user(to, from, size)`, or `UserPtr::write()`"),
            row(&["access_ok"], "nothing: `copy_from_user()` and `copy_to_user()` check the range"),
            row(&["strscpy", "strlcpy"], "`sized_strscpy(to, from, size)`"),
            row(
                &["this_cpu_read", "__this_cpu_read", "this_cpu_write", "this_cpu_inc", "this_cpu_add", "get_cpu_ptr", "raw_cpu_ptr"],
                "`*NAME.this_cpu_ptr()` of a `use percpu NAME;`, with preemption disabled",
            ),
            row(&["per_cpu"], "`*NAME.per_cpu_ptr(cpu)` of a `use percpu NAME;`"),
            row(&["rcu_dereference_protected", "rcu_dereference_raw", "rcu_access_pointer", "srcu_dereference"], "`rcu_dereference((&raw mut POINTER).cast())`"),
        ],
    ),
    (
        "Time, work and waiting",
        &[
            row(&["request_module"], "`__request_module(true, c\"%s\".as_ptr(), name)`"),
            row(&["udelay", "mdelay"], "`__udelay(microseconds)`"),
            row(&["ndelay"], "`__ndelay(nanoseconds)`"),
            row(&["usleep_range"], "`usleep_range_state(min, max, TASK_UNINTERRUPTIBLE)`"),
            row(&["ktime_to_ns", "ns_to_ktime"], "nothing: a `ktime_t` is nanoseconds"),
            row(&["ktime_sub", "ktime_add"], "`a - b`, `a + b`"),
            row(&["ktime_to_ms"], "`time / NSEC_PER_MSEC as i64`"),
            row(&["ktime_to_us"], "`time / NSEC_PER_USEC as i64`"),
            row(&["schedule_work", "queue_work"], "`queue_work_on(cpu, queue, work)`"),
            row(&["schedule_delayed_work", "queue_delayed_work"], "`queue_delayed_work_on(cpu, queue, work, delay)`"),
            row(
                &["wake_up", "wake_up_all", "wake_up_interruptible"],
                "`__wake_up(queue, TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE, 1, null_mut())`",
            ),
            row(
                &[
                    "wait_event", "wait_event_timeout", "wait_event_interruptible",
                    "wait_event_interruptible_timeout", "INIT_WORK", "INIT_DELAYED_WORK", "timer_setup",
                    "init_waitqueue_head", "mutex_init", "DEFINE_MUTEX", "DEFINE_SPINLOCK", "DECLARE_WAIT_QUEUE_HEAD",
                    "kthread_run",
                ],
                "a file in C, `c \"FILE.c\" { fn NAME(..); }`: the macro keeps data of its own",
            ),
        ],
    ),
    (
        "Files and networks",
        &[
            row(&["MS_RDONLY"], "`SB_RDONLY`"),
            row(&["MS_NOSUID"], "`SB_NOSUID`"),
            row(&["MS_NODEV"], "`SB_NODEV`"),
            row(&["MS_NOEXEC"], "`SB_NOEXEC`"),
            row(&["S_ISREG"], "`mode as u32 & S_IFMT == S_IFREG`"),
            row(&["S_ISDIR"], "`mode as u32 & S_IFMT == S_IFDIR`"),
            row(&["S_ISLNK"], "`mode as u32 & S_IFMT == S_IFLNK`"),
            row(&["S_ISCHR"], "`mode as u32 & S_IFMT == S_IFCHR`"),
            row(&["S_ISBLK"], "`mode as u32 & S_IFMT == S_IFBLK`"),
            row(&["MAJOR"], "`dev >> 20`"),
            row(&["MINOR"], "`dev & 0xfffff`"),
            row(&["udp_hdr"], "`skb_transport_header(skb).cast::<udphdr>()`"),
            row(&["eth_hdr"], "`skb_mac_header(skb).cast::<ethhdr>()`"),
            row(&["inet_sk"], "`sk.cast::<inet_sock>()`"),
            row(&["tcp_sk"], "`sk.cast::<tcp_sock>()`"),
        ],
    ),
];

const fn row(names: &'static [&'static str], write: &'static str) -> FromC {
    FromC { names, write }
}

/// Constructs of specs in the table, with those of crates.
const IN_CRATES: &[(&str, &str)] = &[
    ("`use percpu NAME;`", "`#[percpu] static NAME: TYPE;`"),
    ("`c \"FILE.c\" { fn NAME(..); }`", "`#[c(\"FILE.c\")] extern \"C\" { fn NAME(..); }`"),
];

/// What to write in place of a name of C.
pub(super) fn in_place(name: &str, form: Form) -> Option<String> {
    let mut rows = FROM_C.iter().flat_map(|(_, rows)| rows.iter());
    let write = rows.find(|row| row.names.contains(&name))?.write.to_owned();
    Some(match form {
        Form::Spec => write,
        Form::Crate => IN_CRATES.iter().fold(write, |write, (spec, own)| write.replace(spec, own)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_name_has_one_row() {
        let mut seen = BTreeSet::new();
        for name in FROM_C.iter().flat_map(|(_, rows)| rows.iter()).flat_map(|row| row.names) {
            assert!(seen.insert(name), "{name} is in two rows");
        }
    }

    #[test]
    fn what_headers_give_is_not_listed() {
        for name in FROM_C.iter().flat_map(|(_, rows)| rows.iter()).flat_map(|row| row.names) {
            assert!(kps_facts::inline(name).is_none(), "bodies have {name}");
        }
    }
}

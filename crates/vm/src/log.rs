// SPDX-License-Identifier: GPL-2.0
//! The kernel's log, and the signs in it that something is wrong.

use super::VmError;

/// Strings that a healthy kernel does not print.
const COMPLAINTS: &[&str] = &[
    "BUG:",
    "WARNING:",
    "Oops:",
    "Kernel panic",
    "general protection fault",
    "soft lockup",
    "hard LOCKUP",
    "blocked for more than",
    "detected stalls",
    "detected expedited stalls",
    "self-detected stall",
    "unable to handle page fault",
    "Unable to handle kernel",
    "UBSAN:",
    "KASAN:",
    "invalid opcode",
    // What debug kernels find. Most of their reports begin with "BUG:" or "WARNING:".
    "trying to register non-static key",
    "new suspected memory leaks",
    "Call Trace:",
];

/// The first line in which the kernel complains, and the lines around it.
pub fn complaint(log: &str) -> Option<VmError> {
    const BEFORE: usize = 5;
    const AFTER: usize = 60;
    let lines: Vec<&str> = log.lines().collect();
    let at = lines.iter().position(|line| COMPLAINTS.iter().any(|word| line.contains(word)))?;
    let around = &lines[at.saturating_sub(BEFORE)..lines.len().min(at + AFTER)];
    Some(VmError::Complaint { line: lines[at].to_owned(), log: around.join("\n") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taint_is_no_complaint_and_a_warning_is() {
        let clean = "[    1.0] cmdline_mark: tainting kernel with TAINT_LIVEPATCH\n[    1.1] livepatch: enabling patch";
        assert!(complaint(clean).is_none());
        let warned = "[    1.0] fine\n[    2.0] WARNING: kernel/livepatch/core.c:1 at klp_x, CPU#0";
        let found = complaint(warned).map(|error| error.to_string()).unwrap_or_default();
        assert!(found.contains("WARNING: kernel/livepatch"), "{found}");
    }

    #[test]
    fn what_a_debug_kernel_finds_is_a_complaint() {
        // `kernel/locking/lockdep.c`, `kernel/sched/core.c`, `mm/kasan/report.c`,
        // `mm/kfence/report.c`, `kernel/kcsan/report.c`, `lib/ubsan.c`, `mm/kmemleak.c` and
        // `kernel/rcu/`.
        for line in [
            "WARNING: possible circular locking dependency detected",
            "WARNING: inconsistent lock state",
            "WARNING: suspicious RCU usage",
            "[ BUG: Invalid wait context ]",
            "INFO: trying to register non-static key.",
            "BUG: sleeping function called from invalid context at mm/slab.h:1",
            "BUG: KASAN: slab-use-after-free in kps_body_f+0x1/0x2 [fix]",
            "BUG: KFENCE: out-of-bounds read in kps_body_f+0x1/0x2 [fix]",
            "BUG: KCSAN: data-race in f / g",
            "UBSAN: array-index-out-of-bounds in fs/proc/cmdline.c:1:2",
            "kmemleak: 1 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
            "rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 0-... }",
            "INFO: rcu_tasks detected stalls on tasks:",
        ] {
            assert!(complaint(&format!("[    2.0] {line}")).is_some(), "{line}");
        }
        for line in [
            "kmemleak: Kernel memory leak detector initialized (mem pool available: 15679)",
            "kasan: KernelAddressSanitizer initialized (generic)",
            "kfence: initialized - using 2097152 bytes for 255 objects",
            "Running RCU self tests",
        ] {
            assert!(complaint(&format!("[    2.0] {line}")).is_none(), "{line}");
        }
    }
}

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
    "rcu_preempt detected stalls",
    "self-detected stall",
    "unable to handle page fault",
    "Unable to handle kernel",
    "UBSAN:",
    "KASAN:",
    "invalid opcode",
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
}

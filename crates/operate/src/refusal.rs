// SPDX-License-Identifier: GPL-2.0
//! Explains the kernel's refusals.

use super::{read, System};
use kps_diag::{Diagnostic, KERNEL_REFUSED, NOT_PERMITTED};
use rustix::io::Errno;

/// The message for a refusal: the operation, the kernel's error, and its log meanwhile.
pub(super) fn refusal(system: &System, what: &str, errno: Errno, log: &[String]) -> Diagnostic {
    let (meaning, advice) = match log.iter().any(|line| line.contains("parameter")) {
        // `parse_args()` in `kernel/params.c` names it.
        true => (
            "a parameter has a value that it cannot take",
            format!("run `{} info FILE.ko` to see the types of its parameters", system.program),
        ),
        false => meaning(errno, system),
    };
    let error = Diagnostic::new(KERNEL_REFUSED, format!("the kernel refuses to {what}: {errno}"));
    let error = error.note(meaning).help(advice);
    match log {
        [] => error,
        lines => error.note(format!("the kernel's log:\n{}", lines.join("\n"))),
    }
}

/// The meaning of an error of loading, disabling or unloading a livepatch, and the remedy.
fn meaning(errno: Errno, system: &System) -> (&'static str, String) {
    let program = system.program;
    let (meaning, advice) = match errno {
        Errno::PERM | Errno::ACCESS => not_permitted(system),
        Errno::EXIST => {
            let advice = format!("run `{program} list` to see it; `{program} unload NAME` makes room for a new version");
            return ("a module of this name is loaded", advice);
        }
        Errno::NOEXEC => (
            "the module is for another kernel, or a function that it changes does not exist",
            "build it for the running kernel, whose release `uname -r` prints",
        ),
        Errno::KEYREJECTED | Errno::NOKEY | Errno::BADMSG => (
            "the kernel accepts only modules signed with a key that it knows",
            "sign the module with a key that this kernel trusts: `kpsc sign KEY CERTIFICATE FILE.ko`",
        ),
        Errno::NOENT => (
            "the module needs a symbol that the kernel does not have",
            "build it for the running kernel; the kernel's log names the symbol",
        ),
        Errno::BUSY => {
            let advice = format!("wait until `{program} list` shows no transition; /sys/kernel/debug/tracing/enabled_functions shows kprobes and BPF");
            return ("another livepatch is in transition, or something else redirects one of the functions", advice);
        }
        Errno::AGAIN => ("something still uses the module", "wait, and run `lsmod` to see its users"),
        Errno::NOMEM => ("there is not enough memory", "free some, and try again"),
        Errno::INVAL => (
            "a function does not exist, a livepatch changes the same state, or a callback of the patch refuses",
            "look in the kernel's log for the reason; build the module for the running kernel",
        ),
        _ => (
            "the patch itself or the kernel refuses; only the kernel's log has the reason",
            "look at the end of the log with `dmesg`",
        ),
    };
    (meaning, advice.to_owned())
}

/// The error if this user cannot change what a machine loads.
pub fn check_root() -> Result<(), Diagnostic> {
    match rustix::process::geteuid().is_root() {
        true => Ok(()),
        false => Err(Diagnostic::new(NOT_PERMITTED, "this user may not change what is installed")
            .help("run it as root")),
    }
}

/// Why loading and unloading is not allowed.
fn not_permitted(system: &System) -> (&'static str, &'static str) {
    let is_on =
        |path: &str, text: &str| read(&system.path(path)).is_some_and(|value| value.contains(text));
    if !rustix::process::geteuid().is_root() {
        ("only root may do that", "run it as root")
    } else if is_on("proc/sys/kernel/modules_disabled", "1") {
        (
            "kernel.modules_disabled is set: the kernel loads and unloads no modules",
            "reboot the machine: the setting is permanent until then",
        )
    } else if is_on("sys/kernel/security/lockdown", "[integrity]")
        || is_on("sys/kernel/security/lockdown", "[confidentiality]")
    {
        (
            "the kernel is locked down and accepts signed modules only",
            "sign the module with a key of this kernel, or boot it without lockdown (Secure Boot enables it)",
        )
    } else {
        (
            "root may not do that here",
            "in a container, run it on the host; a security module (LSM) may also forbid it",
        )
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Whether the kernel accepts modules at all, and this one.

use super::super::{read, Incoming, System};
use super::unseen;
use kps_diag::{
    Diagnostic, Severity, FTRACE_DISABLED, MODULES_DISABLED, NOT_PERMITTED, SIGNATURE_REQUIRED,
    UNKNOWN_SIGNER,
};

const FTRACE: &str = "proc/sys/kernel/ftrace_enabled";
const MODULES: &str = "proc/sys/kernel/modules_disabled";
const LOCKDOWN: &str = "sys/kernel/security/lockdown";
const ENFORCED: &str = "sys/module/module/parameters/sig_enforce";

pub(super) fn check(system: &System, incoming: &Incoming) -> Vec<Diagnostic> {
    let says = |path: &str, text: &str| read(&system.path(path)).as_deref() == Some(text);
    let mut found = Vec::new();
    if says(MODULES, "1") {
        found.push(
            Diagnostic::new(
                MODULES_DISABLED,
                "kernel.modules_disabled is set: the kernel loads and unloads no modules",
            )
            .help("reboot the machine: the setting is permanent until then"),
        );
    }
    if may_load(system) == Some(false) {
        found.push(
            Diagnostic::new(NOT_PERMITTED, "this user may not load modules")
                .note("loading a module requires CAP_SYS_MODULE")
                .help("run it as root; in a container, run it on the host"),
        );
    }
    if says(FTRACE, "0") {
        found.push(
            Diagnostic::new(FTRACE_DISABLED, "ftrace, which livepatches need, is turned off")
                .note(format!("/{FTRACE} is 0; the kernel refuses with EBUSY"))
                .help("turn it on: `sysctl kernel.ftrace_enabled=1`"),
        );
    }
    found.extend(signature(system, incoming));
    found
}

/// Whether this process has `CAP_SYS_MODULE` (`include/uapi/linux/capability.h`).
fn may_load(system: &System) -> Option<bool> {
    const CAP_SYS_MODULE: u32 = 16;
    let status = read(&system.path("proc/self/status"))?;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    let effective = u64::from_str_radix(effective.trim(), 16).ok()?;
    Some(effective >> CAP_SYS_MODULE & 1 == 1)
}

fn signature(system: &System, incoming: &Incoming) -> Option<Diagnostic> {
    let Some(because) = signatures_wanted(system) else {
        // Without securityfs the kernel may still be locked down.
        let is_unseen = incoming.signature.is_none() && read(&system.path(LOCKDOWN)).is_none();
        return is_unseen.then(|| Diagnostic {
            severity: Severity::Note,
            ..unseen(
                "whether the kernel is locked down and accepts signed modules only",
                LOCKDOWN,
                "securityfs is not mounted, or this user may not read it",
            )
        });
    };
    let name = &incoming.name;
    Some(match incoming.signature {
        None => Diagnostic::new(SIGNATURE_REQUIRED, format!("the kernel accepts signed modules only, and `{name}` has no signature"))
            .note(because)
            .help("sign the module with a key that this kernel trusts: `kpsc sign KEY CERTIFICATE FILE.ko`"),
        Some(_) => Diagnostic::new(UNKNOWN_SIGNER, format!("it is unknown whether the kernel trusts the key that `{name}` is signed with"))
            .note(because)
            .note("the kernel refuses an unknown key with EKEYREJECTED or EPERM")
            .help("look for the key in /proc/keys, in the keyrings `.builtin_trusted_keys`, `.secondary_trusted_keys`, `.machine` and `.platform`"),
    })
}

/// Why the kernel accepts only signed modules, if it does (`module_sig_check()` in
/// `kernel/module/signing.c`).
fn signatures_wanted(system: &System) -> Option<String> {
    if read(&system.path(ENFORCED)).as_deref() == Some("Y") {
        return Some(format!(
            "/{ENFORCED} is Y: the kernel was built with CONFIG_MODULE_SIG_FORCE or booted with module.sig_enforce"
        ));
    }
    let lockdown = read(&system.path(LOCKDOWN))?;
    let level = lockdown.split_once('[')?.1.split_once(']')?.0;
    let is_on = matches!(level, "integrity" | "confidentiality");
    is_on.then(|| format!("the kernel is locked down for {level}, which Secure Boot causes"))
}

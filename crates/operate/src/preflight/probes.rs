// SPDX-License-Identifier: GPL-2.0
//! Tracers, probes and BPF programs on the functions that a livepatch changes: which of them block
//! it, and which stop seeing calls.
//!
//! A function has one user that may redirect its callers (`__ftrace_hash_update_ipmodify()` in
//! `kernel/trace/ftrace.c`). All livepatches of a function count as one such user; a kprobe with a
//! `post_handler` is another. BPF trampolines share the function with a livepatch
//! (`bpf_tramp_ftrace_ops_func()` in `kernel/bpf/trampoline.c`), other directly called code does
//! not.

use super::super::{Function, Incoming, Livepatch, System};
use super::others::changes;
use super::tracers::{probes, traced, OnFunction, Probe};
use super::unseen;
use kps_diag::{list, Diagnostic, Severity, BPF_ATTACHED, REDIRECTED_ELSEWHERE, SILENT_KPROBE};
use std::collections::BTreeMap;

pub(super) fn check(system: &System, incoming: &Incoming, loaded: &[Livepatch]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let probes = probes(system).unwrap_or_else(|(path, why)| {
        let warning = unseen("whether kprobes are in the functions", path, &why);
        // A probe does not block a patch; one that does is among the functions that ftrace lists.
        found.push(Diagnostic {
            severity: Severity::Note,
            ..warning.help("mount -t debugfs debugfs /sys/kernel/debug")
        });
        Vec::new()
    });
    let traced = traced(system).unwrap_or_else(|(path, why)| {
        let warning = unseen(
            "whether something else is attached to the functions and blocks the patch",
            path,
            &why,
        );
        found.push(warning.help("mount -t tracefs tracefs /sys/kernel/tracing, and look as root"));
        Vec::new()
    });
    let (traced, probes) = (by_function(&traced), by_function(&probes));
    for (object, function) in incoming.functions() {
        let here = (object, function.name.as_str());
        let is_patched = loaded.iter().any(|other| changes(other, object, function));
        let probes = probes.get(&here).map_or(&[][..], Vec::as_slice);
        for traced in traced.get(&here).into_iter().flatten() {
            if traced.redirects && !is_patched {
                found.push(redirected(function, probes));
            }
            found.extend(traced.direct.as_deref().map(|direct| called_directly(function, direct)));
        }
        found.extend(blinded(function, probes));
    }
    found
}

/// The users of a function, by its object and name. Functions of the same name are not told apart.
fn by_function<T: OnFunction>(all: &[T]) -> BTreeMap<(&str, &str), Vec<&T>> {
    let mut map: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for one in all {
        map.entry(one.function()).or_default().push(one);
    }
    map
}

fn redirected(function: &Function, probes: &[&Probe]) -> Diagnostic {
    let name = &function.name;
    let at_site: Vec<_> =
        probes.iter().filter(|probe| probe.is_at_site).map(|probe| place(probe)).collect();
    let error = Diagnostic::new(REDIRECTED_ELSEWHERE, format!("something else redirects `{name}`"))
        .note("the kernel lets one user redirect a function, and refuses the second with EBUSY");
    let error = match at_site.as_slice() {
        [] => error.help(format!(
            "look for `{name}` in /sys/kernel/tracing/enabled_functions, and detach its user"
        )),
        places => error
            .note(format!(
                "there is a kprobe at {}; one with a `post_handler` is such a user",
                list(places, "and")
            ))
            .help("unload the module that registered the kprobe"),
    };
    unless_ambiguous(function, error)
}

fn called_directly(function: &Function, direct: &str) -> Diagnostic {
    let name = &function.name;
    if direct.is_empty() || direct.starts_with("bpf_trampoline_") {
        return Diagnostic::new(BPF_ATTACHED, format!("BPF programs are attached to `{name}`"))
            .note("they stay attached: `fentry` runs before the new code, `fexit` runs after it and sees its result")
            .note("if an `fmod_ret` program decides the result, the new code does not run")
            .help("list them with `bpftool prog` and `bpftool link`");
    }
    let error = Diagnostic::new(REDIRECTED_ELSEWHERE, format!("`{direct}` is called directly from `{name}`"))
        .note("only BPF programs can share a function with a livepatch; otherwise the kernel refuses with EBUSY")
        .help("unload the module that registered the call");
    unless_ambiguous(function, error)
}

/// Of several functions of the same name, another one may be affected.
fn unless_ambiguous(function: &Function, error: Diagnostic) -> Diagnostic {
    match function.sympos {
        0 => error,
        _ => Diagnostic { severity: Severity::Warning, ..error }.note(format!(
            "the kernel has several functions `{}`; if this is another one, the patch will load",
            function.name
        )),
    }
}

/// Probes in a body that no longer runs. A probe at the ftrace site fires before the call is
/// redirected.
fn blinded(function: &Function, probes: &[&Probe]) -> Option<Diagnostic> {
    let inside: Vec<_> =
        probes.iter().filter(|probe| !probe.is_at_site).map(|probe| place(probe)).collect();
    if inside.is_empty() || function.keeps_original {
        return None;
    }
    let (subject, verb) =
        if inside.len() == 1 { ("a kprobe", "fires") } else { ("kprobes", "fire") };
    let places = list(&inside, "and");
    let warning = Diagnostic::new(SILENT_KPROBE, format!("{subject} at {places} no longer {verb}"));
    Some(
        warning
            .note(format!(
                "the patch replaces the body of `{}`, so the old body no longer runs",
                function.name
            ))
            .help(format!(
                "set it again in the new function, `livepatch_{}`, or at the start of the old one",
                function.name
            )),
    )
}

fn place(probe: &Probe) -> String {
    format!("{}+{}", probe.function, probe.offset)
}

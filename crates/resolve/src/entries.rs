// SPDX-License-Identifier: GPL-2.0
//! Whether programs come through the entry of a system call that a patch changes.

use super::symbols::{near, Found, Scope};
use super::syscalls::Syscall;
use super::Resolver;
use kps_arch::Arch;
use kps_ast as ast;
use kps_diag::{list, Diagnostic, ANSWERED_IN_VDSO, OTHER_SYSCALL_ENTRIES, SYSCALL_NOT_ENTERED};
use kps_facts::Role;
use std::collections::BTreeMap;

/// System calls that later ones have taken the place of, with the calls that programs make now.
const SUCCESSORS: &[(&str, &str)] = &[
    ("clone", "clone3"),
    ("mmap_pgoff", "mmap"),
    ("nice", "setpriority"),
    ("oldumount", "umount"),
    ("recv", "recvfrom"),
    ("send", "sendto"),
    ("sgetmask", "rt_sigprocmask"),
    ("sigaction", "rt_sigaction"),
    ("signal", "rt_sigaction"),
    ("socketcall", "socket"),
    ("ssetmask", "rt_sigprocmask"),
    ("stime", "clock_settime"),
    ("waitpid", "wait4"),
];

impl Resolver<'_> {
    /// The patch with a `fn` for each further entry that a body in C makes: `SYSCALL_DEFINEx()`
    /// defines all entries of a system call but those of `COMPAT_SYSCALL_DEFINEx()`.
    pub(super) fn with_entries_in_c(&self, mut spec: ast::Patch) -> ast::Patch {
        for object in &mut spec.objects {
            let Some(scope) = Scope::of(self.facts, &object.name.value) else { continue };
            let mut made = Vec::new();
            for func in object.funcs.iter().filter(|func| func.replace_c.is_some()) {
                let Some(call) = self.syscall(scope, &func.symbol) else { continue };
                let has = |name: &String| object.funcs.iter().any(|f| f.symbol.name.value == *name);
                let others = self.other_entries(scope, &call).into_iter();
                for value in others.filter(|name| self.is_of_same_macro(name) && !has(name)) {
                    let name = ast::Name { value, span: func.symbol.name.span };
                    let symbol = ast::Symbol { name, position: None };
                    made.push(ast::Func { symbol, prototype: None, ..func.clone() });
                }
            }
            object.funcs.extend(made);
        }
        spec
    }

    /// Whether the macro that makes the entry of 64-bit programs makes an entry too.
    fn is_of_same_macro(&self, entry: &str) -> bool {
        let other = self.facts.arch().syscalls.other_entry(entry);
        other.is_some_and(|(_, entry)| !entry.is_compat)
    }

    /// Refuses the entry of a system call that no program comes through, and warns of one that
    /// programs seldom need.
    pub(super) fn check_entry(
        &mut self,
        scope: Scope<'_>,
        name: &ast::Name,
        found: &Found,
    ) -> Option<()> {
        let arch = self.facts.arch();
        let Some((call, role)) = entry_of(arch, &found.symbol.name) else { return Some(()) };
        if scope.module.is_some() || !self.facts.roles.knows(role) {
            return Some(());
        }
        if !self.facts.roles.has(found.address, role) {
            let is_main = role == Role::Syscall;
            let programs = if is_main { "64-bit program" } else { "32-bit program" };
            let mut error = Diagnostic::new(
                SYSCALL_NOT_ENTERED,
                format!("no {programs} enters the kernel through `{}`", name.value),
            )
            .at(name.span, "")
            .note("the kernel has this function, but no entry in the table of system calls leads to it");
            let entered = self.entered(role);
            let used = successor(call, &entered);
            error = match used.as_deref() {
                Some(used) if is_main => error.help(format!("write `fn sys_{used}`")),
                Some(used) => error.help(format!("write `fn {}`", entered[used])),
                None => error.help("change the function that does the work"),
            };
            self.report(error);
            return None;
        }
        if role == Role::Syscall && self.facts.vdso.iter().any(|answered| answered == call) {
            self.report(
                Diagnostic::new(
                    ANSWERED_IN_VDSO,
                    format!("programs seldom enter the kernel for `{}`", name.value),
                )
                .at(name.span, "")
                .note("the kernel's vDSO answers in the program, and calls the kernel only when it cannot")
                .help("do not rely on seeing every call: change the data that the vDSO reads, or the function that writes it"),
            );
        }
        Some(())
    }

    /// The system calls that programs enter, with the function that each enters.
    fn entered(&self, role: Role) -> BTreeMap<String, String> {
        let arch = self.facts.arch();
        let symbols = &self.facts.vmlinux.symbols;
        let functions = self.facts.roles.all(role).flat_map(|address| symbols.at(address));
        let call = |sym: kps_facts::Sym<'_>| {
            let (call, of) = entry_of(arch, sym.name)?;
            (of == role).then(|| (call.to_owned(), sym.name.to_owned()))
        };
        functions.filter_map(call).collect()
    }

    /// Programs that are not 64-bit use another entry, which an author may forget to close.
    pub(super) fn note_other_entries(&mut self, scope: Scope<'_>, funcs: &[ast::Func]) {
        let changed = |name: &String| funcs.iter().any(|func| func.symbol.name.value == *name);
        for func in funcs {
            let entry = || self.written_entry(scope, &func.symbol);
            let Some(call) = self.syscall(scope, &func.symbol).or_else(entry) else { continue };
            let open: Vec<String> = self
                .other_entries(scope, &call)
                .into_iter()
                .filter(|name| !changed(name))
                .collect();
            if open.is_empty() {
                continue;
            }
            let name = &func.symbol.name;
            let message = format!("32-bit programs enter `{}` elsewhere", name.value);
            self.report(
                Diagnostic::new(OTHER_SYSCALL_ENTRIES, message)
                    .at(name.span, "")
                    .note(format!(
                        "they enter through {}, which the patch does not change",
                        list(&open, "or")
                    ))
                    .help(format!(
                        "change {} too, or a function that all of them call",
                        list(&open, "and")
                    )),
            );
        }
    }

    /// The system call of an entry that a spec names as the kernel does.
    fn written_entry<'s>(&self, scope: Scope<'_>, symbol: &'s ast::Symbol) -> Option<Syscall<'s>> {
        let name = symbol.name.value.strip_prefix(self.facts.arch().syscalls.entry)?;
        scope.module.is_none().then(|| Syscall { name, entry: symbol.clone() })
    }

    /// The other entries of a system call that programs use. A system call without arguments has
    /// one entry under all these names.
    fn other_entries(&self, scope: Scope<'_>, call: &Syscall<'_>) -> Vec<String> {
        let symbols = &scope.object.symbols;
        let roles = &self.facts.roles;
        let entries = symbols.named(&call.entry.name.value);
        let has = |address: u64, role| !roles.knows(role) || roles.has(address, role);
        if !entries.iter().any(|entry| has(entry.address, Role::Syscall)) {
            // The entry itself is refused.
            return Vec::new();
        }
        let is_used = |address: u64| has(address, Role::OtherSyscall);
        let is_apart = |name: &String| {
            symbols.named(name).iter().any(|other| {
                entries.iter().all(|entry| entry.address != other.address) && is_used(other.address)
            })
        };
        let others = self.facts.arch().syscalls.other_entries.iter();
        others.map(|entry| format!("{}{}", entry.prefix, call.name)).filter(is_apart).collect()
    }
}

/// The system call that a function is an entry of, and the role of those that programs use.
fn entry_of<'n>(arch: &Arch, function: &'n str) -> Option<(&'n str, Role)> {
    if let Some(call) = function.strip_prefix(arch.syscalls.entry) {
        return Some((call, Role::Syscall));
    }
    let (call, _) = arch.syscalls.other_entry(function)?;
    Some((call, Role::OtherSyscall))
}

/// The system call that programs make instead of another one of this name.
fn successor(call: &str, entered: &BTreeMap<String, String>) -> Option<String> {
    const SUFFIXES: [&str; 7] = ["_time32", "_time64", "time32", "32", "64", "16", ""];
    const PREFIXES: [&str; 4] = ["old_", "old", "l", ""];
    let known = SUCCESSORS.iter().filter(|(old, _)| *old == call).map(|(_, new)| new.to_string());
    let stems = SUFFIXES.into_iter().filter_map(|suffix| call.strip_suffix(suffix));
    let stems = stems.flat_map(|stem| PREFIXES.into_iter().filter_map(|p| stem.strip_prefix(p)));
    let variants = stems.flat_map(|stem| ["new", "", "rt_"].map(|new| format!("{new}{stem}")));
    known.chain(variants).find(|name| name != call && entered.contains_key(name)).or_else(|| {
        near(call, entered.keys().map(String::as_str))
            .pop()
            .map(|near| near.trim_matches('`').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_programs_no_longer_make_has_a_successor() {
        let entered = ["newuname", "newstat", "wait4", "lseek", "fcntl", "rt_sigpending", "getuid"];
        let entered = entered.map(|call| (call.to_owned(), format!("entry_{call}"))).into();
        for (call, used) in [
            ("uname", "newuname"),
            ("stat", "newstat"),
            ("stat64", "newstat"),
            ("waitpid", "wait4"),
            ("llseek", "lseek"),
            ("fcntl64", "fcntl"),
            ("sigpending", "rt_sigpending"),
            ("getuid16", "getuid"),
        ] {
            assert_eq!(successor(call, &entered).as_deref(), Some(used), "{call}");
        }
        assert_eq!(successor("quotactl_fd_of_old", &entered), None);
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Functions in which tasks stay: the kernel completes loading when no task is left in the old
//! function, and unloading when none is left in the patch.

use super::symbols::{Found, Scope};
use super::{Fragment, Resolver};
use crate::notable::{self, Wait};
use kps_ast as ast;
use kps_diag::{Diagnostic, LONG_WAIT, MAIN_LOOP};
use kps_facts::Role;
use kps_plan::Change;

impl Resolver<'_> {
    /// Warns if tasks stay in a function that is changed.
    pub(super) fn check_waits(
        &mut self,
        scope: Scope<'_>,
        name: &ast::Name,
        found: &Found,
        change: &Change<Fragment>,
    ) {
        if self.facts.roles(scope.module).has(found.address, Role::ThreadMain)
            || notable::is_main_loop(&found.symbol.name)
        {
            self.report(
                Diagnostic::new(MAIN_LOOP, format!("a task may never leave `{}`", name.value))
                    .at(name.span, "")
                    .note("it is the main loop of a kernel thread, or the thread sleeps in it")
                    .note("a transition is complete when no task is in an old function: this one may never complete")
                    .help("patch a function that is called from the loop"),
            );
            return;
        }
        let leaves_frame = match change {
            Change::Replace { calls_original, .. } | Change::C { calls_original, .. } => {
                *calls_original
            }
            Change::Pre(_) => false,
            Change::Around { .. } => true,
        };
        let wait = notable::wait(&found.symbol.name)
            .or_else(|| self.sleeps_itself(scope, found.address).then_some(Wait::Sleep));
        if let Some(wait) = wait.filter(|wait| leaves_frame || *wait == Wait::Sleep) {
            self.report(long_wait(name, wait, leaves_frame));
        }
    }

    /// The role that a function most likely has by its prototype, if it is not exported.
    pub(super) fn suspected_role(&self, scope: Scope<'_>, function: &str) -> Option<Role> {
        let symbols = &scope.object.symbols;
        let is_exported = match scope.module {
            None => self.facts.exports.get(function).is_some(),
            Some(_) => !symbols.named(&format!("__ksymtab_{function}")).is_empty(),
        };
        Role::suspected(&self.facts.btf, function).filter(|_| !is_exported)
    }

    /// Whether tasks give up the processor in a function: the kernel's build has put it beside the
    /// scheduler (`__sched`), and it calls the scheduler, perhaps through its neighbours.
    fn sleeps_itself(&self, scope: Scope<'_>, address: u64) -> bool {
        const SCHEDULERS: &[&str] = &["__schedule", "schedule"];
        const DEPTH: usize = 4;
        let symbols = &scope.object.symbols;
        let bound = |name| symbols.named(name).first().map(|sym| sym.address);
        let (Some(start), Some(end)) = (bound("__sched_text_start"), bound("__sched_text_end"))
        else {
            return false;
        };
        let mut functions = vec![address];
        for _ in 0..=DEPTH {
            functions.retain(|function| (start..end).contains(function));
            let is_scheduler =
                |&function: &u64| symbols.at(function).any(|sym| SCHEDULERS.contains(&sym.name));
            if functions.iter().any(is_scheduler) {
                return true;
            }
            functions = functions.iter().flat_map(|&f| self.facts.calls.from(f)).collect();
        }
        false
    }
}

fn long_wait(name: &ast::Name, wait: Wait, leaves_frame: bool) -> Diagnostic {
    let name_text = &name.value;
    let warning = |message: String| Diagnostic::new(LONG_WAIT, message).at(name.span, "");
    const PRE: &str = "use a `pre` hook alone: it leaves no frame and does not hold up unloading";
    match wait {
        Wait::Interruptible => warning(format!("tasks wait in `{name_text}` for an event"))
            .note("unloading and replacing the patch wait for them: after 15 seconds the kernel interrupts the waits, and programs see a restarted system call or EINTR")
            .help(PRE),
        Wait::Uninterruptible => warning(format!("a task may stay in `{name_text}` for hours"))
            .note("it waits there while it is stopped, traced or frozen, or for its child, and the kernel does not wake it: until then the patch can be neither unloaded nor replaced")
            .help(PRE),
        Wait::Sleep => {
            let note = match leaves_frame {
                true => "loading, unloading and replacing the patch wait until no task sleeps in it",
                false => "loading the patch waits until no task sleeps in it",
            };
            warning(format!("tasks sleep in `{name_text}`"))
                .note(note)
                .help("patch a function that calls it, or one that it calls")
        }
    }
}

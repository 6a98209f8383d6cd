// SPDX-License-Identifier: GPL-2.0
//! One function that a spec changes.

use super::bodies::{Fragment, Rust};
use super::clones::Told;
use super::symbols::{Found, Scope, Wanted};
use super::syscalls::Syscall;
use super::uses::freed;
use super::Resolver;
use crate::advice::Advice;
use crate::words::is_plain;
use kps_arch::syscall_of;
use kps_ast as ast;
use kps_diag::{
    list, Diagnostic, CHANGED_TWICE, CHANGES_NOTHING, MISPLACED_ORIGINAL, NO_FTRACE_SITE,
    NO_LIVEPATCH_SUPPORT, NO_NAME_IN_C, REPLACE_WITH_HOOKS, SHARED_CODE, SPLIT_FUNCTION,
    UNKNOWN_ENTRY,
};
use kps_facts::Importer;
use kps_plan::{Change, Convention, Entry, Func, Type};
use std::collections::BTreeSet;

impl Resolver<'_> {
    pub(super) fn func(
        &mut self,
        scope: Scope<'_>,
        spec: &ast::Func,
        rust: &Rust,
        importer: &mut Importer<'_>,
    ) -> Option<Func<Fragment>> {
        self.check_told(spec);
        let call = self.syscall(scope, &spec.symbol);
        let frees = self.frees(scope.name, &spec.symbol, rust);
        let change = self.change(scope, spec, call.as_ref(), rust);
        let symbol = call.as_ref().map_or(&spec.symbol, |call| &call.entry);
        let found = self.find(scope, symbol, Wanted::Function)?;
        let name = &spec.symbol.name;
        let key = (scope.name.to_owned(), found.address);
        if let Some(&first) = self.changed.get(&key) {
            let error =
                Diagnostic::new(CHANGED_TWICE, format!("`{}` is changed twice", name.value))
                    .at(name.span, "")
                    .at(first, "first here");
            let release = &self.facts.identity.release;
            self.report(match spec.when.is_empty() {
                true => error.help("put everything into one `fn`"),
                false => error
                    .note(format!("both alternatives are for {release}"))
                    .help("give them conditions that do not overlap"),
            });
            return None;
        }
        self.changed.insert(key, name.span);
        self.check_entry(scope, name, &found)?;
        let entry = self.entry(scope, spec, &found)?;
        let signature = match &call {
            Some(call) => self.syscall_signature(call, spec, importer),
            None => {
                let told = Told::Clause(spec.arguments.as_ref());
                let written = spec.prototype.as_ref();
                self.signature(scope, &spec.symbol, written, told, importer).and_then(|signature| {
                    self.with_user_pointers(spec, signature, importer.types())
                })
            }
        };
        let convention = match call.as_ref().map(|_| importer.named("pt_regs")) {
            None => Convention::C,
            Some(Some(Type::Named(regs))) => Convention::Syscall { regs },
            Some(_) => {
                let message = format!(
                    "the BTF of {} does not describe system calls",
                    self.facts.identity.release
                );
                self.report(
                    Diagnostic::new(NO_LIVEPATCH_SUPPORT, message)
                        .help("choose another target with `--kernel`"),
                );
                return None;
            }
        };
        self.note_relatives(scope, &symbol.name, &found);
        self.check_returns(scope, &found, spec, change.as_ref(), rust);
        if let Some(change) = &change {
            if let Some(signature) = &signature {
                self.check_clone(scope, spec, change, signature, rust, importer);
            }
            self.check_waits(scope, name, &found, change);
        }
        let (address, old) = (found.address, found.symbol);
        let func = Func { old, signature: signature?, convention, entry, change: change?, frees };
        self.check_user_pointers(scope, spec, &func, address, rust, importer.types());
        Some(func)
    }

    /// Notes other functions that this change affects, and a part that it does not.
    fn note_relatives(&mut self, scope: Scope<'_>, name: &ast::Name, found: &Found) {
        let symbols = &scope.object.symbols;
        // The linker's section boundary symbols are not functions.
        let is_mark = |other: &str| {
            other.ends_with("text") || other.ends_with("_start") || other.ends_with("_end")
        };
        let is_same_syscall =
            |other: &str| syscall_of(other).is_some_and(|s| Some(s) == syscall_of(&name.value));
        let twin = |other: &str| other != name.value && !is_mark(other) && !is_same_syscall(other);
        let aliases: BTreeSet<String> =
            symbols.at(found.address).map(|sym| sym.name.to_owned()).collect();
        let aliases: Vec<String> = aliases.into_iter().filter(|other| twin(other)).collect();
        if !aliases.is_empty() {
            self.report(
                Diagnostic::new(
                    SHARED_CODE,
                    format!("`{}` shares its code with {}", name.value, list(&aliases, "and")),
                )
                .at(name.span, "")
                .note("the compiler merged identical functions, or one name is an alias of another")
                .help("make sure that the change is right for the callers of all of them"),
            );
        }
        self.note_cold_part(scope, name);
    }

    /// The kernel's stack check looks for tasks between the start and the end of a function, and
    /// compilers move rarely executed code out of it. A task that finishes an old function late
    /// matters only if functions must agree.
    fn note_cold_part(&mut self, scope: Scope<'_>, name: &ast::Name) {
        let symbols = &scope.object.symbols;
        let cold = format!("{}.cold", name.value);
        // With several functions of one name, the owner of the `.cold` part is unknown.
        let is_its = symbols.named(&name.value).len() == 1 && !symbols.named(&cold).is_empty();
        if !self.changes_several || !is_its {
            return;
        }
        self.report(
            Diagnostic::new(SPLIT_FUNCTION, format!("part of `{}` is in another symbol, `{cold}`", name.value))
                .at(name.span, "")
                .note("the kernel's stack check does not cover `.cold` code: a task sleeping there may finish the old function after others have switched")
                .help("if the functions of the patch must agree, have them do so only from `post_patch` to `pre_unpatch`"),
        );
    }

    /// The code that replaces the function.
    fn change(
        &mut self,
        scope: Scope<'_>,
        spec: &ast::Func,
        call: Option<&Syscall<'_>>,
        rust: &Rust,
    ) -> Option<Change<Fragment>> {
        self.check_originals_of_hooks(spec, rust);
        if let Some(file) = &spec.replace_c {
            return self.change_in_c(scope, spec, file, call);
        }
        match (spec.replace, spec.pre, spec.post) {
            // The errors in the file have been reported.
            (None, None, None) if spec.replace_from.is_some() => None,
            (None, None, None) if self.has_free_hook(scope.name, &spec.symbol) => {
                Some(Change::Pre(None))
            }
            (None, None, None) => {
                let name = &spec.symbol.name;
                self.report_absence(
                    Diagnostic::new(
                        CHANGES_NOTHING,
                        format!("nothing changes in `{}`", name.value),
                    )
                    .at(name.span, "")
                    .help("write `replace { .. }`, `pre { .. }` or `post { .. }`"),
                );
                None
            }
            (Some(replace), None, None) => self.new_body(replace, rust),
            (Some(replace), pre, post) => {
                let hook = pre.or(post).map_or(replace.word, |hook| hook.word);
                self.report(
                    Diagnostic::new(REPLACE_WITH_HOOKS, "`replace` excludes `pre` and `post`")
                        .at(hook, "")
                        .at(replace.word, "the new body is here")
                        .help("move the hook's code into the new body"),
                );
                None
            }
            (None, Some(pre), None) => Some(Change::Pre(Some(rust.fragment(pre.code)?))),
            (None, pre, Some(post)) => {
                let pre = match pre {
                    Some(pre) => Some(rust.fragment(pre.code)?),
                    None => None,
                };
                Some(Change::Around { pre, post: rust.fragment(post.code)? })
            }
        }
    }

    /// With hooks, the old function runs anyway, so they must not call `original`.
    fn check_originals_of_hooks(&mut self, spec: &ast::Func, rust: &Rust) {
        for body in [spec.pre, spec.post].into_iter().flatten() {
            let originals = rust.body(body.code).map(|(parsed, _)| parsed.refs(&[]).originals);
            for original in originals.into_iter().flatten() {
                self.report(
                    Diagnostic::new(MISPLACED_ORIGINAL, "`original` exists in `replace` only")
                        .at(self.pieces.place(body.code, original.span), "")
                        .note("the old function runs by itself after `pre` and before `post`")
                        .help("drop the call, or write one `replace` instead of the hooks"),
                );
            }
        }
    }

    /// A new body in Rust.
    fn new_body(&mut self, replace: ast::Body, rust: &Rust) -> Option<Change<Fragment>> {
        let (parsed, fragment) = rust.body(replace.code)?;
        let originals = parsed.refs(&[]).originals;
        for original in originals.iter().filter(|o| !o.called) {
            self.report(
                Diagnostic::new(MISPLACED_ORIGINAL, "`original` can only be called")
                    .at(self.pieces.place(replace.code, original.span), "")
                    .note("its address is not that of a function: a call through it would fault under IBT and kCFI")
                    .help("call it: `original(..)`"),
            );
        }
        Some(Change::Replace { body: fragment.clone(), calls_original: !originals.is_empty() })
    }

    /// A new body in a file in C.
    fn change_in_c(
        &mut self,
        scope: Scope<'_>,
        spec: &ast::Func,
        file: &ast::Text,
        call: Option<&Syscall<'_>>,
    ) -> Option<Change<Fragment>> {
        let name = &spec.symbol.name;
        let error = if let Some(other) = spec.replace.or(spec.pre).or(spec.post) {
            Diagnostic::new(REPLACE_WITH_HOOKS, "`replace c` excludes other bodies")
                .at(other.word, "")
                .at(file.span, "the new body is here")
                .help(Advice::OneBody.text(self.form))
        } else if !is_plain(&name.value) {
            Diagnostic::new(NO_NAME_IN_C, format!("`{}` is not a valid name in C", name.value))
                .at(name.span, "")
                .at(file.span, "the file cannot define it")
                .note("the compiler derived this function from another one, and its prototype may differ")
                .help(Advice::BodyInRust.text(self.form))
        } else {
            let function = call.map_or(name, |call| &call.entry.name);
            return self.c_body(scope, &function.value, file);
        };
        self.report(error);
        None
    }

    /// The entry of the function, if ftrace can redirect it and a jump past the site is known to be
    /// correct.
    fn entry(&mut self, scope: Scope<'_>, spec: &ast::Func, found: &Found) -> Option<Entry> {
        let name = &spec.symbol.name;
        if scope.object.is_init(found.address) {
            let help = "change the data that it set up, or patch a function that runs later";
            self.report(freed(scope, name).help(help));
            return None;
        }
        let Some(site) = scope.object.sites.get(found.address) else {
            let message = format!("`{}` cannot be redirected", name.value);
            let error = Diagnostic::new(NO_FTRACE_SITE, message)
                .at(name.span, "it has no ftrace site")
                .note("assembly, `notrace` and `noinstr` functions, and files compiled without tracing, have none");
            self.report(self.with_callers(scope, found.address, error));
            return None;
        };
        let entry = site.entry(self.facts.arch());
        if entry.is_none() {
            let bytes: Vec<_> = site.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            self.report(
                Diagnostic::new(
                    UNKNOWN_ENTRY,
                    format!("the entry code of `{}` is unknown", name.value),
                )
                .at(name.span, "")
                .note(format!(
                    "it starts with {}, its ftrace site is at +{}",
                    bytes.join(" "),
                    site.offset
                ))
                .note(format!("kpsc knows {}", self.facts.arch().entries))
                .help("patch the functions that call it, and report this kernel"),
            );
        }
        entry
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Patches of functions that never return: their callers have no code behind the call, so a patch
//! must not return either.

use super::bodies::{Fragment, Rust};
use super::symbols::{Found, Scope};
use super::Resolver;
use crate::notable;
use kps_ast::{self as ast, Span};
use kps_codegen::refs::{Event, Name, Refs};
use kps_diag::{Diagnostic, Severity, NEVER_RETURNS};
use kps_facts::Role;
use kps_plan::Change;

impl Resolver<'_> {
    /// A function that never returns must not start to return.
    pub(super) fn check_returns(
        &mut self,
        scope: Scope<'_>,
        found: &Found,
        spec: &ast::Func,
        change: Option<&Change<Fragment>>,
        rust: &Rust,
    ) {
        let name = &found.symbol.name;
        let is_endless = self.facts.roles(scope.module).has(found.address, Role::NeverReturns);
        let is_known = notable::never_returns(name);
        if !is_endless && !is_known {
            return;
        }
        // The code behind a call through a pointer expects the call to return.
        let may_return = !is_known && !self.facts.calls(scope.module).is_called(found.address);
        let refs = |body: Option<ast::Body>| Some(rust.body(body?.code)?.0.refs(&[]));
        let returns = match (refs(spec.replace), refs(spec.pre), spec.post) {
            (_, _, Some(post)) => Some((post.word, "`post` would never run")),
            _ if may_return => None,
            (_, Some(pre), _) if pre.returns => spec.pre.map(|pre| (pre.word, "it has a `return`")),
            (Some(replace), _, _)
                if replace.originals.is_empty() && !self.ends_otherwise(scope, &replace) =>
            {
                spec.replace.map(|replace| (replace.word, "it does not end in the old function"))
            }
            _ if matches!(change, Some(Change::C { calls_original: false, .. })) => spec
                .replace_c
                .as_ref()
                .map(|file| (file.span, "the file does not call the old function")),
            _ => None,
        };
        let error = |word: Span, what: &str| {
            Diagnostic::new(NEVER_RETURNS, format!("`{name}` never returns"))
                .at(word, what)
                .note("its callers have no code after the call")
                .help("use `pre` without `return`, or end `replace` with `original(..)`")
        };
        if let Some((word, what)) = returns {
            return self.report(error(word, what));
        }
        let seldom = spec.replace.filter(|_| !may_return).filter(|_| {
            refs(spec.replace)
                .is_some_and(|refs| may_miss_original(&refs) && !self.ends_otherwise(scope, &refs))
        });
        if let Some(replace) = seldom {
            let what = "not each path through it seems to end in the old function";
            self.report(Diagnostic { severity: Severity::Warning, ..error(replace.word, what) });
        }
    }

    /// Whether a body may end in a loop, or in another function that never returns.
    fn ends_otherwise(&self, scope: Scope<'_>, refs: &Refs) -> bool {
        let is_endless = |scope: Scope<'_>, name: &str| {
            let roles = self.facts.roles(scope.module);
            let symbols = scope.object.symbols.named(name);
            symbols.iter().any(|sym| roles.has(sym.address, Role::NeverReturns))
        };
        let never_returns = |name: &Name| {
            let scopes = [scope, Scope::vmlinux(self.facts)];
            name.called
                && (notable::never_returns(&name.name)
                    || scopes.into_iter().any(|scope| is_endless(scope, &name.name)))
        };
        refs.words.contains("loop") || refs.names.iter().any(never_returns)
    }
}

/// Whether a path through a new body may not call `original`. Two branches that do are taken for
/// all that there are.
fn may_miss_original(refs: &Refs) -> bool {
    fn is_original(event: &Event) -> bool {
        matches!(event, Event::Call(call) if call.of.is_none() && call.name == "original")
    }
    fn has_original(event: &Event) -> bool {
        match event {
            Event::Branch(events) => events.iter().any(has_original),
            event => is_original(event),
        }
    }
    let in_branches = refs.sequence.iter().filter(|event| has_original(event)).count();
    !refs.originals.is_empty()
        && (refs.returns || !refs.sequence.iter().any(is_original) && in_branches < 2)
}

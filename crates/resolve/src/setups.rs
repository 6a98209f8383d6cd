// SPDX-License-Identifier: GPL-2.0
//! Callbacks that rely on another callback to undo what they do. The kernel runs none of a patch
//! that is replaced (`klp_free_replaced_patches_async()` in `kernel/livepatch/core.c`), so that
//! belongs in a `resource` or a `state`.

use super::bodies::Rust;
use super::calls::{calls, reached, Call};
use super::Resolver;
use kps_ast::{self as ast, Code, Span};
use kps_diag::{Diagnostic, RESTORED_IN_CALLBACK, SET_UP_IN_CALLBACK};
use kps_plan::{Keeper, Stays};
use std::collections::BTreeMap;

const NEVER: &str = "the kernel runs no callback of a patch that another one replaces";

impl Resolver<'_> {
    pub(super) fn check_setups(&mut self, spec: &ast::Patch, rust: &Rust) {
        let callbacks = spec.objects.iter().flat_map(|object| &object.callbacks);
        let callbacks = callbacks.map(|body| (body.callback.name(), body.word, body.code));
        let states = spec.states.iter().flat_map(|state| {
            [("save", &state.save), ("apply", &state.apply)]
                .map(|(name, body)| Some((name, body.as_ref()?.word, body.as_ref()?.code)))
        });
        for (callback, word, code) in callbacks.chain(states.flatten()) {
            self.check_setup(spec, callback, word, code, rust);
        }
        spec.objects.iter().for_each(|object| self.check_restored(spec, object, rust));
    }

    /// A call that sets up something that stays.
    fn check_setup(
        &mut self,
        spec: &ast::Patch,
        callback: &str,
        word: Span,
        code: Code,
        rust: &Rust,
    ) {
        let calls = calls(self.pieces, rust, spec, code).calls;
        let hands_out = hands_out_own_code(code, rust);
        for Call { name, span, .. } in &calls {
            let Some(keeper) = Keeper::named(name) else { continue };
            match keeper.stays {
                Stays::Entry => {}
                // Otherwise it is a timer or work of the kernel's own.
                Stays::LaterCall if hands_out => {}
                _ => continue,
            }
            if calls.iter().any(|call| keeper.is_undone_by(&call.name)) {
                continue;
            }
            self.report(
                Diagnostic::new(
                    SET_UP_IN_CALLBACK,
                    format!("what `{name}` sets up in `{callback}` may outlive the patch"),
                )
                .at(*span, "")
                .at(word, "no other callback is sure to run after this one")
                .note(NEVER)
                .help("do it in the `acquire` of a `resource`, and undo it in its `release`"),
            );
        }
    }

    /// A kernel variable that one callback changes and another changes back.
    fn check_restored(&mut self, spec: &ast::Patch, object: &ast::Object, rust: &Rust) {
        let all = spec.objects.iter().flat_map(|object| &object.use_statics);
        let statics: Vec<&str> = all.map(|item| item.symbol.name.value.as_str()).collect();
        let mut changed: BTreeMap<String, Span> = BTreeMap::new();
        let (undoing, doing): (Vec<&ast::CallbackBody>, Vec<_>) =
            object.callbacks.iter().partition(|body| body.callback.undoes());
        for body in doing {
            for (name, span) in self.writes_of(body.code, rust) {
                if statics.contains(&name.as_str()) {
                    changed.entry(name).or_insert(span);
                }
            }
        }
        for body in undoing {
            for (name, back) in self.writes_of(body.code, rust) {
                let Some(first) = changed.remove(&name) else { continue };
                self.report(
                    Diagnostic::new(
                        RESTORED_IN_CALLBACK,
                        format!("`{name}` may never be changed back"),
                    )
                    .at(first, "it is changed here")
                    .at(back, "and changed back here")
                    .note(NEVER)
                    .help("write a `state`: `save` the value, `apply` the change, `restore` the value"),
                );
            }
        }
    }
}

impl Resolver<'_> {
    /// The names that a body, and the author's functions behind it, write to.
    fn writes_of(&self, code: Code, rust: &Rust) -> Vec<(String, Span)> {
        let Some((body, _)) = rust.body(code) else { return Vec::new() };
        let refs = body.refs(&[]);
        let reached = reached(rust, code, &refs).into_iter();
        let writes =
            reached.flat_map(|(code, refs)| refs.writes.iter().map(move |name| (code, name)));
        writes.map(|(code, name)| (name.name.clone(), self.pieces.place(code, name.span))).collect()
    }
}

/// Whether a body, or an item that it names, uses one of the patch's own functions as a value: then
/// the kernel may call it later.
fn hands_out_own_code(code: Code, rust: &Rust) -> bool {
    let body = rust.body(code).map(|(body, _)| body.refs(&[]));
    let items = rust.item_refs().iter().map(|(_, refs)| refs.clone());
    let mut names = body.into_iter().chain(items).flat_map(|refs| refs.names);
    names.any(|name| !name.called && rust.own.functions().any(|own| own.name == name.name))
}

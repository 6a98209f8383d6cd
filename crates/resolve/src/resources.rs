// SPDX-License-Identifier: GPL-2.0
//! Resources: what a patch sets up for itself, and what undoes it.

use super::bodies::{Fragment, Rust};
use super::calls::{calls, Call};
use super::Resolver;
use crate::notable;
use kps_ast::{self as ast, BodyWithParams};
use kps_diag::{Diagnostic, Severity, INCOMPLETE_RESOURCE, PERSISTENT_POINTER};
use kps_plan::{DataId, Keeper, Resource, Stays};
use syn::visit::{self, Visit};
use syn::Expr;

impl Resolver<'_> {
    pub(super) fn resources(
        &mut self,
        spec: &ast::Patch,
        family: &str,
        rust: &Rust,
    ) -> Vec<Resource<Fragment>> {
        let mut resources = Vec::new();
        for resource in &spec.resources {
            let ast::Resource { name, ty, acquire, release, adopt } = resource;
            for (word, form, body) in [
                ("acquire", "acquire { .. }", acquire),
                ("release", "release(value) { .. }", release),
            ] {
                if body.is_none() {
                    self.report_absence(
                        Diagnostic::new(INCOMPLETE_RESOURCE, format!("the resource has no `{word}`"))
                            .at(name.span, "")
                            .note("a resource is set up in `acquire`, and `release` undoes that however the patch ends")
                            .help(format!("add `{form}`")),
                    );
                }
            }
            self.check_release(spec, rust, resource);
            self.check_adopted(rust, resource);
            // Only a value that the next version adopts outlives the module.
            let ty = self.data_type(*ty, name, adopt.is_some());
            let bound = |body: &Option<BodyWithParams>| {
                let body = body.as_ref()?;
                Some((body.names.first()?.value.clone(), rust.fragment(body.code)?))
            };
            let acquire = acquire.as_ref().and_then(|body| rust.fragment(body.code));
            let (Some(ty), Some(acquire), Some(release)) = (ty, acquire, bound(release)) else {
                continue;
            };
            resources.push(Resource {
                name: name.value.clone(),
                id: DataId::of_resource(family, &name.value),
                ty,
                acquire,
                release,
                adopt: bound(adopt),
                is_named: is_named(spec, rust, &name.value)
                    || self.is_named_in_c(spec, &name.value),
            });
        }
        resources
    }
}

impl Resolver<'_> {
    /// Warns of a `release` that does nothing, if `acquire` sets something up.
    fn check_release(&mut self, spec: &ast::Patch, rust: &Rust, resource: &ast::Resource) {
        let (Some(acquire), Some(release)) = (&resource.acquire, &resource.release) else { return };
        let is_empty = rust.body(release.code).is_some_and(|(body, _)| body.stmts().is_empty());
        // The value's destructor may undo it.
        if !is_empty || !self.all_calls(spec, rust, release.code).is_empty() {
            return;
        }
        let calls = calls(self.pieces, rust, spec, acquire.code).calls;
        let stays = |call: &&Call| {
            let sets_up = |keeper: Keeper<'_>| keeper.stays != Stays::Pointer;
            Keeper::named(&call.enters).is_some_and(sets_up) || notable::allocates(&call.enters)
        };
        let Some(call) = calls.iter().find(stays) else { return };
        let message = format!("the `release` of `{}` undoes nothing", resource.name.value);
        self.report(
            Diagnostic::with(Severity::Warning, INCOMPLETE_RESOURCE, message)
                .at(release.word, "")
                .at(call.span, format!("what `{}` sets up here stays", call.name))
                .help("undo it in `release`, which runs once, however the patch ends"),
        );
    }

    /// Warns of a value that the next version of the patch adopts, if it is the address of one of
    /// this version's own variables.
    fn check_adopted(&mut self, rust: &Rust, resource: &ast::Resource) {
        let (Some(acquire), Some(_)) = (&resource.acquire, &resource.adopt) else { return };
        let Some((body, _)) = rust.body(acquire.code) else { return };
        let mut addresses = Addresses::default();
        body.stmts().iter().for_each(|stmt| addresses.visit_stmt(stmt));
        for (name, span) in
            addresses.returned.into_iter().filter(|(name, _)| rust.own.is_value(name))
        {
            self.report(
                Diagnostic::with(
                    Severity::Warning,
                    PERSISTENT_POINTER,
                    format!("the address of `{name}` may outlive the module"),
                )
                .at(self.pieces.place(acquire.code, span), "")
                .note("the next version of the patch adopts this value, and this one is unloaded with the variable")
                .help("allocate the memory, and free it in `release`"),
            );
        }
    }
}

/// The variables whose addresses are in values that some code returns as `Ok(..)`.
#[derive(Default)]
struct Addresses {
    returned: Vec<(String, proc_macro2::Span)>,
    /// Whether the walk is in such a value.
    in_ok: bool,
}

impl Addresses {
    fn address_of(&mut self, place: &Expr) {
        if let Expr::Path(path) = place {
            if let Some(ident) = path.path.get_ident().filter(|_| self.in_ok) {
                self.returned.push((ident.to_string(), ident.span()));
            }
        }
    }
}

impl<'a> Visit<'a> for Addresses {
    fn visit_expr_call(&mut self, call: &'a syn::ExprCall) {
        let is_ok = matches!(&*call.func, Expr::Path(function) if function.path.is_ident("Ok"));
        let outside = std::mem::replace(&mut self.in_ok, is_ok);
        visit::visit_expr_call(self, call);
        self.in_ok = outside;
    }

    fn visit_expr_raw_addr(&mut self, address: &'a syn::ExprRawAddr) {
        self.address_of(&address.expr);
    }

    fn visit_expr_reference(&mut self, reference: &'a syn::ExprReference) {
        self.address_of(&reference.expr);
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        match call.method == "as_ptr" || call.method == "as_mut_ptr" {
            true => self.address_of(&call.receiver),
            false => visit::visit_expr_method_call(self, call),
        }
    }

    fn visit_macro(&mut self, mac: &'a syn::Macro) {
        let last = mac.path.segments.last();
        if last.is_some_and(|last| last.ident == "addr_of" || last.ident == "addr_of_mut") {
            if let Ok(place) = mac.parse_body::<Expr>() {
                self.address_of(&place);
            }
        }
    }
}

/// Whether code that tasks may run names a resource: hooks, constructors and destructors of shadow
/// variables, items and modules, but not the bodies of resources, which run alone.
fn is_named(spec: &ast::Patch, rust: &Rust, name: &str) -> bool {
    let hooks = spec.objects.iter().flat_map(|object| &object.funcs);
    let hooks = hooks.flat_map(|func| [func.replace, func.pre, func.post]).flatten();
    let shadows = spec.shadows.iter().flat_map(|shadow| [&shadow.ctor, &shadow.dtor]).flatten();
    let codes = hooks.map(|body| body.code).chain(shadows.map(|body| body.code));
    let in_hooks = codes.filter_map(|code| rust.body(code)).map(|(body, _)| body.refs(&[]));
    let in_items = rust.item_refs().iter().map(|(_, refs)| refs.clone());
    let in_files = rust.module_files().iter().map(|file| file.refs.clone());
    in_hooks.chain(in_items).chain(in_files).any(|refs| refs.words.contains(name))
}

// SPDX-License-Identifier: GPL-2.0
//! Resources: what a patch sets up for itself, and what undoes it.

use super::bodies::{Fragment, Rust};
use super::Resolver;
use kps_ast::{self as ast, BodyWithParams};
use kps_diag::{Diagnostic, INCOMPLETE_RESOURCE};
use kps_plan::{DataId, Resource};

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
                is_named: is_named(spec, rust, &name.value),
            });
        }
        resources
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

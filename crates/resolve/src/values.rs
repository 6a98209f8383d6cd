// SPDX-License-Identifier: GPL-2.0
//! The author's statics and constants, and what else Rust takes for a value where generated code
//! binds a name: a binding cannot have the name of one of them.

use super::bodies::{Fragment, Rust};
use super::{data, Resolver};
use kps_ast::{self as ast, Span};
use kps_codegen::names::PREFIX;
use kps_diag::{Diagnostic, REPEATED_NAME, RESERVED_WORD};
use kps_plan::Object;
use std::collections::BTreeSet;
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::{Fields, Ident, Item};

/// The names of values that are in scope beside the objects.
pub(super) fn values(rust: &Rust) -> BTreeSet<String> {
    let items: Vec<&Item> = rust.items_with_code().map(|(item, _)| item).collect();
    let mut values = Values::default();
    // An import of everything may bring the values of any module or enum into scope.
    let deep = items.iter().any(|item| matches!(item, Item::Use(item) if has_glob(&item.tree)));
    if deep {
        items.iter().for_each(|item| values.visit_item(item));
        let modules = rust.module_files().iter();
        modules.flat_map(|module| module.items()).for_each(|item| values.visit_item(item));
    } else {
        items.iter().for_each(|item| values.item(item));
    }
    values.0
}

#[derive(Default)]
struct Values(BTreeSet<String>);

impl Values {
    fn add(&mut self, name: &Ident) {
        self.0.insert(name.unraw().to_string());
    }

    /// The values that an item adds to its scope.
    fn item(&mut self, item: &Item) {
        match item {
            Item::Static(item) => self.add(&item.ident),
            Item::Const(item) => self.add(&item.ident),
            Item::Struct(item) if !matches!(item.fields, Fields::Named(_)) => self.add(&item.ident),
            Item::ForeignMod(block) => {
                for item in &block.items {
                    if let syn::ForeignItem::Static(item) = item {
                        self.add(&item.ident);
                    }
                }
            }
            // An imported name may be that of a value.
            Item::Use(item) => self.imports(&item.tree),
            _ => {}
        }
    }

    fn imports(&mut self, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => self.imports(&path.tree),
            syn::UseTree::Name(name) => self.add(&name.ident),
            syn::UseTree::Rename(rename) => self.add(&rename.rename),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.imports(tree)),
            syn::UseTree::Glob(_) => {}
        }
    }
}

impl<'a> Visit<'a> for Values {
    fn visit_item(&mut self, item: &'a Item) {
        self.item(item);
        visit::visit_item(self, item);
    }

    fn visit_variant(&mut self, variant: &'a syn::Variant) {
        if !matches!(variant.fields, Fields::Named(_)) {
            self.add(&variant.ident);
        }
    }

    // What a function defines for itself is not in scope elsewhere.
    fn visit_block(&mut self, _: &'a syn::Block) {}
}

fn has_glob(tree: &syn::UseTree) -> bool {
    match tree {
        syn::UseTree::Glob(_) => true,
        syn::UseTree::Path(path) => has_glob(&path.tree),
        syn::UseTree::Group(group) => group.items.iter().any(has_glob),
        syn::UseTree::Name(_) | syn::UseTree::Rename(_) => false,
    }
}

impl Resolver<'_> {
    /// Names that generated code binds for the author: parameters, and the arguments of callbacks
    /// and of the bodies of data.
    pub(super) fn check_bound(
        &mut self,
        spec: &ast::Patch,
        rust: &Rust,
        places: &[Vec<Span>],
        objects: &[Object<Fragment>],
    ) {
        let params = objects.iter().zip(places).flat_map(|(object, places)| {
            object.funcs.iter().zip(places).flat_map(|(func, &place)| {
                func.signature.params.iter().map(move |param| (param.name.clone(), place))
            })
        });
        let data = data::bodies(spec).into_iter().flat_map(|(_, names)| names);
        let bound = params.chain(data.map(|name| (name.value.clone(), name.span)));
        for (name, place) in bound.filter(|(name, _)| name.starts_with(PREFIX)) {
            let message = format!("`{name}` is a name of the generated code");
            self.report(
                Diagnostic::new(RESERVED_WORD, message)
                    .at(place, "")
                    .help("give the parameter another name, in the function's prototype"),
            );
        }
        if !values(rust).contains("obj") {
            return;
        }
        for callback in spec.objects.iter().flat_map(|object| &object.callbacks) {
            self.report(
                Diagnostic::new(REPEATED_NAME, "`obj` has two meanings in a callback")
                    .at(callback.code.span, "")
                    .note("it is the object here, and a static, constant or import of the patch")
                    .help("rename the latter, for example to `own_obj`"),
            );
        }
    }
}

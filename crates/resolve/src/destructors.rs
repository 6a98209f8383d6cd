// SPDX-License-Identifier: GPL-2.0
//! Destructors for the kernel's structs. Generated structs are `Copy`, as C's are, so rustc refuses
//! one where it cannot say which text is wrong.

use super::bodies::Rust;
use super::Resolver;
use kps_ast::Code;
use kps_diag::{Diagnostic, RUSTC_ERROR};
use std::collections::BTreeSet;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Ident, Item, Type};

impl Resolver<'_> {
    /// `impl Drop` needs a type of the author's own.
    pub(super) fn check_destructors(&mut self, rust: &Rust) {
        let mut found = Destructors::default();
        let mut from: Vec<Code> = Vec::new();
        for (item, code) in rust.items_with_code() {
            found.visit_item(item);
            from.resize(found.impls.len(), code);
        }
        for module in rust.module_files() {
            module.items().iter().for_each(|item| found.visit_item(item));
            from.resize(found.impls.len(), module.code());
        }
        found.follow_renames();
        for ((name, span), code) in found.impls.into_iter().zip(from) {
            if found.own.contains(&name) || found.has_macros {
                continue;
            }
            let message = format!("`{name}` cannot have a destructor");
            self.report(
                Diagnostic::new(RUSTC_ERROR, message)
                    .at(self.pieces.place(code, span), "")
                    .note("it is a type of the kernel's, which C copies")
                    .help("implement `Drop` for a struct of your own that holds a pointer to it"),
            );
        }
    }
}

#[derive(Default)]
struct Destructors {
    /// The types that the author defines.
    own: BTreeSet<String>,
    /// Other names of types, from imports and `type` items: the old one and the new one.
    renames: Vec<(String, String)>,
    /// The types with a destructor.
    impls: Vec<(String, proc_macro2::Span)>,
    /// Whether a macro may define more types.
    has_macros: bool,
}

impl Destructors {
    /// Adds the other names of the author's types to their names.
    fn follow_renames(&mut self) {
        let mut known = 0;
        while known != self.own.len() {
            known = self.own.len();
            for (old, new) in &self.renames {
                if self.own.contains(old) {
                    self.own.insert(new.clone());
                }
            }
        }
    }

    fn define(&mut self, name: &Ident) {
        self.own.insert(text(name));
    }
}

fn text(name: &Ident) -> String {
    name.unraw().to_string()
}

impl<'a> Visit<'a> for Destructors {
    fn visit_item(&mut self, item: &'a Item) {
        match item {
            Item::Struct(item) => self.define(&item.ident),
            Item::Enum(item) => self.define(&item.ident),
            Item::Union(item) => self.define(&item.ident),
            Item::Type(item) => {
                let last = last_name(&item.ty);
                self.renames.extend(last.map(|old| (text(old), text(&item.ident))));
            }
            Item::Macro(item) => self.has_macros |= item.ident.is_none(),
            Item::Impl(item) => {
                let of = item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
                if let (Some(of), Some(name)) = (of, last_name(&item.self_ty)) {
                    if of.ident == "Drop" {
                        self.impls.push((text(name), item.self_ty.span()));
                    }
                }
            }
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_use_rename(&mut self, rename: &'a syn::UseRename) {
        self.renames.push((text(&rename.ident), text(&rename.rename)));
    }
}

/// The last name of a type's path.
fn last_name(ty: &Type) -> Option<&Ident> {
    let Type::Path(ty) = ty else { return None };
    ty.path.segments.last().map(|last| &last.ident)
}

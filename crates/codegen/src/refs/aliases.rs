// SPDX-License-Identifier: GPL-2.0
//! Other names of functions: `use a::f as g`, `let g = f`, `const G: T = f`.

use super::scopes::Walk;
use super::PathEnds;
use std::collections::BTreeMap;
use syn::ext::IdentExt as _;
use syn::{Expr, Item, Pat};

/// Names in a scope that stand for paths.
pub(super) type Aliases = BTreeMap<String, PathEnds>;

/// The paths that items are other names of.
pub fn aliases(items: &[Item]) -> Vec<(String, PathEnds)> {
    items.iter().flat_map(of_item).collect()
}

/// The other names that an item makes.
fn of_item(item: &Item) -> Vec<(String, PathEnds)> {
    let (ident, value) = match item {
        Item::Use(item) => {
            let mut found = Vec::new();
            of_use(&item.tree, &mut Vec::new(), &mut found);
            return found;
        }
        Item::Const(item) => (&item.ident, &item.expr),
        Item::Static(item) => (&item.ident, &item.expr),
        _ => return Vec::new(),
    };
    path_of(value).map(|path| (ident.unraw().to_string(), path)).into_iter().collect()
}

/// What the names of a `use` stand for. `around` has the names before it.
fn of_use(tree: &syn::UseTree, around: &mut Vec<String>, found: &mut Vec<(String, PathEnds)>) {
    let text = |ident: &syn::Ident| ident.unraw().to_string();
    let mut add = |around: &[String], ident: &syn::Ident, name: &syn::Ident| {
        let path = PathEnds {
            first: around.first().cloned().unwrap_or_else(|| text(ident)),
            owner: around.last().cloned().unwrap_or_default(),
            last: text(ident),
            span: ident.span(),
            called: false,
        };
        found.push((text(name), path));
    };
    match tree {
        syn::UseTree::Path(path) => {
            around.push(text(&path.ident));
            of_use(&path.tree, around, found);
            around.pop();
        }
        syn::UseTree::Group(group) => {
            group.items.iter().for_each(|tree| of_use(tree, around, found));
        }
        syn::UseTree::Rename(rename) => add(around, &rename.ident, &rename.rename),
        syn::UseTree::Name(name) if !around.is_empty() => add(around, &name.ident, &name.ident),
        syn::UseTree::Name(_) | syn::UseTree::Glob(_) => {}
    }
}

/// The path that a value is, casts and `Some` left out.
pub(super) fn path_of(value: &Expr) -> Option<PathEnds> {
    match value {
        Expr::Paren(inner) => path_of(&inner.expr),
        Expr::Group(inner) => path_of(&inner.expr),
        Expr::Cast(cast) => path_of(&cast.expr),
        Expr::Reference(reference) => path_of(&reference.expr),
        Expr::Call(call) if call.args.len() == 1 => {
            let is_some =
                matches!(&*call.func, Expr::Path(function) if function.path.is_ident("Some"));
            is_some.then(|| path_of(&call.args[0])).flatten()
        }
        Expr::Path(syn::ExprPath { qself: None, path, .. }) => PathEnds::of(path, false),
        _ => None,
    }
}

impl Walk {
    /// Remembers what the names of an item stand for, once they are bound.
    pub(super) fn alias_item(&mut self, item: &Item) {
        for (name, path) in of_item(item) {
            self.alias(name, path);
        }
    }

    /// Remembers what the name of a variable stands for, once it is bound. `value` was found before
    /// that, so it does not mean the variable.
    pub(super) fn alias_local(&mut self, pat: &Pat, value: Option<PathEnds>) {
        match pat {
            Pat::Type(typed) => self.alias_local(&typed.pat, value),
            Pat::Ident(ident) => {
                if let Some(path) = value {
                    self.alias(ident.ident.unraw().to_string(), path);
                }
            }
            _ => {}
        }
    }

    /// The path that a value stands for. None if it is a variable that stands for none.
    pub(super) fn stands_for(&self, value: &Expr) -> Option<PathEnds> {
        let path = path_of(value)?;
        if path.first != path.last || !self.is_bound(&path.first) {
            return Some(path);
        }
        self.alias_of(&path.first).cloned()
    }
}

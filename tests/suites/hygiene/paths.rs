// SPDX-License-Identifier: GPL-2.0
//! Generated code where the author's names are in scope: what it names by something else than a path
//! from the root.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use std::collections::BTreeSet;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, Item, Pat, Token};

pub(super) fn look_at(file: &str, tokens: TokenStream, scope: Scope) {
    let parsed: syn::File = syn::parse2(tokens).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut look = Look { scope, ..Look::default() };
    look.module(&parsed.items);
    assert!(look.wrong.is_empty(), "{file}: {:#?}", look.wrong);
}

/// Which names a scope has besides those that generated code gives it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) enum Scope {
    /// Any that the author defines.
    #[default]
    Open,
    /// Those of Rust's prelude, but macros of the author's by their names alone.
    Closed,
}

/// Looks for names that could be the author's.
#[derive(Default)]
struct Look {
    scope: Scope,
    /// The names that generated code gives the scopes around.
    names: Vec<BTreeSet<String>>,
    wrong: Vec<String>,
}

/// Bindings that bodies see: `ret` is the result in a `post` hook. `check_parameters` refuses
/// values of these names, and of those that the kernel and the author give parameters.
const SEEN: &[&str] = &["original", "ret"];

/// Methods whose receiver is the value itself, of a type of Rust or of the runtime that has them:
/// no trait of the author's comes before those.
const BY_VALUE: &[&str] = &["as_ptr", "cast", "cast_mut", "map_or"];

impl Look {
    fn wrong(&mut self, what: &str, tokens: &dyn quote::ToTokens) {
        self.wrong.push(format!("{what} {}", tokens.to_token_stream()));
    }

    fn module(&mut self, items: &[Item]) {
        let mut names = BTreeSet::new();
        items.iter().for_each(|item| defined(item, &mut names));
        // A block sees the names around it, and a module sees only its own.
        let around = std::mem::replace(&mut self.names, vec![names]);
        items.iter().for_each(|item| self.visit_item(item));
        self.names = around;
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|names| names.contains(name))
    }

    fn scoped(&mut self, names: BTreeSet<String>, inside: impl FnOnce(&mut Self)) {
        self.names.push(names);
        inside(self);
        self.names.pop();
    }
}

/// The names that an item gives its scope. An import by name wins over every glob.
fn defined(item: &Item, names: &mut BTreeSet<String>) {
    fn imported(tree: &syn::UseTree, around: &str, names: &mut BTreeSet<String>) {
        match tree {
            syn::UseTree::Path(path) => imported(&path.tree, &path.ident.to_string(), names),
            syn::UseTree::Name(name) if name.ident == "self" => {
                names.insert(around.to_owned());
            }
            syn::UseTree::Name(name) => drop(names.insert(name.ident.to_string())),
            syn::UseTree::Rename(rename) => drop(names.insert(rename.rename.to_string())),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| imported(tree, around, names));
            }
            syn::UseTree::Glob(_) => {}
        }
    }
    match item {
        Item::Use(item) => imported(&item.tree, "", names),
        Item::Fn(item) => drop(names.insert(item.sig.ident.to_string())),
        Item::Static(item) => drop(names.insert(item.ident.to_string())),
        Item::Const(item) => drop(names.insert(item.ident.to_string())),
        Item::Mod(item) => drop(names.insert(item.ident.to_string())),
        Item::Struct(item) => drop(names.insert(item.ident.to_string())),
        Item::Union(item) => drop(names.insert(item.ident.to_string())),
        Item::Type(item) => drop(names.insert(item.ident.to_string())),
        Item::ForeignMod(block) => {
            for item in &block.items {
                match item {
                    syn::ForeignItem::Fn(f) => drop(names.insert(f.sig.ident.to_string())),
                    syn::ForeignItem::Static(s) => drop(names.insert(s.ident.to_string())),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn is_author(path: &syn::Path) -> bool {
    path.is_ident("kps_fragment")
}

impl<'a> Visit<'a> for Look {
    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        let Some((_, items)) = &module.content else { return };
        // Those that hold bodies see the author's items, through `use super::*`.
        let is_open = module.ident.to_string().starts_with("kps_in_")
            || items.iter().any(|item| matches!(item, Item::Macro(m) if is_author(&m.mac.path)));
        let scope = if is_open { Scope::Open } else { Scope::Closed };
        let around = std::mem::replace(&mut self.scope, scope);
        self.module(items);
        self.scope = around;
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let first = path.segments.first().map(|first| first.ident.to_string()).unwrap_or_default();
        let is_complete = path.leading_colon.is_some()
            || ["Self", "self", "super"].contains(&first.as_str())
            || self.has(&first);
        if self.scope == Scope::Open && !is_complete {
            self.wrong("the path", path);
        }
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        let starts = match &item.tree {
            syn::UseTree::Path(path) => ["super", "self"].iter().any(|word| path.ident == word),
            // No other item can have such a name.
            syn::UseTree::Rename(rename) => rename.ident.to_string().starts_with("kps_"),
            _ => false,
        };
        if item.leading_colon.is_none() && !starts {
            self.wrong("the import", item);
        }
    }

    fn visit_attribute(&mut self, attribute: &'a syn::Attribute) {
        // Rust's own attributes cannot be defined again. `derive` names traits.
        if attribute.path().is_ident("derive") {
            let traits = attribute.meta.require_list().map(|list| list.tokens.to_string());
            if traits.is_ok_and(|traits| !traits.trim_start().starts_with("::")) {
                self.wrong("the attribute", attribute);
            }
        }
    }

    fn visit_macro(&mut self, mac: &'a syn::Macro) {
        if is_author(&mac.path) {
            return;
        }
        let is_short = mac.path.leading_colon.is_none() && mac.path.segments.len() == 1;
        if is_short {
            self.wrong("the macro", &mac.path);
        }
        self.visit_path(&mac.path);
        if let Ok(args) = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(mac.tokens.clone())
        {
            args.iter().for_each(|arg| match arg {
                // `NAME = VALUE` is an argument by its name.
                Expr::Assign(named) => self.visit_expr(&named.right),
                arg => self.visit_expr(arg),
            });
        }
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        let name = call.method.to_string();
        if self.scope == Scope::Open && !BY_VALUE.contains(&name.as_str()) {
            self.wrong("the method", call);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        // The author and the kernel name the parameters of functions that hold bodies.
        let params = item.sig.inputs.iter().filter_map(|input| match input {
            syn::FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(name) => Some(name.ident.to_string()),
                _ => None,
            },
            syn::FnArg::Receiver(_) => None,
        });
        self.scoped(params.collect(), |look| {
            item.sig.inputs.iter().for_each(|input| match input {
                syn::FnArg::Typed(typed) => look.visit_type(&typed.ty),
                syn::FnArg::Receiver(_) => {}
            });
            look.visit_return_type(&item.sig.output);
            look.visit_block(&item.block);
        });
    }

    fn visit_foreign_item_fn(&mut self, item: &'a syn::ForeignItemFn) {
        // Rust does not look up the names of parameters of a declaration.
        item.sig.inputs.iter().for_each(|input| match input {
            syn::FnArg::Typed(typed) => self.visit_type(&typed.ty),
            syn::FnArg::Receiver(_) => {}
        });
        self.visit_return_type(&item.sig.output);
    }

    fn visit_block(&mut self, block: &'a syn::Block) {
        let mut names = BTreeSet::new();
        for stmt in &block.stmts {
            match stmt {
                syn::Stmt::Item(item) => defined(item, &mut names),
                syn::Stmt::Local(local) => bound(&local.pat, &mut names),
                _ => {}
            }
        }
        self.scoped(names, |look| visit::visit_block(look, block));
    }

    fn visit_expr_closure(&mut self, closure: &'a syn::ExprClosure) {
        let mut names = BTreeSet::new();
        closure.inputs.iter().for_each(|input| bound(input, &mut names));
        // The closures of data hold nothing but a body, whose author names the arguments.
        let holds_body = closure.body.to_token_stream().to_string().contains("kps_fragment");
        self.scoped(names, |look| {
            if !holds_body {
                closure.inputs.iter().for_each(|input| look.visit_pat(input));
            }
            look.visit_expr(&closure.body);
        });
    }

    fn visit_local(&mut self, local: &'a syn::Local) {
        if self.scope == Scope::Open {
            let mut names = BTreeSet::new();
            bound(&local.pat, &mut names);
            // With a type it is a parameter.
            let is_param = matches!(&local.pat, Pat::Type(_));
            let is_ours = |name: &String| name.starts_with("kps_") || SEEN.contains(&name.as_str());
            // `let data = ..` of a `dtor` binds the author's name to what the runtime returns.
            let of_dtor = local.to_token_stream().to_string().contains("kps_data");
            if !is_param && !of_dtor && !names.iter().all(is_ours) {
                self.wrong("the binding", &local.pat);
            }
        }
        if let Some(init) = &local.init {
            self.visit_expr(&init.expr);
        }
        if let Pat::Type(typed) = &local.pat {
            self.visit_type(&typed.ty);
        }
    }

    fn visit_visibility(&mut self, _: &'a syn::Visibility) {}
}

fn bound(pat: &Pat, names: &mut BTreeSet<String>) {
    match pat {
        Pat::Ident(name) => drop(names.insert(name.ident.to_string())),
        Pat::Type(typed) => bound(&typed.pat, names),
        Pat::Tuple(tuple) => tuple.elems.iter().for_each(|pat| bound(pat, names)),
        _ => {}
    }
}

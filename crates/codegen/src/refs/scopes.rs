// SPDX-License-Identifier: GPL-2.0
//! The scopes of a walk: which names they bind, and what those stand for.

use super::aliases::Aliases;
use super::{Name, Original, Owner, PathEnds, Refs, Role, To, ValueKind};
use proc_macro2::Span;
use std::collections::{BTreeMap, HashSet};
use syn::ext::IdentExt as _;
use syn::Item;

/// A walk over some code, and its findings.
pub(super) struct Walk {
    pub(super) refs: Refs,
    /// Names in both of Rust's namespaces; telling them apart would change nothing here.
    pub(super) scopes: Vec<HashSet<String>>,
    /// The number of scopes that bind each name.
    pub(super) bound: BTreeMap<String, usize>,
    /// What names in the scopes stand for.
    pub(super) aliases: Vec<Aliases>,
    /// Whether the walk is in a macro's arguments.
    pub(super) in_macro: bool,
    /// The calls of methods on outward names in whose arguments the walk is.
    pub(super) inside: Vec<String>,
    /// The number of closures and functions that the walk is in.
    pub(super) nested: usize,
    /// Variables that hold what `as_ptr()` has returned.
    pub(super) pointers: BTreeMap<String, Owner>,
    /// Where the value goes that is walked.
    pub(super) to: To,
    /// Functions and variables that local variables hold.
    pub(super) holders: BTreeMap<String, Vec<(ValueKind, Span)>>,
    /// Functions of C's calling convention in the code itself.
    pub(super) inner: HashSet<String>,
}

impl Walk {
    /// A walk in a context that binds these names.
    pub(super) fn new(bound: &[String]) -> Self {
        let outside: HashSet<String> = bound.iter().cloned().collect();
        Walk {
            refs: Refs::default(),
            bound: outside.iter().map(|name| (name.clone(), 1)).collect(),
            scopes: vec![outside, HashSet::new()],
            aliases: vec![Aliases::new(); 2],
            in_macro: false,
            inside: Vec::new(),
            nested: 0,
            pointers: BTreeMap::new(),
            to: To::Variable,
            holders: BTreeMap::new(),
            inner: HashSet::new(),
        }
    }

    /// The bound names.
    pub(super) fn names(self) -> impl Iterator<Item = String> {
        self.scopes.into_iter().flatten()
    }

    pub(super) fn scoped(&mut self, inside: impl FnOnce(&mut Self)) {
        self.scopes.push(HashSet::new());
        self.aliases.push(Aliases::new());
        inside(self);
        self.aliases.pop();
        for name in self.scopes.pop().into_iter().flatten() {
            self.pointers.remove(&name);
            self.holders.remove(&name);
            if let Some(count) = self.bound.get_mut(&name) {
                *count -= 1;
            }
        }
    }

    pub(super) fn bind(&mut self, name: &syn::Ident) {
        let name = name.unraw().to_string();
        self.pointers.remove(&name);
        self.holders.remove(&name);
        if let Some(aliases) = self.aliases.last_mut() {
            aliases.remove(&name);
        }
        if self.scopes.last_mut().is_some_and(|scope| scope.insert(name.clone())) {
            *self.bound.entry(name).or_default() += 1;
        }
    }

    pub(super) fn bind_generics(&mut self, generics: &syn::Generics) {
        for param in &generics.params {
            match param {
                syn::GenericParam::Type(t) => self.bind(&t.ident),
                syn::GenericParam::Const(c) => self.bind(&c.ident),
                syn::GenericParam::Lifetime(_) => {}
            }
        }
    }

    pub(super) fn refer(&mut self, name: &syn::Ident, role: Role) {
        let text = name.unraw().to_string();
        if text == "original" && !self.is_bound(&text) {
            let called = role == Role::Function;
            self.refs.originals.push(Original { span: name.span(), called });
        } else if !self.is_bound(&text)
            && !matches!(text.as_str(), "self" | "Self" | "super" | "crate")
        {
            let called = role == Role::Function;
            let role = if self.in_macro { Role::Unclear } else { role };
            self.refs.names.push(Name { name: text, span: name.span(), role, called });
        }
    }

    pub(super) fn is_bound(&self, name: &str) -> bool {
        self.bound.get(name).is_some_and(|&count| count > 0)
    }

    pub(super) fn alias(&mut self, name: String, path: PathEnds) {
        if let Some(aliases) = self.aliases.last_mut() {
            aliases.insert(name, path);
        }
    }

    /// What the innermost meaning of a bound name stands for.
    pub(super) fn alias_of(&self, name: &str) -> Option<&PathEnds> {
        let scope = self.scopes.iter().rposition(|scope| scope.contains(name))?;
        self.aliases[scope].get(name)
    }

    /// Binds items before they are walked: in Rust, items see each other in any order.
    pub(super) fn declare<'a>(&mut self, items: impl Iterator<Item = &'a Item>) {
        for item in items {
            match item {
                Item::Const(i) => self.bind(&i.ident),
                Item::Enum(i) => self.bind(&i.ident),
                Item::Fn(i) => {
                    self.bind(&i.sig.ident);
                    if i.sig.abi.is_some() {
                        self.inner.insert(i.sig.ident.unraw().to_string());
                    }
                }
                Item::Mod(i) => self.bind(&i.ident),
                Item::Static(i) => self.bind(&i.ident),
                Item::Struct(i) => self.bind(&i.ident),
                Item::Trait(i) => self.bind(&i.ident),
                Item::TraitAlias(i) => self.bind(&i.ident),
                Item::Type(i) => self.bind(&i.ident),
                Item::Union(i) => self.bind(&i.ident),
                Item::Use(i) => self.declare_use(&i.tree),
                Item::ForeignMod(block) => {
                    for item in &block.items {
                        match item {
                            syn::ForeignItem::Fn(f) => self.bind(&f.sig.ident),
                            syn::ForeignItem::Static(s) => self.bind(&s.ident),
                            syn::ForeignItem::Type(t) => self.bind(&t.ident),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
            self.alias_item(item);
        }
    }

    /// An import of `original`, which gives the function another name and calls nothing.
    pub(super) fn imports_original(&mut self, tree: &syn::UseTree) {
        let (name, is_same) = match tree {
            syn::UseTree::Name(name) => (&name.ident, true),
            syn::UseTree::Rename(rename) => (&rename.ident, rename.rename == rename.ident),
            syn::UseTree::Path(path) => (&path.ident, false),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.imports_original(tree));
                return;
            }
            syn::UseTree::Glob(_) => return,
        };
        let name = (name.unraw().to_string(), name.span());
        // The import binds the name itself.
        if name.0 == "original" && (is_same || !self.is_bound(&name.0)) {
            self.refs.originals.push(Original { span: name.1, called: false });
        }
    }

    fn declare_use(&mut self, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => self.declare_use(&path.tree),
            syn::UseTree::Name(name) => self.bind(&name.ident),
            syn::UseTree::Rename(rename) => self.bind(&rename.rename),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.declare_use(tree));
            }
            syn::UseTree::Glob(_) => {}
        }
    }
}

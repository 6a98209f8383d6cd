// SPDX-License-Identifier: GPL-2.0
//! The author's own functions, macros, constants and other names, wherever they are defined: checks
//! of calls look through them.

use super::bodies::Rust;
use super::calls::entered;
use kps_ast::Code;
use kps_codegen::refs::{self, PathEnds, Refs};
use std::collections::BTreeMap;
use syn::ext::IdentExt as _;
use syn::Item;

/// A function or macro of the author's.
pub(super) struct OwnCode {
    /// The type or module that it is in.
    parent: Option<String>,
    pub(super) name: String,
    /// The snippet that has it.
    pub(super) code: Code,
    pub(super) refs: Refs,
    /// A function's parameters and result.
    pub(super) signature: Option<syn::Signature>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Own {
    code: Vec<OwnCode>,
    /// Constants and variables.
    values: BTreeMap<String, Value>,
    /// Other names of functions.
    aliases: BTreeMap<String, PathEnds>,
}

/// A constant or variable.
struct Value {
    refs: Refs,
    /// Its type, as the last name of its path.
    ty: Option<String>,
}

/// What a call enters.
pub(super) enum Callee<'r> {
    /// The author's own code.
    Own(&'r OwnCode),
    /// A function of the kernel. It may not exist: any name is taken for one.
    Kernel(String),
    /// Something else.
    Other,
}

/// The kernel crate's types that allocate when they are made, and what they do it with.
const ALLOCATING: &[&str] = &["Arc", "CString", "KBox", "KVBox", "KVVec", "KVec", "UniqueArc"];
const REALLOC: &str = "krealloc_node_align_noprof";

/// The kernel crate's type that copies from and to programs, and what it does it with.
pub(super) const COPYING: &str = "UserSlice";
const COPY: &str = "copy_from_user";

impl Own {
    /// Adds items, which may be in a module.
    pub(super) fn add(&mut self, items: &[Item], parent: Option<&str>, code: Code) {
        self.aliases.extend(refs::aliases(items));
        for item in items {
            self.add_item(item, parent, code);
        }
    }

    fn add_item(&mut self, item: &Item, parent: Option<&str>, code: Code) {
        let text = |ident: &syn::Ident| ident.unraw().to_string();
        let mut add = |parent: Option<&str>, name, refs, signature| {
            let parent = parent.map(str::to_owned);
            self.code.push(OwnCode { parent, name, code, refs, signature });
        };
        match item {
            Item::Fn(item) => {
                let refs = Refs::of_function(&item.block, &item.sig);
                add(parent, text(&item.sig.ident), refs, Some(item.sig.clone()));
            }
            Item::Macro(item) => {
                if let Some(ident) = &item.ident {
                    add(parent, text(ident), Refs::of_rules(&item.mac), None);
                }
            }
            Item::Impl(item) => {
                let ty = type_name(&item.self_ty);
                for item in &item.items {
                    let syn::ImplItem::Fn(item) = item else { continue };
                    let refs = Refs::of_function(&item.block, &item.sig);
                    let ty = Some(ty.as_deref().unwrap_or_default());
                    add(ty, text(&item.sig.ident), refs, Some(item.sig.clone()));
                }
            }
            Item::Mod(item) => {
                let items = item.content.as_ref().map_or(&[][..], |(_, items)| items);
                self.add(items, Some(&text(&item.ident)), code);
            }
            Item::Const(syn::ItemConst { ident, ty, .. })
            | Item::Static(syn::ItemStatic { ident, ty, .. }) => {
                let refs = Refs::of_item(item, Default::default());
                self.values.insert(text(ident), Value { refs, ty: type_name(ty) });
            }
            _ => {}
        }
    }

    /// The author's functions that are not in a type.
    pub(super) fn functions(&self) -> impl Iterator<Item = &OwnCode> {
        self.code.iter().filter(|own| own.signature.is_some())
    }

    /// The author's constants and variables, with what their values are made of.
    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &Refs)> {
        self.values.iter().map(|(name, value)| (name.as_str(), &value.refs))
    }

    /// Whether a name is that of a constant or variable.
    pub(super) fn is_value(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The flags behind a name, or the name.
    pub(super) fn flags<'r>(&'r self, name: &'r str) -> Vec<&'r str> {
        match self.values.get(name) {
            Some(value) => value.refs.flags.iter().map(|flag| flag.name.as_str()).collect(),
            None => vec![name],
        }
    }

    /// All of the author's code that may run because some code runs, as far as names tell: what it
    /// names, be it a method of a value of any type, and destructors, which nothing names.
    pub(super) fn may_run(&self, refs: &Refs) -> Vec<&OwnCode> {
        let is_destructor = |own: &OwnCode| own.parent.is_some() && own.name == "drop";
        let (mut found, mut left): (Vec<&OwnCode>, Vec<&OwnCode>) =
            self.code.iter().partition(|own| is_destructor(own) || refs.words.contains(&own.name));
        let mut looked_at = 0;
        while let Some(words) = found.get(looked_at).map(|own| &own.refs.words) {
            let (named, others) = left.into_iter().partition(|own| words.contains(&own.name));
            left = others;
            found.extend::<Vec<_>>(named);
            looked_at += 1;
        }
        found
    }

    /// What a call enters. `of` is the first name of a path, or the receiver of a method.
    pub(super) fn callee(&self, of: Option<&str>, name: &str) -> Callee<'_> {
        let mut named = self.code.iter().filter(|own| own.name == name);
        match of {
            None => match (named.find(|own| own.parent.is_none()), self.aliases.get(name)) {
                (Some(own), _) => Callee::Own(own),
                // One that stands for another one in turn is not followed.
                (None, Some(path)) if path.first != name => self.behind(path),
                (None, _) => Callee::Kernel(entered(name)),
            },
            Some(of) => match (named.find(|own| self.is_in(own, of)), of) {
                (Some(own), _) => Callee::Own(own),
                (None, "kernel") => Callee::Kernel(entered(name)),
                (None, of) if ALLOCATING.contains(&of) => Callee::Kernel(REALLOC.to_owned()),
                (None, COPYING) => Callee::Kernel(COPY.to_owned()),
                (None, _) => Callee::Other,
            },
        }
    }

    /// Whether `of::` leads to some code, or it is a method of `of`.
    fn is_in(&self, own: &OwnCode, of: &str) -> bool {
        let is_method = own.signature.as_ref().is_some_and(|s| s.receiver().is_some());
        match own.parent.as_deref() {
            None => ["crate", "self", "super"].contains(&of),
            Some(parent) if parent == of => true,
            Some(_) if of == "Self" || of == "self" && is_method => true,
            parent => self.values.get(of).is_some_and(|value| value.ty.as_deref() == parent),
        }
    }

    /// What stands behind another name.
    fn behind(&self, path: &PathEnds) -> Callee<'_> {
        let PathEnds { first, owner, last, .. } = path;
        let is_meant = |own: &&OwnCode| {
            own.name == *last
                && match owner.is_empty() {
                    true => own.parent.is_none(),
                    false => self.is_in(own, owner),
                }
        };
        match self.code.iter().find(is_meant) {
            Some(own) => Callee::Own(own),
            None if first == last || first == "kernel" => Callee::Kernel(entered(last)),
            None => Callee::Other,
        }
    }
}

impl Rust {
    /// Finds what the author's items define.
    pub(super) fn find_own(&mut self) {
        let mut own = Own::default();
        for (item, code) in self.items_with_code() {
            own.add(std::slice::from_ref(item), None, code);
        }
        for module in self.module_files() {
            own.add(module.items(), Some(module.name()), module.code());
        }
        self.own = own;
    }
}

fn type_name(ty: &syn::Type) -> Option<String> {
    let syn::Type::Path(ty) = ty else { return None };
    ty.path.segments.last().map(|last| last.ident.unraw().to_string())
}

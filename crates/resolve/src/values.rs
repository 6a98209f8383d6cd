// SPDX-License-Identifier: GPL-2.0
//! The author's statics and constants, and what else Rust takes for a value where generated code
//! binds a name: a binding cannot have the name of one of them.

use super::bodies::{Fragment, Rust};
use super::{data, Resolver};
use kps_ast::{self as ast, Span};
use kps_codegen::names::PREFIX;
use kps_diag::{Diagnostic, REPEATED_NAME, RESERVED_WORD};
use kps_plan::Object;
use std::collections::{BTreeMap, BTreeSet};
use syn::ext::IdentExt as _;
use syn::{Fields, Ident, Item, UseTree, Variant, Visibility};

/// The names of values that are in scope beside the objects. A binding may hide a module, a type or
/// a function, and what is not of the author's is known by the way its name is written only.
pub(super) fn values(rust: &Rust) -> BTreeSet<String> {
    let mut scopes = Scopes::default();
    let root = scopes.add(ROOT, rust.items_with_code().map(|(item, _)| item));
    for module in rust.module_files() {
        let inner = scopes.add(root, module.items());
        scopes.name(root, module.name().to_owned(), inner);
    }
    scopes.follow_imports();
    scopes.0.into_iter().next().into_iter().flat_map(|root| root.values.into_keys()).collect()
}

/// Where the scope is that the objects see.
const ROOT: usize = 0;

/// The author's modules and enums.
#[derive(Default)]
struct Scopes(Vec<Scope>);

struct Scope {
    parent: usize,
    /// Its values, with whether other modules see them.
    values: BTreeMap<String, bool>,
    /// The modules and enums in it.
    inner: BTreeMap<String, usize>,
    imports: Vec<Import>,
}

/// One name of a `use` item.
struct Import {
    path: Vec<String>,
    /// The last name of the path and the name in this scope, or everything.
    name: Option<(String, String)>,
    is_public: bool,
}

impl Scopes {
    fn add<'a>(&mut self, parent: usize, items: impl IntoIterator<Item = &'a Item>) -> usize {
        let index = self.0.len();
        let values = BTreeMap::new();
        self.0.push(Scope { parent, values, inner: BTreeMap::new(), imports: Vec::new() });
        for item in items {
            self.item(index, item);
        }
        index
    }

    /// What an item adds to its scope.
    fn item(&mut self, scope: usize, item: &Item) {
        match item {
            Item::Static(item) => self.value(scope, &item.ident, &item.vis),
            Item::Const(item) => self.value(scope, &item.ident, &item.vis),
            Item::Struct(item) if !matches!(item.fields, Fields::Named(_)) => {
                self.value(scope, &item.ident, &item.vis);
            }
            Item::ForeignMod(block) => {
                for item in &block.items {
                    if let syn::ForeignItem::Static(item) = item {
                        self.value(scope, &item.ident, &item.vis);
                    }
                }
            }
            Item::Enum(item) => {
                let inner = self.add(scope, []);
                let public = Visibility::Public(Default::default());
                let is_value = |variant: &&Variant| !matches!(variant.fields, Fields::Named(_));
                for variant in item.variants.iter().filter(is_value) {
                    self.value(inner, &variant.ident, &public);
                }
                self.name(scope, text(&item.ident), inner);
            }
            Item::Mod(item) => {
                let items = item.content.as_ref().map_or(&[][..], |(_, items)| items);
                let inner = self.add(scope, items);
                self.name(scope, text(&item.ident), inner);
            }
            Item::Use(item) => {
                if let Some(scope) = self.0.get_mut(scope) {
                    let is_public = !matches!(item.vis, Visibility::Inherited);
                    scope.import(&item.tree, &mut Vec::new(), is_public);
                }
            }
            _ => {}
        }
    }

    fn value(&mut self, scope: usize, name: &Ident, visibility: &Visibility) {
        if let Some(scope) = self.0.get_mut(scope) {
            scope.add_value(text(name), !matches!(visibility, Visibility::Inherited));
        }
    }

    /// Gives a module or an enum its name.
    fn name(&mut self, scope: usize, name: String, inner: usize) {
        if let Some(scope) = self.0.get_mut(scope) {
            scope.inner.insert(name, inner);
        }
    }

    /// Adds what imports bring in, until they bring in nothing new.
    fn follow_imports(&mut self) {
        while (0..self.0.len()).any(|scope| self.imported(scope)) {}
    }

    /// Adds what the imports of one scope bring in. Returns whether that is something new.
    fn imported(&mut self, index: usize) -> bool {
        let Some(scope) = self.0.get(index) else { return false };
        let mut values = Vec::new();
        let mut inner = Vec::new();
        for import in &scope.imports {
            let from = self.behind(index, &import.path);
            let from = from.map(|from| (from, self.0.get(from)));
            match (from, &import.name) {
                (Some((from, Some(scope))), None) => {
                    let sees_all = self.is_inside(index, from);
                    let seen = scope.values.iter().filter(|(_, is_public)| sees_all || **is_public);
                    values.extend(seen.map(|(name, _)| (name.clone(), import.is_public)));
                    inner.extend(scope.inner.iter().map(|(name, inner)| (name.clone(), *inner)));
                }
                (Some((_, Some(scope))), Some((last, name))) => {
                    if scope.values.contains_key(last) {
                        values.push((name.clone(), import.is_public));
                    }
                    inner.extend(scope.inner.get(last).map(|inner| (name.clone(), *inner)));
                }
                (_, Some((last, name))) if is_constant(last) => {
                    values.push((name.clone(), import.is_public));
                }
                _ => {}
            }
        }
        let Some(scope) = self.0.get_mut(index) else { return false };
        let mut is_new = false;
        for (name, is_public) in values {
            is_new |= scope.add_value(name, is_public);
        }
        for (name, index) in inner {
            is_new |= !scope.inner.contains_key(&name);
            scope.inner.entry(name).or_insert(index);
        }
        is_new
    }

    /// The author's module or enum behind a path.
    fn behind(&self, scope: usize, path: &[String]) -> Option<usize> {
        path.iter().try_fold(scope, |scope, name| match name.as_str() {
            "crate" => Some(ROOT),
            "self" => Some(scope),
            "super" => Some(self.0.get(scope)?.parent),
            name => self.0.get(scope)?.inner.get(name).copied(),
        })
    }

    fn is_inside(&self, mut scope: usize, outer: usize) -> bool {
        while scope != outer && scope != ROOT {
            scope = self.0.get(scope).map_or(ROOT, |scope| scope.parent);
        }
        scope == outer
    }
}

impl Scope {
    /// Returns whether that is something new.
    fn add_value(&mut self, name: String, is_public: bool) -> bool {
        let before = self.values.get(&name).copied();
        let is_public = is_public || before == Some(true);
        self.values.insert(name, is_public);
        before != Some(is_public)
    }

    fn import(&mut self, tree: &UseTree, path: &mut Vec<String>, is_public: bool) {
        let name = match tree {
            UseTree::Path(tree) => {
                path.push(text(&tree.ident));
                self.import(&tree.tree, path, is_public);
                path.pop();
                return;
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.import(tree, path, is_public));
                return;
            }
            UseTree::Name(name) => Some((text(&name.ident), text(&name.ident))),
            UseTree::Rename(rename) => Some((text(&rename.ident), text(&rename.rename))),
            UseTree::Glob(_) => None,
        };
        let mut path = path.clone();
        // `module::{self as other}` imports the module.
        let name = match (name, path.last().cloned()) {
            (Some((last, name)), Some(module)) if last == "self" => {
                path.pop();
                Some((module.clone(), if name == last { module } else { name }))
            }
            (name, _) => name,
        };
        self.imports.push(Import { path, name, is_public });
    }
}

fn text(name: &Ident) -> String {
    name.unraw().to_string()
}

/// Whether a name is written as that of a constant.
fn is_constant(name: &str) -> bool {
    name.contains(|c: char| c.is_uppercase()) && !name.contains(|c: char| c.is_lowercase())
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

// SPDX-License-Identifier: GPL-2.0
//! The Rust snippets of a spec and its files, with their spans.

use super::data;
use super::own::Own;
use super::params;
use super::rust::{
    long_name, parse_body, parse_file, parse_item, parse_named_type, parse_value, ParsedBody,
    MAX_NAME,
};
use super::values::values;
use super::{Resolver, SourceText};
use crate::propose::{another_name, rename_one};
use kps_ast::{self as ast, Code, Span};
use kps_codegen::names::{PREFIX, RESERVED};
use kps_codegen::refs::{self, Refs};
use kps_codegen::Body;
use kps_diag::{Diagnostic, REPEATED_NAME, RESERVED_NAME};
use kps_facts::Wanted;
use kps_plan::{Callbacks, Change, Convention, Imports, Module, Object, Types};
use proc_macro2::TokenStream;
use std::collections::{BTreeSet, HashMap, HashSet};
use syn::spanned::Spanned as _;
use syn::Item;

/// A snippet of the author's Rust, and the tokens that represent it in generated code.
#[derive(Debug, Clone)]
pub struct Fragment {
    /// Its span.
    pub span: Span,
    /// `FILE:LINE`.
    origin: String,
    statements: TokenStream,
    inline: TokenStream,
}

impl Fragment {
    pub(super) fn new(pieces: &dyn SourceText, code: Code) -> Self {
        Fragment {
            span: code.span,
            origin: pieces.origin(code),
            statements: pieces.statements(code),
            inline: pieces.inline(code),
        }
    }
}

impl Body for Fragment {
    fn tokens(&self) -> TokenStream {
        self.statements.clone()
    }

    fn inline(&self) -> TokenStream {
        self.inline.clone()
    }

    fn origin(&self) -> String {
        self.origin.clone()
    }
}

/// A module in a file, parsed.
pub(super) struct ModuleFile {
    name: ast::Name,
    fragment: Fragment,
    items: Vec<Item>,
    pub(super) refs: Refs,
    /// Whether it brings in names that cannot be known here.
    pub(super) has_unknown_names: bool,
}

impl ModuleFile {
    pub(super) fn code(&self) -> Code {
        Code { span: self.fragment.span }
    }

    pub(super) fn name(&self) -> &str {
        &self.name.value
    }

    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }
}

/// All the Rust of a spec and its files, parsed.
#[derive(Default)]
pub(super) struct Rust {
    items: Vec<Item>,
    item_codes: Vec<Fragment>,
    item_refs: Vec<(Code, Refs)>,
    modules: Vec<ModuleFile>,
    /// Bodies by where they start.
    bodies: HashMap<usize, (ParsedBody, Fragment)>,
    /// What the items and modules define.
    pub(super) own: Own,
    /// Whether some item or module could not be read, so nobody knows what it defines.
    lacks_items: bool,
}

impl Rust {
    /// The struct members of the kernel that bodies and items use.
    pub(super) fn wanted(&self) -> Wanted {
        let bodies = self.bodies.values().map(|(body, _)| body.refs(&[]));
        let items = self.item_refs.iter().map(|(_, refs)| refs.clone());
        let items = items.chain(self.modules.iter().map(|module| module.refs.clone()));
        let mut wanted = Wanted::default();
        for refs in bodies.chain(items) {
            wanted.words.extend(refs.words);
            wanted.literals.extend(refs.literals);
        }
        wanted
    }

    /// All bodies with their references, in the order of the text.
    pub(super) fn bodies_with_refs(&self) -> Vec<(Code, Refs)> {
        let body = |(body, fragment): &(ParsedBody, Fragment)| {
            (Code { span: fragment.span }, body.refs(&[]))
        };
        let mut bodies: Vec<_> = self.bodies.values().map(body).collect();
        bodies.sort_by_key(|(code, _)| code.span.start);
        bodies
    }

    /// All snippets with their references, in the order of the text.
    pub(super) fn snippets(&self) -> Vec<(Code, Refs)> {
        let bodies = self
            .bodies
            .values()
            .map(|(body, fragment)| (Code { span: fragment.span }, body.refs(&[])));
        let modules = self.modules.iter().map(|module| (module.code(), module.refs.clone()));
        let mut snippets: Vec<_> =
            self.item_refs.iter().cloned().chain(modules).chain(bodies).collect();
        snippets.sort_by_key(|(code, _)| code.span.start);
        snippets
    }

    /// The names that the author's items and modules define.
    pub(super) fn defined(&self) -> BTreeSet<String> {
        let mut defined = refs::defined(&self.items);
        defined.extend(self.modules.iter().map(|module| module.name.value.clone()));
        defined
    }

    /// Whether the author defines a struct or union of this name without generics.
    pub(super) fn has_plain_struct(&self, name: &str) -> bool {
        self.items.iter().any(|item| match item {
            Item::Struct(item) => item.ident == name && item.generics.params.is_empty(),
            Item::Union(item) => item.ident == name && item.generics.params.is_empty(),
            _ => false,
        })
    }

    /// Whether code outside the objects brings in names that cannot be known here.
    pub(super) fn has_unknown_names(&self) -> bool {
        self.lacks_items || has_unknown_names(&self.items)
    }

    /// Whether some item or module could not be read.
    pub(super) fn lacks_items(&self) -> bool {
        self.lacks_items
    }

    /// Whether the author defines macros, which may define names.
    pub(super) fn has_macros(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Macro(_)))
    }

    /// The modules in files, with their parsed items.
    pub(super) fn module_files(&self) -> &[ModuleFile] {
        &self.modules
    }

    /// The modules in files.
    pub(super) fn modules(&self) -> Vec<Module<Fragment>> {
        let module = |module: &ModuleFile| Module {
            name: module.name.value.clone(),
            items: module.fragment.clone(),
        };
        self.modules.iter().map(module).collect()
    }

    /// The items outside of modules in files.
    pub(super) fn items_with_code(&self) -> impl Iterator<Item = (&Item, Code)> {
        let codes = self.item_codes.iter().map(|fragment| Code { span: fragment.span });
        self.items.iter().zip(codes)
    }

    pub(super) fn item_refs(&self) -> &[(Code, Refs)] {
        &self.item_refs
    }

    pub(super) fn item_fragments(&self) -> Vec<Fragment> {
        self.item_codes.clone()
    }

    /// A body that was parsed without error.
    pub(super) fn body(&self, code: Code) -> Option<&(ParsedBody, Fragment)> {
        self.bodies.get(&code.span.start)
    }

    pub(super) fn fragment(&self, code: Code) -> Option<Fragment> {
        self.body(code).map(|(_, fragment)| fragment.clone())
    }

    pub(super) fn callbacks(&self, object: &ast::Object) -> Callbacks<Fragment> {
        Callbacks::new(|callback| {
            let written = object.callbacks.iter().find(|written| written.callback == callback)?;
            self.fragment(written.code)
        })
    }
}

/// Whether items bring in names that cannot be known here, by glob imports and macros. The names
/// outside the objects are known.
fn has_unknown_names(items: &[Item]) -> bool {
    fn has_glob(tree: &syn::UseTree) -> bool {
        match tree {
            syn::UseTree::Glob(_) => true,
            syn::UseTree::Path(path) if path.ident == "super" || path.ident == "crate" => {
                !matches!(*path.tree, syn::UseTree::Glob(_)) && has_glob(&path.tree)
            }
            syn::UseTree::Path(path) => has_glob(&path.tree),
            syn::UseTree::Group(group) => group.items.iter().any(has_glob),
            _ => false,
        }
    }
    items.iter().any(|item| match item {
        Item::Use(item) => has_glob(&item.tree),
        Item::Macro(item) => item.ident.is_none(),
        _ => false,
    })
}

impl Resolver<'_> {
    pub(super) fn parse_rust(&mut self, spec: &ast::Patch) -> Rust {
        let mut rust = Rust::default();
        for &ast::RustItem { code, .. } in &spec.items {
            match parse_item(self.pieces, code) {
                Ok((item, tokens)) => {
                    self.check_item(&item, code);
                    rust.item_refs.push((code, Refs::of_item(&item, tokens)));
                    rust.items.push(item);
                    rust.item_codes.push(Fragment::new(self.pieces, code));
                }
                Err(error) => {
                    rust.lacks_items = true;
                    self.report(error);
                }
            }
        }
        for module in &spec.modules {
            match self.module_file(module, &rust) {
                Some(module) => rust.modules.push(module),
                None => rust.lacks_items = true,
            }
        }
        rust.find_own();
        let functions = spec.objects.iter().flat_map(|object| &object.funcs);
        let bodies =
            functions.flat_map(|f| [f.replace, f.pre, f.post]).flatten().map(|body| body.code);
        let callbacks = spec.objects.iter().flat_map(|object| &object.callbacks).map(|c| c.code);
        let data = data::bodies(spec).into_iter().map(|(code, _)| code);
        let bodies =
            bodies.chain(callbacks).chain(data).map(|code| (code, parse_body(self.pieces, code)));
        let parents = data::parents(spec).map(|code| (code, parse_value(self.pieces, code)));
        for (code, parsed) in bodies.chain(parents).collect::<Vec<_>>() {
            match parsed {
                Ok(body) => {
                    rust.bodies.insert(code.span.start, (body, Fragment::new(self.pieces, code)));
                }
                Err(error) => self.report(error),
            }
        }
        for code in data::types(spec) {
            match parse_named_type(self.pieces, code) {
                Ok((item, tokens)) => rust.item_refs.push((code, Refs::of_item(&item, tokens))),
                Err(error) => self.report(error),
            }
        }
        rust
    }

    /// A module in a file. An error in its name does not hide errors in its text.
    fn module_file(&mut self, module: &ast::Module, rust: &Rust) -> Option<ModuleFile> {
        let fits = self.check_module_name(&module.name, &rust.defined());
        let code = self.rust_file(&module.file)?;
        match parse_file(self.pieces, code) {
            Ok((file, tokens)) => fits.then(|| ModuleFile {
                name: module.name.clone(),
                fragment: Fragment::new(self.pieces, code),
                refs: Refs::of_items(&file.items, tokens),
                has_unknown_names: has_unknown_names(&file.items),
                items: file.items,
            }),
            Err(error) => {
                self.report(error);
                None
            }
        }
    }

    fn check_module_name(&mut self, name: &ast::Name, defined: &BTreeSet<String>) -> bool {
        let text = &name.value;
        let reserved = RESERVED.contains(&text.as_str()) || text.starts_with(PREFIX);
        let error = if syn::parse_str::<syn::Ident>(text).is_err() || reserved {
            let error =
                Diagnostic::new(RESERVED_NAME, format!("a module cannot be named `{text}`"));
            let note = if reserved {
                "the generated code uses this name for something else"
            } else {
                "Rust reserves this word"
            };
            error.at(name.span, "").note(note).help(another_name(text))
        } else if text.len() > MAX_NAME {
            long_name(name.span)
        } else if defined.contains(text) {
            let error = Diagnostic::new(REPEATED_NAME, format!("two items are named `{text}`"));
            error.at(name.span, "").help(rename_one(text))
        } else {
            return true;
        };
        self.report(error);
        false
    }

    /// An item must not hide a type that the patch takes from the kernel: bodies would read memory
    /// by the item's layout.
    pub(super) fn check_hidden_types(&mut self, rust: &Rust, types: &Types) {
        let types: HashSet<&str> = types.iter().map(|(_, def)| def.name()).collect();
        let items = rust.items.iter().zip(&rust.item_codes);
        let items = items
            .map(|(item, fragment)| (fragment.span, refs::defined(std::slice::from_ref(item))));
        let modules = rust.modules.iter().map(|module| {
            let own = BTreeSet::from([module.name.value.clone()]);
            (module.name.span, own)
        });
        let inside = rust.modules.iter().flat_map(|module| {
            module.items.iter().map(|item| {
                let span = self.pieces.place(module.code(), item.span());
                (span, refs::defined(std::slice::from_ref(item)))
            })
        });
        for (span, names) in items.chain(modules).chain(inside) {
            for name in names.iter().filter(|name| types.contains(name.as_str())) {
                self.report(
                    Diagnostic::new(RESERVED_NAME, format!("an item cannot be named `{name}`"))
                        .at(span, "")
                        .note("the patch uses a kernel type of this name")
                        .help(another_name(name)),
                );
            }
        }
    }

    /// In Rust, a parameter cannot hide a static or a constant.
    pub(super) fn check_parameters(
        &mut self,
        spec: &ast::Patch,
        rust: &Rust,
        places: &[Vec<Span>],
        objects: &[Object<Fragment>],
        imports: &Imports,
    ) {
        self.check_bound(spec, rust, places, objects);
        let of_modules = objects.iter().flat_map(|object| &object.uses.statics);
        let statics = imports.statics.iter().chain(of_modules).map(|item| item.name.clone());
        let constants = imports.constants.iter().map(|item| item.name.clone());
        let named = params::named(spec).map(|(_, name)| name.value.clone());
        let values: BTreeSet<String> =
            values(rust).into_iter().chain(statics).chain(constants).chain(named).collect();
        for (_, names) in data::bodies(spec) {
            if let [first, second] = names.as_slice() {
                if first.value == second.value && first.value != "_" {
                    self.report(
                        Diagnostic::new(
                            REPEATED_NAME,
                            format!("`{}` has two meanings here", second.value),
                        )
                        .at(second.span, "")
                        .at(first.span, "first here")
                        .help(rename_one(&second.value)),
                    );
                }
            }
        }
        for name in data::bodies(spec).into_iter().flat_map(|(_, names)| names) {
            if name.value.len() > MAX_NAME {
                self.report(long_name(name.span));
            } else if values.contains(&name.value) {
                self.report(
                    Diagnostic::new(REPEATED_NAME, format!("`{}` has two meanings here", name.value))
                        .at(name.span, "")
                        .note("it is a static, constant, parameter, state, shadow variable or resource of the patch")
                        .help(another_name(&name.value)),
                );
            }
        }
        for (func, &place) in
            objects.iter().zip(places).flat_map(|(o, places)| o.funcs.iter().zip(places))
        {
            let has_ret = matches!(func.change, Change::Around { .. });
            let params = func.signature.params.iter().map(|param| param.name.as_str());
            let original = (func.convention != Convention::C).then_some("original");
            let bound = params.chain(has_ret.then_some("ret")).chain(original);
            for name in bound.filter(|name| values.contains(*name)) {
                self.report(
                    Diagnostic::new(REPEATED_NAME, format!("`{name}` has two meanings in `{}`", func.old.name))
                        .at(place, "")
                        .note("it is a parameter or the result here, and a static, constant, parameter, state, shadow variable or resource of the patch")
                        .help(format!("rename the latter, for example to `own_{name}`, or write the function's prototype with another name")),
                );
            }
        }
    }

    /// An item must not use the names of the generated crate.
    fn check_item(&mut self, item: &Item, code: Code) {
        for name in refs::defined(std::slice::from_ref(item)) {
            if RESERVED.contains(&name.as_str()) {
                let message = format!("an item cannot be named `{name}`");
                self.report(
                    Diagnostic::new(RESERVED_NAME, message)
                        .at(code.span, "")
                        .note("the generated code uses this name for something else")
                        .help(another_name(&name)),
                );
            }
        }
    }
}

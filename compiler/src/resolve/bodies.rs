//! The pieces of Rust in a spec, with their places.

use super::rust::{parse_body, parse_item, ParsedBody};
use super::Resolver;
use crate::diag::{Diagnostic, KPS0210, KPS0211};
use kps_codegen::names::{PREFIX, RESERVED};
use kps_codegen::refs::{self, Refs};
use kps_codegen::Body;
use kps_facts::Wanted;
use kps_grammar::ast::{self, Code};
use kps_grammar::{Source, Span};
use kps_plan::{Callbacks, Change, Imports, Object, Types};
use proc_macro2::{Literal, TokenStream};
use quote::quote;
use std::collections::{BTreeSet, HashMap, HashSet};
use syn::Item;

/// A piece of an author's Rust. Generated code has a marker in its place until the text is put in, byte for byte.
#[derive(Debug, Clone)]
pub struct Fragment {
    /// Where it is in the spec.
    pub span: Span,
    /// `FILE:LINE`, without folders.
    origin: String,
}

impl Fragment {
    fn new(source: &Source, code: Code) -> Self {
        // A body starts behind its brace; the first line that says something is the one to name.
        let text = source.slice(code.span);
        let start = code.span.start + (text.len() - text.trim_start().len());
        Fragment { span: code.span, origin: format!("{}:{}", source.file(), source.line(start)) }
    }

    /// The macro that marks where a fragment's text belongs. Its argument is the place where the fragment starts.
    pub const MARKER: &'static str = "kps_fragment";
}

impl Body for Fragment {
    fn tokens(&self) -> TokenStream {
        let marker = kps_codegen::names::ident(Self::MARKER);
        let start = Literal::usize_unsuffixed(self.span.start);
        quote!(#marker!(#start);)
    }

    fn origin(&self) -> String {
        self.origin.clone()
    }
}

/// All the Rust of a spec, parsed.
pub(super) struct Rust {
    items: Vec<Item>,
    item_codes: Vec<Fragment>,
    item_refs: Vec<(Code, Refs)>,
    /// Bodies by where they start.
    bodies: HashMap<usize, (ParsedBody, Fragment)>,
}

impl Rust {
    /// What bodies and items use of the kernel's structs.
    pub(super) fn wanted(&self) -> Wanted {
        let bodies = self.bodies.values().map(|(body, _)| body.refs(&[]));
        let items = self.item_refs.iter().map(|(_, refs)| refs.clone());
        let mut wanted = Wanted::default();
        for refs in bodies.chain(items) {
            wanted.words.extend(refs.words);
            wanted.literals.extend(refs.literals);
        }
        wanted
    }

    /// What the author's items define.
    pub(super) fn defined(&self) -> BTreeSet<String> {
        refs::defined(&self.items)
    }

    /// Whether names come in that cannot be known here: by glob imports and macros.
    pub(super) fn has_unknown_names(&self) -> bool {
        fn has_glob(tree: &syn::UseTree) -> bool {
            match tree {
                syn::UseTree::Glob(_) => true,
                syn::UseTree::Path(path) => has_glob(&path.tree),
                syn::UseTree::Group(group) => group.items.iter().any(has_glob),
                _ => false,
            }
        }
        self.items.iter().any(|item| match item {
            Item::Use(item) => has_glob(&item.tree),
            Item::Macro(item) => item.ident.is_none(),
            _ => false,
        })
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
        let body = |name: &str| {
            let callback = object.callbacks.iter().find(|callback| callback.name.value == name)?;
            self.fragment(callback.code)
        };
        Callbacks {
            pre_patch: body("pre_patch"),
            post_patch: body("post_patch"),
            pre_unpatch: body("pre_unpatch"),
            post_unpatch: body("post_unpatch"),
        }
    }
}

impl Resolver<'_> {
    pub(super) fn parse_rust(&mut self, spec: &ast::Patch) -> Rust {
        let mut rust =
            Rust { items: Vec::new(), item_codes: Vec::new(), item_refs: Vec::new(), bodies: HashMap::new() };
        for &code in &spec.items {
            match parse_item(self.source, code) {
                Ok((item, tokens)) => {
                    self.check_item(&item, code);
                    rust.item_refs.push((code, Refs::of_item(&item, tokens)));
                    rust.items.push(item);
                    rust.item_codes.push(Fragment::new(self.source, code));
                }
                Err(error) => self.report(error),
            }
        }
        let functions = spec.objects.iter().flat_map(|object| &object.funcs);
        let bodies = functions.flat_map(|f| [f.replace, f.pre, f.post]).flatten().map(|body| body.code);
        let callbacks = spec.objects.iter().flat_map(|object| &object.callbacks).map(|c| c.code);
        for code in bodies.chain(callbacks) {
            match parse_body(self.source, code) {
                Ok(body) => {
                    rust.bodies.insert(code.span.start, (body, Fragment::new(self.source, code)));
                }
                Err(error) => self.report(error),
            }
        }
        rust
    }

    /// An item must not hide a type that the patch gets from the kernel: bodies would read memory by its layout.
    pub(super) fn check_hidden_types(&mut self, rust: &Rust, types: &Types) {
        let types: HashSet<&str> = types.iter().map(|(_, def)| def.name()).collect();
        for (item, fragment) in rust.items.iter().zip(&rust.item_codes) {
            for name in refs::defined(std::slice::from_ref(item)) {
                if types.contains(name.as_str()) {
                    self.report(
                        Diagnostic::error(KPS0210, format!("an item cannot be named `{name}`"))
                            .at(fragment.span, "")
                            .note("the patch uses a type of the kernel that has this name")
                            .help("choose another name"),
                    );
                }
            }
        }
    }

    /// Rust lets no parameter hide a static or a constant.
    pub(super) fn check_parameters(
        &mut self,
        spec: &ast::Patch,
        rust: &Rust,
        places: &[Vec<Span>],
        objects: &[Object<Fragment>],
        imports: &Imports,
    ) {
        let own = rust.items.iter().filter_map(|item| match item {
            Item::Static(item) => Some(item.ident.to_string()),
            Item::Const(item) => Some(item.ident.to_string()),
            Item::Struct(item) if !matches!(item.fields, syn::Fields::Named(_)) => {
                Some(item.ident.to_string())
            }
            _ => None,
        });
        let of_modules = objects.iter().flat_map(|object| &object.uses.statics);
        let statics = imports.statics.iter().chain(of_modules).map(|item| item.name.clone());
        let constants = imports.constants.iter().map(|item| item.name.clone());
        let params = spec.params.iter().map(|param| param.name.value.clone());
        let values: BTreeSet<String> = own.chain(statics).chain(constants).chain(params).collect();
        for (func, &place) in objects.iter().zip(places).flat_map(|(o, places)| o.funcs.iter().zip(places)) {
            let has_ret = matches!(func.change, Change::Around { .. });
            let params = func.signature.params.iter().map(|param| param.name.as_str());
            for name in params.chain(has_ret.then_some("ret")).filter(|name| values.contains(*name)) {
                self.report(
                    Diagnostic::error(KPS0211, format!("`{name}` has two meanings in `{}`", func.old.name))
                        .at(place, "")
                        .note("it is a parameter or the result here, and a static, constant or parameter of the patch")
                        .help("rename the item, or write the function's prototype with another name"),
                );
            }
        }
    }

    /// An item must keep away from the names of the generated crate.
    fn check_item(&mut self, item: &Item, code: Code) {
        for name in refs::defined(std::slice::from_ref(item)) {
            if RESERVED.contains(&name.as_str()) || name.starts_with(PREFIX) {
                let message = format!("an item cannot be named `{name}`");
                self.report(
                    Diagnostic::error(KPS0210, message)
                        .at(code.span, "")
                        .note("the generated code has this name for something else")
                        .help("choose another name"),
                );
            }
        }
    }
}

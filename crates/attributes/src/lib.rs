// SPDX-License-Identifier: GPL-2.0
//! The second front end: reads a Rust module with attributes into the same syntax tree as a spec.
//!
//! Each construct of the language has an attribute, and each attribute has a file here. This crate
//! gives the constructs no meaning: they mean the same as in a spec, because no later stage knows
//! the difference. `expand/` also contains the expansion of a module, so that it can run outside of
//! a compiler; the macros themselves only call it.

mod args;
mod callbacks;
mod expand;
mod foreign;
mod hooks;
mod livepatch;
mod options;
mod param;
mod place;
mod resource;
mod shadow;
mod state;
mod symbol;
#[cfg(test)]
mod tests;
mod when;

use args::Arguments;
use kps_ast::{self as ast, At, Callback, Code, Hook, Name, Span};
use kps_diag::{Diagnostic, INVALID_ARGUMENTS, MISPLACED_ATTRIBUTE};
use place::{attributes_of, misplaced, not_inside, ours, strays};
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Item, ItemMod};

pub use expand::{livepatch, outside, Context, FACTS};
pub use options::Options;
pub use place::{is_called, take_livepatch};

/// Maps the tokens of a crate to spans.
pub trait SpanMap {
    /// The span of a token.
    fn place(&self, span: proc_macro2::Span) -> Span;

    /// The text between the braces of a block.
    fn body(&self, block: &syn::Block) -> Code;

    /// A sequence of adjacent tokens.
    fn piece(&self, tokens: &dyn ToTokens) -> Code;
}

/// The attribute of the module.
pub const OUTER: &str = "livepatch";

/// The error for an attribute without its arguments.
const MISSING: &str = "needs an argument";

/// Reads a module and the arguments of its attribute. Invalid items are reported and left out of
/// the patch.
pub fn read(
    arguments: TokenStream,
    module: &ItemMod,
    places: &dyn SpanMap,
) -> (ast::Patch, Vec<Diagnostic>) {
    let mut reader = Reader {
        places,
        patch: livepatch::empty(module, places),
        diagnostics: Vec::new(),
        signatures: Vec::new(),
        when: ast::Conditions::new(),
    };
    let files = reader.livepatch(arguments);
    reader.module(module);
    match &module.content {
        Some((_, items)) => items.iter().for_each(|item| reader.item(item)),
        None => reader.module_elsewhere(&module.ident),
    }
    // The kernel patches the objects in their order, which is that of the items.
    for (object, file) in files {
        let object = reader.object(&object);
        object.from = file.or(object.from.take());
    }
    (reader.patch, reader.diagnostics)
}

/// The patch while it is read.
struct Reader<'a> {
    places: &'a dyn SpanMap,
    patch: ast::Patch,
    diagnostics: Vec<Diagnostic>,
    /// The signatures of all hooks so far, for comparison.
    signatures: Vec<hooks::HookSignature>,
    /// The conditions of the item that is being read.
    when: ast::Conditions,
}

impl Reader<'_> {
    fn item(&mut self, item: &Item) {
        self.when = self.conditions(attributes_of(item));
        match when::without(item) {
            Some(plain) => self.plain_item(&plain, attributes_of(item)),
            None => self.plain_item(item, &[]),
        }
    }

    /// Reads an item without conditions; `written` are the attributes that it had with them.
    fn plain_item(&mut self, item: &Item, written: &[Attribute]) {
        let Some((name, attribute)) = ours(attributes_of(item)) else {
            let strays = strays(item.to_token_stream());
            if let Item::Mod(syn::ItemMod { content: None, ident, .. }) = item {
                return self.module_elsewhere(ident);
            }
            if strays.is_empty() {
                let (code, when) = (self.places.piece(item), self.when.clone());
                self.patch.items.push(ast::RustItem { code, when });
            }
            for (name, place) in strays {
                let place = self.at(place);
                self.diagnostics.push(not_inside(name).at(place, ""));
            }
            return;
        };
        if !self.is_plain(name, item, attribute) {
            return;
        }
        let condition = written.iter().find(|attribute| is_called(attribute, when::WHEN));
        if let Some(condition) = condition.filter(|_| Hook::of(name).is_none() && name != "symbols")
        {
            return self.misplaced(when::WHEN, condition);
        }
        if let Item::Fn(function) = item {
            if let Some(hook) = Hook::of(name) {
                return self.hook(hook, attribute, function);
            }
            if let Some(callback) = Callback::of(name) {
                return self.callback(callback, attribute, function);
            }
        }
        match (name, item) {
            ("param", Item::Static(item)) => self.param(attribute, item),
            ("shadow", Item::Static(item)) => self.shadow(attribute, item),
            ("state", Item::Static(item)) => self.state(attribute, item),
            ("resource", Item::Static(item)) => self.resource(attribute, item),
            ("symbols", Item::ForeignMod(block)) => self.symbols(attribute, block),
            ("c", Item::ForeignMod(block)) => self.c_functions(attribute, block),
            _ => self.misplaced(name, attribute),
        }
    }

    /// A module whose items are in another file.
    fn module_elsewhere(&mut self, ident: &syn::Ident) {
        let place = self.at(ident.span());
        self.diagnostics.push(
            Diagnostic::new(MISPLACED_ATTRIBUTE, "a module of a patch must have its items in braces")
                .at(place, "")
                .note("a macro does not see other files")
                .help(format!("write `mod {ident} {{ .. }}` here; plain Rust code can be in a file, as `mod {ident};` beside the patch")),
        );
    }

    /// An attribute on an item that it does not apply to.
    fn misplaced(&mut self, name: &str, attribute: &Attribute) {
        let place = self.at(attribute.path().span());
        self.diagnostics.push(misplaced(name).at(place, ""));
    }

    fn at(&self, span: proc_macro2::Span) -> Span {
        self.places.place(span)
    }

    fn name(&self, ident: &syn::Ident) -> Name {
        At { value: ident.unraw().to_string(), span: self.at(ident.span()) }
    }

    /// Reports an error in the arguments of an attribute.
    fn refuse_arguments(&mut self, attribute: &str, error: &syn::Error, form: &str) {
        let message = match error.to_string() {
            missing if missing == MISSING => format!("`#[{attribute}]` {missing}"),
            other => format!("`#[{attribute}]` is not valid: {other}"),
        };
        let error = Diagnostic::new(INVALID_ARGUMENTS, message).at(self.at(error.span()), "");
        self.diagnostics.push(error.help(format!("write {form}")));
    }

    /// Reads the arguments of an attribute with `read`.
    fn arguments<T>(
        &mut self,
        name: &str,
        attribute: &Attribute,
        form: &str,
        read: impl FnOnce(&mut Arguments<'_>) -> syn::Result<T>,
    ) -> Option<T> {
        let all = match &attribute.meta {
            // Missing arguments are reported at the attribute's name.
            syn::Meta::Path(path) => args::read(TokenStream::new(), self.places, read)
                .map_err(|_| syn::Error::new(path.span(), MISSING)),
            syn::Meta::List(list) => list.parse_args_with(args::parser(self.places, read)),
            syn::Meta::NameValue(value) => {
                Err(syn::Error::new_spanned(value, "expected arguments in parentheses"))
            }
        };
        all.map_err(|error| self.refuse_arguments(name, &error, form)).ok()
    }

    /// The object of this name; a new one if it is not in the patch yet.
    fn object(&mut self, name: &Name) -> &mut ast::Object {
        let objects = &mut self.patch.objects;
        let at = objects
            .iter()
            .position(|object| object.name.value == name.value)
            .unwrap_or(objects.len());
        if at == objects.len() {
            objects.push(ast::Object::new(name.clone(), None));
        }
        &mut objects[at]
    }
}

/// The lines of a doc comment.
fn docs(attributes: &[Attribute]) -> Vec<String> {
    let text = |attribute: &Attribute| match &attribute.meta {
        syn::Meta::NameValue(syn::MetaNameValue {
            path, value: syn::Expr::Lit(literal), ..
        }) if path.is_ident("doc") => match &literal.lit {
            syn::Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    };
    let texts = attributes.iter().filter_map(text);
    texts.flat_map(|text| text.split('\n').map(str::to_owned).collect::<Vec<_>>()).collect()
}

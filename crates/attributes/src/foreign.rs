// SPDX-License-Identifier: GPL-2.0
//! `#[symbols(OBJECT)]` and `#[c("FILE.c")]` on `extern` blocks: symbols that the kernel does not
//! export, and functions in a C file.

use crate::place::is_doc;
use crate::when::WHEN;
use crate::{is_called, symbol, Reader};
use kps_ast::{At, CFile, CFunction, Prototype, Symbol, UseFn, UsePerCpu, UseStatic};
use kps_diag::{Diagnostic, MISPLACED_ATTRIBUTE};
use kps_resolve::prototypes;
use syn::{Attribute, ForeignItem, ForeignItemFn, ForeignItemStatic, ItemForeignMod, Path};

const ITEMS: &str = "write `fn NAME(NAME: TYPE) -> TYPE;` or `static NAME: TYPE;`";

impl Reader<'_> {
    pub(crate) fn symbols(&mut self, attribute: &Attribute, block: &ItemForeignMod) {
        let form = "the object: `#[symbols(vmlinux)]`";
        let Some(object) = self.arguments("symbols", attribute, form, |args| args.object()) else {
            return;
        };
        for item in &block.items {
            match item {
                ForeignItem::Fn(function) => {
                    let Some(symbol) = self.symbol(&function.sig.ident, &function.attrs) else {
                        continue;
                    };
                    let known = ["position", WHEN];
                    let Some(prototype) = self.foreign_prototype(function, &known) else {
                        continue;
                    };
                    let prototype = Some(prototype).filter(|_| !is_left_out(&function.sig));
                    let when = self.conditions_within(&function.attrs);
                    self.object(&object).use_fns.push(UseFn { symbol, prototype, when });
                }
                ForeignItem::Static(item) => self.foreign_static(&object, item),
                other => self.refuse_item(self.places.piece(other).span),
            }
        }
    }

    fn foreign_static(&mut self, object: &kps_ast::Name, item: &ForeignItemStatic) {
        if let Some(odd) = self.odd_attribute(&item.attrs, &["percpu", "position", WHEN]) {
            return self.refuse_item(self.places.piece(odd).span);
        }
        let Some(symbol) = self.symbol(&item.ident, &item.attrs) else { return };
        let is_told = !matches!(*item.ty, syn::Type::Infer(_));
        let ty = is_told.then(|| self.places.piece(&item.ty));
        let per_cpu = item.attrs.iter().find(|attribute| is_called(attribute, "percpu"));
        if let Some(attribute) = per_cpu {
            if self.arguments("percpu", attribute, "`#[percpu]`", |_| Ok(())).is_none() {
                return;
            }
        }
        let when = self.conditions_within(&item.attrs);
        let object = self.object(object);
        match per_cpu.is_some() {
            true => object.use_percpus.push(UsePerCpu { symbol, ty, when }),
            false => object.use_statics.push(UseStatic { symbol, ty, when }),
        }
    }

    pub(crate) fn c_functions(&mut self, attribute: &Attribute, block: &ItemForeignMod) {
        let form = "the file: `#[c(\"FILE.c\")]`";
        let Some(file) = self.arguments("c", attribute, form, |args| args.literal()) else {
            return;
        };
        let known = ["replace", WHEN];
        let mut functions = Vec::new();
        for item in &block.items {
            let ForeignItem::Fn(function) = item else {
                self.refuse_item(self.places.piece(item).span);
                continue;
            };
            let Some(prototype) = self.foreign_prototype(function, &known) else { continue };
            match function.attrs.iter().find(|attribute| is_called(attribute, "replace")) {
                Some(attribute) => {
                    let old = self.arguments("replace", attribute, symbol::FORM, symbol::read);
                    if let Some((object, symbol)) = old {
                        self.when = self.conditions(&function.attrs);
                        self.in_c(&object, &symbol, &file, prototype);
                    }
                }
                None => {
                    let when = function.attrs.iter().find(|other| is_called(other, WHEN));
                    when.into_iter().for_each(|when| self.misplaced(WHEN, when));
                    let name = self.name(&function.sig.ident);
                    functions.push(CFunction { name, prototype });
                }
            }
        }
        let only_replaces = functions.is_empty() && !block.items.is_empty();
        if !only_replaces {
            self.patch.c_files.push(CFile { file, functions });
        }
    }

    /// The conditions of an item of a block, with those of the block.
    fn conditions_within(&mut self, attributes: &[Attribute]) -> kps_ast::Conditions {
        let own = self.conditions(attributes);
        self.when.iter().cloned().chain(own).collect()
    }

    /// The symbol that an item of a block declares.
    fn symbol(&mut self, ident: &syn::Ident, attributes: &[Attribute]) -> Option<Symbol> {
        let position = match attributes.iter().find(|attribute| is_called(attribute, "position")) {
            None => None,
            Some(attribute) => {
                let form = "the position: `#[position(2)]`";
                let read = |args: &mut crate::args::Arguments<'_>| {
                    let literal = args.input.parse::<syn::LitInt>()?;
                    Ok(At {
                        value: literal.base10_parse()?,
                        span: args.places().place(literal.span()),
                    })
                };
                Some(self.arguments("position", attribute, form, read)?)
            }
        };
        Some(Symbol { name: self.name(ident), position })
    }

    fn foreign_prototype(&mut self, function: &ForeignItemFn, known: &[&str]) -> Option<Prototype> {
        let others =
            function.attrs.iter().filter(|other| !known.iter().any(|name| is_called(other, name)));
        let others: Vec<Attribute> = others.cloned().collect();
        if let Some(odd) = prototypes::odd_part(&others, &function.sig) {
            self.refuse_item(self.at(odd));
            return None;
        }
        let places = self.places;
        Some(prototypes::prototype(&function.sig, &|span| places.place(span), &|ty: &syn::Type| {
            places.piece(ty)
        }))
    }

    /// The first attribute that is not in `known`.
    fn odd_attribute<'a>(&self, attributes: &'a [Attribute], known: &[&str]) -> Option<&'a Path> {
        let is_known = |attribute: &&Attribute| {
            is_doc(attribute) || known.iter().any(|name| is_called(attribute, name))
        };
        attributes.iter().find(|attribute| !is_known(attribute)).map(Attribute::path)
    }

    fn refuse_item(&mut self, place: kps_ast::Span) {
        let error = Diagnostic::new(
            MISPLACED_ATTRIBUTE,
            "this is not allowed among kernel symbols or functions of a C file",
        );
        self.diagnostics.push(error.at(place, "").help(ITEMS));
    }
}

/// Whether a prototype is left out, as in `fn NAME() -> _;`.
fn is_left_out(sig: &syn::Signature) -> bool {
    let is_infer = |ret: &syn::ReturnType| match ret {
        syn::ReturnType::Type(_, ty) => matches!(**ty, syn::Type::Infer(_)),
        syn::ReturnType::Default => false,
    };
    sig.inputs.is_empty() && sig.variadic.is_none() && is_infer(&sig.output)
}

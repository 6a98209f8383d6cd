// SPDX-License-Identifier: GPL-2.0
//! `#[livepatch(..)] mod NAME { .. }`: the patch and its metadata.

use crate::args::unknown;
use crate::place::is_doc;
use crate::{args, docs, Reader, SpanMap};
use kps_ast::{
    At, AtomicReplace, Attribute, CFile, Form, Name, On, Patch, PatchItem, Require, Text,
    TextClause,
};
use kps_diag::{list, Diagnostic, MISPLACED_ATTRIBUTE};
use proc_macro2::TokenStream;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{ItemMod, Token};

/// A patch that has only a name and a doc comment.
pub(crate) fn empty(module: &ItemMod, places: &dyn SpanMap) -> Patch {
    let name =
        At { value: module.ident.unraw().to_string(), span: places.place(module.ident.span()) };
    Patch::new(Form::Crate, docs(&module.attrs), name)
}

/// The syntax of the arguments.
fn form() -> String {
    let arguments = Attribute::all().filter(|attribute| attribute.on == On::Livepatch);
    let arguments: Vec<_> = arguments.map(|argument| argument.form).collect();
    format!("arguments such as {}", list(&arguments, "and"))
}

/// Whether an argument may be repeated.
fn repeats(name: &str) -> bool {
    let clause = TextClause::of_argument(name).map(TextClause::construct);
    let construct = clause.or_else(|| PatchItem::of_argument(name).map(PatchItem::construct));
    construct.is_some_and(|construct| construct.repeats)
}

impl Reader<'_> {
    /// Reads the arguments of the attribute; returns the objects among them, with their files.
    pub(crate) fn livepatch(&mut self, arguments: TokenStream) -> Vec<(Name, Option<Text>)> {
        let mut objects = Vec::new();
        let patch = &mut self.patch;
        let read = args::read(arguments, self.places, |args| {
            args.each(repeats, |args, word| {
                let name = word.to_string();
                if let Some(clause) = TextClause::of_argument(&name) {
                    let texts = match clause.is_list() {
                        true => args.list(|args| args.literal())?,
                        false => vec![args.text()?],
                    };
                    patch.texts.of(clause).extend(texts);
                    return Ok(());
                }
                match PatchItem::of_argument(&name) {
                    Some(PatchItem::Require) => patch.requires.extend(args.list(require)?),
                    Some(PatchItem::AtomicReplace) => {
                        let condition = match args.input.peek(syn::token::Paren) {
                            true => args.list(condition)?.pop(),
                            false => None,
                        };
                        let span = args.places().place(word.span());
                        patch.atomic_replace = Some(AtomicReplace { condition, span });
                    }
                    Some(PatchItem::Family) => patch.family = Some(args.named()?),
                    Some(PatchItem::Over) => patch.over.extend(args.list(|args| args.name())?),
                    Some(PatchItem::Object) => objects.extend(args.list(object)?),
                    Some(PatchItem::C) => {
                        let file = |file| CFile { file, functions: Vec::new() };
                        patch
                            .c_files
                            .extend(args.list(|args| args.literal())?.into_iter().map(file));
                    }
                    Some(
                        PatchItem::Param
                        | PatchItem::State
                        | PatchItem::Shadow
                        | PatchItem::Resource
                        | PatchItem::Test,
                    )
                    | None => {
                        return Err(unknown(word));
                    }
                }
                Ok(())
            })
        });
        if let Err(error) = read {
            self.refuse_arguments(crate::OUTER, &error, &form());
        }
        objects
    }

    /// Rejects a module that cannot be a livepatch.
    pub(crate) fn module(&mut self, module: &ItemMod) {
        let odd =
            module.attrs.iter().find(|attribute| !is_doc(attribute)).map(|odd| odd.path().span());
        let odd = odd.or_else(|| module.unsafety.map(|word| word.span));
        if let Some(odd) = odd {
            self.diagnostics.push(
                Diagnostic::new(
                    MISPLACED_ATTRIBUTE,
                    "a livepatch module can have only its doc comment and `#[livepatch]`",
                )
                .at(self.at(odd), "")
                .note("the macro replaces the module, and the replacement would not have this")
                .help(
                    "drop it; put attributes of the whole crate at the start of the file, as `#![allow(..)]`",
                ),
            );
        }
    }
}

/// `CONFIG_X` or `CONFIG_X = "value"`
fn require(args: &mut args::Arguments<'_>) -> syn::Result<Require> {
    let option = args.name()?;
    let value = if args.input.peek(Token![=]) { Some(args.text()?) } else { None };
    Ok(Require { option, value })
}

/// `if NAME`
fn condition(args: &mut args::Arguments<'_>) -> syn::Result<Name> {
    args.input.parse::<Token![if]>()?;
    args.name()
}

/// `NAME` or `NAME = "FILE.ko"`
fn object(args: &mut args::Arguments<'_>) -> syn::Result<(Name, Option<Text>)> {
    let name = args.object()?;
    let from = if args.input.peek(Token![=]) { Some(args.text()?) } else { None };
    Ok((name, from))
}

//! `#[livepatch(..)] mod NAME { .. }`: the patch, and what it says about itself.

use crate::args::unknown;
use crate::place::is_doc;
use crate::{args, docs, Places, Reader};
use kps_ast::{self as ast, At, AtomicReplace, CFile, Form, Patch, Require};
use kps_diag::{Diagnostic, MISPLACED_ATTRIBUTE};
use proc_macro2::TokenStream;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{ItemMod, Token};

/// What may be there more than once.
const REPEATED: &[&str] = &["author", "c", "fixes", "object", "over", "require"];

const FORM: &str = "for example `#[livepatch(license = \"GPL\", version = \"1\", fixes(\"CVE-2026-1\"))]`; the others are `author`, \
    `kernel`, `require(..)`, `atomic_replace`, `family`, `over(..)`, `object(..)` and `c(..)`";

/// A patch that has nothing but its name and its comment.
pub(crate) fn empty(module: &ItemMod, places: &dyn Places) -> Patch {
    Patch {
        form: Form::Crate,
        docs: docs(&module.attrs),
        name: At { value: module.ident.unraw().to_string(), span: places.place(module.ident.span()) },
        license: None,
        authors: Vec::new(),
        version: None,
        fixes: Vec::new(),
        kernel: None,
        requires: Vec::new(),
        atomic_replace: None,
        params: Vec::new(),
        family: None,
        over: Vec::new(),
        states: Vec::new(),
        shadows: Vec::new(),
        objects: Vec::new(),
        items: Vec::new(),
        modules: Vec::new(),
        c_files: Vec::new(),
        tests: Vec::new(),
    }
}

impl Reader<'_> {
    /// Reads what the attribute says.
    pub(crate) fn livepatch(&mut self, arguments: TokenStream) {
        let mut objects = Vec::new();
        let patch = &mut self.patch;
        let read = args::read(arguments, self.places, |args| {
            args.each(REPEATED, |args, word| {
                match word.to_string().as_str() {
                    "license" => patch.license = Some(args.text()?),
                    "author" => patch.authors.push(args.text()?),
                    "version" => patch.version = Some(args.text()?),
                    "fixes" => patch.fixes.extend(args.list(|args| args.literal())?),
                    "kernel" => patch.kernel = Some(args.text()?),
                    "require" => patch.requires.extend(args.list(require)?),
                    "atomic_replace" => {
                        let condition = match args.input.peek(syn::token::Paren) {
                            true => args.list(condition)?.pop(),
                            false => None,
                        };
                        let span = args.places().place(word.span());
                        patch.atomic_replace = Some(AtomicReplace { condition, span });
                    }
                    "family" => patch.family = Some(args.named()?),
                    "over" => patch.over.extend(args.list(|args| args.name())?),
                    "object" => objects.extend(args.list(object)?),
                    "c" => {
                        let file = |file| CFile { file, functions: Vec::new() };
                        patch.c_files.extend(args.list(|args| args.literal())?.into_iter().map(file));
                    }
                    _ => return Err(unknown(word)),
                }
                Ok(())
            })
        });
        if let Err(error) = read {
            self.refuse_arguments(crate::OUTER, &error, FORM);
        }
        for (name, from) in objects {
            let object = self.object(&name);
            object.from = from.or(object.from.take());
        }
    }

    /// Refuses what a module can be and a livepatch cannot.
    pub(crate) fn module(&mut self, module: &ItemMod) {
        let odd = module.attrs.iter().find(|attribute| !is_doc(attribute)).map(|odd| odd.path().span());
        let odd = odd.or_else(|| module.unsafety.map(|word| word.span));
        if let Some(odd) = odd {
            self.diagnostics.push(
                Diagnostic::new(MISPLACED_ATTRIBUTE, "the module of a livepatch has nothing but its comment and `#[livepatch]`")
                    .at(self.at(odd), "")
                    .note("the macro writes another module in its place, which would not have this")
                    .help("drop it; what holds for the whole crate stands at the start of the file, as `#![allow(..)]`"),
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
fn condition(args: &mut args::Arguments<'_>) -> syn::Result<ast::Name> {
    args.input.parse::<Token![if]>()?;
    args.name()
}

/// `NAME` or `NAME = "FILE.ko"`
fn object(args: &mut args::Arguments<'_>) -> syn::Result<(ast::Name, Option<ast::Text>)> {
    let name = args.object()?;
    let from = if args.input.peek(Token![=]) { Some(args.text()?) } else { None };
    Ok((name, from))
}

// SPDX-License-Identifier: GPL-2.0
//! Rust in files: `replace from` is inlined into the spec, and modules are found by their path.

use super::paths::FileKind;
use super::prototypes::{self, odd_part};
use super::rust::parse_file;
use super::{Resolver, SourceText};
use kps_ast::{self as ast, Body, Code, Prototype, Span, Text};
use kps_codegen::names::ident;
use kps_diag::{Diagnostic, WRONG_FUNCTION_IN_FILE};
use syn::spanned::Spanned as _;
use syn::Item;

/// The function that a file defines.
struct Found {
    prototype: Prototype,
    body: Code,
}

impl Resolver<'_> {
    /// The source of a Rust file. If there is none, the reason has been reported.
    pub(super) fn rust_file(&mut self, file: &Text) -> Option<Code> {
        if !self.check_path(file, FileKind::Rust) {
            return None;
        }
        self.pieces.rust_file(&file.value)
    }

    /// The patch with each `replace from` expanded to `replace { .. }`. Later code does not tell
    /// the two apart.
    pub(super) fn with_bodies_of_files(&mut self, spec: &ast::Patch) -> ast::Patch {
        let mut spec = spec.clone();
        for func in spec.objects.iter_mut().flat_map(|object| &mut object.funcs) {
            let Some(file) = &func.replace_from else { continue };
            let Some(found) = self.function_in(file, &func.symbol.name.value) else { continue };
            if let Some(prototype) = &func.prototype {
                let message = format!("{} has the prototype already", file.value);
                self.report(
                    Diagnostic::new(WRONG_FUNCTION_IN_FILE, message)
                        .at(prototype.span, "")
                        .at(found.prototype.span, "it is here")
                        .help("drop it from the spec: the file names the body's parameters"),
                );
                continue;
            }
            func.prototype = Some(found.prototype);
            func.replace = Some(Body { word: file.span, code: found.body });
        }
        spec
    }

    /// The only function of a file.
    fn function_in(&mut self, file: &Text, name: &str) -> Option<Found> {
        let (code, pieces) = (self.rust_file(file)?, self.pieces);
        let found = parse_file(self.pieces, code).and_then(|(parsed, _)| {
            let inner = parsed.attrs.iter().find(|attribute| !attribute.path().is_ident("doc"));
            match inner {
                Some(attribute) => Err(more(&file.value, pieces.place(code, attribute.span()))),
                None => function(pieces, &file.value, code, name, &parsed.items),
            }
        });
        found.map_err(|error| self.report(error)).ok()
    }
}

/// The function of this name, if the file holds nothing else. In the Rust name, `_` replaces
/// characters that identifiers cannot have.
fn function(
    pieces: &dyn SourceText,
    file: &str,
    code: Code,
    name: &str,
    items: &[Item],
) -> Result<Found, Diagnostic> {
    let name = ident(name);
    let is_wanted = |item: &&Item| matches!(item, Item::Fn(function) if function.sig.ident == name);
    let Some(Item::Fn(function)) = items.iter().find(is_wanted) else {
        let place = match items.first() {
            Some(Item::Fn(other)) => pieces.place(code, other.sig.ident.span()),
            Some(other) => pieces.place(code, other.span()),
            None => Span::new(code.span.end, code.span.end),
        };
        return Err(Diagnostic::new(
            WRONG_FUNCTION_IN_FILE,
            format!("{file} does not define `{name}`"),
        )
        .at(place, "")
        .help(format!(
            "write `fn {name}(..) -> TYPE {{ .. }}` there, with the kernel's prototype in Rust"
        )));
    };
    if let Some(other) =
        items.iter().find(|item| !matches!(item, Item::Fn(item) if std::ptr::eq(item, function)))
    {
        return Err(more(file, pieces.place(code, other.span())));
    }
    if let Some(odd) = odd_part(&function.attrs, &function.sig) {
        return Err(Diagnostic::new(
            WRONG_FUNCTION_IN_FILE,
            "a function that the kernel calls cannot have this",
        )
        .at(pieces.place(code, odd), "")
        .note("the new body has the old function's prototype, and generated code surrounds it")
        .help(format!("write `fn {name}(NAME: TYPE, ..) -> TYPE {{ .. }}`")));
    }
    let braces = function.block.brace_token.span;
    let body =
        Span::new(pieces.place(code, braces.open()).end, pieces.place(code, braces.close()).start);
    Ok(Found {
        prototype: prototypes::prototype(
            &function.sig,
            &|span| pieces.place(code, span),
            &|ty: &syn::Type| Code { span: pieces.place(code, ty.span()) },
        ),
        body: Code { span: body },
    })
}

fn more(file: &str, place: Span) -> Diagnostic {
    Diagnostic::new(WRONG_FUNCTION_IN_FILE, format!("{file} holds more than the new function"))
        .at(place, "")
        .note("the file of `replace from` holds one function, as `replace { .. }` holds one body")
        .help("move it into the function, or into a file of `mod NAME from \"FILE.rs\";`")
}

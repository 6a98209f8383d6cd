// SPDX-License-Identifier: GPL-2.0
//! What bodies use of the kernel's headers that no symbol and no BTF has.

use super::Resolver;
use crate::advice::Advice;
use kps_ast::Span;
use kps_codegen::names::header_symbol;
use kps_diag::{Diagnostic, NOT_IN_HEADERS, NO_TYPE_OF_HEADER};
use kps_facts::{inline, is_constant, CType, Importer, Inline};
use kps_plan::{CInt, Constant, Function, Imports, Link, Param, Signature, Type};

impl Resolver<'_> {
    /// Imports a function that the headers have, if the name is one of the table. The patch gets a
    /// function in C that does what it does.
    pub(super) fn inline_of_headers(
        &mut self,
        name: &str,
        place: Span,
        importer: &mut Importer<'_>,
        imports: &mut Imports,
    ) -> bool {
        let Some(inline) = inline(name) else { return false };
        match signature(inline, importer) {
            Ok(signature) => {
                let definition = inline.definition(&header_symbol(name));
                let link = Link::Header { header: inline.header.to_owned(), definition };
                imports.functions.push(Function { name: name.to_owned(), signature, link });
            }
            Err(missing) => self.report(
                Diagnostic::new(
                    NO_TYPE_OF_HEADER,
                    format!("`{name}` cannot be used with this kernel"),
                )
                .at(place, format!("its prototype has `{missing}`"))
                .note(format!("the kernel has no type `{missing}`, or several"))
                .help(format!(
                    "write a file in C that calls it: {}",
                    Advice::FileInC.text(self.form)
                )),
            ),
        }
        true
    }

    /// Imports a constant that the headers have as a macro, if the name is one of the table. Its
    /// value comes with the build tree; without it the name alone is known.
    pub(super) fn of_headers(&mut self, name: &str, place: Span, imports: &mut Imports) -> bool {
        if !is_constant(name) {
            return false;
        }
        let constants = &self.facts.constants;
        if let Some(value) = constants.get(name) {
            let (ty, value) = typed(value);
            imports.constants.push(Constant { name: name.to_owned(), ty, value });
        } else if constants.are_measured() {
            let release = &self.facts.identity.release;
            self.report(
                Diagnostic::new(
                    NOT_IN_HEADERS,
                    format!("the headers of {release} have no `{name}`"),
                )
                .at(place, "")
                .note("other kernels have it: constants of C come and go between versions")
                .help("use what this kernel has in its place, or write the number"),
            );
        }
        true
    }
}

/// The prototype of an inline function in this kernel, or the type that the kernel lacks.
fn signature(inline: &Inline, importer: &mut Importer<'_>) -> Result<Signature, &'static str> {
    let params = inline.params().into_iter();
    let params: Result<_, _> = params
        .map(|(name, ty)| Ok(Param { name: name.to_owned(), ty: plan_type(ty, importer)? }))
        .collect();
    Ok(Signature { params: params?, ret: plan_type(inline.ret(), importer)?, variadic: false })
}

fn plan_type(ty: CType, importer: &mut Importer<'_>) -> Result<Type, &'static str> {
    let int = |int| Ok(Type::Int(int));
    let base = match ty.name {
        "void" => Ok(Type::Void),
        "bool" => Ok(Type::Bool),
        "int" => int(CInt::Int),
        "unsigned int" | "gfp_t" => int(CInt::UInt),
        "size_t" => int(CInt::USize),
        "long" => int(CInt::Long),
        "unsigned long" => int(CInt::ULong),
        "u8" | "unsigned char" => int(CInt::U8),
        "u16" => int(CInt::U16),
        "u32" => int(CInt::U32),
        "s64" | "long long" => int(CInt::I64),
        "u64" => int(CInt::U64),
        name => match importer.candidates(name).len() {
            1 => importer.named(name).ok_or(name),
            _ => Err(name),
        },
    }?;
    // Only what the first pointer leads to is constant.
    let pointer = |(to, constant), _| (Type::Pointer { to: Box::new(to), constant }, false);
    Ok((0..ty.pointers).fold((base, ty.constant), pointer).0)
}

/// The type that bindgen gives a constant: the smallest of four that holds it.
fn typed(value: i64) -> (CInt, i128) {
    let ty = match value {
        _ if u32::try_from(value).is_ok() => CInt::U32,
        _ if i32::try_from(value).is_ok() => CInt::I32,
        0.. => CInt::U64,
        _ => CInt::I64,
    };
    (ty, value.into())
}

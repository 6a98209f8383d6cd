// SPDX-License-Identifier: GPL-2.0
//! Prototypes: from BTF, from the author, and whether they agree.

use super::clones::Told;
use super::rust::{long_name, parse_type, MAX_NAME};
use super::symbols::Scope;
use super::Resolver;
use crate::advice::{self, Advice};
use crate::propose::{rename_one, TYPES};
use kps_ast::Span;
use kps_ast::{self as ast, Code};
use kps_diag::{
    Diagnostic, AMBIGUOUS_CONSTANT, NO_SUCH_TYPE, REPEATED_NAME, UNCLEAR_PASSING,
    UNKNOWN_PROTOTYPE, UNSUPPORTED_TYPE, WRONG_PROTOTYPE,
};
use kps_facts::btf::BtfId;
use kps_facts::{param_name, passed, Importer, Object};
use kps_plan::{CInt, Param, Signature, Type, Unclear};
use std::collections::HashSet;

impl Resolver<'_> {
    /// The prototype of a function, from BTF or from the author. If both exist, they must agree.
    /// `told` is where the author says where that of a clone comes from.
    pub(super) fn signature(
        &mut self,
        scope: Scope<'_>,
        symbol: &ast::Symbol,
        written: Option<&ast::Prototype>,
        told: Told<'_>,
        importer: &mut Importer<'_>,
    ) -> Option<Signature> {
        let name = &symbol.name;
        let signature = match self.is_unknown_clone(&name.value) {
            true => self.clone_prototype(scope, symbol, written, told, importer)?,
            false => self.prototype(scope, name, written, importer)?,
        };
        self.check_passing(&name.value, &signature, name.span, importer);
        Some(signature)
    }

    fn prototype(
        &mut self,
        scope: Scope<'_>,
        name: &ast::Name,
        written: Option<&ast::Prototype>,
        importer: &mut Importer<'_>,
    ) -> Option<Signature> {
        let Some(written) = written else {
            match self.known_signature(scope, &name.value, importer) {
                Known::One(signature) => return Some(signature),
                known => self.report(no_prototype(name, &known)),
            }
            return None;
        };
        let signature = self.written(written, importer)?;
        let ids = self.prototypes(scope, &name.value);
        let known: Vec<Signature> = ids.iter().filter_map(|&id| importer.signature(id)).collect();
        let agrees = known.iter().any(|known| importer.types().same_signature(known, &signature));
        if !known.is_empty() && !agrees {
            let error = Diagnostic::new(
                WRONG_PROTOTYPE,
                format!("`{}` has a different prototype", name.value),
            )
            .at(written.span, "");
            let error = ids.iter().fold(error, |error, &id| {
                error.note(format!("in the kernel it is `{}`", self.facts.btf.declaration(id)))
            });
            let prototype = advice::prototype(importer.types(), &known[0]);
            self.report(error.help(Advice::Prototype(&prototype).text(self.form)));
            return None;
        }
        Some(signature)
    }

    /// Rust must pass a function its arguments as C does.
    pub(super) fn check_passing(
        &mut self,
        name: &str,
        signature: &Signature,
        span: Span,
        importer: &Importer<'_>,
    ) {
        let message = match importer.types().passing(signature) {
            Ok(_) => return,
            Err(Unclear::Ret) => format!("cannot determine how `{name}` returns its result"),
            Err(Unclear::Param(n)) => {
                format!(
                    "cannot determine how `{name}` receives its argument `{}`",
                    signature.params[n].name
                )
            }
        };
        self.report(
            Diagnostic::new(UNCLEAR_PASSING, message)
                .at(span, "")
                .note("it is a packed, over-aligned or empty struct, or a 128-bit number")
                .help("work on a function that calls it, or on one that it calls"),
        );
    }

    /// The functions in BTF of this name whose prototypes can be trusted.
    pub(super) fn prototypes(&self, scope: Scope<'_>, name: &str) -> Vec<BtfId> {
        let Object { symbols, sites, .. } = scope.object;
        let has_site = symbols.named(name).iter().any(|sym| sites.contains(sym.address));
        let mut ids = self.of_scope(scope, self.facts.btf.functions(name));
        // BTF records assembly as `void f(void)`, whatever its arguments. It has no ftrace site.
        ids.retain(|&id| {
            has_site || self.facts.btf.declaration(id) != format!("void {name}(void)")
        });
        ids
    }

    /// The ids in BTF of one name that apply to an object.
    pub(super) fn of_scope(&self, scope: Scope<'_>, all: Vec<BtfId>) -> Vec<BtfId> {
        // If a module has no types of its own, the same name in the BTF of vmlinux is unrelated to
        // it.
        if scope.module.is_some_and(|module| module.types.is_empty()) {
            return Vec::new();
        }
        // A module's BTF omits types that equal those of vmlinux.
        let own = |id: &&BtfId| scope.module.is_some_and(|module| module.types.contains(&id.0));
        let of_vmlinux =
            |id: &&BtfId| !self.facts.modules.values().any(|module| module.types.contains(&id.0));
        let mut ids: Vec<BtfId> = all.iter().filter(own).copied().collect();
        if ids.is_empty() {
            ids = all.iter().filter(of_vmlinux).copied().collect();
        }
        ids
    }

    /// The prototype of a function according to BTF.
    pub(super) fn known_signature(
        &self,
        scope: Scope<'_>,
        name: &str,
        importer: &mut Importer<'_>,
    ) -> Known {
        let ids = self.prototypes(scope, name);
        let mut all =
            ids.iter().filter_map(|&id| importer.signature(id)).collect::<Vec<_>>().into_iter();
        match all.next() {
            None => Known::None,
            Some(first) if all.all(|other| importer.types().same_signature(&first, &other)) => {
                Known::One(first)
            }
            Some(_) => Known::Several,
        }
    }

    pub(super) fn written(
        &mut self,
        written: &ast::Prototype,
        importer: &mut Importer<'_>,
    ) -> Option<Signature> {
        let mut params: Vec<Param> = Vec::new();
        let mut names = HashSet::new();
        for (n, param) in written.params.iter().enumerate() {
            let name = param_name(&param.name.value, n);
            if name.len() > MAX_NAME {
                self.report(long_name(param.name.span));
                return None;
            }
            if !names.insert(name.clone()) {
                let message = format!("two parameters are named `{}`", param.name.value);
                self.report(
                    Diagnostic::new(REPEATED_NAME, message)
                        .at(param.name.span, "")
                        .help(rename_one(&param.name.value)),
                );
                return None;
            }
            params.push(Param { name, ty: passed(self.written_type(param.ty, importer)?) });
        }
        let ret = match written.ret {
            Some(code) => passed(self.written_type(code, importer)?),
            None => Type::Void,
        };
        Some(Signature { params, ret, variadic: written.variadic })
    }

    /// A type that the author wrote in Rust.
    pub(super) fn written_type(&mut self, code: Code, importer: &mut Importer<'_>) -> Option<Type> {
        let ty = match parse_type(self.pieces, code) {
            Ok(ty) => ty,
            Err(error) => {
                self.report(error);
                return None;
            }
        };
        match convert(&ty, importer) {
            Ok(Type::Void) => {
                self.report(
                    Diagnostic::new(UNSUPPORTED_TYPE, "`c_void` has no values").at(code.span, "").help(
                        "drop the `->` if the function returns nothing, and otherwise write `*mut c_void`",
                    ),
                );
                None
            }
            Ok(ty) => Some(ty),
            Err(problem) => {
                let span = self.pieces.place(code, problem.span);
                let error = match problem.kind {
                    ProblemKind::Ambiguous(name) => {
                        Diagnostic::new(AMBIGUOUS_CONSTANT, format!("the kernel has several types named `{name}`"))
                            .at(span, "")
                            .note("its source files define the name differently")
                            .help("write `*mut c_void` and cast it in the body to a struct of your own")
                    }
                    ProblemKind::Unknown(name) if self.own_names.contains(&name) => own_type(&name).at(span, ""),
                    ProblemKind::Unknown(name) => Diagnostic::new(NO_SUCH_TYPE, format!("there is no type `{name}`"))
                        .at(span, "")
                        .note("a type here comes from the target's BTF, from Rust (`u32`) or from C (`c_uint`)")
                        .help(self.type_help(&name, "name the struct, union, enum or typedef without its keyword")),
                    ProblemKind::NotC => Diagnostic::new(UNSUPPORTED_TYPE, "this type has no counterpart in C")
                        .at(span, "")
                        .note(TYPES)
                        .help("write integers, pointers as `*mut u8`, arrays as `[u8; 4]`, kernel types or `Option<unsafe extern \"C\" fn(..)>`"),
                };
                self.report(error);
                None
            }
        }
    }
}

/// The error about a function whose prototype neither BTF nor the author gives.
pub(super) fn no_prototype(name: &ast::Name, known: &Known) -> Diagnostic {
    let (message, note) = match known {
        Known::Several => {
            ("BTF has more than one prototype of", "translation units disagree about it")
        }
        Known::None | Known::One(_) => (
            "BTF has no prototype of",
            "the kernel's type information does not cover every function",
        ),
    };
    Diagnostic::new(UNKNOWN_PROTOTYPE, format!("{message} `{}`", name.value))
        .at(name.span, "")
        .note(note)
        .note(TYPES)
        .help(format!("write it: `{}(arg: TYPE, ..) -> TYPE`", name.value))
}

/// The error about a type of the author's where types are the kernel's.
fn own_type(name: &str) -> Diagnostic {
    Diagnostic::new(NO_SUCH_TYPE, format!("`{name}` is a type of the patch, and the types here are the kernel's"))
        .note("a function or variable outside of the patch cannot have a type that only the patch defines")
        .help(format!("write `*mut c_void` for a pointer to it, and in the body `.cast::<{name}>()`"))
}

/// A function's prototypes in BTF.
pub(super) enum Known {
    /// BTF has none.
    None,
    /// One, perhaps repeated.
    One(Signature),
    /// Several different ones.
    Several,
}

struct Problem {
    span: proc_macro2::Span,
    kind: ProblemKind,
}

enum ProblemKind {
    /// C has no such type.
    NotC,
    /// The name is unknown.
    Unknown(String),
    /// The kernel has several types of the name.
    Ambiguous(String),
}

fn convert(ty: &syn::Type, importer: &mut Importer<'_>) -> Result<Type, Problem> {
    use syn::spanned::Spanned as _;
    let no_c_type = Problem { span: ty.span(), kind: ProblemKind::NotC };
    match ty {
        syn::Type::Paren(inner) => convert(&inner.elem, importer),
        syn::Type::Group(inner) => convert(&inner.elem, importer),
        syn::Type::Ptr(pointer) => {
            let constant = pointer.mutability.is_none();
            Ok(Type::Pointer { to: Box::new(convert(&pointer.elem, importer)?), constant })
        }
        syn::Type::Array(array) => {
            let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(len), .. }) = &array.len else {
                return Err(Problem { span: array.len.span(), kind: ProblemKind::NotC });
            };
            let len = len
                .base10_parse()
                .map_err(|_| Problem { span: len.span(), kind: ProblemKind::NotC })?;
            Ok(Type::Array { of: Box::new(convert(&array.elem, importer)?), len })
        }
        syn::Type::Path(path) if path.qself.is_none() => {
            let Some(last) = path.path.segments.last() else { return Err(no_c_type) };
            let name = last.ident.to_string();
            match (&last.arguments, name.as_str()) {
                (syn::PathArguments::AngleBracketed(args), "Option") => match args.args.first() {
                    Some(syn::GenericArgument::Type(syn::Type::BareFn(function))) => {
                        Ok(Type::Function(Box::new(function_type(function, importer)?)))
                    }
                    _ => Err(no_c_type),
                },
                (syn::PathArguments::AngleBracketed(args), "UserPtr") => {
                    match args.args.first().filter(|_| args.args.len() == 1) {
                        Some(syn::GenericArgument::Type(to)) => {
                            Ok(Type::User(Box::new(convert(to, importer)?)))
                        }
                        _ => Err(no_c_type),
                    }
                }
                (syn::PathArguments::None, _) => {
                    let problem = |kind| Err(Problem { span: last.ident.span(), kind });
                    match (c_type(&name), importer.candidates(&name).as_slice()) {
                        (Some(ty), _) => Ok(ty),
                        (None, []) => problem(ProblemKind::Unknown(name)),
                        (None, &[id]) => Ok(importer.ty(id)),
                        (None, _) => problem(ProblemKind::Ambiguous(name)),
                    }
                }
                _ => Err(no_c_type),
            }
        }
        _ => Err(no_c_type),
    }
}

fn function_type(
    function: &syn::TypeBareFn,
    importer: &mut Importer<'_>,
) -> Result<Signature, Problem> {
    let mut params = Vec::new();
    for (n, arg) in function.inputs.iter().enumerate() {
        params.push(Param { name: param_name("", n), ty: passed(convert(&arg.ty, importer)?) });
    }
    let ret = match &function.output {
        syn::ReturnType::Default => Type::Void,
        syn::ReturnType::Type(_, ty) => passed(convert(ty, importer)?),
    };
    Ok(Signature { params, ret, variadic: function.variadic.is_some() })
}

/// A type by its name in Rust, or in C as Rust spells it.
pub(super) fn c_type(name: &str) -> Option<Type> {
    Some(Type::Int(match name {
        "bool" => return Some(Type::Bool),
        "c_void" => return Some(Type::Void),
        "c_char" => CInt::Char,
        "c_schar" | "i8" => CInt::I8,
        "c_uchar" | "u8" => CInt::U8,
        "c_short" | "i16" => CInt::I16,
        "c_ushort" | "u16" => CInt::U16,
        "c_int" => CInt::Int,
        "c_uint" => CInt::UInt,
        "i32" => CInt::I32,
        "u32" => CInt::U32,
        "c_long" => CInt::Long,
        "c_ulong" => CInt::ULong,
        "c_longlong" | "i64" => CInt::I64,
        "c_ulonglong" | "u64" => CInt::U64,
        "i128" => CInt::I128,
        "u128" => CInt::U128,
        "isize" => CInt::ISize,
        "usize" => CInt::USize,
        _ => return None,
    }))
}

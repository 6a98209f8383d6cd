// SPDX-License-Identifier: GPL-2.0
//! What files in C use of the patch's parameters, shadow variables, states and resources.

use super::c::{has_word, is_plain_c};
use super::rust::parse_type;
use super::signatures::c_type;
use super::Resolver;
use kps_ast::{self as ast, Code};
use kps_diag::{Diagnostic, UNSUPPORTED_TYPE};
use kps_facts::Importer;
use kps_plan::{CData, CDatum, CDatumKind, DataFunction, Type};
use std::collections::BTreeSet;

impl Resolver<'_> {
    /// Fills in what each file in C names of the patch's data.
    pub(super) fn data_in_c(&mut self, spec: &ast::Patch, importer: &Importer<'_>) {
        let mut files = std::mem::take(&mut self.c_files);
        for named in &mut files {
            let words = words(self.pieces.c_file(&named.path));
            let file = NamedIn { words, path: &named.path };
            let names = spec.params.iter().map(|param| &param.name.value);
            let params = names.filter(|name| file.words.contains(name.as_str()));
            let params = params.cloned().collect();
            let mut data = Vec::new();
            for shadow in &spec.shadows {
                let parent = match self.own_names.contains(&shadow.parent.value) {
                    // It stands for a type that BTF does not have.
                    true => "void".to_owned(),
                    false => self.kernel_type(&shadow.parent.value, importer).unwrap_or_default(),
                };
                let kind = CDatumKind::Shadow { parent };
                data.extend(self.datum_in_c(&file, &shadow.name, kind, shadow.ty, importer));
            }
            for state in &spec.states {
                let kind = CDatumKind::State;
                data.extend(self.datum_in_c(&file, &state.name, kind, state.ty, importer));
            }
            for resource in &spec.resources {
                let (name, kind) = (&resource.name, CDatumKind::Resource);
                data.extend(self.datum_in_c(&file, name, kind, resource.ty, importer));
            }
            named.data = CData { params, data };
        }
        self.c_files = files;
    }

    /// Whether a file in C that tasks may run the code of uses a datum.
    pub(super) fn is_named_in_c(&self, spec: &ast::Patch, name: &str) -> bool {
        let funcs = spec.objects.iter().flat_map(|object| &object.funcs);
        let files = funcs.filter_map(|func| func.replace_c.as_ref());
        let files = files.chain(spec.c_files.iter().map(|item| &item.file));
        let mut texts = files.filter_map(|file| self.pieces.c_file(&file.value));
        texts.any(|text| has_word(text, &in_c(name, DataFunction::Get)))
    }

    /// A datum, if the text of a file names one of its functions and its type has a name in C.
    fn datum_in_c(
        &mut self,
        file: &NamedIn<'_>,
        name: &ast::Name,
        kind: CDatumKind,
        ty: Code,
        importer: &Importer<'_>,
    ) -> Option<CDatum> {
        let is_named =
            |function: &DataFunction| file.words.contains(&*in_c(&name.value, *function));
        let functions: Vec<_> = kind.functions().iter().copied().filter(is_named).collect();
        let first = functions.first()?;
        // The parser has reported its errors.
        let parsed = parse_type(self.pieces, ty).ok()?;
        let Some(ty) = self.type_in_c(&parsed, importer) else {
            let message = format!("C has no name for the type of `{}`", name.value);
            self.report(
                Diagnostic::new(UNSUPPORTED_TYPE, message)
                    .at(ty.span, "")
                    .note(format!("{} uses `{}`", file.path, in_c(&name.value, *first)))
                    .help("write an integer, an atomic, a type of the kernel, a pointer, or an array of these"),
            );
            return None;
        };
        Some(CDatum { name: name.value.clone(), kind, ty, functions })
    }

    /// What C calls a type that is written in Rust.
    fn type_in_c(&self, ty: &syn::Type, importer: &Importer<'_>) -> Option<String> {
        match ty {
            syn::Type::Paren(inner) => self.type_in_c(&inner.elem, importer),
            syn::Type::Group(inner) => self.type_in_c(&inner.elem, importer),
            syn::Type::Ptr(pointer) => {
                let to = self.type_in_c(&pointer.elem, importer)?;
                let constant = if pointer.mutability.is_none() { " const" } else { "" };
                (!to.contains('[')).then(|| format!("{to}{constant} *"))
            }
            syn::Type::Array(array) => {
                let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(len), .. }) = &array.len
                else {
                    return None;
                };
                let (of, len) = (self.type_in_c(&array.elem, importer)?, len.base10_parse::<u32>());
                (!of.contains('[')).then_some(format!("{of}[{}]", len.ok()?))
            }
            syn::Type::Path(path) if path.qself.is_none() => {
                let last = path.path.segments.last()?;
                let name = last.ident.to_string();
                match &last.arguments {
                    syn::PathArguments::AngleBracketed(args) if name == "AtomicPtr" => {
                        let Some(syn::GenericArgument::Type(to)) = args.args.first() else {
                            return None;
                        };
                        let to = self.type_in_c(to, importer)?;
                        (!to.contains('[')).then(|| format!("{to} *"))
                    }
                    syn::PathArguments::None => self.named_in_c(&name, importer),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn named_in_c(&self, name: &str, importer: &Importer<'_>) -> Option<String> {
        if self.own_names.contains(name) {
            return None;
        }
        if let Some((_, in_c)) = ATOMICS.iter().find(|(in_rust, _)| *in_rust == name) {
            return Some((*in_c).to_owned());
        }
        match c_type(name) {
            Some(Type::Bool) => Some("_Bool".to_owned()),
            Some(Type::Void) => Some("void".to_owned()),
            Some(Type::Int(int)) => Some(int.c_name().to_owned()),
            _ => self.kernel_type(name, importer),
        }
    }

    /// A type of the kernel, with its keyword.
    fn kernel_type(&self, name: &str, importer: &Importer<'_>) -> Option<String> {
        let [id] = importer.candidates(name)[..] else { return None };
        Some(self.facts.btf.c_name(id)).filter(|text| is_plain_c(text))
    }
}

/// The words of a file in C.
struct NamedIn<'t> {
    path: &'t str,
    words: BTreeSet<&'t str>,
}

fn words(text: Option<&str>) -> BTreeSet<&str> {
    let text = text.unwrap_or_default();
    text.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).collect()
}

/// The function in C.
fn in_c(name: &str, function: DataFunction) -> String {
    format!("{name}_{}", function.name())
}

/// Rust's atomics, and types of C with the same layout. Those of the kernel have functions.
const ATOMICS: &[(&str, &str)] = &[
    ("AtomicBool", "_Bool"),
    ("AtomicI8", "signed char"),
    ("AtomicU8", "unsigned char"),
    ("AtomicI16", "short"),
    ("AtomicU16", "unsigned short"),
    ("AtomicI32", "atomic_t"),
    ("AtomicU32", "atomic_t"),
    ("AtomicI64", "atomic64_t"),
    ("AtomicU64", "atomic64_t"),
    ("AtomicIsize", "atomic_long_t"),
    ("AtomicUsize", "atomic_long_t"),
];

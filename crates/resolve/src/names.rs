// SPDX-License-Identifier: GPL-2.0
//! Kernel names that bodies use: declared with `use`, or exported.

use super::bodies::{Fragment, Rust};
use super::read_only::read_only;
use super::signatures::Known;
use super::symbols::Scope;
use super::Resolver;
use super::{data, prelude};
use kps_ast::{self as ast, Code};
use kps_codegen::refs::{Name, Refs, Role};
use kps_diag::{Diagnostic, AMBIGUOUS_CONSTANT, RUST_STRING_TO_C};
use kps_facts::{is_constant, Export, Facts, Importer};
use kps_plan::{
    CInt, Change, Constant, Func, Function, Imports, Link, Object, ObjectName, Type, TypeDef,
};
use std::collections::{BTreeMap, BTreeSet};

impl Resolver<'_> {
    /// The names that bodies and items use without declaring them.
    pub(super) fn used(
        &mut self,
        spec: &ast::Patch,
        rust: &Rust,
        objects: &[Object<Fragment>],
        declared: &BTreeMap<String, BTreeSet<String>>,
        importer: &mut Importer<'_>,
        imports: &mut Imports,
    ) {
        let mut known = rust.defined();
        known.extend(declared.get(ObjectName::IMAGE).into_iter().flatten().cloned());
        known.extend(prelude::names());
        let mut names = Names {
            own: rust.defined(),
            known,
            reported: BTreeSet::new(),
            lenient: rust.has_unknown_names(),
            object: ObjectName::IMAGE.to_owned(),
            around: Around::default(),
            calls_macros: false,
            has_macros: rust.has_macros(),
        };

        for (code, refs) in rust.item_refs() {
            self.names(refs, *code, &mut names, importer, imports);
        }
        for module in rust.module_files() {
            names.lenient = rust.has_unknown_names() || module.has_unknown_names;
            self.names(&module.refs, module.code(), &mut names, importer, imports);
        }
        names.lenient = rust.has_unknown_names();
        for (code, bound) in data::bodies(spec) {
            let bound: Vec<String> = bound.iter().map(|name| name.value.clone()).collect();
            if let Some((body, _)) = rust.body(code) {
                self.names(&body.refs(&bound), code, &mut names, importer, imports);
            }
        }
        for object in objects {
            names.object = object.name.as_str().to_owned();
            let sees =
                object.sees.iter().map(|&n| &objects[n]).chain([object]).map(|o| o.name.as_str());
            let visible: Vec<String> =
                sees.filter_map(|name| declared.get(name)).flatten().cloned().collect();
            for func in &object.funcs {
                let params: Vec<String> =
                    func.signature.params.iter().map(|p| p.name.clone()).collect();
                let has_ret = matches!(func.change, Change::Around { .. })
                    && func.signature.ret != Type::Void;
                names.around = Around::of(rust, func, &params);
                for body in func
                    .change
                    .bodies()
                    .into_iter()
                    .chain(func.frees.iter().map(|free| &free.parent))
                {
                    let mut bound = [params.as_slice(), &visible].concat();
                    bound.extend(has_ret.then(|| "ret".to_owned()));
                    self.body_names(rust, body, &bound, &mut names, importer, imports);
                }
            }
            names.around = Around::default();
            for (_, body) in object.callbacks.each() {
                let bound = [&["obj".to_owned()], visible.as_slice()].concat();
                self.body_names(rust, body, &bound, &mut names, importer, imports);
            }
        }
        self.check_writes(rust, &read_only(imports, objects));
        self.check_arguments(rust, objects);
        imports.functions.sort_by(|a, b| a.name.cmp(&b.name));
        imports.statics.sort_by(|a, b| a.name.cmp(&b.name));
        imports.constants.sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn body_names(
        &mut self,
        rust: &Rust,
        fragment: &Fragment,
        bound: &[String],
        names: &mut Names,
        importer: &mut Importer<'_>,
        imports: &mut Imports,
    ) {
        let code = Code { span: fragment.span };
        if let Some((body, _)) = rust.body(code) {
            self.names(&body.refs(bound), code, names, importer, imports);
        }
    }

    fn names(
        &mut self,
        refs: &Refs,
        code: Code,
        names: &mut Names,
        importer: &mut Importer<'_>,
        imports: &mut Imports,
    ) {
        names.calls_macros = false;
        self.macros_of_c(refs, code, names);
        for name in &refs.names {
            if names.known.contains(&name.name) {
                self.macro_as_function(name, code, names);
                continue;
            }
            let known = self.function_as_value(name, code)
                || self.is_ambiguous(name, code, importer)
                || self.import(name, code, importer, imports);
            if known {
                names.known.insert(name.name.clone());
            } else if name.role != Role::Unclear
                && !names.lenient
                && names.reported.insert(name.name.clone())
            {
                let place = self.pieces.place(code, name.span);
                if !self.missing_type(&names.object, name, place)
                    && !self.missing_use(&names.object, name, place, importer)
                {
                    self.no_such_name(name, place, refs, names);
                }
            }
        }
        // rustc accepts any argument for a variadic C function, and elsewhere its message does not
        // say what to write.
        for string in &refs.string_arguments {
            if imports.functions.iter().any(|function| function.name == string.function) {
                self.report(
                    Diagnostic::new(
                        RUST_STRING_TO_C,
                        format!("`{}` does not take a Rust string", string.function),
                    )
                    .at(self.pieces.place(code, string.span), "")
                    .note("a Rust string has no NUL at its end, and the kernel would read past it")
                    .help(format!(
                        "write `{}`",
                        c_string(&self.pieces.text(self.pieces.place(code, string.span)))
                    )),
                );
            }
        }
    }

    /// Whether a name is ambiguous in the kernel. If the name must be the kernel's, this is
    /// reported.
    fn is_ambiguous(&mut self, name: &Name, code: Code, importer: &Importer<'_>) -> bool {
        let text = &name.name;
        let types = importer.candidates(text).len();
        let values: BTreeSet<i128> =
            self.facts.btf.constants(text).into_iter().map(|(_, v)| v).collect();
        let (count, what, help) = match name.role {
            Role::Type if types > 1 => {
                (types, "types", "use a function whose prototype names the right one")
            }
            Role::Value if types == 0 && values.len() > 1 && !is_constant(text) => (
                values.len(),
                "constants",
                "write the number, with the constant's name in a comment",
            ),
            _ => return false,
        };
        let error = Diagnostic::new(
            AMBIGUOUS_CONSTANT,
            format!("the kernel has {count} {what} named `{text}`"),
        )
        .at(self.pieces.place(code, name.span), "")
        .note("its source files define the name differently");
        let list = values.iter().map(i128::to_string).collect::<Vec<_>>().join(", ");
        let error =
            if what == "constants" { error.note(format!("the values are {list}")) } else { error };
        self.report(error.help(help));
        true
    }

    /// Imports the symbol, type or constant that the kernel offers to every module under this name.
    fn import(
        &mut self,
        name: &Name,
        code: Code,
        importer: &mut Importer<'_>,
        imports: &mut Imports,
    ) -> bool {
        let text = &name.name;
        let is_type = || match name.role {
            Role::Type | Role::Unclear => importer.candidates(text).len() == 1,
            Role::Function | Role::Value => false,
        };
        if is_type() {
            return importer.named(text).is_some();
        }
        if name.role == Role::Type {
            return false;
        }
        let symbols = self.facts.vmlinux.symbols.named(text);
        let export = exported(self.facts, text);
        let export =
            export.filter(|_| symbols.len() == 1 && self.facts.vmlinux.is_function(symbols[0]));
        if let Some(export) = export {
            let scope = Scope::vmlinux(self.facts);
            if let Known::One(signature) = self.known_signature(scope, text, importer) {
                self.check_passing(text, &signature, self.pieces.place(code, name.span), importer);
                let link = Link::Export { namespace: export.namespace.map(str::to_owned) };
                imports.functions.push(Function { name: text.clone(), signature, link });
                return true;
            }
        }
        let place = self.pieces.place(code, name.span);
        if self.inline_of_headers(text, place, importer, imports) {
            return true;
        }
        // In a macro's arguments, a lower-case word is more likely a pattern binding than a
        // constant.
        if name.role == Role::Unclear && text.starts_with(|c: char| c.is_lowercase()) {
            return false;
        }
        let constants = self.facts.btf.constants(text);
        if let Some(&(id, value)) =
            constants.first().filter(|(_, first)| constants.iter().all(|(_, v)| v == first))
        {
            let ty = match importer.ty(id) {
                Type::Int(int) => int,
                Type::Named(id) => match importer.types().get(id) {
                    TypeDef::Enum { int, .. } => *int,
                    _ => CInt::Int,
                },
                _ => CInt::Int,
            };
            imports.constants.push(Constant { name: text.clone(), ty, value });
            return true;
        }
        self.of_headers(text, place, imports)
    }
}

/// A Rust string literal as a C string literal.
fn c_string(literal: &str) -> String {
    const LONGEST: usize = 40;
    let text = literal.strip_prefix('c').unwrap_or(literal);
    let can_be_shown = |c: char| (c == ' ' || c.is_ascii_graphic()) && c != '`';
    let is_plain = text.starts_with('"') && text.len() <= LONGEST && text.chars().all(can_be_shown);
    format!("c{}.as_ptr()", if is_plain { text } else { "\"..\"" })
}

/// The export of a symbol that is available to every module. Exports for particular modules do not
/// count: none of ours is among them.
pub(crate) fn exported<'a>(facts: &'a Facts, name: &str) -> Option<Export<'a>> {
    facts.exports.get(name).filter(Export::is_for_all)
}

pub(super) struct Names {
    /// The names that the author's items define.
    pub(super) own: BTreeSet<String>,
    /// Names that something other than the kernel defines, or that are imported.
    known: BTreeSet<String>,
    pub(super) reported: BTreeSet<String>,
    /// The object whose bodies are being checked.
    object: String,
    /// What the body that is being checked is about.
    pub(super) around: Around,
    /// Names may come from outside the reach of this walk, so missing names are left to rustc.
    lenient: bool,
    /// The body calls macros of C, whose arguments may be anything.
    pub(super) calls_macros: bool,
    /// Macros of the author's may define names.
    pub(super) has_macros: bool,
}

/// What the names of a body may be meant to be.
#[derive(Default)]
pub(super) struct Around {
    /// The function that it changes.
    pub(super) function: String,
    /// That function's parameters.
    pub(super) params: Vec<String>,
    /// The variables of its `pre`, which `post` does not have.
    pub(super) variables_of_pre: BTreeSet<String>,
}

impl Around {
    fn of(rust: &Rust, func: &Func<Fragment>, params: &[String]) -> Around {
        let pre = match &func.change {
            Change::Around { pre: Some(pre), .. } => rust.body(Code { span: pre.span }),
            _ => None,
        };
        Around {
            function: func.old.name.clone(),
            params: params.to_vec(),
            variables_of_pre: pre.map(|(body, _)| body.variables()).unwrap_or_default(),
        }
    }
}

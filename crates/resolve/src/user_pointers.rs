// SPDX-License-Identifier: GPL-2.0
//! Pointers to the memory of programs in functions that a spec changes: which parameters and
//! members they are, and code that takes them for pointers to the kernel's memory.

use super::advice::prototype;
use super::bodies::Rust;
use super::calls::Call;
use super::rust::parse_type;
use super::symbols::Scope;
use super::{Fragment, Resolver};
use crate::advice::Advice;
use kps_ast::{self as ast, Code};
use kps_codegen::refs::{Access, Owner, Refs};
use kps_codegen::rust_type;
use kps_diag::{list, Diagnostic, MAY_BE_USER_POINTER, USER_POINTER_DEREFERENCED, WRONG_PROTOTYPE};
use kps_facts::btf::{BtfId, Kind};
use kps_facts::SyscallArgument;
use kps_plan::{Func, Param, Record, Signature, Type, TypeDef, Types};

/// Why no access is right that the methods of `UserPtr` do not make.
const REFUSED: &str = "the processor refuses direct accesses of the kernel to such memory";

/// The methods of `UserPtr` that may sleep, and the kernel's function that they are.
const COPIES: &[(&str, &str)] =
    &[("read", "copy_from_user"), ("read_str", "strncpy_from_user"), ("write", "copy_to_user")];

impl Resolver<'_> {
    /// The prototype of a function that a spec changes: the parameters that the kernel's headers
    /// declare `__user` are pointers to the memory of a program. An author must say the same.
    pub(super) fn with_user_pointers(
        &mut self,
        spec: &ast::Func,
        signature: Signature,
        types: &Types,
    ) -> Option<Signature> {
        let name = &spec.symbol.name.value;
        let declared = |n: usize| self.facts.user_declarations.has_param(name, n);
        let Some(written) = &spec.prototype else {
            let user = |(n, param): (usize, Param)| match param.ty {
                Type::Pointer { to, .. } if declared(n) => Param { ty: Type::User(to), ..param },
                _ => param,
            };
            let params = signature.params.into_iter().enumerate().map(user).collect();
            return Some(Signature { params, ..signature });
        };
        // The compiler of C ignores the keyword.
        let is_c = spec.replace_c.is_some();
        let wrong = signature.params.iter().enumerate().find_map(|(n, param)| match &param.ty {
            Type::Pointer { to, .. } if declared(n) && !is_c => Some((n, to)),
            _ => None,
        });
        let Some((n, to)) = wrong else { return Some(signature) };
        let param = written.params.get(n)?;
        let param_name = &param.name.value;
        self.report(
            Diagnostic::new(
                WRONG_PROTOTYPE,
                format!("`{param_name}` of `{name}` points to memory of a program"),
            )
            .at(param.ty.span, "")
            .note(format!("the kernel's headers declare it `__user`: {REFUSED}"))
            .help(format!("write `{param_name}: UserPtr<{}>`", rust_type(types, to))),
        );
        None
    }

    /// Checks how the bodies of a function use its pointers to the memory of a program.
    pub(super) fn check_user_pointers(
        &mut self,
        scope: Scope<'_>,
        spec: &ast::Func,
        func: &Func<Fragment>,
        address: u64,
        rust: &Rust,
        types: &Types,
    ) {
        let bodies: Vec<(Code, Refs)> = [spec.replace, spec.pre, spec.post]
            .into_iter()
            .flatten()
            .filter_map(|body| Some((body.code, rust.body(body.code)?.0.refs(&[]))))
            .collect();
        let is_user = |name: &str| {
            let param = func.signature.params.iter().find(|param| param.name == name);
            param.is_some_and(|param| matches!(types.resolve(&param.ty), Type::User(_)))
        };
        for (code, refs) in &bodies {
            for access in &refs.accesses {
                if matches!(&access.of, Owner::Name(name) if is_user(name)) {
                    self.report(self.dereferenced(*code, access));
                }
            }
        }
        if scope.module.is_none() {
            self.warn_of_user_arguments(spec, func, address, &bodies, types);
        }
    }

    /// Warns of parameters that get a pointer of a system call, if bodies use them as pointers to
    /// the kernel's memory.
    fn warn_of_user_arguments(
        &mut self,
        spec: &ast::Func,
        func: &Func<Fragment>,
        address: u64,
        bodies: &[(Code, Refs)],
        types: &Types,
    ) {
        let mut suggested = func.signature.clone();
        let mut found: Vec<(String, &SyscallArgument)> = Vec::new();
        for (n, param) in suggested.params.iter_mut().enumerate() {
            let Type::Pointer { to, .. } = &param.ty else { continue };
            let Some(argument) = self.facts.user_arguments.of(address, n) else { continue };
            if bodies.iter().any(|(_, refs)| uses(refs, &param.name)) {
                found.push((param.name.clone(), argument));
                param.ty = Type::User(to.clone());
            }
        }
        let Some((_, SyscallArgument { call, param })) = found.first() else { return };
        let argument = self.facts.syscalls.get(call).and_then(|all| all.get(*param as usize));
        let argument =
            argument.map_or_else(String::new, |argument| format!("`{}` of ", argument.name));
        let names: Vec<String> = found.iter().map(|(name, _)| name.clone()).collect();
        let name = &spec.symbol.name;
        let prototype = prototype(types, &suggested);
        self.report(
            Diagnostic::new(
                MAY_BE_USER_POINTER,
                format!(
                    "{} of `{}` may point to memory of a program",
                    list(&names, "and"),
                    name.value
                ),
            )
            .at(name.span, "")
            .note(format!("the kernel passes on {argument}the system call `{call}`"))
            .note(REFUSED)
            .help(
                Advice::UserPrototype { name: &name.value, prototype: &prototype }.text(self.form),
            ),
        );
    }

    /// Checks accesses through members that the kernel's headers declare `__user`. A member is
    /// known by its name, so the name must mean nothing else in the patch.
    pub(super) fn check_user_members(&mut self, rust: &Rust, types: &Types) {
        let records: Vec<&Record> = types
            .iter()
            .filter_map(|(_, def)| match def {
                TypeDef::Record(record) => Some(record),
                _ => None,
            })
            .collect();
        let modules = rust.module_files().iter().map(|module| &module.refs);
        let items = rust.item_refs().iter().map(|(_, refs)| refs).chain(modules);
        let is_user = |name: &str| {
            let fields = records.iter().flat_map(|record| &record.fields);
            let mut types = fields.filter(|field| field.name == name).map(|field| &field.ty);
            matches!(types.next(), Some(Type::User(_)))
                && types.all(|ty| matches!(ty, Type::User(_)))
                && !items.clone().any(|refs| refs.words.contains(name))
        };
        for (code, refs) in rust.snippets() {
            for access in &refs.accesses {
                if matches!(&access.of, Owner::Member(name) if is_user(name)) {
                    self.report(self.dereferenced(code, access));
                }
            }
        }
    }

    fn dereferenced(&self, code: Code, access: &Access) -> Diagnostic {
        let (Owner::Name(name) | Owner::Member(name)) = &access.of;
        Diagnostic::new(
            USER_POINTER_DEREFERENCED,
            format!("`{name}` points to memory of a program, and this reads or writes there"),
        )
        .at(self.pieces.place(code, access.span), "")
        .note(format!("`as_ptr()` is for functions with a `__user` parameter: {REFUSED}"))
        .help("copy with `read()`, `read_str(..)` or `write(..)`, which fail if the program has no such memory")
    }

    /// The calls of a body that copy from or to the memory of a program, through a parameter of the
    /// function.
    pub(super) fn copies(
        &self,
        scope: Scope<'_>,
        spec: &ast::Func,
        code: Code,
        rust: &Rust,
    ) -> Vec<Call> {
        let Some((body, _)) = rust.body(code) else { return Vec::new() };
        let methods = body.refs(&[]).methods;
        if methods.is_empty() {
            return Vec::new();
        }
        let names = self.user_parameters(scope, spec);
        let call = |method: kps_codegen::refs::Method| {
            let (_, enters) = COPIES.iter().find(|(name, _)| *name == method.name)?;
            names.contains(&method.of).then(|| Call {
                name: format!("{}.{}", method.of, method.name),
                enters: (*enters).to_owned(),
                span: self.pieces.place(code, method.span),
                code,
            })
        };
        methods.into_iter().filter_map(call).collect()
    }

    /// The parameters of a function that are a `UserPtr`, before its types are known.
    fn user_parameters(&self, scope: Scope<'_>, spec: &ast::Func) -> Vec<String> {
        let name = &spec.symbol.name.value;
        if let Some(written) = &spec.prototype {
            let is_user = |param: &&ast::Param| match parse_type(self.pieces, param.ty) {
                Ok(syn::Type::Path(path)) => {
                    path.path.segments.last().is_some_and(|last| last.ident == "UserPtr")
                }
                _ => false,
            };
            return written.params.iter().filter(is_user).map(|p| p.name.value.clone()).collect();
        }
        let prototype = |id: BtfId| match self.facts.btf.get(id).kind {
            Kind::Function(prototype) => match self.facts.btf.get(prototype).kind {
                Kind::Prototype(prototype) => Some(prototype),
                _ => None,
            },
            _ => None,
        };
        let known = self.prototypes(scope, name).into_iter().find_map(prototype);
        let params = known.into_iter().flat_map(|known| known.params().collect::<Vec<_>>());
        let declared =
            params.enumerate().filter(|(n, _)| self.facts.user_declarations.has_param(name, *n));
        declared.map(|(n, (param, _))| kps_facts::param_name(param, n)).collect()
    }
}

/// Whether code uses a parameter for more than to call the old function with it, or to compare it
/// with NULL.
fn uses(refs: &Refs, param: &str) -> bool {
    let used = refs.names.iter().filter(|name| name.name == param).count();
    let passed_on = refs.passed_on.iter().filter(|name| *name == param).count();
    let is_null =
        |method: &&kps_codegen::refs::Method| method.of == param && method.name == "is_null";
    used > passed_on + refs.methods.iter().filter(is_null).count()
}

// SPDX-License-Identifier: GPL-2.0
//! System calls, by the names that programs use.

use super::bodies::{Fragment, Rust};
use super::c_text::system_call::{definitions, macro_of, Definition};
use super::signatures::c_type;
use super::symbols::{near, Scope};
use super::Resolver;
use crate::advice::Advice;
use crate::propose::TYPES;
use kps_ast::{self as ast, Code};
use kps_codegen::rust_type;
use kps_diag::{
    Diagnostic, RUSTC_ERROR, UNKNOWN_PROTOTYPE, UNSUPPORTED_TYPE, WRONG_FUNCTION_IN_FILE,
    WRONG_PROTOTYPE,
};
use kps_facts::{param_name, passed, Importer, SyscallParam};
use kps_plan::{
    Arch, CInt, Change, Convention, Location, Object, Param, Passing, Signature, Type, Types,
};

/// The struct and its members that carry the arguments.
pub(super) fn members(arch: &Arch) -> (&'static str, &'static [&'static str]) {
    ("pt_regs", arch.syscalls.members)
}

/// A system call that a spec changes.
pub(super) struct Syscall<'s> {
    /// Its name, without `sys_`.
    pub(super) name: &'s str,
    /// The function through which it is entered.
    pub(super) entry: ast::Symbol,
}

impl Resolver<'_> {
    /// Reports writes to the arguments of a system call in a hook that has no copy of the caller's
    /// registers.
    pub(super) fn check_arguments(&mut self, rust: &Rust, objects: &[Object<Fragment>]) {
        for func in objects.iter().flat_map(|object| &object.funcs) {
            let (Convention::Syscall { .. }, Change::Pre(Some(pre))) =
                (func.convention, &func.change)
            else {
                continue;
            };
            let code = Code { span: pre.span };
            let refs = rust.body(code).map(|(body, _)| body.refs(&[]));
            for write in refs.into_iter().flat_map(|refs| refs.writes) {
                if !func.signature.params.iter().any(|param| param.name == write.name) {
                    continue;
                }
                self.report(
                    Diagnostic::new(
                        RUSTC_ERROR,
                        format!("a `pre` alone cannot change `{}`", write.name),
                    )
                    .at(self.pieces.place(code, write.span), "")
                    .note("it sees the registers of the system call's caller, and has no copy of them to change")
                    .help("add an empty `post`: the old system call then gets a copy, with the change"),
                );
            }
        }
    }

    /// The system call that `sys_NAME` means. A function whose real name is `sys_NAME` takes
    /// precedence.
    pub(super) fn syscall<'s>(
        &self,
        scope: Scope<'_>,
        symbol: &'s ast::Symbol,
    ) -> Option<Syscall<'s>> {
        let name = symbol.name.value.strip_prefix("sys_").filter(|_| scope.module.is_none())?;
        let has = |name: &str| !scope.object.symbols.named(name).is_empty();
        let entry = format!("{}{name}", self.facts.arch().syscalls.entry);
        if has(&symbol.name.value) || !has(&entry) {
            return None;
        }
        let entry = ast::Name { value: entry, span: symbol.name.span };
        Some(Syscall {
            name,
            entry: ast::Symbol { name: entry, position: symbol.position.clone() },
        })
    }

    /// System calls that the author may have meant.
    pub(super) fn near_syscalls(&self, name: &str) -> Vec<String> {
        if !name.starts_with("sys_") {
            return Vec::new();
        }
        let all: Vec<String> =
            self.facts.syscalls.keys().map(|call| format!("sys_{call}")).collect();
        near(name, all.iter().map(String::as_str))
    }

    /// The prototype of a system call: from the kernel, or from the author.
    pub(super) fn syscall_signature(
        &mut self,
        call: &Syscall<'_>,
        spec: &ast::Func,
        importer: &mut Importer<'_>,
    ) -> Option<Signature> {
        let name = &spec.symbol.name;
        let known = self.facts.syscalls.get(call.name).map(Vec::as_slice);
        let in_c = match &spec.replace_c {
            Some(file) => Some(self.definition_in_c(call, file, known, importer)?),
            None => None,
        };
        let Some(written) = &spec.prototype else {
            return self.unwritten(name, known, in_c.as_ref(), importer);
        };
        let signature = self.written(written, importer)?;
        let differs = |known: &&[SyscallParam]| {
            let differs = |(known, written): (&SyscallParam, &Param)| {
                let known = c_text(&known.ty, importer);
                !is_alike(importer.types(), &known, &written.ty)
            };
            known.len() != signature.params.len()
                || known.iter().zip(&signature.params).any(differs)
        };
        if let Some(known) = known.filter(differs) {
            let params: Vec<String> =
                known.iter().map(|param| format!("{} {}", param.ty, param.name)).collect();
            self.report(
                Diagnostic::new(
                    WRONG_PROTOTYPE,
                    format!("`{}` has a different prototype", name.value),
                )
                .at(written.span, "")
                .note(format!("it takes `{}`", params.join(", ")))
                .help(Advice::SyscallPrototype.text(self.form)),
            );
            return None;
        }
        if let Some(error) = kernel_pointer(name, written, &signature, importer.types()) {
            self.report(error);
            return None;
        }
        let types = importer.types();
        let in_registers = |Passing { places, .. }: Passing| {
            places.iter().all(|place| matches!(place, Location::Registers(_)))
        };
        let records = signature.params.iter().any(|param| types.is_record(&param.ty));
        let returns = types.same(&signature.ret, &RESULT);
        if signature.variadic
            || records
            || !returns
            || !types.passing(&signature).is_ok_and(in_registers)
        {
            self.report(
                Diagnostic::new(UNSUPPORTED_TYPE, "no system call has such a prototype")
                    .at(written.span, "")
                    .help("write at most six integers and pointers, and return a `c_long`"),
            );
            return None;
        }
        Some(signature)
    }
}

impl Resolver<'_> {
    /// The prototype of a system call: from the kernel, or from the definition in a C file.
    fn unwritten(
        &mut self,
        name: &ast::Name,
        known: Option<&[SyscallParam]>,
        in_c: Option<&Definition>,
        importer: &mut Importer<'_>,
    ) -> Option<Signature> {
        let params: Vec<(&str, &str)> = match (known, in_c) {
            (Some(known), _) => known.iter().map(|param| (&*param.name, &*param.ty)).collect(),
            (None, Some(definition)) => definition.types.iter().map(|ty| ("", &**ty)).collect(),
            (None, None) => {
                self.report(
                    Diagnostic::new(
                        UNKNOWN_PROTOTYPE,
                        format!("the parameters of `{}` are not known", name.value),
                    )
                    .at(name.span, "")
                    .note(
                        "the kernel records them for tracing, with CONFIG_FTRACE_SYSCALLS and not for every call",
                    )
                    .note(TYPES)
                    .help(format!("write the prototype: `{}(arg: TYPE, ..) -> c_long`", name.value)),
                );
                return None;
            }
        };
        let param = |(n, (name, ty)): (usize, (&str, &str))| Param {
            name: param_name(name, n),
            ty: passed(c_text(ty, importer)),
        };
        let params = params.into_iter().enumerate().map(param).collect();
        Some(Signature { params, ret: RESULT, variadic: false })
    }

    /// The definition of a system call in a C file, whose arguments are those that the kernel
    /// knows, if it knows any.
    fn definition_in_c(
        &mut self,
        call: &Syscall<'_>,
        file: &ast::Text,
        known: Option<&[SyscallParam]>,
        importer: &mut Importer<'_>,
    ) -> Option<Definition> {
        // The error about a file that cannot be read has been reported.
        let text = self.pieces.c_file(&file.value)?;
        let all = definitions(text, call.name, false);
        let count = known.map(<[_]>::len);
        let wanted = macro_of(false, count);
        let Some(first) = all.first() else {
            let message = format!("{} does not define the system call `{}`", file.value, call.name);
            self.report(
                Diagnostic::new(WRONG_FUNCTION_IN_FILE, message)
                    .at(file.span, "")
                    .note("the macro of the kernel's source takes the arguments from the registers of the caller")
                    .help(format!("write `{wanted}({}, ..) {{ .. }}` there", call.name)),
            );
            return None;
        };
        let Some(known) = known else { return all.into_iter().next() };
        let mut differs = |definition: &Definition| {
            let mut differs = |(known, written): (&SyscallParam, &String)| {
                let both = (known_c_text(&known.ty, importer), known_c_text(written, importer));
                matches!(both, (Some(a), Some(b)) if !is_alike(importer.types(), &a, &b))
            };
            let count = definition.types.len();
            definition.name != wanted
                || count != known.len()
                || known.iter().zip(&definition.types).any(&mut differs)
        };
        if let Some(n) = all.iter().position(|definition| !differs(definition)) {
            return all.into_iter().nth(n);
        }
        let params = known.iter().map(|param| format!(", {}, {}", param.ty, param.name));
        let params = params.collect::<Vec<_>>().concat();
        let message = format!("{} defines `{}` with other arguments", file.value, call.name);
        self.report(
            Diagnostic::new(WRONG_PROTOTYPE, message)
                .at(file.span, "")
                .note(format!("it is `{}` with the types `{}`", first.name, first.types.join(", ")))
                .help(format!("write `{wanted}({}{params})`", call.name)),
        );
        None
    }
}

/// The error about a prototype in which an argument points to the kernel's memory: a system call
/// gets its arguments from a program.
fn kernel_pointer(
    name: &ast::Name,
    written: &ast::Prototype,
    signature: &Signature,
    types: &Types,
) -> Option<Diagnostic> {
    let to = signature.params.iter().find_map(|param| match &param.ty {
        Type::Pointer { to, .. } => Some(rust_type(types, to)),
        _ => None,
    })?;
    let message = format!("`{}` gets pointers to memory of the program", name.value);
    let error = Diagnostic::new(WRONG_PROTOTYPE, message)
        .at(written.span, "")
        .note("the processor refuses direct accesses of the kernel to it")
        .help(format!("write `UserPtr<{to}>`"));
    Some(error)
}

/// Whether one register can hold both: integers of the same size and sign, or other types of the
/// same size.
fn is_alike(types: &Types, a: &Type, b: &Type) -> bool {
    match (types.resolve(a), types.resolve(b)) {
        (Type::Int(a), Type::Int(b)) => (a.size(), a.signed()) == (b.size(), b.signed()),
        (a, b) => types.size(a) == types.size(b),
    }
}

/// The type that every system call returns.
const RESULT: Type = Type::Int(CInt::Long);

/// A type in the notation of the kernel's source: words, then stars, with qualifiers anywhere. What
/// a system call gets a pointer to is memory of the program. A pointer to a type that BTF does not
/// know becomes a pointer to `void`.
fn c_text(text: &str, importer: &mut Importer<'_>) -> Type {
    known_c_text(text, importer).unwrap_or(RESULT)
}

/// The same, if the type is known.
fn known_c_text(text: &str, importer: &mut Importer<'_>) -> Option<Type> {
    let spaced = text.replace('*', " * ");
    let (mut words, mut ty) = (Vec::new(), None);
    for word in spaced.split_whitespace() {
        match word {
            "const" | "volatile" | "__user" | "__force" | "__restrict" | "restrict" => {}
            "*" => {
                let to = ty.unwrap_or_else(|| c_words(&words, importer).unwrap_or(Type::Void));
                ty = Some(Type::User(Box::new(to)));
            }
            word => words.push(word),
        }
    }
    ty.or_else(|| c_words(&words, importer))
}

/// `struct NAME`, an integer of C, or the name of a type.
fn c_words(words: &[&str], importer: &mut Importer<'_>) -> Option<Type> {
    if let ["struct" | "union" | "enum", name] | [name] = words {
        let builtin = match *name {
            "char" => Some("c_char"),
            "short" => Some("c_short"),
            "int" | "signed" => Some("c_int"),
            "long" => Some("c_long"),
            "unsigned" => Some("c_uint"),
            "void" => return None,
            _ => None,
        };
        if let Some(builtin) = builtin {
            return c_type(builtin);
        }
        return match importer.candidates(name).as_slice() {
            [_] => importer.named(name),
            _ => None,
        };
    }
    let unsigned = words.contains(&"unsigned");
    let longs = words.iter().filter(|word| **word == "long").count();
    let plain = |word: &&str| ["unsigned", "signed", "long", "short", "char", "int"].contains(word);
    if !words.iter().all(plain) {
        return None;
    }
    let name = match (words.contains(&"char"), words.contains(&"short"), longs, unsigned) {
        (true, _, _, true) => "c_uchar",
        (true, _, _, false) => "c_schar",
        (_, true, _, true) => "c_ushort",
        (_, true, _, false) => "c_short",
        (_, _, 0, true) => "c_uint",
        (_, _, 0, false) => "c_int",
        (_, _, 1, true) => "c_ulong",
        (_, _, 1, false) => "c_long",
        (_, _, _, true) => "c_ulonglong",
        (_, _, _, false) => "c_longlong",
    };
    c_type(name)
}

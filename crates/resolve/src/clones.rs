// SPDX-License-Identifier: GPL-2.0
//! Clones: functions that the compiler derived from another one for some of its callers. They take
//! other arguments than the source says, in an order that the compiler chose, and BTF leaves them
//! out. Debug information tells the arguments of many, and the author may tell those of the rest.

use super::bodies::{Fragment, Rust};
use super::symbols::Scope;
use super::Resolver;
use crate::advice::{self, Advice};
use kps_ast as ast;
use kps_diag::{Diagnostic, CLONE_ARGUMENTS, MISPLACED_ARGUMENTS, WRONG_PROTOTYPE};
use kps_facts::{
    is_clone, may_take_members, param_name, CloneArguments, Importer, Place, Unexplained,
};
use kps_plan::{Change, Location, Param, Signature, Type, TypeDef, Types};

/// The prototype of a clone, according to debug information.
struct Known {
    signature: Signature,
    /// Whether the clone is known to return the result of the source.
    returns: bool,
}

/// Where an author says where the prototype of a clone comes from.
#[derive(Clone, Copy)]
pub(super) enum Told<'a> {
    /// In `arguments ".."` of a changed function, if it has that.
    Clause(Option<&'a ast::Text>),
    /// Nowhere: a line that declares a function has no place for it.
    Nowhere,
}

impl Resolver<'_> {
    /// Whether a function is a clone without a prototype in BTF.
    pub(super) fn is_unknown_clone(&self, name: &str) -> bool {
        is_clone(name) && self.facts.btf.functions(name).is_empty()
    }

    /// The prototype of a clone: that of debug information, with which the author's must agree, or
    /// the author's alone, with a text that says where it comes from.
    pub(super) fn clone_prototype(
        &mut self,
        scope: Scope<'_>,
        symbol: &ast::Symbol,
        written: Option<&ast::Prototype>,
        told: Told<'_>,
        importer: &mut Importer<'_>,
    ) -> Option<Signature> {
        let name = &symbol.name;
        let known = self.known_clone(scope, symbol, importer);
        let signature = match written {
            Some(written) => Some(self.written(written, importer)?),
            None => None,
        };
        match (signature, known, told) {
            // The arguments stay where they are; `check_clone` refuses what would move them.
            (Some(signature), _, Told::Clause(None)) if signature.params.is_empty() => {
                Some(signature)
            }
            (Some(signature), Some(Ok(known)), _) => {
                if known.agrees(&signature, importer.types()) {
                    return Some(signature);
                }
                self.report(self.other_arguments(name, written, &known, importer.types()));
                None
            }
            (None, Some(Ok(known)), _) => Some(known.signature),
            // `check_told` has reported that the prototype is missing.
            (None, _, Told::Clause(Some(_))) => None,
            (Some(signature), _, Told::Clause(Some(_))) => {
                self.compare(scope, symbol, &signature, written, importer).then_some(signature)
            }
            (_, known, _) => {
                self.report(self.unknown_arguments(name, known.and_then(Result::err), told));
                None
            }
        }
    }

    /// What debug information says of a clone.
    fn clone_arguments(&self, scope: Scope<'_>, symbol: &ast::Symbol) -> Option<&CloneArguments> {
        let debug = self.facts.debug.as_ref().filter(|_| scope.module.is_none())?;
        let all = scope.object.symbols.named(&symbol.name.value);
        let position = symbol.position.as_ref().map_or(1, |position| position.value);
        let sym = all.get((position as usize).checked_sub(1)?)?;
        debug.clone_at(sym.address)
    }

    /// The prototype of a clone from debug information, or why that does not tell.
    fn known_clone(
        &self,
        scope: Scope<'_>,
        symbol: &ast::Symbol,
        importer: &mut Importer<'_>,
    ) -> Option<Result<Known, String>> {
        let arguments = self.clone_arguments(scope, symbol)?;
        let passed = match arguments.passed() {
            Ok(passed) => passed,
            Err(Unexplained::Elsewhere(param)) => {
                return Some(Err(format!(
                    "according to debug information, `{param}` is in no register of its own"
                )));
            }
            Err(Unexplained::Register(n)) => {
                return Some(Err(format!(
                    "debug information names nothing for argument {}, which the clone may take",
                    n + 1
                )));
            }
        };
        let mut params = Vec::new();
        for (n, param) in passed.into_iter().enumerate() {
            let ty = importer.debug_type(&param.ty);
            // Of a struct that is passed by value, a clone may get a part.
            let is_whole = |ty: &Type| {
                !may_take_members(&symbol.name.value) || !is_record(ty, importer.types())
            };
            let Some(ty) = ty.filter(is_whole) else {
                let name = &param.name;
                return Some(Err(format!("BTF does not tell how the clone gets `{name}`")));
            };
            params.push(Param { name: param_name(&param.name, n), ty });
        }
        let ret = match &arguments.ret {
            None => Type::Void,
            Some(ty) => match importer.debug_type(ty) {
                Some(ty) => ty,
                None => return Some(Err("BTF does not tell how it returns its result".to_owned())),
            },
        };
        let signature = Signature { params, ret, variadic: false };
        Some(Ok(Known { signature, returns: arguments.returns }))
    }

    /// The error about a prototype that contradicts debug information.
    fn other_arguments(
        &self,
        name: &ast::Name,
        written: Option<&ast::Prototype>,
        known: &Known,
        types: &Types,
    ) -> Diagnostic {
        let prototype = advice::prototype(types, &known.signature);
        Diagnostic::new(
            WRONG_PROTOTYPE,
            format!("the clone `{}` has a different prototype", name.value),
        )
        .at(written.map_or(name.span, |written| written.span), "")
        .note(format!("according to debug information it is `{prototype}`"))
        .help(Advice::Prototype(&prototype).text(self.form))
    }

    /// Compares the author's prototype of a clone with what is known of parts of it.
    fn compare(
        &mut self,
        scope: Scope<'_>,
        symbol: &ast::Symbol,
        signature: &Signature,
        written: Option<&ast::Prototype>,
        importer: &mut Importer<'_>,
    ) -> bool {
        let Some(problem) = self.contradiction(scope, symbol, signature, importer) else {
            return true;
        };
        let name = &symbol.name;
        let message = format!("`{}` cannot have this prototype", name.value);
        self.report(
            Diagnostic::new(WRONG_PROTOTYPE, message)
                .at(written.map_or(name.span, |written| written.span), "")
                .note(problem)
                .help("compare it with the clone's code: `objdump -d` of the target's vmlinux"),
        );
        false
    }

    /// What contradicts a prototype: a parameter that debug information has in a register, or, for
    /// a clone that only lacks constants, the number of parameters in the source.
    fn contradiction(
        &self,
        scope: Scope<'_>,
        symbol: &ast::Symbol,
        signature: &Signature,
        importer: &mut Importer<'_>,
    ) -> Option<String> {
        let places = importer.types().passing(signature).ok()?.places;
        let at = |register: usize| {
            places.iter().position(|place| *place == Location::Registers(register..register + 1))
        };
        let params = self.clone_arguments(scope, symbol).map_or(&[][..], |known| &known.params);
        for param in params {
            let Place::Register(register) = param.place else { continue };
            let known = importer.debug_type(&param.ty);
            let written = at(register as usize).and_then(|n| signature.params.get(n));
            let agrees = |known: &Type| {
                written.is_some_and(|written| same(known, &written.ty, importer.types()))
            };
            if known.as_ref().is_some_and(|known| !agrees(known)) {
                let (name, n) = (&param.name, register + 1);
                return Some(format!(
                    "according to debug information, argument {n} is the source's `{name}`"
                ));
            }
        }
        let origin = origin(&symbol.name.value);
        let ids = self.prototypes(scope, origin);
        let most = ids.iter().filter_map(|&id| importer.signature(id)).map(|all| all.params.len());
        let most = most.max().filter(|_| !may_take_members(&symbol.name.value))?;
        (signature.params.len() > most).then(|| {
            let parameters = if most == 1 { "parameter" } else { "parameters" };
            format!("`{origin}` has {most} {parameters}, and a clone of it has no more")
        })
    }

    /// Checks the text in which an author says where a clone's prototype comes from.
    pub(super) fn check_told(&mut self, spec: &ast::Func) {
        let Some(told) = &spec.arguments else { return };
        let name = &spec.symbol.name.value;
        self.text(told);
        let error =
            |message: String| Diagnostic::new(MISPLACED_ARGUMENTS, message).at(told.span, "");
        let problem = if !self.is_unknown_clone(name) {
            error(format!("`{name}` is no clone"))
                .note("the kernel's type information has the prototype of other functions")
                .help("drop the clause")
        } else if told.value.trim().is_empty() {
            error("the clause says nothing".to_owned()).help(Advice::LookedAt.text(self.form))
        } else if spec.prototype.is_none() {
            error(format!("`{name}` has no prototype that the clause could speak of")).help(
                format!(
                "write the one that you found, `{name}(arg: TYPE, ..) -> TYPE`, or drop the clause"
            ),
            )
        } else if !self.names_this_kernel {
            let version = crate::metadata::version_of(&self.facts.identity.release);
            error(format!("these arguments of `{name}` hold for one kernel only"))
                .note("another build may have another clone of this name, and nothing would tell")
                .help(Advice::OneKernel(&version).text(self.form))
        } else {
            return;
        };
        self.report(problem);
    }

    /// The error about a clone whose arguments a prototype names, or a change passes on. `why` is
    /// what debug information says.
    fn unknown_arguments(
        &self,
        name: &ast::Name,
        why: Option<String>,
        told: Told<'_>,
    ) -> Diagnostic {
        let clone = &name.value;
        let of = origin(clone);
        let has_debug = self.facts.debug.is_some();
        let error =
            Diagnostic::new(CLONE_ARGUMENTS, format!("the arguments of `{clone}` are not known"))
                .at(name.span, "")
                .note(format!(
                    "the compiler made it from `{of}` for some callers, and changed the arguments: the prototype in the source is not its own"
                ));
        let error = match why {
            Some(why) => error.note(why),
            None if !has_debug => {
                error.note("for vmlinux, debug information tells more: `kpsc kernel add --debug`")
            }
            None => error,
        };
        let error = error.note("a `pre` hook alone leaves the arguments as they are");
        match told {
            Told::Clause(_) => error.help(Advice::Arguments(clone).text(self.form)),
            Told::Nowhere => error.help(format!("call `{of}`, or what the clone calls")),
        }
    }

    /// Reports a change that would pass on the arguments of a clone, which its prototype does not
    /// name, and a `post` hook that reads a result that may not be there.
    pub(super) fn check_clone(
        &mut self,
        scope: Scope<'_>,
        spec: &ast::Func,
        change: &Change<Fragment>,
        signature: &Signature,
        rust: &Rust,
        importer: &mut Importer<'_>,
    ) {
        let name = &spec.symbol.name;
        if !self.is_unknown_clone(&name.value) || spec.arguments.is_some() {
            return;
        }
        let passes_on = match change {
            Change::Replace { calls_original, .. } | Change::C { calls_original, .. } => {
                *calls_original
            }
            Change::Around { .. } => true,
            Change::Pre(_) => false,
        };
        match self.known_clone(scope, &spec.symbol, importer) {
            Some(Ok(known)) if known.signature.params.len() == signature.params.len() => {
                let reads_result = spec.post.filter(|post| {
                    let body = rust.body(post.code);
                    body.is_some_and(|(body, _)| {
                        body.refs(&[]).names.iter().any(|name| name.name == "ret")
                    })
                });
                if let Some(post) = reads_result.filter(|_| !known.returns) {
                    self.report(self.unknown_result(name, post.word));
                }
            }
            Some(Ok(known)) if passes_on => {
                let error =
                    self.other_arguments(name, spec.prototype.as_ref(), &known, importer.types());
                self.report(error);
            }
            known if passes_on => {
                self.report(self.unknown_arguments(
                    name,
                    known.and_then(Result::err),
                    Told::Clause(None),
                ));
            }
            _ => {}
        }
    }

    fn unknown_result(&self, name: &ast::Name, post: ast::Span) -> Diagnostic {
        let clone = &name.value;
        let message = format!("the result of `{clone}` is not known");
        Diagnostic::new(CLONE_ARGUMENTS, message)
            .at(post, "it uses `ret`")
            .note("no caller is known to take it, and the compiler drops such a result: `ret` may be anything")
            .help("leave `ret` alone, or change the functions that call it")
    }
}

impl Known {
    /// Whether an author's prototype agrees.
    fn agrees(&self, written: &Signature, types: &Types) -> bool {
        let known = &self.signature;
        let drops_result = written.ret == Type::Void && !self.returns;
        known.params.len() == written.params.len()
            && !written.variadic
            && known.params.iter().zip(&written.params).all(|(a, b)| same(&a.ty, &b.ty, types))
            && (drops_result || same(&known.ret, &written.ret, types))
    }
}

/// Whether a type of debug information is the author's. A pointer to something that BTF cannot name
/// may be any pointer.
fn same(known: &Type, written: &Type, types: &Types) -> bool {
    let is_open = matches!(known, Type::Pointer { to, .. } if **to == Type::Void);
    let is_pointer =
        matches!(types.resolve(written), Type::Pointer { .. } | Type::User(_) | Type::Function(_));
    is_open && is_pointer || types.same(known, written)
}

fn is_record(ty: &Type, types: &Types) -> bool {
    match types.resolve(ty) {
        Type::Named(id) => matches!(types.get(*id), TypeDef::Record(_)),
        _ => false,
    }
}

/// The name of the function that a clone was derived from.
fn origin(clone: &str) -> &str {
    clone.split('.').next().unwrap_or_default()
}

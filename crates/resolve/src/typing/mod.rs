// SPDX-License-Identifier: GPL-2.0
//! Types in bodies: members that a struct does not have, and values of other types than C's
//! prototypes and Rust's operators take.
//!
//! rustc finds all of this, but only in a build, and in the words of Rust. Here the types are those
//! that the plan knows: of parameters, results, members, and the kernel's functions and variables.
//! Whatever is not known is left to rustc.

mod calls;
mod faults;
mod formats;
mod infer;
mod operators;
mod repairs;
mod statements;
mod ty;

use super::bodies::{Fragment, Rust};
use super::rust::is_conditional;
use super::Resolver;
use crate::advice::prototype;
use infer::Infer;
use kps_ast::{self as ast, Code};
use kps_plan::{Callback, Change, Func, Imports, Object, Signature, TypeId, Types};
use quote::ToTokens as _;
use std::collections::{BTreeSet, HashMap};
use syn::spanned::Spanned as _;
use syn::{Expr, Item};
use ty::Ty;

/// What the bodies of an object have in scope.
struct Context<'a> {
    types: &'a Types,
    /// The kernel's types by their names.
    kernel: HashMap<&'a str, Ty>,
    /// The kernel's functions that bodies call.
    functions: HashMap<&'a str, &'a Signature>,
    /// The author's functions.
    own: HashMap<String, Prototype>,
    /// All names that the author's items define.
    own_names: BTreeSet<String>,
    /// Variables and constants, of the kernel and of the author.
    values: HashMap<String, Ty>,
    /// Whether names may come from elsewhere, by glob imports and macros.
    has_other_names: bool,
}

/// What a function takes and returns.
#[derive(Clone)]
struct Prototype {
    params: Vec<Ty>,
    ret: Ty,
    variadic: bool,
    /// It as Rust, for a message: `(m: *mut seq_file) -> c_int`.
    text: String,
}

impl Prototype {
    fn of(types: &Types, signature: &Signature) -> Prototype {
        Prototype {
            params: signature.params.iter().map(|param| Ty::of(types, &param.ty)).collect(),
            ret: Ty::returned(types, &signature.ret),
            variadic: signature.variadic,
            text: prototype(types, signature),
        }
    }

    /// That of one of the author's functions.
    fn written(signature: &syn::Signature, kernel: &HashMap<&str, Ty>) -> Prototype {
        let params = signature.inputs.iter().map(|param| match param {
            syn::FnArg::Typed(param) => Ty::written(&param.ty, kernel),
            syn::FnArg::Receiver(_) => Ty::Unknown,
        });
        let ret = match &signature.output {
            syn::ReturnType::Default => Ty::Unit,
            syn::ReturnType::Type(_, ty) => Ty::written(ty, kernel),
        };
        let names = signature.inputs.iter().map(|param| parameter_name(param).unwrap_or_default());
        let text = format!("({})", names.collect::<Vec<_>>().join(", "));
        Prototype { params: params.collect(), ret, variadic: false, text }
    }
}

/// Something in a body that rustc would refuse.
struct Fault {
    at: proc_macro2::Span,
    kind: Kind,
}

/// What is wrong.
enum Kind {
    /// A member that a struct or union does not have.
    NoMember { record: TypeId, member: String },
    /// A bitfield, used as a place.
    Bitfield { part: Part, member: String },
    /// A pointer where C does more with one than Rust.
    Pointer { part: Part, misuse: Misuse },
    /// A member of what a `void *` points to.
    MemberOfVoid { member: String },
    /// A member that holds a function, called like a method.
    CalledMember { part: Part, member: String },
    /// `*` in front of what is no pointer.
    NoPointer { part: Part, found: Ty },
    /// Two integers of different types around an operator.
    OtherIntegers { part: Part, found: &'static str, wanted: &'static str, is_left: bool },
    /// A struct that is compared with a number.
    RecordAsNumber { part: Part, record: TypeId },
    /// C's notation that Rust reads otherwise.
    Notation(Notation),
    /// Another number of arguments than a prototype has.
    Arguments { function: String, wanted: usize, given: usize, prototype: String },
    /// A value of a struct that leaves out members.
    WithoutRest { record: TypeId },
    /// A body or a `return` without the function's result.
    NoResult { wanted: Ty },
    /// A value of another type than its place.
    Value { part: Part, found: Ty, wanted: Ty, place: Place },
}

/// C's notation that Rust reads otherwise.
enum Notation {
    /// `if x = 1`.
    AssignedInCondition { left: Part, right: Part },
    /// `TYPE *name = value`, which Rust takes for a product.
    Declaration { ty: Part, name: Part },
    /// A number with a leading zero, which C takes for an octal one.
    Octal { digits: String },
    /// A number with a suffix of C's.
    Suffix { digits: String, suffix: String },
    /// A pattern that looks like a constant, and is a new variable.
    NewName { name: String },
    /// A message with `%d`, and what it is in Rust.
    Conversions { text: String },
    /// A message with another number of placeholders than of arguments.
    Placeholders { placeholders: usize, arguments: usize },
    /// `(u32)(x)`, which Rust takes for a call.
    Cast { ty: Part },
    /// A member that holds a function, compared with a null pointer.
    NoFunction { part: Part, is_equal: bool },
    /// Another value for a variable that keeps its first one.
    Constant { name: String },
}

/// What C does with a pointer, and Rust does not.
enum Misuse {
    /// `p.member`, or `p->member` without its arrow.
    Member { member: String, is_referred: bool },
    /// `!p`.
    Negated,
    /// `if let Some(q) = p`.
    Matched,
    /// A comparison with a number, which may be meant for what it points to.
    AsNumber { number: Part, is_equal: bool, to_number: bool },
    /// `p + n`: the method that does it.
    Arithmetic { other: Part, method: &'static str, assigns: bool, is_size: bool },
    /// `p[n]`.
    Index(Part),
}

/// What takes a value.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    /// The end of a body.
    End,
    /// `return`.
    Result,
    Condition,
    Declared,
    Assigned,
    Operand,
    Index,
    Member(String),
    /// The `n`th argument of a function, from 0.
    Argument {
        function: String,
        n: usize,
    },
}

/// A part of an expression, which a message may repeat.
struct Part {
    span: proc_macro2::Span,
    /// Whether it is one token. In a macro, the span of several may be that of the first.
    is_one_token: bool,
    /// Whether a method or a cast behind it applies to all of it.
    is_tight: bool,
    /// Whether it has an address.
    is_place: bool,
}

impl Part {
    fn of(expr: &Expr) -> Part {
        let is_tight = !matches!(
            expr,
            Expr::Binary(_)
                | Expr::Unary(_)
                | Expr::Cast(_)
                | Expr::Reference(_)
                | Expr::RawAddr(_)
                | Expr::Closure(_)
        );
        let is_deref = |unary: &syn::ExprUnary| matches!(unary.op, syn::UnOp::Deref(_));
        let is_place = match expr {
            Expr::Path(_) | Expr::Field(_) | Expr::Index(_) => true,
            Expr::Unary(unary) => is_deref(unary),
            _ => false,
        };
        let is_one_token = match expr {
            Expr::Path(path) => path.path.get_ident().is_some(),
            Expr::Lit(_) => true,
            _ => false,
        };
        Part { span: expr.span(), is_one_token, is_tight, is_place }
    }

    /// Its text in front of a method.
    fn tight(&self, text: &str) -> String {
        match self.is_tight {
            true => text.to_owned(),
            false => format!("({text})"),
        }
    }

    /// Its text in front of `as`, which binds looser than a sign and a star.
    fn loose(&self, text: &str) -> String {
        let is_prefixed = text.starts_with(['-', '*', '!', '&']) && !text.contains(' ');
        match self.is_tight || is_prefixed {
            true => text.to_owned(),
            false => format!("({text})"),
        }
    }
}

impl Resolver<'_> {
    /// Reports what rustc would refuse in bodies and in the author's functions.
    pub(super) fn check_types(
        &mut self,
        spec: &ast::Patch,
        rust: &Rust,
        types: &Types,
        imports: &Imports,
        objects: &[Object<Fragment>],
    ) {
        let mut context = Context::new(rust, types, imports);
        // An item that hides a type of the kernel has a message of its own.
        if context.kernel.keys().any(|name| context.own_names.contains(*name)) {
            return;
        }
        for (item, code) in rust.items_with_code() {
            if let Item::Fn(item) = item {
                if is_conditional(item.to_token_stream()) {
                    continue;
                }
                if let Some(own) = context.own.get(&item.sig.ident.to_string()) {
                    let names = item.sig.inputs.iter().map(parameter_name);
                    let bound = names.zip(own.params.clone());
                    let bound = bound.filter_map(|(name, ty)| Some((name?, ty)));
                    let result = (own.ret.clone(), own.ret.clone());
                    let found = Infer::faults(&context, None, bound, result, &item.block.stmts);
                    self.report_faults(&context, code, found);
                }
            }
        }
        for object in objects {
            let sees = object.sees.iter().map(|&n| &objects[n]).chain([object]);
            context.see(sees);
            for func in &object.funcs {
                self.check_types_of(&context, rust, func);
            }
            let callbacks =
                spec.objects.iter().filter(|item| item.name.value == object.name.as_str());
            for body in callbacks.flat_map(|item| &item.callbacks) {
                let result = match body.callback {
                    Callback::PrePatch => Ty::Int("i32"),
                    _ => Ty::Unit,
                };
                let bound = [("obj".to_owned(), Ty::Unknown)];
                self.check_types_in(
                    &context,
                    rust,
                    body.code,
                    None,
                    bound,
                    (result.clone(), result),
                );
            }
        }
    }

    fn check_types_of(&mut self, context: &Context<'_>, rust: &Rust, func: &Func<Fragment>) {
        let types = context.types;
        let result = Ty::returned(types, &func.signature.ret);
        let bound = |has_ret: bool| {
            let params = func.signature.params.iter();
            let params = params.map(|param| (param.name.clone(), Ty::of(types, &param.ty)));
            params.chain(has_ret.then(|| ("ret".to_owned(), result.clone()))).collect::<Vec<_>>()
        };
        let mut check = |body: &Fragment, has_ret, falls| {
            let (code, results) = (Code { span: body.span }, (result.clone(), falls));
            let original = Some(Prototype::of(types, &func.signature));
            self.check_types_in(context, rust, code, original, bound(has_ret), results);
        };
        match &func.change {
            Change::Replace { body, .. } => check(body, false, result.clone()),
            Change::Pre(pre) => pre.iter().for_each(|pre| check(pre, false, Ty::Unit)),
            Change::Around { pre, post } => {
                pre.iter().for_each(|pre| check(pre, false, Ty::Unit));
                check(post, result != Ty::Unit, Ty::Unit);
            }
            Change::C { .. } => {}
        }
    }

    fn check_types_in(
        &mut self,
        context: &Context<'_>,
        rust: &Rust,
        code: Code,
        original: Option<Prototype>,
        bound: impl IntoIterator<Item = (String, Ty)>,
        results: (Ty, Ty),
    ) {
        if let Some((body, _)) = rust.body(code).filter(|(body, _)| !body.is_conditional()) {
            let found = Infer::faults(context, original, bound, results, body.stmts());
            self.report_faults(context, code, found);
        }
    }

    fn report_faults(&mut self, context: &Context<'_>, code: Code, found: Vec<Fault>) {
        for fault in found {
            let diagnostic = self.wrong_type(context, code, fault);
            self.report(diagnostic);
        }
    }
}

impl<'a> Context<'a> {
    fn new(rust: &Rust, types: &'a Types, imports: &'a Imports) -> Context<'a> {
        let own_names = rust.defined();
        let named = types.iter().map(|(id, def)| (def.name(), id));
        let kernel: HashMap<&str, Ty> = named
            .map(|(name, id)| (name, Ty::of(types, &kps_plan::Type::Named(id))))
            .filter(|(_, ty)| ty.is_known())
            .collect();
        let mut context = Context {
            types,
            kernel,
            functions: imports.functions.iter().map(|f| (f.name.as_str(), &f.signature)).collect(),
            own: HashMap::new(),
            own_names,
            values: HashMap::new(),
            has_other_names: rust.has_unknown_names() || rust.has_macros(),
        };
        let errors = super::prelude::errors().into_iter().map(|name| (name, Ty::Int("i32")));
        context.values.extend(errors);
        for constant in &imports.constants {
            let ty = Ty::of(types, &kps_plan::Type::Int(constant.ty));
            context.values.insert(constant.name.clone(), ty);
        }
        let statics = imports.statics.iter();
        context.values.extend(statics.map(|item| (item.name.clone(), Ty::of(types, &item.ty))));
        for (item, _) in rust.items_with_code() {
            // Of several with one name, conditions choose.
            if !is_conditional(item.to_token_stream()) {
                context.own_item(item);
            }
        }
        context
    }

    /// One of the author's items.
    fn own_item(&mut self, item: &Item) {
        let written = |ty: &syn::Type| Ty::written(ty, &self.kernel);
        let (name, ty) = match item {
            Item::Static(item) => (&item.ident, written(&item.ty)),
            Item::Const(item) => (&item.ident, written(&item.ty)),
            Item::Fn(item) if item.sig.generics.params.is_empty() => {
                let prototype = Prototype::written(&item.sig, &self.kernel);
                self.own.insert(item.sig.ident.to_string(), prototype);
                return;
            }
            _ => return,
        };
        self.values.insert(name.to_string(), ty);
    }

    /// Adds what the bodies of an object may use of modules.
    fn see<'o: 'a>(&mut self, objects: impl Iterator<Item = &'o Object<Fragment>>) {
        for object in objects {
            let functions = object.uses.functions.iter();
            self.functions.extend(functions.map(|f| (f.name.as_str(), &f.signature)));
            let statics = object.uses.statics.iter();
            let types = self.types;
            self.values.extend(statics.map(|item| (item.name.clone(), Ty::of(types, &item.ty))));
        }
    }
}

fn parameter_name(param: &syn::FnArg) -> Option<String> {
    match param {
        syn::FnArg::Typed(param) => match &*param.pat {
            syn::Pat::Ident(name) => Some(name.ident.to_string()),
            _ => None,
        },
        syn::FnArg::Receiver(_) => None,
    }
}

// SPDX-License-Identifier: GPL-2.0
//! The syntax tree of a patch, from a spec or a crate: names are not resolved, and every node has
//! its span.

mod constructs;
mod object;
mod test;
mod when;

pub use constructs::{
    Attribute, CFileItem, Construct, End, FileItem, FuncItem, Hook, Level, ObjectItem, On,
    PatchItem, ResourceItem, ShadowItem, StateItem, TestItem, TextClause,
};
pub use kps_diag::{is_hidden, Span};
pub use kps_plan::Callback;
pub use object::{CallbackBody, Func, Object, UseFn, UsePerCpu, UseStatic};
use std::collections::BTreeMap;
pub use test::{Action, Claim, Expectation, GivenParam, Holds, Step, Test, Trigger};
pub use when::{Condition, Conditions, When};

/// A value with its span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its span.
    pub span: Span,
}

/// A name.
pub type Name = At<String>;

/// A string, its escapes resolved.
pub type Text = At<String>;

/// Rust source text, as a span. This crate does not parse it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Of a body, the text between its braces; of an item, all of it.
    pub span: Span,
}

/// A spec.
#[derive(Debug, Clone, Default)]
pub struct Spec {
    /// The patch.
    pub patch: Option<Patch>,
}

/// The form of a patch. Messages give advice in the syntax of this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As a spec.
    Spec,
    /// As a module with attributes.
    Crate,
}

/// `patch NAME { .. }`.
#[derive(Debug, Clone)]
pub struct Patch {
    /// Its form.
    pub form: Form,
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Name,
    /// `license "..";` and the other clauses whose value is a string.
    pub texts: Texts,
    /// `require CONFIG_X;`, any number.
    pub requires: Vec<Require>,
    /// `atomic replace;` or `atomic replace if NAME;`
    pub atomic_replace: Option<AtomicReplace>,
    /// `param NAME: TYPE = DEFAULT;`, any number.
    pub params: Vec<ModuleParam>,
    /// `family NAME;`
    pub family: Option<Name>,
    /// `over NAME, NAME;`, any number.
    pub over: Vec<Name>,
    /// `state(id = N) NAME: TYPE { .. }`, any number.
    pub states: Vec<State>,
    /// `shadow NAME: TYPE on STRUCT = INIT, ..;`, any number.
    pub shadows: Vec<Shadow>,
    /// `resource NAME: TYPE { .. }`, any number.
    pub resources: Vec<Resource>,
    /// `object NAME { .. }`
    pub objects: Vec<Object>,
    /// Rust items.
    pub items: Vec<RustItem>,
    /// `mod NAME from "FILE";`, any number.
    pub modules: Vec<Module>,
    /// `c "FILE";`, any number.
    pub c_files: Vec<CFile>,
    /// `test ".." { .. }`
    pub tests: Vec<Test>,
    /// The items whose condition does not hold for the target, once it is known.
    pub absent: Vec<Span>,
}

impl Patch {
    /// A patch that has only a name.
    pub fn new(form: Form, docs: Vec<String>, name: Name) -> Patch {
        Patch {
            form,
            docs,
            name,
            texts: Texts::default(),
            requires: Vec::new(),
            atomic_replace: None,
            params: Vec::new(),
            family: None,
            over: Vec::new(),
            states: Vec::new(),
            shadows: Vec::new(),
            resources: Vec::new(),
            objects: Vec::new(),
            items: Vec::new(),
            modules: Vec::new(),
            c_files: Vec::new(),
            tests: Vec::new(),
            absent: Vec::new(),
        }
    }
}

/// The clauses whose value is a string, each with its strings in the order of the source.
#[derive(Debug, Clone, Default)]
pub struct Texts(BTreeMap<TextClause, Vec<Text>>);

impl Texts {
    /// The strings of a clause, to add more.
    pub fn of(&mut self, clause: TextClause) -> &mut Vec<Text> {
        self.0.entry(clause).or_default()
    }

    /// The first string of a clause.
    pub fn first(&self, clause: TextClause) -> Option<&Text> {
        self.0.get(&clause)?.first()
    }

    /// All clauses that have strings.
    pub fn iter(&self) -> impl Iterator<Item = (TextClause, &[Text])> {
        let all = self.0.iter().map(|(clause, texts)| (*clause, texts.as_slice()));
        all.filter(|(_, texts)| !texts.is_empty())
    }
}

/// `require CONFIG_X;` or `require CONFIG_X = "value";`
#[derive(Debug, Clone)]
pub struct Require {
    /// The option.
    pub option: Name,
    /// The value it must have; without one it must be `y` or `m`.
    pub value: Option<Text>,
}

/// `atomic replace;` or `atomic replace if NAME;`
#[derive(Debug, Clone)]
pub struct AtomicReplace {
    /// The parameter that decides when the patch is loaded; without one it always replaces.
    pub condition: Option<Name>,
    /// The whole item without the `;`.
    pub span: Span,
}

/// `param(mode = MODE) NAME: TYPE = DEFAULT, "..";`
#[derive(Debug, Clone)]
pub struct ModuleParam {
    /// Its name.
    pub name: Name,
    /// Its permissions in sysfs, as in the source.
    pub mode: Option<Name>,
    /// Its type, or the type of an element.
    pub ty: Name,
    /// The number of elements of an array, as in the source.
    pub len: Option<Name>,
    /// The default value.
    pub default: ParamDefault,
    /// Its description in `modinfo`.
    pub description: Option<Text>,
}

/// The default value of a parameter.
#[derive(Debug, Clone)]
pub struct ParamDefault {
    /// One value, or the elements of a list.
    pub values: Vec<ParamValue>,
    /// Whether it is a list.
    pub list: bool,
    /// The whole default.
    pub span: Span,
}

/// A literal.
#[derive(Debug, Clone)]
pub enum ParamValue {
    /// A number, as in the source.
    Number(Name),
    /// A string.
    Text(Text),
    /// `true` or `false`.
    Word(Name),
}

impl ParamValue {
    /// Its span.
    pub fn span(&self) -> Span {
        match self {
            ParamValue::Number(value) | ParamValue::Text(value) | ParamValue::Word(value) => {
                value.span
            }
        }
    }
}

/// `state(id = N, version = N) NAME: TYPE { BODIES }`: `save`, `apply(saved)` and `restore(saved)`.
#[derive(Debug, Clone)]
pub struct State {
    /// Its name in bodies.
    pub name: Name,
    /// `klp_state.id`. `None` if the number is too large, which has been reported.
    pub id: Option<At<u32>>,
    /// `klp_state.version`.
    pub version: Option<At<u32>>,
    /// The Rust type of the saved value.
    pub ty: Code,
    /// `save { .. }`
    pub save: Option<BodyWithParams>,
    /// `apply(saved) { .. }`
    pub apply: Option<BodyWithParams>,
    /// `restore(saved) { .. }`
    pub restore: Option<BodyWithParams>,
}

/// `shadow NAME: TYPE on STRUCT = INIT, freed by FN(PARENT) { BODIES }`: `ctor(parent, data)` and
/// `dtor(data)`.
#[derive(Debug, Clone)]
pub struct Shadow {
    /// Its name in bodies.
    pub name: Name,
    /// The Rust type of its data.
    pub ty: Code,
    /// The struct that it is attached to.
    pub parent: Name,
    /// The initial value of new data, in Rust.
    pub init: Code,
    /// The lifetime of its data.
    pub lifetime: Option<Lifetime>,
    /// `ctor(parent, data) { .. }`
    pub ctor: Option<BodyWithParams>,
    /// `dtor(data) { .. }`
    pub dtor: Option<BodyWithParams>,
}

/// `resource NAME: TYPE { BODIES }`: `acquire`, `release(value)` and `adopt(value)`.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its name in bodies.
    pub name: Name,
    /// The Rust type of the value that stands for it.
    pub ty: Code,
    /// `acquire { .. }`
    pub acquire: Option<BodyWithParams>,
    /// `release(value) { .. }`
    pub release: Option<BodyWithParams>,
    /// `adopt(value) { .. }`
    pub adopt: Option<BodyWithParams>,
}

/// The lifetime of a shadow variable's data.
#[derive(Debug, Clone)]
pub enum Lifetime {
    /// `freed by FN(PARENT)`: as long as its parent.
    FreedBy(FreedBy),
    /// `untied`: until a body removes it, or the patch is unloaded.
    Untied,
}

/// `freed by OBJECT::FN(PARENT)`.
#[derive(Debug, Clone)]
pub struct FreedBy {
    /// The module that contains the function; `None` for the kernel image.
    pub object: Option<Name>,
    /// The function.
    pub symbol: Symbol,
    /// The parent, as Rust code over the function's parameters.
    pub parent: Code,
}

/// A keyword with a body and the names of the body's arguments: `apply(saved) { .. }`.
#[derive(Debug, Clone)]
pub struct BodyWithParams {
    /// The keyword.
    pub word: Span,
    /// The names.
    pub names: Vec<Name>,
    /// The text between the braces.
    pub code: Code,
}

/// A Rust item.
#[derive(Debug, Clone)]
pub struct RustItem {
    /// Its text, without its conditions.
    pub code: Code,
    /// `#[when(..)]`, any number.
    pub when: Conditions,
}

/// `mod NAME from "FILE";`: a Rust module in a file.
#[derive(Debug, Clone)]
pub struct Module {
    /// Its name.
    pub name: Name,
    /// The file.
    pub file: Text,
}

/// `c "FILE";` or `c "FILE" { fn NAME(..) -> T; }`: functions in C for the bodies.
#[derive(Debug, Clone)]
pub struct CFile {
    /// The file.
    pub file: Text,
    /// The functions that bodies may call.
    pub functions: Vec<CFunction>,
}

/// `fn NAME(..) -> T;`, as Rust sees a function of a C file.
#[derive(Debug, Clone)]
pub struct CFunction {
    /// Its name.
    pub name: Name,
    /// Its prototype.
    pub prototype: Prototype,
}

/// `NAME` or `NAME@POSITION`.
#[derive(Debug, Clone)]
pub struct Symbol {
    /// The name.
    pub name: Name,
    /// Its rank among symbols of the same name, from 1.
    pub position: Option<At<u32>>,
}

/// A keyword with a body.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    /// The keyword, for example `replace`.
    pub word: Span,
    /// The text between the braces.
    pub code: Code,
}

/// `(a: T, b: U, ...) -> R`, in Rust.
#[derive(Debug, Clone)]
pub struct Prototype {
    /// The parameters.
    pub params: Vec<Param>,
    /// Whether it ends in `...`.
    pub variadic: bool,
    /// The return type; `None` for `void`.
    pub ret: Option<Code>,
    /// The whole prototype.
    pub span: Span,
}

/// `name: TYPE`.
#[derive(Debug, Clone)]
pub struct Param {
    /// The name.
    pub name: Name,
    /// The type.
    pub ty: Code,
}

// SPDX-License-Identifier: GPL-2.0
//! A patch as it is written, in a spec or in a crate: every name still a name, every piece with its
//! place.

mod constructs;
mod test;

pub use constructs::{
    Attribute, CFileItem, Construct, End, FileItem, Hook, Level, ObjectItem, On, PatchItem,
    ShadowItem, StateItem, TestItem,
};
pub use kps_diag::Span;
pub use kps_plan::Callback;
pub use test::{Action, Claim, Expectation, Step, Test, Trigger};

/// A value with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it is written.
    pub span: Span,
}

/// A name.
pub type Name = At<String>;

/// A string, its escapes resolved.
pub type Text = At<String>;

/// A piece of Rust: the place of its text, which is not looked into here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// For a body what stands between its braces, for an item all of it.
    pub span: Span,
}

/// A spec.
#[derive(Debug, Clone, Default)]
pub struct Spec {
    /// The patch.
    pub patch: Option<Patch>,
}

/// How a patch is written, and so in which words its author is told what to write.
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
    /// How it is written.
    pub form: Form,
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Name,
    /// `license "..";`
    pub license: Option<Text>,
    /// `author "..";`, any number.
    pub authors: Vec<Text>,
    /// `version "..";`
    pub version: Option<Text>,
    /// `fixes "..", "..";`, any number.
    pub fixes: Vec<Text>,
    /// `kernel "..";`
    pub kernel: Option<Text>,
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
    /// `object NAME { .. }`
    pub objects: Vec<Object>,
    /// Rust items.
    pub items: Vec<Code>,
    /// `mod NAME from "FILE";`, any number.
    pub modules: Vec<Module>,
    /// `c "FILE";`, any number.
    pub c_files: Vec<CFile>,
    /// `test ".." { .. }`
    pub tests: Vec<Test>,
}

impl Patch {
    /// A patch that has nothing but its name.
    pub fn new(form: Form, docs: Vec<String>, name: Name) -> Patch {
        Patch {
            form,
            docs,
            name,
            license: None,
            authors: Vec::new(),
            version: None,
            fixes: Vec::new(),
            kernel: None,
            requires: Vec::new(),
            atomic_replace: None,
            params: Vec::new(),
            family: None,
            over: Vec::new(),
            states: Vec::new(),
            shadows: Vec::new(),
            objects: Vec::new(),
            items: Vec::new(),
            modules: Vec::new(),
            c_files: Vec::new(),
            tests: Vec::new(),
        }
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
    /// All of it but the `;`.
    pub span: Span,
}

/// `param(mode = MODE) NAME: TYPE = DEFAULT, "..";`
#[derive(Debug, Clone)]
pub struct ModuleParam {
    /// Its name.
    pub name: Name,
    /// Its permissions in sysfs, as they are written.
    pub mode: Option<Name>,
    /// The type of it, or of an element.
    pub ty: Name,
    /// How many elements an array has, as it is written.
    pub len: Option<Name>,
    /// What it is if nobody sets it.
    pub default: ParamDefault,
    /// What `modinfo` says about it.
    pub description: Option<Text>,
}

/// What a parameter is if nobody sets it.
#[derive(Debug, Clone)]
pub struct ParamDefault {
    /// One value, or those of a list.
    pub values: Vec<ParamValue>,
    /// Whether it is a list.
    pub list: bool,
    /// All of it.
    pub span: Span,
}

/// A literal.
#[derive(Debug, Clone)]
pub enum ParamValue {
    /// A number, as it is written.
    Number(Name),
    /// A text.
    Text(Text),
    /// A word: `true` or `false`.
    Word(Name),
}

impl ParamValue {
    /// Where it is written.
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
    /// `klp_state.id`. A number that is too large has been reported and is not there.
    pub id: Option<At<u32>>,
    /// `klp_state.version`.
    pub version: Option<At<u32>>,
    /// The type of the value that is kept, in Rust.
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
    /// The type of its data, in Rust.
    pub ty: Code,
    /// The struct that it belongs to.
    pub parent: Name,
    /// What new data starts with, in Rust.
    pub init: Code,
    /// How long data is there.
    pub lifetime: Option<Lifetime>,
    /// `ctor(parent, data) { .. }`
    pub ctor: Option<BodyWithParams>,
    /// `dtor(data) { .. }`
    pub dtor: Option<BodyWithParams>,
}

/// How long the data of a shadow variable is there.
#[derive(Debug, Clone)]
pub enum Lifetime {
    /// `freed by FN(PARENT)`: as long as its parent.
    FreedBy(FreedBy),
    /// `untied`: until a body removes it, or the patch is gone.
    Untied,
}

/// `freed by OBJECT::FN(PARENT)`.
#[derive(Debug, Clone)]
pub struct FreedBy {
    /// The module that has the function; without one it is the kernel image.
    pub object: Option<Name>,
    /// The function.
    pub symbol: Symbol,
    /// The parent, in Rust and in the names of the function's parameters.
    pub parent: Code,
}

/// A word with a body that calls its arguments by names of its own: `apply(saved) { .. }`.
#[derive(Debug, Clone)]
pub struct BodyWithParams {
    /// The word.
    pub word: Span,
    /// The names.
    pub names: Vec<Name>,
    /// What stands between the braces.
    pub code: Code,
}

/// `object NAME { .. }`.
#[derive(Debug, Clone)]
pub struct Object {
    /// `vmlinux` or a module.
    pub name: Name,
    /// `from "FILE.ko"`, for a module that did not come with the kernel.
    pub from: Option<Text>,
    /// `fn NAME { .. }`
    pub funcs: Vec<Func>,
    /// `use fn NAME(..);`
    pub use_fns: Vec<UseFn>,
    /// `use static NAME: TYPE;`
    pub use_statics: Vec<UseStatic>,
    /// `use percpu NAME: TYPE;`
    pub use_percpus: Vec<UsePerCpu>,
    /// `pre_patch { .. }` and the others.
    pub callbacks: Vec<CallbackBody>,
}

impl Object {
    /// An object in which nothing changes.
    pub fn new(name: Name, from: Option<Text>) -> Object {
        Object {
            name,
            from,
            funcs: Vec::new(),
            use_fns: Vec::new(),
            use_statics: Vec::new(),
            use_percpus: Vec::new(),
            callbacks: Vec::new(),
        }
    }

    /// The symbols that its `use` lines name.
    pub fn used_symbols(&self) -> impl Iterator<Item = &Symbol> {
        let functions = self.use_fns.iter().map(|item| &item.symbol);
        let statics = self.use_statics.iter().map(|item| &item.symbol);
        functions.chain(statics).chain(self.use_percpus.iter().map(|item| &item.symbol))
    }
}

/// A function that changes.
#[derive(Debug, Clone)]
pub struct Func {
    /// Its symbol.
    pub symbol: Symbol,
    /// The prototype, if one is written.
    pub prototype: Option<Prototype>,
    /// `replace { .. }`
    pub replace: Option<Body>,
    /// `replace c "FILE";`
    pub replace_c: Option<Text>,
    /// `replace from "FILE";`
    pub replace_from: Option<Text>,
    /// `pre { .. }`
    pub pre: Option<Body>,
    /// `post { .. }`
    pub post: Option<Body>,
}

impl Func {
    /// A function that nothing runs around.
    pub fn new(symbol: Symbol, prototype: Option<Prototype>) -> Func {
        Func {
            symbol,
            prototype,
            replace: None,
            replace_c: None,
            replace_from: None,
            pre: None,
            post: None,
        }
    }

    /// The body of a hook.
    pub fn hook(&self, hook: Hook) -> Option<Body> {
        match hook {
            Hook::Replace => self.replace,
            Hook::Pre => self.pre,
            Hook::Post => self.post,
        }
    }

    /// Where the body of a hook belongs.
    pub fn hook_mut(&mut self, hook: Hook) -> &mut Option<Body> {
        match hook {
            Hook::Replace => &mut self.replace,
            Hook::Pre => &mut self.pre,
            Hook::Post => &mut self.post,
        }
    }
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
    /// What bodies may call of it.
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
    /// Its rank among equal names, from 1.
    pub position: Option<At<u32>>,
}

/// A word with a body.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    /// The word, for example `replace`.
    pub word: Span,
    /// What stands between the braces.
    pub code: Code,
}

/// `use fn NAME(..) -> T;`.
#[derive(Debug, Clone)]
pub struct UseFn {
    /// Its symbol.
    pub symbol: Symbol,
    /// The prototype, if one is written.
    pub prototype: Option<Prototype>,
}

/// `use static NAME: TYPE;`.
#[derive(Debug, Clone)]
pub struct UseStatic {
    /// Its symbol.
    pub symbol: Symbol,
    /// Its type, in Rust. Per-CPU variables aside, no kernel says it.
    pub ty: Code,
}

/// `use percpu NAME;` or `use percpu NAME: TYPE;`.
#[derive(Debug, Clone)]
pub struct UsePerCpu {
    /// Its symbol.
    pub symbol: Symbol,
    /// The type of each CPU's, in Rust, if one is written.
    pub ty: Option<Code>,
}

/// `(a: T, b: U, ...) -> R`, in Rust.
#[derive(Debug, Clone)]
pub struct Prototype {
    /// The parameters.
    pub params: Vec<Param>,
    /// Whether it ends in `...`.
    pub variadic: bool,
    /// What it returns; nothing is `void`.
    pub ret: Option<Code>,
    /// All of it.
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

/// `pre_patch { .. }` and the like.
#[derive(Debug, Clone, Copy)]
pub struct CallbackBody {
    /// Which callback.
    pub callback: Callback,
    /// The word.
    pub word: Span,
    /// What stands between the braces.
    pub code: Code,
}

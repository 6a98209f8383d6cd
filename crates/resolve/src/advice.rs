// SPDX-License-Identifier: GPL-2.0
//! Advice for both front ends: a spec and a patch crate need different text typed for the same fix.

use kps_ast::Form;
use kps_codegen::names::ident;
use kps_codegen::rust_type;
use kps_plan::{Signature, Type, Types};

/// An action that authors in either front end can be advised to take.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Advice<'a> {
    /// To declare the license.
    License,
    /// To name the kernel version that the patch is for.
    Kernel(&'a str),
    /// To name one version of the kernel, and no range.
    OneKernel(&'a str),
    /// To change something.
    Change,
    /// To declare the lifetime of shadow data.
    Lifetime,
    /// To choose another object name: this one belongs to a module that the kernel does not have.
    ForeignModule,
    /// To name a function in the object that has it.
    Elsewhere(&'a [String], &'a str),
    /// To select one of several symbols.
    Position(&'a [String]),
    /// To declare a name as a variable instead of a function.
    AsVariable(&'a str),
    /// To declare a name as a function instead of a variable.
    AsFunction(&'a str),
    /// To declare a kernel function, with as much of its prototype as is known.
    UseFn { object: &'a str, name: &'a str, prototype: Option<&'a str>, is_in_btf: bool },
    /// To declare a kernel variable.
    UseStatic { object: &'a str, name: &'a str },
    /// To declare a per-CPU variable of the kernel.
    UsePerCpu { object: &'a str, name: &'a str },
    /// To write the type of a variable.
    VariableType { word: &'a str, name: &'a str },
    /// To use a function in bodies of the module that has it.
    InBodiesOf(&'a str),
    /// To declare a variable as per-CPU, with its type unless that is known.
    PerCpu { name: &'a str, ty: Option<&'a str> },
    /// To declare a variable as not per-CPU.
    NotPerCpu { name: &'a str, ty: &'a str },
    /// To add a parameter.
    Parameter(&'a str),
    /// To write the known prototype.
    Prototype(&'a str),
    /// To say where the prototype of a clone comes from.
    Arguments(&'a str),
    /// To say which parameters point to the memory of a program.
    UserPrototype { name: &'a str, prototype: &'a str },
    /// To leave the prototype of a system call to the kernel.
    SyscallPrototype,
    /// To leave a type to the kernel.
    KnownType,
    /// To have one body.
    OneBody,
    /// To write a body in Rust.
    BodyInRust,
    /// To change a function on a kernel that no alternative is for.
    Alternative,
    /// To hook a clone.
    HookClone { object: &'a str, clone: &'a str },
    /// To write a function in the object that has it.
    InModule,
    /// To say what was looked at.
    LookedAt,
    /// A function in C that bodies call; a part of a sentence.
    FileInC,
}

impl Advice<'_> {
    /// The text of the advice.
    pub(crate) fn text(self, form: Form) -> String {
        let (in_spec, in_crate) = self.texts();
        match form {
            Form::Spec => in_spec,
            Form::Crate => in_crate,
        }
    }

    /// The text to type in a spec, and in a crate.
    fn texts(self) -> (String, String) {
        let both = |spec: &str, of_crate: &str| (spec.to_owned(), of_crate.to_owned());
        match self {
            Advice::License => both("add `license \"GPL\";`", "write `#[livepatch(license = \"GPL\")]`"),
            Advice::Alternative => alternative(),
            Advice::OneKernel(version) => (
                format!("write `kernel \"{version}\";`, in place of a range if there is one"),
                format!("write `#[livepatch(kernel = \"{version}\")]`"),
            ),
            Advice::Kernel(version) => (
                format!("add `kernel \"{version}\";`"),
                format!("write `#[livepatch(kernel = \"{version}\")]`"),
            ),
            Advice::Change => change(),
            Advice::Lifetime => lifetime(),
            Advice::ForeignModule => foreign_module(),
            Advice::Elsewhere(objects, name) => elsewhere(objects, name),
            Advice::Position(choice) => position(choice),
            Advice::AsVariable(name) => {
                (format!("write `use static {name}: TYPE;`"), format!("write `static {name}: TYPE;`"))
            }
            Advice::AsFunction(name) => {
                (format!("write `use fn {name};`"), format!("write `fn {name}(arg: TYPE, ..) -> TYPE;`"))
            }
            Advice::UseFn { object, name, prototype, is_in_btf } => {
                use_fn(object, name, prototype, is_in_btf)
            }
            Advice::UseStatic { object, name } => (
                format!("add `use static {name}: TYPE;` to `object {object}`"),
                format!("add `#[symbols({object})] extern \"C\" {{ static {name}: TYPE; }}`"),
            ),
            Advice::UsePerCpu { object, name } => (
                format!("add `use percpu {name};` to `object {object}`"),
                format!("add `#[symbols({object})] extern \"C\" {{ #[percpu] static {name}: TYPE; }}`"),
            ),
            Advice::VariableType { word, name } => variable_type(word, name),
            Advice::InBodiesOf(object) => (
                format!("use it in the bodies of `object {object}`"),
                format!("use it in hooks and callbacks of `{object}`"),
            ),
            Advice::PerCpu { name, ty } => per_cpu(name, ty),
            Advice::NotPerCpu { name, ty } => not_per_cpu(name, ty),
            Advice::Parameter(name) => (
                format!("add `param {name}: bool = false;`"),
                format!("add `#[param] static {name}: bool = false;`"),
            ),
            Advice::Prototype(known) => (
                format!("drop the prototype: the kernel's type information has it; in a file write `{known}`"),
                format!("write `{known}`; a `#[post]` has the result as its last parameter, `ret`"),
            ),
            Advice::Arguments(clone) => arguments(clone),
            Advice::UserPrototype { name, prototype } => user_prototype(name, prototype),
            Advice::SyscallPrototype => both(
                "drop the prototype: the kernel knows it, and the names of the parameters",
                "write the parameters as the kernel declares them",
            ),
            Advice::KnownType => {
                both("drop the type: the kernel's type information has it", "write the type that it has in the kernel")
            }
            Advice::HookClone { object, clone } => (
                format!("hook a clone, `fn {clone} {{ pre {{ }} }}`"),
                format!("hook a clone, with `#[pre({object}::{clone})]`"),
            ),
            Advice::InModule => both(
                "a module's function goes into `object MODULE { .. }`",
                "a module's function is `MODULE::NAME`",
            ),
            Advice::LookedAt => both(
                "say what you looked at: `arguments \"objdump -d vmlinux: rdi is the dentry\";`",
                "say what you looked at: `arguments = \"objdump -d vmlinux: rdi is the dentry\"`",
            ),
            Advice::FileInC => both(
                "`c \"FILE.c\" { fn NAME(..); }`",
                "`#[c(\"FILE.c\")] extern \"C\" { fn NAME(..); }`",
            ),
            Advice::OneBody => one_body(),
            Advice::BodyInRust => body_in_rust(),
        }
    }
}

/// The functions of an object as the one who is to change them names them.
pub(crate) fn functions(form: Form, object: &str, names: &[String]) -> Vec<String> {
    let named = |name: &String| match form {
        Form::Spec => format!("fn {name} {{ .. }}"),
        Form::Crate => format!("{object}::{name}"),
    };
    names.iter().map(named).collect()
}

/// To change something.
fn lifetime() -> (String, String) {
    let in_spec = "add `, freed by FN(PARENT)` with the function that frees the parent, or `, untied` if bodies remove it";
    let in_crate = "write `#[shadow(.., freed_by = OBJECT::FN(PARENT))]` with the function that frees the parent, or `#[shadow(.., untied)]` if bodies remove it";
    (in_spec.to_owned(), in_crate.to_owned())
}

fn foreign_module() -> (String, String) {
    let in_spec =
        "for a module that did not come with the kernel write `object NAME from \"FILE.ko\"`";
    let in_crate = "for a module that did not come with the kernel write `#[livepatch(.., object(NAME = \"FILE.ko\"))]`";
    (in_spec.to_owned(), in_crate.to_owned())
}

fn one_body() -> (String, String) {
    let in_spec = "move this code into the C function, or both into one `replace { }`";
    let in_crate =
        "move this code into the C function, or both into one function with `#[replace(..)]`";
    (in_spec.to_owned(), in_crate.to_owned())
}

fn body_in_rust() -> (String, String) {
    let in_spec =
        "write the body in Rust, `replace { .. }`; it may call functions of `c \"FILE.c\" { .. }`";
    let in_crate = "write the body in Rust, in a function with `#[replace(..)]`; it may call functions of a block with `#[c(\"FILE.c\")]`";
    (in_spec.to_owned(), in_crate.to_owned())
}

fn change() -> (String, String) {
    (
        "add `fn NAME { pre { .. } }` or a callback, as `post_patch { .. }`, to an object"
            .to_owned(),
        "add a function with `#[pre(OBJECT::NAME)]`, or a callback, as `#[post_patch(vmlinux)]`"
            .to_owned(),
    )
}

/// To change a function on a kernel that no alternative is for.
fn alternative() -> (String, String) {
    let not_for_it = "that the patch is not for it";
    (
        format!("add a `fn` with a condition for this kernel, or say in `kernel \"..\";` {not_for_it}"),
        format!("add a function with a condition for this kernel, or say in `#[livepatch(.., kernel = \"..\")]` {not_for_it}"),
    )
}

/// Advice about a function that the object lacks: the objects that have it.
fn elsewhere(objects: &[String], name: &str) -> (String, String) {
    let in_spec: Vec<String> = objects.iter().map(|object| format!("object {object}")).collect();
    let in_crate: Vec<String> = objects.iter().map(|object| format!("{object}::{name}")).collect();
    let list = kps_diag::list;
    (
        format!("write it in {}, which has it", list(&in_spec, "or")),
        format!("write {}", list(&in_crate, "or")),
    )
}

fn variable_type(word: &str, name: &str) -> (String, String) {
    (format!("write it: `use {word} {name}: TYPE;`"), format!("write it: `static {name}: TYPE;`"))
}

fn per_cpu(name: &str, ty: Option<&str>) -> (String, String) {
    let ty = ty.map(|ty| format!(": {ty}")).unwrap_or_default();
    (format!("write `use percpu {name}{ty};`"), format!("write `#[percpu]` above `static {name}`"))
}

fn not_per_cpu(name: &str, ty: &str) -> (String, String) {
    (format!("write `use static {name}: {ty};`"), format!("drop `#[percpu]` above `static {name}`"))
}

fn position(choice: &[String]) -> (String, String) {
    let choice = kps_diag::list(choice, "or");
    let in_spec = format!("write {choice}");
    let position = "in a block with `#[symbols]` write `#[position(N)]` above the name";
    let in_crate = format!("{in_spec}; {position}");
    (in_spec, in_crate)
}

fn use_fn(object: &str, name: &str, prototype: Option<&str>, is_in_btf: bool) -> (String, String) {
    let line = if is_in_btf { "" } else { "(arg: TYPE, ..) -> TYPE" };
    let known = prototype.unwrap_or("(arg: TYPE, ..) -> TYPE");
    (
        format!("add `use fn {name}{line};` to `object {object}`"),
        format!("add `#[symbols({object})] extern \"C\" {{ fn {name}{known}; }}`"),
    )
}

fn user_prototype(name: &str, prototype: &str) -> (String, String) {
    const COPY: &str =
        "and copy with `read()`, `read_str(..)` or `write(..)`; `as_ptr()` is the address";
    (format!("write `fn {name}{prototype}`, {COPY}"), format!("write `{prototype}`, {COPY}"))
}

/// A prototype in Rust's notation.
pub(crate) fn prototype(types: &Types, signature: &Signature) -> String {
    let params = signature
        .params
        .iter()
        .map(|param| format!("{}: {}", ident(&param.name), spelled(types, &param.ty)));
    let params: Vec<String> = params.chain(signature.variadic.then(|| "...".to_owned())).collect();
    let ret = match &signature.ret {
        Type::Void => String::new(),
        ret => format!(" -> {}", spelled(types, ret)),
    };
    format!("({}){ret}", params.join(", "))
}

/// Advice for a clone whose arguments are not known.
fn arguments(clone: &str) -> (String, String) {
    let or = format!("change the functions that call it, or write `{clone}()` with a `pre` alone");
    (
        format!("write `{clone}(arg: TYPE, ..) {{ arguments \"WHAT YOU LOOKED AT\"; .. }}` if you know them, {or}"),
        format!("write `#[pre(OBJECT::{clone}, arguments = \"WHAT YOU LOOKED AT\")]` and the parameters if you know them, {or}"),
    )
}

/// A type with conventional spacing, which printed tokens lack.
fn spelled(types: &Types, ty: &Type) -> String {
    const SPACES: &[(&str, &str)] = &[
        ("* mut", "*mut"),
        ("* const", "*const"),
        (" :: ", "::"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        ("fn (", "fn("),
        ("( ", "("),
        (" )", ")"),
        ("[ ", "["),
        (" ]", "]"),
        (" ;", ";"),
        (" ,", ","),
        (" :", ":"),
    ];
    let text = rust_type(types, ty).to_string();
    SPACES.iter().fold(text, |text, (from, to)| text.replace(from, to))
}

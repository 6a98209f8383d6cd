// SPDX-License-Identifier: GPL-2.0
//! How the author of a spec, and that of a crate, declares a symbol of the kernel for Rust bodies.

use kps_grammar::ast::Form;

/// The declaration of a function, with its backticks.
pub(super) fn function(name: &str, form: Form) -> String {
    match form {
        Form::Spec => format!("`use fn {name};`"),
        Form::Crate => format!("`fn {name}(arg: TYPE, ..) -> TYPE;`"),
    }
}

/// The declaration of a variable.
pub(super) fn variable(name: &str, form: Form) -> String {
    match form {
        Form::Spec => format!("`use static {name}: TYPE;`"),
        Form::Crate => format!("`static {name}: TYPE;`"),
    }
}

/// The place of a declaration; without an object, which may be that of any.
pub(super) fn place(object: Option<&str>, form: Form) -> String {
    match (form, object) {
        (Form::Spec, Some(object)) => format!("`object {object}`"),
        (Form::Spec, None) => "the object".to_owned(),
        (Form::Crate, object) => {
            format!("a block with `#[symbols({})]`", object.unwrap_or("OBJECT"))
        }
    }
}

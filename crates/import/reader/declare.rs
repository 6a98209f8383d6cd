// SPDX-License-Identifier: GPL-2.0
//! Writes a type and a name as a declaration of C.

use crate::clang::{Cursor, Type, CONSTANT_ARRAY, INCOMPLETE_ARRAY, POINTER, VARIABLE_ARRAY};

/// Declares a function or a variable in one line, without its storage class and its value. `None`
/// if C cannot: its type has no name.
pub fn declaration(cursor: Cursor) -> Option<String> {
    let of_type = cursor.of_type();
    let text = match of_type.is_function() {
        true => function(of_type, &cursor.spelling(), Some(cursor)),
        false => declare(of_type, &cursor.spelling()),
    };
    // clang names what has no name by its place.
    let has_a_name = !["(unnamed", "(anonymous"].iter().any(|words| text.contains(words));
    has_a_name.then(|| format!("extern {text};"))
}

/// A type and what it is of: `int` and `*x`.
fn declare(of_type: Type, of: &str) -> String {
    let plain = of_type.canonical();
    if is_deduced(of_type) {
        return declare(plain, of);
    }
    // A typedef stays as it is written.
    let is_named = of_type.declaration().is_some();
    match of_type.kind() {
        POINTER => {
            let pointee = of_type.pointee();
            let of = format!("*{}{of}", of_type.qualifiers());
            let is_named = pointee.declaration().is_some();
            let binds = pointee.canonical().is_function() || is_array(pointee.canonical());
            match binds && !is_named {
                true => declare(pointee, &format!("({of})")),
                false => declare(pointee, &of),
            }
        }
        _ if plain.is_function() && !is_named => function(of_type, of, None),
        _ if is_array(plain) && !is_named => {
            let array = if is_array(of_type) { of_type } else { plain };
            let len = match array.kind() {
                CONSTANT_ARRAY => array.len().to_string(),
                _ => String::new(),
            };
            declare(array.element(), &format!("{of}[{len}]"))
        }
        _ => format!("{} {of}", per_cpu(&of_type.spelling())),
    }
}

/// A function. Its declaration knows the names of its parameters.
fn function(of_type: Type, of: &str, declared: Option<Cursor>) -> String {
    let parameter = |(number, of_type): (usize, Type)| {
        let name = declared.and_then(|declared| declared.argument(number));
        declare(of_type, &name.map(Cursor::spelling).unwrap_or_default()).trim_end().to_owned()
    };
    let mut parameters: Vec<String> =
        of_type.parameters().into_iter().enumerate().map(parameter).collect();
    if of_type.is_variadic() {
        parameters.push("...".to_owned());
    }
    if parameters.is_empty() {
        parameters.push("void".to_owned());
    }
    declare(of_type.result(), &format!("{of}({})", parameters.join(", ")))
}

fn is_array(of_type: Type) -> bool {
    [CONSTANT_ARRAY, INCOMPLETE_ARRAY, VARIABLE_ARRAY].contains(&of_type.kind())
}

/// Whether a type is that of an expression, and no pointer or array to one.
fn is_deduced(of_type: Type) -> bool {
    let spelling = of_type.spelling();
    let starts = ["typeof", "__typeof", "__auto_type"].iter().any(|word| spelling.contains(word));
    of_type.declaration().is_none() && starts && !spelling.ends_with(['*', ']'])
}

/// clang writes the address space of per-CPU data by its number, and the kernel by its macro.
fn per_cpu(spelling: &str) -> String {
    const ATTRIBUTE: &str = "__attribute__((address_space(";
    let Some(start) = spelling.find(ATTRIBUTE) else { return spelling.to_owned() };
    let Some(len) = spelling[start..].find(")))") else { return spelling.to_owned() };
    format!("{}__percpu{}", &spelling[..start], &spelling[start + len + 3..])
}

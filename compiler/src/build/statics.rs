// SPDX-License-Identifier: GPL-2.0
//! Reports variables of C files that a function of the kernel has, too. A function that is copied
//! into a file brings its static and per-CPU variables along, as second ones: the state that the
//! kernel's have is lost, and other functions go on with those.

use super::author::Author;
use crate::known::{Known, Variable};
use kps_diag::{Diagnostic, SECOND_STATIC};
use kps_grammar::ast::Form;
use kps_grammar::Span;
use kps_link::{Address, Declared, DeclaredKind, ObjectFile};
use kps_plan::ObjectName;
use kps_resolve::is_plain;
use kps_targets::Code;
use std::collections::{BTreeMap, BTreeSet};

/// The code of an object; `None` if it cannot be read.
pub type ReadCode<'a> = &'a dyn Fn(&ObjectName) -> Option<Code>;

/// Variables that macros of the kernel define in each function that uses them. None has a state
/// that anything depends on.
const OF_MACROS: &[&str] =
    &["_rs", "__key", "__already_done", "__warned", "__print_once", "descriptor"];

/// The warnings about an object. A name alone says little, so the kernel's function is asked: one
/// that the file defines too, which uses a variable of that name.
pub(super) fn second_statics(
    object: &ObjectFile<'_>,
    declared: &[Declared],
    known: &Known,
    read: ReadCode<'_>,
    author: Author<'_>,
) -> Vec<Diagnostic> {
    let mut codes: BTreeMap<&str, Option<Code>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    let functions: BTreeSet<&str> = declared
        .iter()
        .filter(|declared| declared.kind == DeclaredKind::Function)
        .filter(|declared| author.at(&declared.at).is_some())
        .map(|declared| declared.name.as_str())
        .collect();
    for (declared, span) in variables(object, declared, author) {
        for variable in known.variables.iter().filter(|variable| variable.name == declared.name) {
            let code =
                codes.entry(variable.object.as_str()).or_insert_with(|| read(&variable.object));
            let user = known.functions.iter().find(|function| {
                function.object == variable.object
                    && functions.contains(function.name.as_str())
                    && code
                        .as_ref()
                        .is_some_and(|code| code.refers(&function.code, &variable.place))
            });
            if let Some(user) = user {
                let form = author.emitted.form;
                found
                    .entry(span.start)
                    .or_insert_with(|| warning(variable, &user.name, span, form));
            }
        }
    }
    found.into_values().collect()
}

/// The author's definitions of variables that can be written and have a size.
fn variables<'a>(
    object: &'a ObjectFile<'_>,
    declared: &'a [Declared],
    author: Author<'a>,
) -> impl Iterator<Item = (&'a Declared, Span)> {
    let empty = |at: Option<Address>| {
        let symbol = object.symbols().find(|symbol| Some(symbol.at) == at && !symbol.is_function);
        symbol.is_some_and(|symbol| symbol.size == 0)
    };
    let written = move |declared: &&Declared| match declared.kind {
        DeclaredKind::Variable { at, is_const: false } => {
            !empty(at) && !OF_MACROS.contains(&declared.name.as_str())
        }
        _ => false,
    };
    let variables = declared.iter().filter(written);
    variables.filter_map(move |declared| Some((declared, author.at(&declared.at)?)))
}

fn warning(variable: &Variable, user: &str, span: Span, form: Form) -> Diagnostic {
    let Variable { name, symbol, object, .. } = variable;
    let object = object.as_str();
    let message = format!("`{name}` duplicates a variable of {object}");
    let note = format!(
        "the old `{user}` uses `{symbol}`: the new one lacks its state, and other code keeps using it"
    );
    let share = match sharing(variable, form) {
        Some(declarations) => format!("to share it, write {declarations}"),
        None => {
            format!("to share it, build the patch from a spec: a crate has no name for `{symbol}`")
        }
    };
    let help = format!("{share}; to keep both, rename this one");
    Diagnostic::new(SECOND_STATIC, message).at(span, "").note(note).help(help)
}

/// The declarations that share a variable with the kernel. A crate declares identifiers of Rust.
fn sharing(variable: &Variable, form: Form) -> Option<String> {
    let Variable { name, symbol, object, per_cpu, .. } = variable;
    let object = object.as_str();
    let (bare, position) = match symbol.split_once('@') {
        Some((bare, position)) => (bare, Some(position)),
        None => (symbol.as_str(), None),
    };
    let asm = match bare == name {
        true => String::new(),
        false => format!(" __asm__(\"{bare}\")"),
    };
    let in_c = match per_cpu {
        true => format!("DECLARE_PER_CPU(TYPE, {name}){asm};"),
        false => format!("extern TYPE {name}{asm};"),
    };
    let declared = match (form, per_cpu) {
        (Form::Spec, true) => format!("`use percpu {symbol};` in the object {object}"),
        (Form::Spec, false) => format!("`use static {symbol}: TYPE;` in the object {object}"),
        (Form::Crate, _) if !is_plain(bare) => return None,
        (Form::Crate, _) => {
            let percpu = if *per_cpu { "#[percpu] " } else { "" };
            let position = position.map(|n| format!("#[position({n})] ")).unwrap_or_default();
            format!("`#[symbols({object})] extern \"C\" {{ {percpu}{position}static {bare}: _; }}`")
        }
    };
    Some(format!("{declared}, and `{in_c}` in C"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_is_what_shares_the_variable() {
        let variable = |symbol: &str, per_cpu| Variable {
            name: "old".to_owned(),
            symbol: symbol.to_owned(),
            object: ObjectName::Vmlinux,
            per_cpu,
            is_read_only: false,
            place: 0..8,
        };
        let cases = [
            (
                variable("old", false),
                "`use static old: TYPE;`",
                "`extern TYPE old;`",
                "`#[symbols(vmlinux)] extern \"C\" { static old: _; }`",
            ),
            (
                variable("old@2", true),
                "`use percpu old@2;`",
                "`DECLARE_PER_CPU(TYPE, old);`",
                "{ #[percpu] #[position(2)] static old: _; }`",
            ),
            (
                variable("old.1", false),
                "`use static old.1: TYPE;`",
                "`extern TYPE old __asm__(\"old.1\");`",
                "a crate has no name for `old.1`",
            ),
        ];
        for (variable, in_object, in_c, in_crate) in cases {
            let said = |form| warning(&variable, "show", Span::new(0, 3), form).help;
            let help = said(Form::Spec).unwrap_or_default();
            assert!(help.contains(in_object) && help.contains(in_c), "{help}");
            let help = said(Form::Crate).unwrap_or_default();
            assert!(!help.contains("`use ") && help.contains(in_crate), "{help}");
        }
    }
}

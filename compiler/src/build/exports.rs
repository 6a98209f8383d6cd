// SPDX-License-Identifier: GPL-2.0
//! Reports exported symbols of modules that code uses without a `use`. The linker and modpost
//! accept them: the patch then depends on the module, cannot be loaded before it, and keeps it from
//! being unloaded.

use super::author::{Author, IN_A_MACRO, NAMED};
use super::declaration;
use crate::known::Known;
use kps_diag::{Diagnostic, MISSING_USE};
use kps_grammar::ast::Form;
use kps_host::input;
use kps_link::ObjectFile;
use kps_targets::Tree;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The list of exports in a build tree.
fn list_of(build: &Path) -> Result<String, Diagnostic> {
    let exports = input::read(&build.join("Module.symvers"), input::SYMVERS)?;
    Ok(String::from_utf8_lossy(&exports).into_owned())
}

/// The names of all exports of a kernel and its modules, from its build tree.
pub(crate) fn names(build: &Path) -> Result<BTreeSet<String>, Diagnostic> {
    let exports = list_of(build)?;
    Ok(exports.lines().filter_map(|line| line.split('\t').nth(1)).map(str::to_owned).collect())
}

/// The names of the symbols that are exported to particular modules, to which no patch belongs.
pub(super) fn for_modules(build: &Path) -> Result<BTreeSet<String>, Diagnostic> {
    let exports = list_of(build)?;
    Ok(exports.lines().filter_map(for_some).map(str::to_owned).collect())
}

/// The symbols that modules export, each with its module.
pub(super) fn by_module(build: &Path) -> Result<BTreeMap<String, String>, Diagnostic> {
    let exports = list_of(build)?;
    let of_modules = exports.lines().filter_map(export);
    Ok(of_modules.map(|(name, module)| (name.to_owned(), module)).collect())
}

/// The errors about an object, if modpost found in it a dependency on a module, except those about
/// the symbols in `reported`. `described` is the text that modpost wrote about the module.
pub(super) fn of_modules(
    object: &ObjectFile<'_>,
    described: &[u8],
    tree: &Tree,
    reported: &BTreeSet<String>,
    author: Author<'_>,
) -> Result<Vec<Diagnostic>, Diagnostic> {
    let described = String::from_utf8_lossy(described);
    let Some(modules) = depends(&described) else { return Ok(Vec::new()) };
    let exports = by_module(&tree.build)?;
    let undefined = object.uses().filter(|used| used.target.is_none());
    let of_modules: BTreeMap<&str, &str> = undefined
        .filter_map(|used| Some((used.symbol, exports.get(used.symbol)?.as_str())))
        .collect();
    if of_modules.is_empty() {
        let error = Diagnostic::new(MISSING_USE, format!("the patch is linked to {modules}"));
        let with = match author.emitted.form {
            Form::Spec => "`use`",
            Form::Crate => "`#[symbols(MODULE)]`",
        };
        return Ok(vec![error.help(format!("declare what it uses of that module with {with}"))]);
    }
    let error = |(&name, &module): (&&str, &&str)| {
        let named = author.naming(name);
        let (places, text) = match named.is_empty() {
            false => (named, NAMED),
            true => (author.using(name, object), IN_A_MACRO),
        };
        let declaration = declared(name, module, &author.emitted.known, author.emitted.form);
        let error = missing_use(name, module, &declaration);
        places.into_iter().fold(error, |error, span| error.at(span, text))
    };
    Ok(of_modules.iter().filter(|(name, _)| !reported.contains(**name)).map(error).collect())
}

/// The modules in `MODULE_INFO(depends, "a,b");`, which `add_depends()` of `scripts/mod/modpost.c`
/// writes.
fn depends(described: &str) -> Option<&str> {
    let (_, rest) = described.split_once("MODULE_INFO(depends, \"")?;
    rest.split('"').next().filter(|modules| !modules.is_empty())
}

/// A symbol and its module, in a line of `Module.symvers`.
fn export(line: &str) -> Option<(&str, String)> {
    let mut columns = line.split('\t').skip(1);
    let (symbol, path) = (columns.next()?, columns.next()?);
    let module = path.rsplit('/').next().filter(|_| path != "vmlinux")?;
    Some((symbol, module.replace('-', "_")))
}

/// A symbol that only particular modules may use, in a line of `Module.symvers`.
fn for_some(line: &str) -> Option<&str> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [_, symbol, _, _, namespace] = columns.as_slice() else { return None };
    namespace.starts_with("module:").then_some(*symbol)
}

/// The error about a symbol of a module that a patch is linked to. `declaration` is what to add.
pub(super) fn missing_use(name: &str, module: &str, declaration: &str) -> Diagnostic {
    Diagnostic::new(MISSING_USE, format!("`{name}` is a symbol of {module}"))
        .note(format!(
            "linked to it, the patch could not be loaded before {module}, which could not be unloaded before the patch"
        ))
        .help(format!(
            "add {declaration}, and use it only in bodies of {module} and of modules that depend on it"
        ))
}

/// The declaration of a symbol and its place; both kinds if its own is not known.
fn declared(name: &str, module: &str, known: &Known, form: Form) -> String {
    let (function, variable) =
        (declaration::function(name, form), declaration::variable(name, form));
    let is_function = known.functions.iter().any(|f| f.name == name && f.object.as_str() == module);
    let is_variable = known.variables.iter().any(|v| v.name == name && v.object.as_str() == module);
    let line = match (is_function, is_variable) {
        (true, false) => function,
        (false, true) => variable,
        _ => format!("{function} or {variable}"),
    };
    format!("{line} to {}", declaration::place(Some(module), form))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_modpost_writes_is_understood() {
        let described = |modules| format!("x;\n\nMODULE_INFO(depends, \"{modules}\");\n\n");
        assert_eq!(depends(&described("vhost,dummy")), Some("vhost,dummy"));
        assert_eq!(depends(&described("")), None);
        assert_eq!(depends(""), None);
        let line = "0x1\tx_free\tdrivers/x/x-core\tEXPORT_SYMBOL_GPL\t";
        assert_eq!(export(line), Some(("x_free", "x_core".to_owned())));
        assert_eq!(export("0x1\tkfree\tvmlinux\tEXPORT_SYMBOL\t"), None);
        let line = "0x0\tinc_ucount\tvmlinux\tEXPORT_SYMBOL_GPL\t";
        assert_eq!(for_some(&format!("{line}module:binfmt_misc")), Some("inc_ucount"));
        assert_eq!(for_some(&format!("{line}CRYPTO")), None);
        assert_eq!(for_some(line), None);
    }
}

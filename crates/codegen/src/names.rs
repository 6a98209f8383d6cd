// SPDX-License-Identifier: GPL-2.0
//! Every name that generated code introduces, in one place.

use kps_plan::{Callback, DataFunction, Func, ObjectName, Patch, ORIGINAL};
use proc_macro2::{Ident, Span};
use std::collections::HashSet;

/// The modules of a generated crate, the crates that it names, what the kernel's `module!` defines
/// beside them (`rust/macros/module.rs`), and the name by which bodies call the old function. The
/// author's items must not have these names.
pub const RESERVED: &[&str] = &[
    "__LOG_PREFIX",
    "__module_init",
    "LocalModule",
    "THIS_MODULE",
    "core",
    "kernel",
    "kps",
    "livepatch",
    "module_parameters",
    "original",
    "types",
];

/// The prefix of generated names that the author's code could see. The author's must not have it.
pub const PREFIX: &str = "kps_";

/// The prefix of the symbol of a function's entry. The function's name follows, made an identifier.
pub const ENTRY: &str = "livepatch_";

/// The names for one changed function. The macros of `kps::shim` derive the same ones from the
/// stem.
#[derive(Debug, Clone)]
pub struct FuncNames {
    /// The old function's name, made an identifier and unique in the patch.
    pub stem: String,
    /// The target of `new_func`. It appears in `available_filter_functions` and in stack traces.
    pub entry: String,
    /// The Rust function that the entry calls.
    pub body: String,
    /// The old function, entered behind its ftrace site.
    pub original: String,
    /// The old function's address, for the guard.
    pub old: String,
}

/// The names of all functions of a patch, by object and function.
pub fn func_names<B>(patch: &Patch<B>) -> Vec<Vec<FuncNames>> {
    let mut taken = HashSet::new();
    let mut names = |func: &Func<B>| {
        let stem = stem(&func.old.name);
        // Functions of the same name differ in position or object.
        let mut unique = stem.clone();
        let mut n = 2;
        while !taken.insert(unique.clone()) {
            unique = format!("{stem}_{n}");
            n += 1;
        }
        FuncNames {
            entry: format!("{ENTRY}{unique}"),
            body: body(&unique),
            original: format!("{ORIGINAL}{unique}"),
            old: format!("kps_old_{unique}"),
            stem: unique,
        }
    };
    patch.objects.iter().map(|object| object.funcs.iter().map(&mut names).collect()).collect()
}

/// The Rust function that the entry of a function with this stem calls.
pub fn body(stem: &str) -> String {
    format!("{PREFIX}body_{stem}")
}

/// A function's name, made an identifier. It may not be unique.
pub fn stem(function: &str) -> String {
    function.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// An identifier for a C name: a keyword becomes a raw identifier, and underscores make other names
/// valid.
pub fn ident(name: &str) -> Ident {
    let plain = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let mut text: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        text.insert(0, '_');
    }
    match text.as_str() {
        "" | "_" => Ident::new("__", Span::call_site()),
        "self" | "Self" | "super" | "crate" => Ident::new(&format!("{text}_"), Span::call_site()),
        text => syn::parse_str::<Ident>(text)
            .unwrap_or_else(|_| Ident::new_raw(text, Span::call_site())),
    }
}

/// The module of a patched object in a generated crate. It has a prefix because kernel modules
/// often share their name with one of their types, which bodies name.
pub fn object_ident(object: &ObjectName) -> Ident {
    ident(&format!("{PREFIX}in_{}", object.as_str()))
}

/// The function of an author's callback.
pub fn callback(callback: Callback) -> Ident {
    ident(&format!("{PREFIX}{}", callback.name()))
}

/// The symbol of a C file's function. It differs from the function's name, which may be that of a
/// function of the kernel.
pub fn c_name(name: &str) -> String {
    format!("{PREFIX}c_{name}")
}

/// The symbol through which Rust bodies call a function of a C file.
pub fn c_symbol(name: &str) -> String {
    format!("{PREFIX}fn_{name}")
}

/// The symbol of the function in C that does what an inline function of the kernel's headers does.
pub fn header_symbol(name: &str) -> String {
    format!("{PREFIX}header_{name}")
}

/// The symbol through which files in C read a parameter.
pub fn param_symbol(name: &str) -> String {
    format!("{PREFIX}param_{name}")
}

/// The symbol of a function through which files in C reach a datum.
pub fn data_symbol(name: &str, function: DataFunction) -> String {
    format!("{PREFIX}{}_{name}", function.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_becomes_an_identifier() {
        let names = [
            "m", "type", "self", "crate", "_", "", "9lives", "a.b", "a b", "\u{e4}", "async", "gen",
        ];
        let idents = names.map(|name| ident(name).to_string());
        let wanted = [
            "m", "r#type", "self_", "crate_", "__", "__", "_9lives", "a_b", "a_b", "__", "r#async",
            "gen",
        ];
        assert_eq!(idents, wanted);
    }
}

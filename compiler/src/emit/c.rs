// SPDX-License-Identifier: GPL-2.0
//! The wrapper around an author's C file: the names that the file uses for kernel symbols, and
//! those that the patch uses for the file's functions.

use super::templates;
use crate::resolve::Fragment;
use kps_codegen::names::{c_name, c_symbol, func_names};
use kps_plan::{CFile, CSymbol, Change, Func, Link, Object, Patch, Uses};
use serde::Serialize;

/// The folder of the authors' files in the generated folder.
pub const FOLDER: &str = "c";

/// The input of the template.
#[derive(Debug, Serialize)]
struct Wrapper {
    path: String,
    /// The symbols that the file may use, with their placeholders.
    symbols: Vec<(String, String)>,
    functions: Vec<Function>,
}

/// A function of the file that the patch uses.
#[derive(Debug, Serialize)]
struct Function {
    /// Its name in the author's file.
    name: String,
    /// Its name in the module, because the kernel has a function with the author's name.
    c_name: String,
    /// The symbol that the patch uses for it.
    symbol: String,
    /// The function that it replaces.
    old: Option<Old>,
}

#[derive(Debug, Serialize)]
struct Old {
    /// Its names in the author's file.
    names: Vec<String>,
    /// Its symbol.
    symbol: String,
    prototype: Option<Prototype>,
}

/// The kernel's prototype of a function.
#[derive(Debug, Serialize)]
struct Prototype {
    /// The name that is declared for the comparison.
    name: String,
    /// The declaration of that name.
    declaration: String,
    /// The declaration for people.
    shown: String,
}

/// The file that Kbuild compiles instead of the author's. It includes that file by this path.
pub(super) fn wrapper(patch: &Patch<Fragment>, n: usize, file: &CFile, path: &str) -> String {
    let own = |uses: &Uses| symbols(&uses.functions, &uses.statics, &uses.of_c);
    let kernel = &patch.kernel;
    let mut reached = symbols(&kernel.functions, &kernel.statics, &kernel.of_c);
    let of_file = |object: &&Object<Fragment>| object.name == file.object;
    for object in patch.objects.iter().filter(of_file) {
        reached.extend(own(&object.uses));
        reached.extend(object.sees.iter().flat_map(|&n| own(&patch.objects[n].uses)));
    }
    reached.sort();
    reached.dedup();

    let names = func_names(patch);
    let funcs =
        patch.objects.iter().zip(&names).flat_map(|(object, names)| object.funcs.iter().zip(names));
    let here: Vec<_> = funcs.filter(|(func, _)| is_in(func, n)).collect();
    let only = here.len() == 1;
    let replaced = here.iter().map(|(func, names)| {
        let name = &func.old.name;
        let mut called = vec![format!("original_{name}")];
        called.extend(only.then(|| "original".to_owned()));
        let known = match &func.change {
            Change::C { prototype, .. } => prototype.as_ref(),
            _ => None,
        };
        let check = format!("kps_check_{}", names.stem);
        let prototype = known.map(|known| Prototype {
            declaration: renamed(&known.without_typedefs, name, &check),
            shown: known.declaration.clone(),
            name: check,
        });
        Function {
            name: name.clone(),
            c_name: c_name(&names.stem),
            symbol: names.body.clone(),
            old: Some(Old { names: called, symbol: names.original.clone(), prototype }),
        }
    });
    let called = file.functions.iter().map(|name| Function {
        name: name.clone(),
        c_name: c_name(name),
        symbol: c_symbol(name),
        old: None,
    });
    let functions = replaced.chain(called).collect();
    templates::c_file(&Wrapper { path: path.to_owned(), symbols: reached, functions })
}

fn is_in<B>(func: &Func<B>, n: usize) -> bool {
    matches!(func.change, Change::C { file, .. } if file == n)
}

/// The symbols that are reached through klp relocations.
fn symbols(
    functions: &[kps_plan::Function],
    statics: &[kps_plan::Static],
    of_c: &[CSymbol],
) -> Vec<(String, String)> {
    let links = functions
        .iter()
        .map(|f| (&f.name, &f.link))
        .chain(statics.iter().map(|s| (&s.name, &s.link)))
        .chain(of_c.iter().map(|symbol| (&symbol.name, &symbol.link)));
    let reached = links.filter_map(|(name, link)| match link {
        Link::Livepatch(symbol) => Some((name.clone(), symbol.placeholder())),
        Link::Export { .. } | Link::Own | Link::Header { .. } => None,
    });
    reached.collect()
}

/// A declaration with another name. The name is before the first bracket that opens a parameter
/// list.
fn renamed(declaration: &str, name: &str, new: &str) -> String {
    declaration.replacen(&format!("{name}("), &format!("{new}("), 1)
}

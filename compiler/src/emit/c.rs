// SPDX-License-Identifier: GPL-2.0
//! The wrapper around an author's C file: the names that the file uses for kernel symbols, and
//! the symbols that the patch uses for the file's functions.

use super::c_data::{self, Call, Param};
use super::library::LIBRARY;
use super::templates;
use crate::resolve::Fragment;
use kps_arch::syscall_of;
use kps_codegen::names::{c_name, c_symbol, func_names, FuncNames};
use kps_plan::{
    CFile, CPrototype, CSymbol, CSyscall, Change, Func, Link, Object, ObjectName, Patch, Uses,
};
use kps_resolve::is_plain;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The folder of the authors' files in the generated folder.
pub const FOLDER: &str = "c";

/// The input of the template.
#[derive(Debug, Serialize)]
struct Wrapper {
    /// The file's number.
    n: usize,
    path: String,
    /// The symbols that the file may use, with their placeholders.
    symbols: Vec<(String, String)>,
    /// The module whose code the file has; None for code of the kernel image.
    module: Option<String>,
    params: Vec<Param>,
    calls: Vec<Call>,
    /// What may be an entry of a system call that the file defines.
    entries: BTreeSet<String>,
    functions: Vec<Function>,
    /// The names of these functions in the author's file, with their symbols.
    names: BTreeMap<String, String>,
}

/// A function of the file that the patch uses.
#[derive(Debug, Serialize)]
struct Function {
    /// Its name in the author's file.
    name: String,
    /// Its symbol in the module, because the kernel has a function with the author's name.
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
    syscall: Option<Syscall>,
}

/// A system call, whose old function is called with its arguments.
#[derive(Debug, Serialize)]
struct Syscall {
    /// The function with the author's body.
    body: String,
    /// The members of `struct pt_regs` for the arguments.
    registers: Vec<&'static str>,
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

/// The options for the headers that a file finds beside the kernel's sources: `fs/namespace.c`
/// below the spec's folder stands for that file of the kernel, and includes `"mount.h"`. The
/// compiler looks there when it has found none among the files of the patch. `<../fs/mount.h>`
/// needs no option, because the compiler looks for it from the kernel's `include`. What the
/// kernel's makefiles add for the file, make asks them (`templates/options.mk`).
pub(super) fn include_options(path: &str) -> Option<String> {
    let (folder, _) = path.rsplit_once('/')?;
    let stem = path.strip_suffix(".c").unwrap_or(path);
    Some(format!("-iquote $(srctree)/{folder} $(call kps-options,{stem}.o)"))
}

/// The headers that a file of the kernel image finds before the kernel's own of these names, if the
/// patch has such a file. `MODULE` is defined for it as for all files of a module, so what it
/// defines is a module's: `THIS_MODULE`, per-CPU variables, SRCU. These headers take `MODULE` away
/// where it hides what the image's code calls.
pub(super) fn headers_of_image<B>(patch: &Patch<B>) -> impl Iterator<Item = (String, String)> {
    let has_such = patch.c_files.iter().any(|file| file.object == ObjectName::Vmlinux);
    let headers = templates::OF_IMAGE.iter().filter(move |_| has_such);
    headers.map(|(path, text)| (format!("{LIBRARY}/image/{path}"), (*text).to_owned()))
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

    let of_patch = func_names(patch);
    let funcs = patch
        .objects
        .iter()
        .zip(&of_patch)
        .flat_map(|(object, names)| object.funcs.iter().zip(names));
    let here: Vec<Replaced<'_>> =
        funcs.filter_map(|(func, names)| Replaced::of(func, names, n)).collect();
    let bodies: BTreeSet<&str> = here.iter().map(Replaced::body).collect();
    let replaced = here.iter().enumerate().map(|(at, replaced)| {
        let is_first = here.iter().position(|other| other.body() == replaced.body()) == Some(at);
        replaced.function(is_first, bodies.len() == 1)
    });
    let called = file.functions.iter().map(|name| Function {
        name: name.clone(),
        c_name: c_name(name),
        symbol: c_symbol(name),
        old: None,
    });
    let mut functions: Vec<Function> = replaced.chain(called).collect();
    let names = symbols_of_names(&mut functions);
    let syscalls = &patch.kernel.types.arch().syscalls;
    let defined = here.iter().filter_map(|replaced| syscall_of(replaced.name));
    let entries = defined.flat_map(|call| syscalls.entries(call)).collect();
    let module = match &file.object {
        ObjectName::Module(name) => Some(name.clone()).filter(|name| is_plain(name)),
        ObjectName::Vmlinux => None,
    };
    let (path, symbols) = (path.to_owned(), reached);
    let (params, calls) = (c_data::params(patch, &file.data), c_data::calls(&file.data));
    templates::c_file(&Wrapper {
        n,
        path,
        symbols,
        module,
        params,
        calls,
        entries,
        functions,
        names,
    })
}

/// A function whose new body is in the file.
struct Replaced<'p> {
    name: &'p str,
    names: &'p FuncNames,
    prototype: Option<&'p CPrototype>,
    syscall: Option<&'p CSyscall>,
}

impl<'p> Replaced<'p> {
    fn of<B>(func: &'p Func<B>, names: &'p FuncNames, n: usize) -> Option<Replaced<'p>> {
        let Change::C { file, prototype, syscall, .. } = &func.change else { return None };
        let (prototype, syscall) = (prototype.as_ref(), syscall.as_ref());
        (*file == n).then_some(Replaced { name: &func.old.name, names, prototype, syscall })
    }

    /// The function with the author's text; all entries of a system call have one.
    fn body(&self) -> &'p str {
        self.syscall.map_or(self.name, |syscall| &syscall.body)
    }

    /// `is_first` is whether it is the first function with its body, and `is_only` whether the file
    /// has no other body.
    fn function(&self, is_first: bool, is_only: bool) -> Function {
        let (name, names) = (self.name, self.names);
        let mut called = vec![format!("original_{name}")];
        let of_call = self.syscall.map(|syscall| syscall.body.trim_start_matches("__do_"));
        called.extend(of_call.map(|call| format!("original_{call}")));
        called.extend(is_only.then(|| "original".to_owned()));
        let check = format!("kps_check_{}", names.stem);
        let prototype = self.prototype.map(|known| Prototype {
            declaration: renamed(&known.without_typedefs, name, &check),
            shown: known.declaration.clone(),
            name: check,
        });
        let syscall = self.syscall.map(|syscall| Syscall {
            body: syscall.body.clone(),
            registers: syscall.registers.clone(),
        });
        Function {
            name: name.to_owned(),
            c_name: c_name(&names.stem),
            symbol: names.body.clone(),
            old: Some(Old {
                names: if is_first { called } else { Vec::new() },
                symbol: names.original.clone(),
                prototype,
                syscall,
            }),
        }
    }
}

/// The names of functions in the author's file, with their symbols. Functions of the kernel that
/// share a name share the new body, and its symbol.
fn symbols_of_names(functions: &mut [Function]) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for function in functions {
        let symbol = names.entry(function.name.clone()).or_insert_with(|| function.c_name.clone());
        function.c_name.clone_from(symbol);
    }
    names
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

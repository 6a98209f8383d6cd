// SPDX-License-Identifier: GPL-2.0
//! Which symbol of the target a name of a file is. Several functions and variables of the kernel
//! may share a name, each `static` in a file of its own.

use crate::kernel::{extent, object, Kernel, Symbol, VMLINUX};
use crate::roots::File;
use crate::text::{Name, Space};
use kps_facts::{Object, Sym};

/// The symbol of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// There is none.
    No,
    /// It is this one.
    Yes(Symbol),
    /// There are several, and it is unknown which is the file's.
    Unclear(usize),
}

/// The symbol that a file of an object means by a name. Of several, it is the one that all that is
/// known of them leaves over.
pub fn find(kernel: &dyn Kernel, file: &File<'_>, name: &Name) -> Found {
    find_in(kernel, file.object, file, name)
}

/// The symbol that a file means by a name, in an object that may be another one than its own.
pub fn find_in(kernel: &dyn Kernel, object_name: &str, file: &File<'_>, name: &Name) -> Found {
    let Some(contents) = object(kernel.facts(), object_name) else { return Found::No };
    let all = contents.symbols.named(&name.name);
    let mut left: Vec<usize> = (0..all.len()).collect();
    let search = Search { kernel, object_name, contents, file, name };
    if search.is_without_symbol() {
        return Found::No;
    }
    if all.len() > 1 {
        for hint in [Search::linkage, Search::code, Search::references, Search::neighbours] {
            let meant: Vec<usize> = (0..all.len()).filter(|n| hint(&search, &all[*n])).collect();
            // A hint that fits none of them tells nothing. Two that fit different ones leave none.
            if !meant.is_empty() {
                left.retain(|n| meant.contains(n));
            }
        }
    }
    match left.as_slice() {
        [n] => Found::Yes(Symbol {
            name: name.name.clone(),
            position: (all.len() > 1).then_some(n + 1),
            address: all[*n].address,
        }),
        _ if all.is_empty() => Found::No,
        _ => Found::Unclear(all.len()),
    }
}

struct Search<'a> {
    kernel: &'a dyn Kernel,
    object_name: &'a str,
    contents: &'a Object,
    file: &'a File<'a>,
    name: &'a Name,
}

impl Search<'_> {
    fn is_own(&self) -> bool {
        self.object_name == self.file.object
    }

    /// Whether what the file defines as `static` has no symbol: those of its name are of others.
    fn is_without_symbol(&self) -> bool {
        let definition = self.file.old.definition(self.name).filter(|_| self.is_own());
        let is_static = definition.is_some_and(|(_, one)| one.is_static);
        let compiled = self.file.compiled.as_ref().filter(|_| is_static);
        compiled.is_some_and(|both| both.old.lacks(&self.name.name))
    }

    /// Whether the symbol is `static` as the definition in the file is. What a file only declares
    /// is in another one, and so it is not `static`.
    fn linkage(&self, sym: &Sym<'_>) -> bool {
        // The letters of a module's symbols do not tell.
        if self.object_name != VMLINUX {
            return false;
        }
        let definition = self.file.old.definition(self.name).filter(|_| self.is_own());
        let is_static = definition.is_some_and(|(_, one)| one.is_static);
        is_global(sym).is_none_or(|is_global| is_global != is_static)
    }

    /// Whether the code there is what the kernel's compiler makes of the function in the file.
    fn code(&self, sym: &Sym<'_>) -> bool {
        let compiled = self.file.compiled.as_ref().filter(|_| self.is_own());
        let old = compiled.filter(|_| self.name.space == Space::Function).map(|both| both.old);
        old.is_some_and(|old| self.kernel.has_code(self.object_name, sym, old))
    }

    /// Whether the code of the file's functions refers to the variable: of half of those that do so
    /// if the file was compiled, or else of any. Code is searched for addresses without being read,
    /// so that one function may seem to refer to anything; and the part of a function that the
    /// compiler has split off has another symbol.
    fn references(&self, sym: &Sym<'_>) -> bool {
        if self.name.space != Space::Variable || !self.is_own() {
            return false;
        }
        let data = extent(self.contents, sym.address);
        let refers = |name: &str| {
            let function = Name::new(Space::Function, name);
            match find(self.kernel, self.file, &function) {
                Found::Yes(function) => {
                    let code = extent(self.contents, function.address);
                    Some(self.kernel.refers(self.object_name, &code, &data))
                }
                Found::No | Found::Unclear(_) => None,
            }
        };
        let known = self.file.compiled.as_ref().map(|both| both.old.users(&self.name.name));
        match known.filter(|users| !users.is_empty()) {
            Some(users) => {
                let found: Vec<bool> = users.into_iter().filter_map(refers).collect();
                let count = found.iter().filter(|refers| **refers).count();
                count > 0 && count * 2 >= found.len()
            }
            None => self.file.old.functions().any(|(_, one)| refers(&one.name) == Some(true)),
        }
    }

    /// Whether its neighbours are functions or variables that the file defines: the linker puts
    /// those of a file together.
    fn neighbours(&self, sym: &Sym<'_>) -> bool {
        let (before, behind) = self.contents.symbols.landmarks(sym.address);
        [before, behind].into_iter().flatten().any(|name| {
            let plain = name.split('.').next().unwrap_or(name);
            [Space::Function, Space::Variable]
                .into_iter()
                .any(|space| self.file.old.definition(&Name::new(space, plain)).is_some())
        })
    }
}

/// Whether other files can name the symbol, by the letter that kallsyms shows. It does not tell of
/// per-CPU variables: scripts/kallsyms.c of older kernels gives them all the same one.
fn is_global(sym: &Sym<'_>) -> Option<bool> {
    (!matches!(sym.kind, 'A' | 'a')).then_some(sym.kind.is_ascii_uppercase())
}

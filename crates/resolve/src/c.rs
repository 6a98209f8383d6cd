// SPDX-License-Identifier: GPL-2.0
//! Files in C: functions that replace old ones, and functions that Rust bodies call.

use super::c_text::prototype::per_cpu;
use super::c_text::system_call::definitions;
use super::paths::FileKind;
use super::rust::{long_name, MAX_NAME};
use super::symbols::Scope;
use super::uses::Declared;
use super::Resolver;
use kps_ast::{self as ast, Text};
use kps_diag::{Diagnostic, FILE_OUTSIDE, REPEATED_NAME};
use kps_facts::Importer;
use kps_plan::{CData, CFile, CPrototype, CSyscall, Change, Func, Function, Link, ObjectName};

impl Resolver<'_> {
    /// The functions of C files that Rust bodies may call, with their declared prototypes.
    pub(super) fn c_functions(
        &mut self,
        spec: &ast::Patch,
        importer: &mut Importer<'_>,
        declared: &mut Declared,
    ) {
        for item in &spec.c_files {
            let Some(file) = self.c_file(&item.file, ObjectName::Vmlinux) else { continue };
            for function in &item.functions {
                let name = &function.name;
                if name.value.len() > MAX_NAME {
                    self.report(long_name(name.span));
                    continue;
                }
                let names = declared.names.entry(ObjectName::IMAGE.to_owned()).or_default();
                if !names.insert(name.value.clone()) {
                    self.report(
                        Diagnostic::new(
                            REPEATED_NAME,
                            format!("`{}` is declared twice", name.value),
                        )
                        .at(name.span, "")
                        .help("rename the function of the C file"),
                    );
                    continue;
                }
                if let Some(signature) = self.written(&function.prototype, importer) {
                    self.check_passing(&name.value, &signature, name.span, importer);
                    self.c_files[file].functions.push(name.value.clone());
                    let name = name.value.clone();
                    declared.vmlinux.functions.push(Function { name, signature, link: Link::Own });
                }
            }
        }
    }

    /// A new body in C of a function, which may be an entry of a system call.
    pub(super) fn c_body<B>(
        &mut self,
        scope: Scope<'_>,
        function: &str,
        file: &Text,
    ) -> Option<Change<B>> {
        let name = function;
        let n = self.c_file(file, scope.object_name())?;
        let text = self.pieces.c_file(&file.value).unwrap_or_default();
        let syscall = self.defined_syscall(text, name);
        let of_call = syscall.as_ref().and_then(|call| call.body.strip_prefix(DO));
        let calls_original =
            calls_original(text, name) || of_call.is_some_and(|call| calls_original(text, call));
        let btf = &self.facts.btf;
        let prototype = self.prototypes(scope, name).first().map(|&id| CPrototype {
            declaration: btf.declaration(id),
            without_typedefs: btf.declaration_without_typedefs(id, &per_cpu(text, name)),
        });
        let is_plain = |known: &CPrototype| {
            is_plain_c(&known.declaration) && is_plain_c(&known.without_typedefs)
        };
        let prototype = prototype.filter(is_plain);
        Some(Change::C { file: n, calls_original, prototype, syscall })
    }

    /// The system call that a function is an entry of, if a text in C defines that system call.
    fn defined_syscall(&self, text: &str, function: &str) -> Option<CSyscall> {
        let syscalls = &self.facts.arch().syscalls;
        let (call, is_compat, members) = match function.strip_prefix(syscalls.entry) {
            Some(call) => (call, false, syscalls.members),
            None => {
                let (call, entry) = syscalls.other_entry(function)?;
                (call, entry.is_compat, entry.members)
            }
        };
        let definition = definitions(text, call, is_compat).into_iter().next()?;
        let registers = members.iter().take(definition.types.len()).copied().collect();
        let of = if is_compat { "compat_sys" } else { "sys" };
        Some(CSyscall { body: format!("{DO}{of}_{call}"), registers })
    }

    /// The index of a file among those of the patch. A file serves one object: symbols of a module
    /// are available only while the module is loaded.
    fn c_file(&mut self, file: &Text, object: ObjectName) -> Option<usize> {
        if !self.check_path(file, FileKind::C) {
            return None;
        }
        let known = self.c_files.iter().position(|known| known.path == file.value);
        match known {
            Some(n) if self.c_files[n].object == object => Some(n),
            Some(n) => {
                let (one, other) = (self.c_files[n].object.as_str().to_owned(), object.as_str());
                self.report(
                    Diagnostic::new(FILE_OUTSIDE, format!("{:?} belongs to both `{one}` and `{other}`", file.value))
                        .at(file.span, "")
                        .note("a module's symbols exist only while it is loaded")
                        .help("split the file: one for each object, and one for the functions that Rust bodies call"),
                );
                None
            }
            None => {
                self.c_files.push(CFile {
                    path: file.value.clone(),
                    object,
                    functions: Vec::new(),
                    data: CData::default(),
                });
                Some(self.c_files.len() - 1)
            }
        }
    }
}

/// Whether a patch has files in C.
pub(super) fn has_files(spec: &ast::Patch) -> bool {
    let funcs = || spec.objects.iter().flat_map(|object| &object.funcs);
    !spec.c_files.is_empty() || funcs().any(|func| func.replace_c.is_some())
}

/// All entries of a system call run one body in C, which calls the first of their old functions.
pub(super) fn one_original<B>(funcs: &mut [Func<B>]) {
    let mut seen = Vec::new();
    for func in funcs {
        let Change::C { file, syscall: Some(syscall), calls_original, .. } = &mut func.change
        else {
            continue;
        };
        match seen.contains(&(*file, syscall.body.clone())) {
            true => *calls_original = false,
            false => seen.push((*file, syscall.body.clone())),
        }
    }
}

/// The prefix of the function with the author's body (`__SYSCALL_DEFINEx()`).
const DO: &str = "__do_";

/// Whether a declaration from BTF is valid C, even if the BTF is forged.
pub(super) fn is_plain_c(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "_ *,()[].".contains(c))
        && !text.contains("anonymous")
}

/// Whether a text in C calls the old function of this name.
pub(super) fn calls_original(text: &str, name: &str) -> bool {
    has_word(text, "original") || has_word(text, &format!("original_{name}"))
}

/// Whether a word occurs in a text.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole() {
        assert!(has_word("return original(m, v);", "original"));
        assert!(!has_word("return original_show(m, v);", "original"));
    }
}

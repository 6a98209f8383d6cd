// SPDX-License-Identifier: GPL-2.0
//! What a patch crate is built with: its own files, the library, and what has been found out about
//! the patch.

use super::library::{library, LIBRARY};
use super::{c, functions, print, splice, symvers, templates, Emitted, Files, LineTable};
use crate::Checked;
use kps_grammar::ast::Form;
use kps_grammar::{Language, Sources};
use quote::quote;
use std::collections::BTreeMap;

/// The makefile that the crate's own one includes.
pub const RULES: &str = include_str!("../../../templates/crate/crate.mk");

/// Where the facts of the target are for the macros.
pub const TARGET_FACTS: &str = "kps/target.facts";

/// The folder that Kbuild builds: the crate's `own` files and what goes beside them.
/// The macros read the `facts` of the target.
pub fn emit_crate(
    checked: &Checked,
    sources: &Sources,
    own: BTreeMap<String, String>,
    facts: Vec<u8>,
) -> Emitted {
    let patch = checked.patch();
    let mut files = own;
    let in_c = sources.files().filter(|file| file.language == Language::C);
    files.extend(in_c.map(|file| (file.path.clone(), file.source.text.clone())));
    // Nothing of an author's takes the place of what make reads.
    files.extend(beside(checked));
    files.insert("Kbuild".to_owned(), templates::crate_kbuild(&patch.name));
    let c_files = patch.c_files.iter().map(|file| file.path.clone()).collect();
    let pieces = super::fragments(patch).into_values().collect();
    let (form, files, functions) = (Form::Crate, Files(files), functions(checked));
    Emitted { form, files, lines: LineTable::default(), c_files, functions, pieces, facts }
}

/// What goes into the folder of the library, below that of the crate.
pub fn beside(checked: &Checked) -> BTreeMap<String, String> {
    let patch = checked.patch();
    let mut files = library();
    let mut add = |path: &str, text: String| drop(files.insert(format!("{LIBRARY}/{path}"), text));
    add("crate.mk", RULES.to_owned());
    add("patch.mk", templates::patch_makefile(patch));
    add("patch.symvers", symvers(patch));
    for (n, file) in patch.c_files.iter().enumerate() {
        add(&format!("patch_c{n}.c"), c::wrapper(patch, n, file, &file.path));
    }
    files
}

/// What the module of a crate becomes in a kernel build, for people: with the author's text where
/// the macro puts it.
pub fn expand_crate(checked: &Checked, sources: &Sources) -> String {
    let patch = checked.patch();
    let name = kps_codegen::names::ident(&patch.name);
    let contents = kps_codegen::contents(patch, &quote!(#name::Module));
    let (declaration, within) = (&contents.declaration, contents.within(&name));
    let printed = print(quote!(#declaration #within));
    splice::splice(&printed, &super::fragments(patch), sources, "").0
}

/// What the file of types starts with, by which kpsc knows its own.
pub const BINDINGS_TITLE: &str = "//! What the patch uses of the kernel, as its BTF says it.";

/// The kernel's types for the host, where no facts of a kernel are.
pub fn bindings(checked: &Checked) -> String {
    let types = kps_codegen::module(checked.patch()).types;
    print(types)
}

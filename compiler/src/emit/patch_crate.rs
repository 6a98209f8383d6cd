// SPDX-License-Identifier: GPL-2.0
//! The folder that a patch crate is built in: its own files, the library, and generated files about
//! the patch.

use super::library::{library, of_core_mode, LIBRARY};
use super::{c, functions, headers, print, splice, symvers, templates, Emitted, Files, LineTable};
use crate::build::Undone;
use crate::known::Known;
use crate::Checked;
use kps_attributes::Options;
use kps_grammar::ast::Form;
use kps_grammar::{Language, Sources};
use quote::quote;
use std::collections::BTreeMap;

/// The makefile that the crate's own makefile includes.
pub const RULES: &str = include_str!("../../../templates/crate/crate.mk");

/// The path of the target's facts, for the macros.
pub const TARGET_FACTS: &str = "kps/target.facts";

/// The folder that Kbuild builds: the crate's `own` files and the generated ones. The macros read
/// the `facts` of the target.
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
    // No file of the author replaces a file that make reads.
    files.extend(beside(checked));
    files.insert("Kbuild".to_owned(), templates::crate_kbuild(&patch.name));
    let c_files = patch.c_files.clone();
    let pieces = super::fragments(patch).into_values().collect();
    let (form, files, functions) = (Form::Crate, Files(files), functions(checked));
    let (lines, known) = (LineTable::default(), Known::default());
    let undone = Undone::of(checked);
    Emitted { form, files, lines, c_files, functions, pieces, facts, known, undone }
}

/// The files of the library's folder, relative to the crate.
pub fn beside(checked: &Checked) -> BTreeMap<String, String> {
    let patch = checked.patch();
    let mut files = library();
    files.extend(of_core_mode(patch));
    files.extend(c::headers_of_image(patch));
    let mut add = |path: &str, text: String| drop(files.insert(format!("{LIBRARY}/{path}"), text));
    add("crate.mk", RULES.to_owned());
    add("refuse.mk", templates::REFUSE.to_owned());
    add("options.mk", templates::OPTIONS.to_owned());
    add("patch.mk", templates::patch_makefile(patch));
    add("patch.symvers", symvers(patch));
    if let Some(text) = headers::headers(patch) {
        add(headers::IN_CRATE, text);
    }
    for (n, file) in patch.c_files.iter().enumerate() {
        add(&format!("patch_c{n}.c"), c::wrapper(patch, n, file, &file.path));
    }
    files
}

/// The expansion of a crate's module in a kernel build, for people to read: with the author's text
/// where the macro inserts it.
pub fn expand_crate(checked: &Checked, sources: &Sources) -> String {
    let patch = checked.patch();
    let name = kps_codegen::names::ident(&patch.name);
    let contents = kps_codegen::contents(patch, &quote!(#name::livepatch::Module));
    let (declaration, within) = (&contents.declaration, contents.within(&name));
    let printed = print(quote!(#declaration #within));
    splice::splice(&printed, &super::fragments(patch), sources, "").0
}

/// The title of the file of types, by which kpsc recognizes its own file.
pub const BINDINGS_TITLE: &str = "//! What the patch uses of the kernel, as its BTF says it.";

/// The kernel's types for the host, for builds without a facts file, and the options of its
/// configuration that the crate names.
pub fn bindings(checked: &Checked, sources: &Sources, config: &BTreeMap<String, String>) -> String {
    let types = print(kps_codegen::module(checked.patch()).types);
    let in_rust = sources.files().filter(|file| file.language == Language::Rust);
    let texts: Vec<&str> = in_rust.map(|file| file.source.text.as_str()).collect();
    let options = Options::of_kernel(config).named_in(&texts).lines();
    if options.is_empty() {
        return types;
    }
    types.replacen(BINDINGS_TITLE, &format!("{BINDINGS_TITLE}\n//!\n{}", options.trim_end()), 1)
}

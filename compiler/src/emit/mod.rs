// SPDX-License-Identifier: GPL-2.0
//! From a checked patch to the folder that Kbuild builds, in memory.

mod c;
mod c_data;
mod crate_files;
pub mod headers;
mod library;
mod lines;
mod patch_crate;
mod splice;
mod templates;
mod tidy;

use crate::build::Undone;
use crate::known::Known;
use crate::resolve::Fragment;
use crate::Checked;
use kps_codegen::names::{c_name, func_names};
use kps_grammar::ast::Form;
use kps_grammar::{Language, Sources, Span};
use kps_plan::{CFile, Patch};
use proc_macro2::TokenStream;
use std::collections::{BTreeMap, BTreeSet};

pub use c::FOLDER as C_FOLDER;
pub use crate_files::{crate_files, new_crate};
pub use kps_resolve::is_plain;
pub use library::{core_library, library, LIBRARY};
pub use lines::{Line, LineTable};
pub use patch_crate::{
    beside, bindings, emit_crate, expand_crate, BINDINGS_TITLE, RULES, TARGET_FACTS,
};
pub use templates::{function_spec, imported_spec, skeleton, FunctionSpec};

/// A folder that is not written yet: paths relative to it, and the contents of the files.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Files(pub BTreeMap<String, String>);

/// The generated output for a patch.
#[derive(Debug)]
pub struct Emitted {
    /// The form of the patch.
    pub form: Form,
    /// The Kbuild folder.
    pub files: Files,
    /// Maps generated lines back to the spec and its files.
    pub lines: LineTable,
    /// The C files of the patch, in the order of their wrappers.
    pub c_files: Vec<CFile>,
    /// The symbols generated for functions, each with the span where the source names the function.
    pub functions: BTreeMap<String, Span>,
    /// All snippets of the author's Rust.
    pub pieces: Vec<Span>,
    /// The facts of the target, for the macros of a crate.
    pub facts: Vec<u8>,
    /// What the kernel has under the names of the C files, for the build.
    pub known: Known,
    /// The parts of the patch whose set-ups its resources undo.
    pub undone: Undone,
}

#[cfg(test)]
impl Emitted {
    /// The output of an empty spec.
    pub(crate) fn nothing() -> Emitted {
        let (form, files, lines) = (Form::Spec, Files::default(), LineTable::default());
        let (c_files, functions, pieces) = (Vec::new(), BTreeMap::new(), Vec::new());
        let (facts, known, undone) = (Vec::new(), Known::default(), Undone::default());
        Emitted { form, files, lines, c_files, functions, pieces, facts, known, undone }
    }
}

/// Generates the folder.
pub fn emit(checked: &Checked, sources: &Sources) -> Emitted {
    let patch = checked.patch();
    let name = &patch.name;
    let module = kps_codegen::module(patch);
    let fragments = fragments(patch);
    let (root, lines) =
        splice::splice(&print(module.root), &fragments, sources, &format!("{name}_main.rs"));

    let mut files: BTreeMap<String, String> =
        library::runtime().map(|(path, text)| (path, text.to_owned())).collect();
    files.extend(library::of_core_mode(patch));
    files.insert(format!("{name}_main.rs"), root);
    files.insert(format!("{name}_types.rs"), print(module.types));
    files.insert("kps.symvers".into(), symvers(patch));
    for (n, file) in patch.c_files.iter().enumerate() {
        files.insert(
            format!("{name}_c{n}.c"),
            c::wrapper(patch, n, file, &format!("{}/{}", c::FOLDER, file.path)),
        );
    }
    let c_files = sources.files().filter(|file| file.language == Language::C);
    files.extend(
        c_files.map(|file| (format!("{}/{}", c::FOLDER, file.path), file.source.text.clone())),
    );
    files.extend(headers::headers(patch).map(|text| (format!("{name}{}", headers::IN_SPEC), text)));
    let (has_headers, mode) = (templates::has_headers(patch), patch.target.mode);
    let kbuild = templates::kbuild(name, &patch.c_files, has_headers, mode);
    files.insert("Kbuild".into(), kbuild);
    if patch.c_files.iter().any(|file| c::include_options(&file.path).is_some()) {
        files.insert(format!("{LIBRARY}/options.mk"), templates::OPTIONS.to_owned());
    }
    files.extend(c::headers_of_image(patch));
    files.insert("Makefile".into(), templates::makefile(name));
    files.insert(format!("{name}.lines"), lines.listing(sources));
    let c_files = patch.c_files.clone();
    let pieces = fragments.into_values().collect();
    let (form, files, functions) = (Form::Spec, Files(files), functions(checked));
    let (facts, known) = (Vec::new(), Known::default());
    let undone = Undone::of(checked);
    Emitted { form, files, lines, c_files, functions, pieces, facts, known, undone }
}

/// The symbols generated for functions, with the spans where the source names these.
fn functions(checked: &Checked) -> BTreeMap<String, Span> {
    let names = func_names(checked.patch());
    let functions = names.into_iter().flatten().zip(checked.places().iter().flatten());
    functions
        .flat_map(|(names, &place)| {
            let of_c = c_name(&names.stem);
            [names.entry, names.body, names.original, of_c].map(|symbol| (symbol, place))
        })
        .collect()
}

/// Prints tokens as formatted Rust.
fn print(tokens: TokenStream) -> String {
    let file = match syn::parse2::<syn::File>(tokens.clone()) {
        Ok(file) => file,
        // Only a bug of the generator gets here. rustc will report it; the text is kept for the bug
        // report.
        Err(_) => return tokens.to_string(),
    };
    format!("// SPDX-License-Identifier: GPL-2.0\n{}", tidy::tidy(&prettyplease::unparse(&file)))
}

/// All snippets of an author's text in the generated code, by their first byte.
fn fragments(patch: &Patch<Fragment>) -> BTreeMap<usize, Span> {
    let funcs = || patch.objects.iter().flat_map(|object| &object.funcs);
    let bodies = funcs().flat_map(|func| func.change.bodies());
    let frees = funcs().flat_map(|func| &func.frees).map(|free| &free.parent);
    let callbacks =
        patch.objects.iter().flat_map(|object| object.callbacks.each().map(|(_, body)| body));
    let modules = patch.modules.iter().map(|module| &module.items);
    let all = bodies.chain(frees).chain(callbacks).chain(patch.data_texts()).chain(&patch.items);
    all.chain(modules).map(|f| (f.span.start, f.span)).collect()
}

/// Lists the placeholders for klp relocations as if vmlinux exported them, so that modpost accepts
/// them and still checks every other symbol. The module cannot be loaded before post-link has
/// replaced them, because nothing really exports them.
fn symvers(patch: &Patch<Fragment>) -> String {
    let names: BTreeSet<String> =
        patch.livepatch_symbols().map(|symbol| symbol.placeholder()).collect();
    names.iter().map(|name| format!("0x00000000\t{name}\tvmlinux\tEXPORT_SYMBOL_GPL\t\n")).collect()
}

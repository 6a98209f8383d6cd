// SPDX-License-Identifier: GPL-2.0
//! From a checked patch to the folder that Kbuild builds, in memory.

mod c;
mod crate_files;
mod library;
mod lines;
mod patch_crate;
mod splice;
mod templates;
mod tidy;

use crate::resolve::Fragment;
use crate::Checked;
use kps_codegen::names::{c_name, func_names};
use kps_grammar::ast::Form;
use kps_grammar::{Language, Sources, Span};
use kps_plan::{Link, Patch, Symbol};
use proc_macro2::TokenStream;
use std::collections::{BTreeMap, BTreeSet};

pub use c::FOLDER as C_FOLDER;
pub use crate_files::{crate_files, new_crate};
pub use kps_resolve::is_plain;
pub use library::{library, LIBRARY};
pub use lines::{Line, LineTable};
pub use patch_crate::{
    beside, bindings, emit_crate, expand_crate, BINDINGS_TITLE, RULES, TARGET_FACTS,
};
pub use templates::{function_spec, skeleton, FunctionSpec};

/// A folder that has not been written: paths below it, and what the files hold.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Files(pub BTreeMap<String, String>);

/// What a patch becomes.
#[derive(Debug)]
pub struct Emitted {
    /// How the patch is written.
    pub form: Form,
    /// The Kbuild folder.
    pub files: Files,
    /// The way back from its lines to those of the spec and its files.
    pub lines: LineTable,
    /// The files in C that the patch has, in the order of those that surround them.
    pub c_files: Vec<String>,
    /// Where a function of the patch is named in the spec, by each symbol that is made for it.
    pub functions: BTreeMap<String, Span>,
    /// All pieces of an author's Rust.
    pub pieces: Vec<Span>,
    /// The facts of the target, for the macros of a crate.
    pub facts: Vec<u8>,
}

#[cfg(test)]
impl Emitted {
    /// Nothing of a spec.
    pub(crate) fn nothing() -> Emitted {
        let (form, files, lines) = (Form::Spec, Files::default(), LineTable::default());
        let (c_files, functions, pieces) = (Vec::new(), BTreeMap::new(), Vec::new());
        Emitted { form, files, lines, c_files, functions, pieces, facts: Vec::new() }
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
    files.insert("Kbuild".into(), templates::kbuild(name, patch.c_files.len()));
    files.insert("Makefile".into(), templates::makefile(name));
    files.insert(format!("{name}.lines"), lines.listing(sources));
    let c_files = patch.c_files.iter().map(|file| file.path.clone()).collect();
    let pieces = fragments.into_values().collect();
    let (form, files, functions) = (Form::Spec, Files(files), functions(checked));
    Emitted { form, files, lines, c_files, functions, pieces, facts: Vec::new() }
}

/// The symbols that are made for functions, and where those are named.
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

/// Tokens as a person would write them.
fn print(tokens: TokenStream) -> String {
    let file = match syn::parse2::<syn::File>(tokens.clone()) {
        Ok(file) => file,
        // Only a bug of the generator gets here. rustc will say what is wrong; the text is kept for
        // the report.
        Err(_) => return tokens.to_string(),
    };
    format!("// SPDX-License-Identifier: GPL-2.0\n{}", tidy::tidy(&prettyplease::unparse(&file)))
}

/// All pieces of an author's text that the generated code holds, by the byte where they start.
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

/// The placeholders for klp relocations as if vmlinux exported them, so that modpost knows them and
/// still checks every other symbol. The module cannot be loaded before post-link has replaced them:
/// nothing exports them really.
fn symvers(patch: &Patch<Fragment>) -> String {
    let funcs = patch.objects.iter().flat_map(|object| &object.funcs).map(|func| &func.old);
    let of_modules = || patch.objects.iter().map(|object| &object.uses);
    let functions =
        patch.kernel.functions.iter().chain(of_modules().flat_map(|uses| &uses.functions));
    let statics = patch.kernel.statics.iter().chain(of_modules().flat_map(|uses| &uses.statics));
    let links = functions.map(|f| &f.link).chain(statics.map(|s| &s.link));
    let livepatch = links.filter_map(|link| match link {
        Link::Livepatch(symbol) => Some(symbol),
        Link::Export { .. } | Link::Own => None,
    });
    let mut names: BTreeSet<String> = funcs.chain(livepatch).map(Symbol::placeholder).collect();
    names.extend(
        ["__start_notes", "__stop_notes"].map(|bound| Symbol::of_image(bound).placeholder()),
    );
    names.iter().map(|name| format!("0x00000000\t{name}\tvmlinux\tEXPORT_SYMBOL_GPL\t\n")).collect()
}

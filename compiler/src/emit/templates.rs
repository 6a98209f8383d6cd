// SPDX-License-Identifier: GPL-2.0
//! The generated files that are not Rust.

use super::c::include_options;
use crate::project::Home;
use kps_plan::{CFile, Link, Mode, ObjectName, Patch};
use kps_resolve::is_plain;
use serde::Serialize;
use tera::{Context, Tera};

const KBUILD: &str = include_str!("../../../templates/Kbuild.tera");
/// Refuses hostile paths, in every makefile.
pub(super) const REFUSE: &str = include_str!("../../../templates/refuse.mk");
/// Asks the kernel's makefiles for the options of a file.
pub(super) const OPTIONS: &str = include_str!("../../../templates/options.mk");
/// Headers that stand before the kernel's in a file of the kernel image.
pub(super) const OF_IMAGE: [(&str, &str); 4] = [
    ("asm/runtime-const.h", include_str!("../../../templates/image/asm/runtime-const.h")),
    ("asm/tlbflush.h", include_str!("../../../templates/image/asm/tlbflush.h")),
    ("linux/preempt.h", include_str!("../../../templates/image/linux/preempt.h")),
    ("linux/proc_fs.h", include_str!("../../../templates/image/linux/proc_fs.h")),
];
/// Compiles Rust in core mode.
pub(super) const CORE: &str = include_str!("../../../templates/core.mk");
const C_FILE: &str = include_str!("../../../templates/c_file.c.tera");
const MAKEFILE: &str = include_str!("../../../templates/Makefile.tera");
const SPEC: &str = include_str!("../../../templates/spec.kps.tera");
const FUNCTION: &str = include_str!("../../../templates/function.kps.tera");
const IMPORT: &str = include_str!("../../../templates/import.kps.tera");
const MANIFEST: &str = include_str!("../../../templates/crate/Cargo.toml.tera");
const CRATE_ROOT: &str = include_str!("../../../templates/crate/lib.rs.tera");
const CRATE_TESTS: &str = include_str!("../../../templates/crate/tests.kps.tera");
const CRATE_KBUILD: &str = include_str!("../../../templates/crate/Kbuild.tera");
const IGNORED: &str = include_str!("../../../templates/crate/gitignore.tera");
/// The `.gitignore` of the library.
pub(super) const LIBRARY_IGNORED: &str = include_str!("../../../templates/crate/library.gitignore");
/// The types of a starter crate, which no target has told.
pub(super) const CRATE_BINDINGS: &str = include_str!("../../../templates/crate/bindings.rs");

/// The names and texts of all templates.
fn templates() -> [(&'static str, &'static str); 13] {
    [
        ("Kbuild", KBUILD),
        ("Makefile", MAKEFILE),
        ("refuse.mk", REFUSE),
        ("options.mk", OPTIONS),
        ("c_file.c", C_FILE),
        ("spec", SPEC),
        ("function", FUNCTION),
        ("import", IMPORT),
        ("Cargo.toml", MANIFEST),
        ("crate/Kbuild", CRATE_KBUILD),
        (".gitignore", IGNORED),
        ("crate/lib.rs", CRATE_ROOT),
        ("crate/tests.kps", CRATE_TESTS),
    ]
}

/// A file in C, for the makefile.
#[derive(Debug, Serialize)]
struct Compiled {
    n: usize,
    /// Where it finds headers beside the kernel's sources.
    include_options: Option<String>,
}

/// The objects of the files of the kernel image, each named by the number of its file.
fn image_objects(c_files: &[CFile], object: impl Fn(usize) -> String) -> String {
    let files = c_files.iter().enumerate();
    let of_image = files.filter(|(_, file)| file.object == ObjectName::Vmlinux);
    of_image.map(|(n, _)| object(n)).collect::<Vec<_>>().join(" ")
}

/// The makefile of a module with some files in C, and perhaps with inline functions of the kernel's
/// headers.
pub(super) fn kbuild(name: &str, c_files: &[CFile], has_headers: bool, mode: Mode) -> String {
    let mut context = context([("name", name)]);
    let image_objects = image_objects(c_files, |n| format!("{name}_c{n}.o"));
    let c_files = c_files.iter().enumerate();
    let c_files =
        c_files.map(|(n, file)| Compiled { n, include_options: include_options(&file.path) });
    let c_files: Vec<Compiled> = c_files.collect();
    let finds_headers = c_files.iter().any(|file| file.include_options.is_some());
    context.insert("c_files", &c_files);
    context.insert("image_objects", &image_objects);
    context.insert("finds_headers", &finds_headers);
    context.insert("has_headers", &has_headers);
    context.insert("is_core", &(mode == Mode::Core));
    render("Kbuild", &context)
}

/// Whether the patch uses inline functions of the kernel's headers.
pub(super) fn has_headers<B>(patch: &Patch<B>) -> bool {
    patch.kernel.functions.iter().any(|function| matches!(function.link, Link::Header { .. }))
}

pub(super) fn makefile(name: &str) -> String {
    render("Makefile", &context([("name", name)]))
}

/// The source of a starter crate, and its tests.
pub(super) fn crate_sources(name: &str) -> [(&'static str, String); 2] {
    let of = |template| render(template, &context([("name", name)]));
    [("src/lib.rs", of("crate/lib.rs")), ("tests.kps", of("crate/tests.kps"))]
}

/// The makefile of a crate.
pub(super) fn crate_kbuild(name: &str) -> String {
    render("crate/Kbuild", &context([("name", name)]))
}

/// The variables about the patch for the makefile of a crate.
pub(super) fn patch_makefile<B>(patch: &Patch<B>) -> String {
    let object = |n: usize| format!("kps/patch_c{n}.o");
    let objects = (0..patch.c_files.len()).map(object);
    let headers = has_headers(patch).then(|| "kps/patch_headers.o".to_owned());
    let objects = objects.chain(headers).collect::<Vec<_>>().join(" ");
    let of_image = image_objects(&patch.c_files, object);
    let Patch { metadata, target, .. } = patch;
    // The characters of a release and of a path have no special meaning for make
    // (`kps_facts::is_release`, `kps_resolve::is_path`). The other values are kpsc's own.
    let lines = [
        ("kps-c-objects", objects.as_str()),
        ("kps-image-objects", of_image.as_str()),
        ("kps-release", &target.release),
        ("kps-digest", &metadata.source_hash),
        ("kps-made-by", &metadata.made_by),
    ];
    let lines = lines.map(|(name, value)| format!("{name} := {value}\n")).concat();
    let options = patch.c_files.iter().enumerate().filter_map(|(n, file)| {
        Some(format!("kps-options-{} = {}\n", object(n), include_options(&file.path)?))
    });
    format!("# kpsc wrote this file.\n{lines}{}", options.collect::<String>())
}

/// The manifest of a crate.
pub(super) fn manifest(name: &str, home: &Home) -> String {
    let mut context = context([("name", name)]);
    context.insert("up", &"../".repeat(home.up));
    context.insert("is_member", &home.workspace.is_some());
    render("Cargo.toml", &context)
}

/// The `.gitignore` of a crate.
pub(super) fn ignored(home: &Home) -> String {
    let mut context = Context::new();
    context.insert("is_shared", &home.shared.is_some());
    context.insert("is_member", &home.workspace.is_some());
    render(".gitignore", &context)
}

/// The wrapper around a file in C.
pub(super) fn c_file(wrapper: &impl Serialize) -> String {
    let mut context = Context::new();
    context.insert("file", wrapper);
    render("c_file.c", &context)
}

/// A starter spec that works unchanged. Without a function it changes one with a visible effect.
pub fn skeleton(name: &str, function: Option<&str>, object: &str) -> String {
    // The spec for any other function counts its calls and shows the number through this one.
    let function = function.filter(|&function| function != "cmdline_proc_show");
    let words = [("name", name), ("object", object)];
    let function = function.map(|function| ("function", function));
    render("spec", &context(words.into_iter().chain(function)))
}

/// The parts of a spec for one function, all from the target.
#[derive(Debug, Serialize)]
pub struct FunctionSpec {
    /// The name of the patch.
    pub name: String,
    /// The kernel version that its position holds for.
    pub kernel: Option<String>,
    /// The function's object.
    pub object: String,
    /// Its declaration in C.
    pub declaration: String,
    /// Its name, with a position if it is ambiguous.
    pub function: String,
    /// The contents of its block.
    pub change: String,
}

/// A spec that changes one function and keeps its behaviour.
pub fn function_spec(spec: &FunctionSpec) -> String {
    // The spec contains the declaration as a comment, and no declaration contains a line end.
    let context = Context::from_serialize(spec).unwrap_or_default();
    render("function", &context)
}

/// The spec of an imported fix. Its texts are printable ASCII, and those in quotes are escaped.
pub fn imported_spec(spec: &kps_import::Spec) -> String {
    let context = Context::from_serialize(spec).unwrap_or_default();
    render("import", &context)
}

fn context<'a>(words: impl IntoIterator<Item = (&'a str, &'a str)>) -> Context {
    let mut context = Context::new();
    for (key, word) in words {
        // Make, the shell and Rust read this text. Whatever earlier checks decided, only a plain
        // word is inserted.
        assert!(is_plain(word), "{key} is a plain word");
        context.insert(key.to_string(), word);
    }
    context
}

fn render(template: &str, context: &Context) -> String {
    let mut tera = Tera::default();
    let loaded = tera.add_raw_templates(templates());
    // A test renders every template, so neither step can fail here.
    loaded
        .and_then(|()| tera.render(template, context))
        .unwrap_or_else(|error| unreachable!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kps_grammar::Source;
    use kps_plan::{CData, ObjectName};

    fn two_files() -> [CFile; 2] {
        ["show.c", "fs/namespace.c"].map(|path| CFile {
            path: path.to_owned(),
            object: ObjectName::Vmlinux,
            functions: Vec::new(),
            data: CData::default(),
        })
    }

    #[test]
    fn a_file_finds_the_headers_beside_the_kernels_file_that_it_stands_for() {
        let text = kbuild("some_patch", &two_files(), false, Mode::KernelCrate);
        let options = "-iquote $(srctree)/fs $(call kps-options,fs/namespace.o)";
        assert!(text.contains(&format!("CFLAGS_some_patch_c1.o += {options}\n")), "{text}");
        assert_eq!(text.matches("-iquote $(srctree)").count(), 1);
    }

    #[test]
    fn every_template_renders_with_the_name_in_it() {
        let kbuild = |mode| kbuild("some_patch", &two_files(), true, mode);
        for text in [kbuild(Mode::KernelCrate), kbuild(Mode::Core), makefile("some_patch")] {
            assert!(text.contains("some_patch.ko") && !text.contains("{{"), "{text}");
        }
    }

    #[test]
    fn a_crate_has_the_name_of_its_patch() {
        assert!(manifest("some_patch", &Home::default()).contains("name = \"some_patch\"\n"));
    }

    #[test]
    fn every_file_in_c_is_a_part_of_the_module() {
        let kbuild =
            |has_headers| kbuild("some_patch", &two_files(), has_headers, Mode::KernelCrate);
        assert!(kbuild(false).contains("some_patch_c0.o some_patch_c1.o\n"));
        assert!(kbuild(true).contains("some_patch_c1.o some_patch_headers.o\n"));
    }

    #[test]
    fn a_skeleton_is_a_spec_as_everybody_lays_it_out() {
        for (function, object) in [
            (None, "vmlinux"),
            (Some("cmdline_proc_show"), "vmlinux"),
            (Some("do_sys_openat2"), "vmlinux"),
            (Some("f"), "8021q"),
        ] {
            let text = skeleton("some_patch", function, object);
            assert_eq!(
                kps_grammar::format(&Source::new("some_patch.kps", text.as_str())),
                Ok(text)
            );
        }
    }

    #[test]
    fn only_plain_words_are_plain() {
        assert!(is_plain("net_fix2"));
        for word in ["", "a b", "a$(x)", "a'b", "ä", "a\nb", "a/b", "a.b"] {
            assert!(!is_plain(word), "{word:?}");
        }
    }
}

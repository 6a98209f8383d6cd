// SPDX-License-Identifier: GPL-2.0
//! What is generated and not Rust.

use kps_plan::Patch;
use kps_resolve::is_plain;
use serde::Serialize;
use tera::{Context, Tera};

const KBUILD: &str = include_str!("../../../templates/Kbuild.tera");
const C_FILE: &str = include_str!("../../../templates/c_file.c.tera");
const MAKEFILE: &str = include_str!("../../../templates/Makefile.tera");
const SPEC: &str = include_str!("../../../templates/spec.kps.tera");
const FUNCTION: &str = include_str!("../../../templates/function.kps.tera");
const MANIFEST: &str = include_str!("../../../templates/crate/Cargo.toml.tera");
const CRATE_ROOT: &str = include_str!("../../../templates/crate/lib.rs.tera");
const CRATE_TESTS: &str = include_str!("../../../templates/crate/tests.kps.tera");
const CRATE_KBUILD: &str = include_str!("../../../templates/crate/Kbuild.tera");
/// What version control leaves alone in a crate.
pub(super) const IGNORED: &str = include_str!("../../../templates/crate/gitignore");

/// The names and texts of all templates.
fn templates() -> [(&'static str, &'static str); 9] {
    [
        ("Kbuild", KBUILD),
        ("Makefile", MAKEFILE),
        ("c_file.c", C_FILE),
        ("spec", SPEC),
        ("function", FUNCTION),
        ("Cargo.toml", MANIFEST),
        ("crate/Kbuild", CRATE_KBUILD),
        ("crate/lib.rs", CRATE_ROOT),
        ("crate/tests.kps", CRATE_TESTS),
    ]
}

/// The makefile of a module with so many files in C.
pub(super) fn kbuild(name: &str, c_files: usize) -> String {
    let mut context = context([("name", name)]);
    context.insert("c_files", &(0..c_files).collect::<Vec<_>>());
    render("Kbuild", &context)
}

pub(super) fn makefile(name: &str) -> String {
    render("Makefile", &context([("name", name)]))
}

/// The source of a crate that acts as it is, and its tests.
pub(super) fn crate_sources(name: &str) -> [(&'static str, String); 2] {
    let of = |template| render(template, &context([("name", name)]));
    [("src/lib.rs", of("crate/lib.rs")), ("tests.kps", of("crate/tests.kps"))]
}

/// The makefile of a crate.
pub(super) fn crate_kbuild(name: &str) -> String {
    render("crate/Kbuild", &context([("name", name)]))
}

/// What the makefile of a crate has to know of the patch.
pub(super) fn patch_makefile<B>(patch: &Patch<B>) -> String {
    let objects =
        (0..patch.c_files.len()).map(|n| format!("kps/patch_c{n}.o")).collect::<Vec<_>>().join(" ");
    let Patch { metadata, target, .. } = patch;
    // Releases are of characters that make takes for nothing else (`kps_facts::is_release`), and
    // the others are kpsc's own words.
    let lines = [
        ("kps-c-objects", objects.as_str()),
        ("kps-release", &target.release),
        ("kps-digest", &metadata.source_hash),
        ("kps-made-by", &metadata.made_by),
    ];
    let lines = lines.map(|(name, value)| format!("{name} := {value}\n")).concat();
    format!("# kpsc wrote this file.\n{lines}")
}

/// The manifest of a crate.
pub(super) fn manifest(name: &str) -> String {
    render("Cargo.toml", &context([("name", name)]))
}

/// What surrounds a file in C.
pub(super) fn c_file(wrapper: &impl Serialize) -> String {
    let mut context = Context::new();
    context.insert("file", wrapper);
    render("c_file.c", &context)
}

/// The spec of a patch that acts as it is, to start from. Without a function it changes one that
/// everybody can see.
pub fn skeleton(name: &str, function: Option<&str>, object: &str) -> String {
    // The one that shows the counter of any other.
    let function = function.filter(|&function| function != "cmdline_proc_show");
    let words = [("name", name), ("object", object)];
    let function = function.map(|function| ("function", function));
    render("spec", &context(words.into_iter().chain(function)))
}

/// What a spec for one function is made of. All of it is the target's own.
#[derive(Debug, Serialize)]
pub struct FunctionSpec {
    /// What the patch is called.
    pub name: String,
    /// The function's object.
    pub object: String,
    /// How C declares it.
    pub declaration: String,
    /// Its name, with a position where it needs one.
    pub function: String,
    /// What stands in its braces.
    pub change: String,
}

/// A spec that changes one function and leaves what it does as it is.
pub fn function_spec(spec: &FunctionSpec) -> String {
    // A declaration is a comment here, and nothing ends a line in it.
    let context = Context::from_serialize(spec).unwrap_or_default();
    render("function", &context)
}

fn context<'a>(words: impl IntoIterator<Item = (&'a str, &'a str)>) -> Context {
    let mut context = Context::new();
    for (key, word) in words {
        // Make, the shell and Rust will read this text. Whatever the checks before said, only a
        // plain word gets in.
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

    #[test]
    fn every_template_renders_with_the_name_in_it() {
        for text in [kbuild("some_patch", 2), makefile("some_patch")] {
            assert!(text.contains("some_patch.ko") && !text.contains("{{"), "{text}");
        }
    }

    #[test]
    fn a_crate_has_the_name_of_its_patch() {
        assert!(manifest("some_patch").contains("name = \"some_patch\"\n"));
    }

    #[test]
    fn every_file_in_c_is_a_part_of_the_module() {
        assert!(kbuild("some_patch", 2).contains("some_patch_c0.o some_patch_c1.o"));
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

//! What is generated and not Rust.

use serde::Serialize;
use tera::{Context, Tera};

const KBUILD: &str = include_str!("../../../templates/Kbuild.tera");
const C_FILE: &str = include_str!("../../../templates/c_file.c.tera");
const MAKEFILE: &str = include_str!("../../../templates/Makefile.tera");

/// The names and texts of all templates.
pub fn templates() -> [(&'static str, &'static str); 3] {
    [("Kbuild", KBUILD), ("Makefile", MAKEFILE), ("c_file.c", C_FILE)]
}

/// The makefile of a module with so many files in C.
pub(super) fn kbuild(name: &str, c_files: usize) -> String {
    let mut context = named(name);
    context.insert("c_files", &(0..c_files).collect::<Vec<_>>());
    render("Kbuild", &context)
}

pub(super) fn makefile(name: &str) -> String {
    render("Makefile", &named(name))
}

/// What surrounds a file in C.
pub(super) fn c_file(wrapper: &impl Serialize) -> String {
    let mut context = Context::new();
    context.insert("file", wrapper);
    render("c_file.c", &context)
}

fn named(name: &str) -> Context {
    // Make and the shell will read this text. Whatever the checks before said, only a plain word gets in.
    assert!(is_plain(name), "the name of a patch is a plain word");
    let mut context = Context::new();
    context.insert("name", name);
    context
}

fn render(template: &str, context: &Context) -> String {
    let mut tera = Tera::default();
    let loaded = tera.add_raw_templates(templates());
    // A test renders every template, so neither step can fail here.
    loaded.and_then(|()| tera.render(template, context)).unwrap_or_else(|error| unreachable!("{error}"))
}

/// Letters, digits and underscores: nothing that make, the shell or Rust could take for anything else.
fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_renders_with_the_name_in_it() {
        for text in [kbuild("some_patch", 2), makefile("some_patch")] {
            assert!(text.contains("some_patch.ko"), "{text}");
            assert!(!text.contains("{{"), "{text}");
        }
        assert!(kbuild("some_patch", 2).contains("some_patch_c0.o some_patch_c1.o"));
    }

    #[test]
    fn only_plain_words_are_plain() {
        assert!(is_plain("net_fix2"));
        for word in ["", "a b", "a$(x)", "a'b", "ä", "a\nb", "a/b", "a.b"] {
            assert!(!is_plain(word), "{word:?}");
        }
    }
}

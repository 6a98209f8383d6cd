//! What is generated and not Rust.

use tera::{Context, Tera};

const KBUILD: &str = include_str!("../../../templates/Kbuild.tera");
const MAKEFILE: &str = include_str!("../../../templates/Makefile.tera");

/// The names and texts of all templates.
pub fn templates() -> [(&'static str, &'static str); 2] {
    [("Kbuild", KBUILD), ("Makefile", MAKEFILE)]
}

pub(super) fn kbuild(name: &str) -> String {
    render("Kbuild", name)
}

pub(super) fn makefile(name: &str) -> String {
    render("Makefile", name)
}

fn render(template: &str, name: &str) -> String {
    // Make and the shell will read this text. Whatever the checks before said, only a plain word gets in.
    assert!(is_plain(name), "the name of a patch is a plain word");
    let mut tera = Tera::default();
    let loaded = tera.add_raw_templates(templates());
    let mut context = Context::new();
    context.insert("name", name);
    // A test renders every template, so neither step can fail here.
    loaded.and_then(|()| tera.render(template, &context)).unwrap_or_else(|error| unreachable!("{error}"))
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
        for (template, _) in templates() {
            let text = render(template, "some_patch");
            assert!(text.contains("some_patch.ko"), "{template}: {text}");
            assert!(!text.contains("{{"), "{template}: {text}");
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

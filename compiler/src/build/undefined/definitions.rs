// SPDX-License-Identifier: GPL-2.0
//! What a file would define for the other files of a patch if it compiled. Only its text tells.

use super::super::author::Author;
use kps_grammar::{tokens, File, Language};

/// Whether a file that did not compile may define a name, or a header that it may include. If Rust
/// did not compile, it may export a function of the name.
pub(super) fn may_be_in(author: Author<'_>, name: &str, is_failed: &dyn Fn(&File) -> bool) -> bool {
    author.sources.files().any(|file| {
        let text = &file.source.text;
        match file.language {
            Language::C => is_failed(file) && may_define(text, name),
            Language::Spec | Language::Rust => may_export(text, name),
            Language::Toml => false,
        }
    })
}

/// Whether Rust may give other files a name.
fn may_export(text: &str, name: &str) -> bool {
    ["no_mangle", "export_name"].iter().any(|word| text.contains(word)) && text.contains(name)
}

/// Whether a text in C may define a name that other files see.
fn may_define(text: &str, name: &str) -> bool {
    if !text.contains(name) {
        return false;
    }
    let text = without_directives(text);
    let tokens: Vec<&str> = tokens(&text, Language::C).map(|(_, token)| token).collect();
    let (mut depth, mut statement) = (0_usize, 0);
    for (n, &token) in tokens.iter().enumerate() {
        match token {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            _ if token == name
                && depth == 0
                && defines(&tokens[statement..n], &tokens[n + 1..]) =>
            {
                return true;
            }
            _ => {}
        }
        if depth == 0 && matches!(token, ";" | "}") {
            statement = n + 1;
        }
    }
    false
}

/// Whether a statement outside of functions defines the name between these tokens.
fn defines(before: &[&str], after: &[&str]) -> bool {
    let declares =
        |word: &&str| matches!(*word, "extern" | "static") || word.starts_with("DECLARE_");
    if before.iter().any(declares) {
        return false;
    }
    let is_in_brackets = before.iter().filter(|token| **token == "(").count()
        > before.iter().filter(|token| **token == ")").count();
    match (is_in_brackets, after.first()) {
        // `DEFINE_MUTEX(name);` and a parameter.
        (true, _) => before.first().is_some_and(|word| word.chars().all(is_of_macro)),
        (false, Some(&"(")) => {
            after.iter().find(|token| matches!(**token, "{" | ";")).is_some_and(|end| *end == "{")
        }
        (false, _) => true,
    }
}

fn is_of_macro(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'
}

/// A text without the directives of the preprocessor.
fn without_directives(text: &str) -> String {
    let mut goes_on = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let is_directive = goes_on || line.trim_start().starts_with('#');
        goes_on = is_directive && line.ends_with('\\');
        kept.push_str(if is_directive { "" } else { line });
        kept.push('\n');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_told_from_declarations() {
        for text in [
            "int helper(int a)\n{\n\treturn a;\n}\n",
            "#define X {\nvoid f(void) { g(); }\nstruct s *helper(struct s *s) __must_hold(x) { }",
            "int helper = 1;",
            "int helper[4];",
            "struct s { int a; } helper;",
            "DEFINE_MUTEX(helper);",
            "DEFINE_PER_CPU(int, helper);",
        ] {
            assert!(may_define(text, "helper"), "{text}");
        }
        for text in [
            "int helper(int a);",
            "extern int helper;",
            "extern int helper(int a);",
            "static int helper(int a) { }",
            "static int helper;",
            "DECLARE_PER_CPU(int, helper);",
            "int f(int a) { return helper(a); }",
            "int f(int helper) { return 1; }",
            "/* int helper(int a) { } */ int helpers(void) { }",
            "#define helper(a) { }\nint f(void) { }",
        ] {
            assert!(!may_define(text, "helper"), "{text}");
        }
        for text in ["helper", "helper(", "}helper{", "{\"helper", "DEFINE_X(helper"] {
            may_define(text, "helper");
        }
    }

    #[test]
    fn rust_exports_names_by_attributes() {
        assert!(may_export("#[no_mangle] extern \"C\" fn helper() { }", "helper"));
        assert!(!may_export("fn helper() { }", "helper"));
    }
}

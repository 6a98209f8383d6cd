// SPDX-License-Identifier: GPL-2.0
//! Makes declarations of the texts of definitions, where clang cannot write one.

/// A definition of a variable as a declaration: `extern struct { int x; } name;` of
/// `static struct { int x; } name = { 1 };`.
pub(crate) fn extern_text(item: &str) -> Option<String> {
    let text = item.trim_start();
    let text = text.strip_prefix("static").unwrap_or(text).trim_start();
    let mut depth = 0_usize;
    let value = text.char_indices().find(|(_, c)| {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        *c == '=' && depth == 0
    });
    let head = value.map_or(text, |(at, _)| &text[..at]);
    let head = head.trim_end().trim_end_matches(';');
    (!head.is_empty()).then(|| format!("extern {head};"))
}

/// The declaration of a per-CPU variable that a macro defines: `DECLARE_PER_CPU(int, count);` of
/// `static DEFINE_PER_CPU(int, count) = 1;`.
pub(crate) fn per_cpu_declaration(item: &str) -> Option<String> {
    let start = item.find("DEFINE_PER_CPU")?;
    let rest = &item[start + "DEFINE".len()..];
    let mut depth = 0_usize;
    let end = rest.char_indices().find_map(|(at, c)| {
        match c {
            '(' => depth += 1,
            ')' if depth == 1 => return Some(at + 1),
            ')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        None
    })?;
    Some(format!("DECLARE{};", &rest[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_per_cpu_variable_is_declared_by_the_macro_that_belongs_to_the_one_that_defines_it() {
        let cases = [
            ("static DEFINE_PER_CPU(int, n) = 1;", "DECLARE_PER_CPU(int, n);"),
            (
                "DEFINE_PER_CPU_ALIGNED(struct a [f(2)], n);",
                "DECLARE_PER_CPU_ALIGNED(struct a [f(2)], n);",
            ),
        ];
        for (item, expected) in cases {
            assert_eq!(per_cpu_declaration(item).as_deref(), Some(expected));
        }
        assert_eq!(per_cpu_declaration("int n;"), None);
    }

    #[test]
    fn a_definition_becomes_a_declaration_with_the_type_that_it_defines() {
        let cases = [
            ("static struct {\n\tint x;\n} a = { .x = 1 };", "extern struct {\n\tint x;\n} a;"),
            ("struct b { int x[N == 1]; } c;", "extern struct b { int x[N == 1]; } c;"),
        ];
        for (item, expected) in cases {
            assert_eq!(extern_text(item).as_deref(), Some(expected));
        }
    }
}

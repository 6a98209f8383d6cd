// SPDX-License-Identifier: GPL-2.0
//! What the prototype of a function in a C file says that BTF does not record: which pointers lead
//! to per-CPU data. GCC gives them types of their own, so a comparison needs to know.

use super::{closing, is_word, without_comments, without_directives, MAX_TEXT};
use kps_facts::btf::PerCpu;

const PER_CPU: &str = "__percpu";

/// The pointers that a file marks as `__percpu` where it declares or defines a function.
pub(crate) fn per_cpu(text: &str, function: &str) -> PerCpu {
    if text.len() > MAX_TEXT || !text.contains(PER_CPU) {
        return PerCpu::default();
    }
    let (text, _) = without_directives(&without_comments(text));
    let (mut seen, mut depth) = (0, 0_i32);
    let declared = text.match_indices(function).find_map(|(at, _)| {
        depth += text[seen..at].chars().map(nesting).sum::<i32>();
        seen = at;
        let (before, rest) = (&text[..at], &text[at + function.len()..]);
        let list = rest.trim_start();
        if before.ends_with(is_word) || !list.starts_with('(') || depth != 0 {
            return None;
        }
        let result = before.rsplit([';', '}']).next().unwrap_or_default();
        Some((result, &list[1..closing(list, '(', ')')?]))
    });
    let Some((result, list)) = declared else { return PerCpu::default() };
    PerCpu { result: distance(result), params: parameters(list).map(distance).collect() }
}

fn nesting(c: char) -> i32 {
    match c {
        '{' => 1,
        '}' => -1,
        _ => 0,
    }
}

/// The parameters of a list, which may be prototypes with lists of their own.
fn parameters(list: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    list.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
}

/// How far the pointer that is marked is from the name: as many stars follow the word.
fn distance(declaration: &str) -> Option<usize> {
    let (_, rest) = declaration.split_once(PER_CPU)?;
    Some(rest.matches('*').count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_to_per_cpu_data_are_found() {
        let text = "/* void take(int __percpu *a); */\n\
            static void user(void) { take((int __percpu *)x); }\n\
            static int __percpu *\ntake(int a, int __percpu *b, void (*f)(int, int),\n\
            \tint * __percpu *c, int __percpu **d)\n{\n\treturn b;\n}\n";
        let found = per_cpu(text, "take");
        assert_eq!(found.result, Some(1));
        assert_eq!(found.params, [None, Some(1), None, Some(1), Some(2)]);
        assert_eq!(per_cpu("int __percpu *take(void) { }", "take").result, Some(1));
        for text in ["int __percpu *a; void take(int b) { }", "int __percpu *a; take(", "é"] {
            let PerCpu { result, params } = per_cpu(text, "take");
            assert!(result.is_none() && params.iter().all(Option::is_none), "{text}");
        }
    }
}

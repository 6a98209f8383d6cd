// SPDX-License-Identifier: GPL-2.0
//! The calls in the text of a C file, for checks that run before any compiler.

use crate::notable;
use std::collections::BTreeSet;

/// The largest file in C, in bytes, and the most functions of it, that are looked through.
const MAX_TEXT: usize = 256 << 10;
const MAX_FUNCTIONS: usize = 256;
/// The longest list of parameters, in bytes.
const MAX_PARAMS: usize = 4096;

/// The functions outside of the file that a function in C calls, itself or in functions of the same
/// file, as far as the text tells: macros hide calls, and the call of a pointer looks like that of
/// a function. It is among them itself if it calls itself.
pub(super) fn calls_in_c(text: &str, function: &str) -> Vec<String> {
    // No patch has such a file, and looking through it would take long.
    if text.len() > MAX_TEXT {
        return Vec::new();
    }
    let (text, defined) = without_directives(&without_comments(text));
    let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let mut called = vec![function.to_owned()];
    let (mut next, mut calls_itself) = (0, false);
    let mut own = Vec::new();
    while let Some(function) = called.get(next).filter(|_| next < MAX_FUNCTIONS) {
        let body = body_in_c(&text, function);
        own.push(body.is_some() || defined.iter().any(|name| name == function));
        let body = body.unwrap_or_default();
        next += 1;
        let flags = sleeping_flags(body).into_iter().map(str::to_owned);
        let flags: Vec<String> = flags.filter(|flag| !called.contains(flag)).collect();
        called.extend(flags);
        for (at, _) in body.match_indices('(') {
            let before = body[..at].trim_end();
            let start = before.trim_end_matches(is_word).len();
            let operator = before[..start].trim_end();
            let is_member = operator.ends_with('.') || operator.ends_with("->");
            let name = &before[start..];
            calls_itself |= name == called[0] && !is_member;
            if !name.is_empty() && !is_member && !called.iter().any(|known| known == name) {
                called.push(name.to_owned());
            }
        }
    }
    let is_own = |n: usize| own.get(n).is_some_and(|is_own| *is_own);
    let is_outward = |n: usize| if n == 0 { calls_itself } else { !is_own(n) };
    called.into_iter().enumerate().filter(|(n, _)| is_outward(*n)).map(|(_, name)| name).collect()
}

/// The flags that let an allocation sleep and that a body passes to a function.
fn sleeping_flags(body: &str) -> BTreeSet<&str> {
    let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let passed = |(at, _): (usize, &str)| {
        let start = body[..at].trim_end_matches(is_word).len();
        let end = at + body[at..].find(|c| !is_word(c)).unwrap_or(body.len() - at);
        let is_argument = body[..start].trim_end().ends_with([',', '('])
            && body[end..].trim_start().starts_with([',', ')', '|']);
        let flag = &body[start..end];
        (is_argument && notable::is_sleeping_flag(flag)).then_some(flag)
    };
    body.match_indices("GFP_").filter_map(passed).collect()
}

/// A text without directives of the preprocessor and without code that one of them may leave out,
/// and the names that it defines.
fn without_directives(text: &str) -> (String, Vec<String>) {
    let mut out = String::with_capacity(text.len());
    let mut defined = Vec::new();
    let (mut depth, mut continues) = (0_usize, false);
    for line in text.lines() {
        let directive = line.trim_start().strip_prefix('#').map(str::trim_start);
        let is_code = directive.is_none() && !continues && depth == 0;
        continues = (continues || directive.is_some()) && line.trim_end().ends_with('\\');
        if is_code {
            out.push_str(line);
        }
        out.push('\n');
        let Some(directive) = directive else { continue };
        if directive.starts_with("if") {
            depth += 1;
        } else if directive.starts_with("endif") {
            depth = depth.saturating_sub(1);
        } else if let Some(rest) = directive.strip_prefix("define") {
            let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
            let rest = rest.trim_start();
            defined.push(rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())].to_owned());
        }
    }
    (out, defined)
}

/// The text between the braces of a function's definition.
fn body_in_c<'t>(text: &'t str, function: &str) -> Option<&'t str> {
    let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    text.match_indices(function).find_map(|(at, _)| {
        let rest = &text[at + function.len()..];
        if text[..at].ends_with(is_word) || !rest.trim_start().starts_with('(') {
            return None;
        }
        let end = closing(rest, '(', ')').filter(|end| *end < MAX_PARAMS)?;
        let rest = &rest[end + 1..];
        let rest = rest.trim_start();
        rest.starts_with('{').then_some(())?;
        Some(&rest[..closing(rest, '{', '}')?])
    })
}

/// Where the first bracket closes.
fn closing(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        if open == '(' && at > MAX_PARAMS {
            return None;
        } else if c == open {
            depth += 1;
        } else if c == close {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// A text in C with spaces in place of comments, strings and characters.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest[2..].find("*/").map_or(rest.len(), |end| end + 4),
            '"' | '\'' => {
                let mut escaped = false;
                let end = rest.char_indices().skip(1).find(|(_, next)| {
                    let ends = !escaped && *next == c;
                    escaped = !escaped && *next == '\\';
                    ends
                });
                end.map_or(rest.len(), |(end, _)| end + 1)
            }
            _ => 0,
        };
        match skipped {
            0 => out.push(c),
            _ => out.push(' '),
        }
        rest = &rest[skipped.max(c.len_utf8())..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_of_a_function_in_c_are_found() {
        let text = "static int helper(int n) { return other(n); }\n\
            int show(struct seq_file *m, void *v)\n{\n\
            \t/* not_called(); */ seq_puts(m, \"quoted(1)\");\n\
            \tif (helper(2)) m->op->start(m);\n\treturn ((nested)(3), sizeof(v));\n}\n";
        // Keywords are no functions of the kernel, so they do no harm.
        let called = ["seq_puts", "if", "return", "sizeof", "other"];
        assert_eq!(calls_in_c(text, "show"), called);
        assert_eq!(calls_in_c(text, "helper"), ["other"]);
        assert_eq!(calls_in_c(text, "missing"), [] as [&str; 0]);
        assert_eq!(calls_in_c("int show(void) { a(", "show"), [] as [&str; 0]);
        let text = "#define nap(n) \\\n\tsleep(n)\nint f(gfp_t g)\n{\n#if 0\n\tg(1);\n# endif\n\
            \tnap(1);\n\tif (g == GFP_KERNEL) h(2, GFP_NOFS | __GFP_ZERO);\n}\n";
        assert_eq!(calls_in_c(text, "f"), ["GFP_NOFS", "if", "h"]);
        // A letter beyond ASCII, a call of itself, and a member.
        let text = "int f(int n) { return \u{e9}(1) + f(n) + m -> g(2); }";
        assert_eq!(calls_in_c(text, "f"), ["f"]);
    }
}

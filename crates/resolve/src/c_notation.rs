// SPDX-License-Identifier: GPL-2.0
//! C's notation in a body that is not Rust: what to write in its place.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};

/// A token, with where a group opens and closes as tokens of their own.
struct Token {
    text: String,
    span: Span,
}

/// What to write where Rust's parser gives up, if that looks like C. `is_there` tells whether a
/// token is where it does.
pub(super) fn help(tokens: TokenStream, is_there: impl Fn(Span) -> bool) -> Option<&'static str> {
    let mut flat = Vec::new();
    flatten(tokens, &mut flat);
    let there = flat.iter().position(|token| is_there(token.span))?;
    let at = |n: usize| flat.get(n).map_or("", |token| token.text.as_str());
    let before = |n: usize| there.checked_sub(n).map_or("", at);
    let this = at(there);
    // A statement of C begins with the word that Rust took for an expression.
    let start = (0..there).rev().find(|&n| matches!(at(n), ";" | "{" | "}")).map_or(0, |n| n + 1);
    let is_name = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    Some(match (before(1), this, at(there + 1)) {
        ("-", ">", _) => "write `(*pointer).member`: Rust has no `->`",
        (_, "-", ">") => "write `(*pointer).member`: Rust has no `->`",
        ("+", "+", _) => "write `x += 1`: Rust has no `++`",
        (";" | "{" | "}", "+", "+") | ("", "+", "+") => "write `x += 1`: Rust has no `++`",
        ("{" | ",", ".", _) => "write `member: value`, without the dot",
        ("-", ";" | ")" | "]" | ",", _) if before(2) == "-" => "write `x -= 1`: Rust has no `--`",
        (_, "~", _) => "write `!x`, which inverts the bits of an integer",
        (_, "goto", _) => GOTO,
        ("goto", ..) => GOTO,
        _ if at(start) == "for" => "write `for n in 0..count { .. }`, or a `while` loop",
        _ if at(start) == "goto" => GOTO,
        _ if matches!(at(start), "switch" | "case" | "default") => {
            "write `match x { 1 => .., 2 | 3 => .., _ => .. }`"
        }
        _ if at(start) == "do" || this == "do" => "write `loop { ..; if !condition { break; } }`",
        _ if matches!(at(start), "if" | "while") && at(start + 1) == "(" && before(1) == ")" => BRACES,
        _ if at(start) == "else" && this != "{" && this != "if" => BRACES,
        _ if this == "{" && before(1) == ")" => {
            "bodies have no loops that are macros: write `let mut at = (*head).next; while at != head { ..; at = (*at).next; }`"
        }
        ("(", "struct", _) if !is_name(before(2)) => CAST,
        _ if at(start) == "struct" || this == "struct" => STRUCT,
        (_, ",", _) if at(start) == "let" => "write a `let` for each variable: `let a = 3; let b = 4;`",
        (_, "<" | ">", _) if (start..there).any(|n| matches!(at(n), "<" | ">")) => {
            "write `low < x && x < high`: Rust compares two values at a time"
        }
        ("?", ..) => "write `if x != 0 { a } else { b }`: Rust has no `?:`",
        ("#", "define", _) | (_, "define", _) => "write `const NAME: c_int = 1;`",
        (_, "#", "define") => "write `const NAME: c_int = 1;`",
        ("#", ..) | (_, "#", _) => "write `if cfg!(CONFIG_NAME) { .. }`: Rust has no preprocessor",
        _ if is_declaration(at(start)) => DECLARATION,
        _ if is_name(this) && is_name(before(1)) && !is_name(before(2)) => DECLARATION,
        _ => return None,
    })
}

const BRACES: &str = "write the statement between braces: `if condition { .. }`";
const CAST: &str = "write a cast as `x as *mut TYPE` or `x.cast::<TYPE>()`, without `struct`";
const STRUCT: &str =
    "write `let name: *mut TYPE = value;`: a struct of the kernel is a type by its name alone";
const DECLARATION: &str =
    "write `let name: TYPE = value;` to declare a variable: C's `int` is `c_int`, `long` `c_long`";
const GOTO: &str = "write a block with a name, `'out: { .. break 'out; .. }`, or an early `return`";

/// Whether a statement begins with a type of C's grammar.
fn is_declaration(word: &str) -> bool {
    ["int", "unsigned", "long", "short", "char", "void", "bool", "size_t"].contains(&word)
}

fn flatten(tokens: TokenStream, into: &mut Vec<Token>) {
    for tree in tokens {
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                into.push(Token { text: open.to_owned(), span: group.span_open() });
                flatten(group.stream(), into);
                into.push(Token { text: close.to_owned(), span: group.span_close() });
            }
            tree => into.push(Token { text: tree.to_string(), span: tree.span() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse::Parser as _;

    fn help_for(body: &str) -> Option<&'static str> {
        let tokens: TokenStream = body.parse().unwrap_or_else(|error| panic!("{body}: {error}"));
        let error = syn::Block::parse_within.parse2(tokens.clone()).err();
        let error = error.unwrap_or_else(|| panic!("{body} is Rust"));
        let at = error.span().start();
        help(tokens, |span| span.start() == at)
    }

    #[test]
    fn notation_of_c_is_answered_with_that_of_rust() {
        for (body, wanted) in [
            ("let x = p->pid;", "`(*pointer).member`"),
            ("(*p)->next = q;", "`(*pointer).member`"),
            ("n++;", "`x += 1`"),
            ("++n;", "`x += 1`"),
            ("f(); ++n;", "`x += 1`"),
            ("let p = Pair { .a = 3, .b = 4 };", "`member: value`"),
            ("let a = 3, b = 4;", "`let a = 3; let b = 4;`"),
            ("if 0 < ret < 5 { f(); }", "`low < x && x < high`"),
            ("n--;", "`x -= 1`"),
            ("flags &= ~mask;", "`!x`"),
            ("goto out;", "'out"),
            ("for (i = 0; i < n; i++) { f(i); }", "`for n in 0..count"),
            ("for (int i = 0; i < n; i++) f(i);", "`for n in 0..count"),
            ("if (x) return -1;", "between braces"),
            ("if (x) { f(); } else g();", "between braces"),
            ("while (x) f();", "between braces"),
            ("do { f(); } while (x);", "`loop"),
            ("switch (x) { case 1: f(); }", "`match"),
            ("list_for_each_entry(p, head, list) { f(p); }", "loops that are macros"),
            ("let x = a ? b : c;", "`if x != 0 { a } else { b }`"),
            ("struct task_struct *p = get_current();", "`let name: *mut TYPE"),
            ("let p = (struct sock *)q;", "`x as *mut TYPE`"),
            ("int x = 1;", "`let name: TYPE"),
            ("unsigned long x = 1;", "`let name: TYPE"),
            ("u64 x = 1;", "`let name: TYPE"),
            ("let n = sizeof(struct sock);", "by its name alone"),
        ] {
            let found = help_for(body);
            assert!(found.is_some_and(|help| help.contains(wanted)), "{body}: {found:?}");
        }
        for body in ["ret = 1 +;", "let x = (1;2);", "f(,);"] {
            assert_eq!(help_for(body), None, "{body}");
        }
    }
}

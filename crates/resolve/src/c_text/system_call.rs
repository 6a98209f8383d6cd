// SPDX-License-Identifier: GPL-2.0
//! The system calls that a C file defines as the kernel's source does: by `SYSCALL_DEFINEx()` and
//! `COMPAT_SYSCALL_DEFINEx()` (`include/linux/syscalls.h`, `include/linux/compat.h`).

use super::{closing, is_word, without_comments};
use std::ops::Range;

const MACRO: &str = "SYSCALL_DEFINE";
const COMPAT: &str = "COMPAT_";

/// A definition of a system call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    /// The macro, such as `SYSCALL_DEFINE3`.
    pub(crate) name: String,
    /// The types of the arguments as they are written.
    pub(crate) types: Vec<String>,
}

/// The macro that defines a system call with so many arguments, or any number.
pub(crate) fn macro_of(is_compat: bool, count: Option<usize>) -> String {
    let count = count.map_or("x".to_owned(), |count| count.to_string());
    format!("{}{MACRO}{count}", if is_compat { COMPAT } else { "" })
}

/// The definitions of a system call in a file, of which conditions may choose one.
pub(crate) fn definitions(text: &str, call: &str, is_compat: bool) -> Vec<Definition> {
    if !text.contains(MACRO) {
        return Vec::new();
    }
    let text = without_comments(text);
    let its = heads(&text).filter(|head| head.call == call && head.is_compat == is_compat);
    its.map(|head| {
        let types = head.arguments.iter().step_by(2).map(|ty| words(ty)).collect();
        Definition { name: text[head.word].to_owned(), types }
    })
    .collect()
}

/// A text in which each definition is that of a function: `sys_NAME` or `compat_sys_NAME`, which
/// has the body.
pub(super) fn as_functions(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for head in heads(text) {
        let of = if head.is_compat { "compat_sys" } else { "sys" };
        out.push_str(&text[done..head.word.start]);
        out.push_str(&format!("long {of}_{}({})", head.call, head.arguments.join(" ")));
        done = head.end;
    }
    out.push_str(&text[done..]);
    out
}

/// The head of a definition, up to the body.
struct Head<'t> {
    word: Range<usize>,
    is_compat: bool,
    call: &'t str,
    /// Types and names by turns.
    arguments: Vec<&'t str>,
    end: usize,
}

/// The heads of all definitions in a text without comments.
fn heads(text: &str) -> impl Iterator<Item = Head<'_>> {
    text.match_indices(MACRO).filter_map(|(at, _)| {
        let is_compat = text[..at].ends_with(COMPAT);
        let start = if is_compat { at - COMPAT.len() } else { at };
        let digits = text[at + MACRO.len()..].find(|c: char| !c.is_ascii_digit())?;
        let end = at + MACRO.len() + digits;
        let list = text[end..].trim_start();
        if digits != 1 || text[..start].ends_with(is_word) || !list.starts_with('(') {
            return None;
        }
        let open = text.len() - list.len();
        let close = open + closing(list, '(', ')')?;
        let mut parts = text[open + 1..close].split(',').map(str::trim);
        let call = parts.next()?;
        Some(Head { word: start..end, is_compat, call, arguments: parts.collect(), end: close + 1 })
    })
}

/// A text with one space between words.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "/* SYSCALL_DEFINE1(not, int, this) */\n#include <linux/syscalls.h>\n\
        SYSCALL_DEFINE3(openat2, int, dfd, const char __user *, name,\n\
        \t\tstruct open_how  __user *, how)\n\
        {\n\treturn do_it(dfd);\n}\nSYSCALL_DEFINE0(getpid)\n{\n\treturn task(1);\n}\n\
        COMPAT_SYSCALL_DEFINE1(openat2, unsigned int, fd) { return compat(fd); }\n\
        KLP_SYSCALL_DEFINE1(other, int, a) {}\n#define SYSCALL_DEFINEx(n) n\n";

    #[test]
    fn definitions_have_the_types_of_their_arguments() {
        let of = |call, is_compat| {
            let all = definitions(TEXT, call, is_compat).into_iter();
            let all = all.map(|found| format!("{}: {}", found.name, found.types.join(", ")));
            all.collect::<Vec<_>>().join("; ")
        };
        let openat2 = "SYSCALL_DEFINE3: int, const char __user *, struct open_how __user *";
        assert_eq!(of("openat2", false), openat2);
        assert_eq!(of("getpid", false), "SYSCALL_DEFINE0: ");
        assert_eq!(of("openat2", true), "COMPAT_SYSCALL_DEFINE1: unsigned int");
        assert_eq!([of("not", false), of("other", false)], ["", ""]);
        assert!(definitions("SYSCALL_DEFINE2(x, (", "x", false).is_empty());
    }

    #[test]
    fn a_definition_becomes_a_function() {
        let text = as_functions("a;\nSYSCALL_DEFINE1(x, int, y)\n{ f(y); }\nSYSCALL_DEFINE0(z) {}");
        assert_eq!(text, "a;\nlong sys_x(int y)\n{ f(y); }\nlong sys_z() {}");
        assert_eq!(as_functions("é SYSCALL_DEFINE9"), "é SYSCALL_DEFINE9");
    }
}

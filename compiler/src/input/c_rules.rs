// SPDX-License-Identifier: GPL-2.0
//! What the text of a C file must not contain: names of the generated code, keywords with another
//! meaning, and what makes the module depend on more than the patch.
//!
//! The search is over tokens. The C compiler's `-Werror=date-time` (`scripts/Makefile.warn`) finds
//! the words that a macro makes of parts.

use crate::resolve::{another_name, is_reserved};
use kps_diag::{Diagnostic, LANGUAGE_NAME, OUTSIDE_INPUT, RESERVED_WORD};
use kps_grammar::{tokens, File, Language, Span};
use std::collections::BTreeSet;

/// Macros whose values are times, or depend on the files of the machine.
const OUTSIDE: &[&str] = &[
    "__DATE__",
    "__TIMESTAMP__",
    "__TIME__",
    "__has_embed",
    "__has_include",
    "__has_include_next",
];

/// The keywords in what kpsc writes behind the author's text (`templates/c_file.c.tera`).
const BEHIND: &[&str] = &[
    "__alias__",
    "__attribute__",
    "__builtin_types_compatible_p",
    "__typeof__",
    "__unused__",
    "_Bool",
    "_Static_assert",
    "char",
    "const",
    "enum",
    "extern",
    "inline",
    "int",
    "long",
    "short",
    "signed",
    "static",
    "struct",
    "union",
    "unsigned",
    "void",
    "volatile",
];

/// Words that start assembly.
const ASSEMBLY: &[&str] = &["__asm", "__asm__", "asm"];

/// Directives of the assembler that read a file.
const DIRECTIVES: &[&str] = &[".incbin", ".include"];

/// The errors in a C file of a patch that changes these functions.
pub(super) fn check(file: &File, functions: &BTreeSet<String>) -> Vec<Diagnostic> {
    let text = file.source.text.as_str();
    let all: Vec<(usize, &str)> = tokens(text, Language::C).collect();
    let mut errors = Vec::new();
    for (n, &(at, token)) in all.iter().enumerate() {
        let place = file.global(Span::new(at, at + token.len()));
        let after = |by: usize| all.get(n + by).map_or("", |&(_, token)| token);
        let error = if OUTSIDE.contains(&token) {
            outside(token, "write the value itself")
        } else if is_reserved(token, functions) {
            reserved(format!("`{token}` is a name of the generated code"))
        } else if token == "#" {
            let operand = is_same_line(text, &all, n + 1).then(|| after(2)).unwrap_or_default();
            let rest = all.get(n + 2).map_or("", |&(at, _)| text.get(at..).unwrap_or_default());
            match directive(after(1), operand, rest, functions) {
                Some(error) => error,
                None => continue,
            }
        } else if ASSEMBLY.contains(&token) {
            let rest = all.get(n + 1..).unwrap_or_default();
            match assembly(&strings_of_call(rest), functions) {
                Some(error) => error,
                None => continue,
            }
        } else {
            continue;
        };
        errors.push(error.at(place, ""));
    }
    errors
}

/// Whether the token after this one is in the same line.
fn is_same_line(text: &str, all: &[(usize, &str)], n: usize) -> bool {
    match (all.get(n), all.get(n + 1)) {
        (Some(&(from, token)), Some(&(to, _))) => {
            let between = text.get(from + token.len()..to).unwrap_or_default();
            !between.replace("\\\n", "").contains('\n')
        }
        _ => false,
    }
}

/// The error about a directive of the preprocessor. `operand` is the first one, and `rest` the text
/// from there on.
fn directive(
    name: &str,
    operand: &str,
    rest: &str,
    functions: &BTreeSet<String>,
) -> Option<Diagnostic> {
    match name {
        "include" | "include_next" | "import" if operand == "<" => {
            let path = rest.get(1..).and_then(|rest| rest.split(['>', '\n']).next())?;
            let leaves = path.trim().starts_with('/') || path.split('/').any(|part| part == "..");
            leaves.then(|| outside("#include", "name a header of the kernel as its own files do"))
        }
        // Reading the files that this one includes reports names in quotes that leave its folder.
        "include" | "include_next" | "import" => (!operand.starts_with('"')).then(|| {
            outside("#include", "name the file in quotes or in angle brackets")
                .note("which file a macro names is not known before the C compiler runs")
        }),
        "define" | "undef" if functions.contains(operand) => {
            let message = format!("`{operand}` is a function that the patch changes");
            Some(
                Diagnostic::new(RESERVED_WORD, message)
                    .note("kpsc defines a macro of this name before the file, and uses it behind")
                    .help(another_name(operand)),
            )
        }
        "embed" => Some(outside("#embed", "write the bytes themselves")),
        "define" | "undef" if BEHIND.contains(&operand) => Some(
            Diagnostic::new(LANGUAGE_NAME, format!("`{operand}` has a meaning in C"))
                .note("kpsc writes code with this word behind the file")
                .help(another_name(operand)),
        ),
        _ => None,
    }
}

/// The strings in the parentheses of an `asm`, one after the other as the compiler joins them.
fn strings_of_call(tokens: &[(usize, &str)]) -> String {
    let mut text = String::new();
    let mut depth = 0_usize;
    for &(_, token) in tokens {
        match token {
            "(" => depth += 1,
            ")" if depth <= 1 => break,
            ")" => depth -= 1,
            token if token.starts_with('"') => text.push_str(token.trim_matches('"')),
            // Qualifiers, such as `volatile`.
            _ if depth == 0 && token.chars().all(|c| c == '_' || c.is_ascii_alphabetic()) => {}
            _ if depth == 0 => break,
            _ => text.push('\n'),
        }
    }
    text.replace("\\n", "\n").replace("\\t", "\t")
}

fn assembly(text: &str, functions: &BTreeSet<String>) -> Option<Diagnostic> {
    if let Some(directive) = DIRECTIVES.iter().find(|directive| text.contains(**directive)) {
        return Some(outside(directive, "write the bytes themselves, with `.byte` or `.ascii`"));
    }
    let is_part = |c: char| c == '_' || c == '.' || c.is_ascii_alphanumeric();
    let mut words = text.split(|c| !is_part(c));
    let named = words.find(|word| is_reserved(word.trim_start_matches('.'), functions))?;
    Some(reserved(format!("this names the symbol `{named}`")))
}

fn outside(what: &str, help: &str) -> Diagnostic {
    let message = format!("`{what}` reads something that is not part of the patch");
    Diagnostic::new(OUTSIDE_INPUT, message)
        .note("the same patch must become the same module everywhere")
        .help(help)
}

fn reserved(message: String) -> Diagnostic {
    Diagnostic::new(RESERVED_WORD, message)
        .note("the generated code uses it, and may use it for something else in the next version of kpsc")
        .help("use another name; a new body calls the old function as `original`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kps_grammar::{Source, Sources};

    fn found(text: &str) -> Vec<String> {
        let mut sources = Sources::new(Source::new("fix.kps".to_owned(), String::new()));
        let file = sources.add(Language::C, "a.c", Source::new("a.c".to_owned(), text));
        let functions = BTreeSet::from(["show".to_owned()]);
        check(file, &functions).iter().map(|error| error.message.clone()).collect()
    }

    #[test]
    fn what_reads_more_than_the_patch_is_refused() {
        for (text, word) in [
            ("const char *when = __DATE__ \" \" __TIME__;", "__DATE__"),
            ("#define WHEN __TIMESTAMP__", "__TIMESTAMP__"),
            ("#include FILE", "#include"),
            ("#include </proc/self/stat>", "#include"),
            ("#  include_next < ../../proc/version>", "#include"),
            ("#if __has_include(\"x\")\n#endif", "__has_include"),
            ("char all[] = {\n#embed \"/proc/self/stat\"\n};", "#embed"),
            ("asm(\".incbin \\\"/proc/self/stat\\\"\");", ".incbin"),
            ("__asm__ volatile (\".inc\" \"lude \\\"x\\\"\" : : \"r\"(1));", ".include"),
            ("void f(void) { asm goto (\"nop\\n.incbin \\\"x\\\"\" :::: out); }", ".incbin"),
        ] {
            assert!(found(text).iter().any(|message| message.contains(word)), "{text}");
        }
        for text in [
            "#include <linux/fs.h>\n#include \"own.h\"\nint include; /* __TIME__ */",
            "char *s = \"__DATE__ .incbin\"; asm(\"nop # include\");",
        ] {
            assert_eq!(found(text), [] as [&str; 0], "{text}");
        }
    }

    #[test]
    fn names_of_generated_code_are_refused() {
        for text in [
            "extern void kps_orig_show(void);",
            "#define kps_body_show 1",
            "void *p = livepatch_show;",
            "asm(\"call kps_orig_show\");",
            "asm(\".set x, \" \"kps.sym.vmlinux.f,0\");",
            "void x(void) __asm__(\"kps_\" \"orig_show\");",
            "#define typeof(x) int\n#define __typeof__(x) int",
            "#undef static",
            "#undef show",
        ] {
            assert!(!found(text).is_empty(), "{text}");
        }
        let text = "int livepatch_other; int kps; char *s = \"kps_orig_show\"; #define alias(x) x";
        assert_eq!(found(text), [] as [&str; 0]);
    }
}

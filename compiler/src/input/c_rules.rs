// SPDX-License-Identifier: GPL-2.0
//! What the text of a C file must not contain: names of the generated code, keywords with another
//! meaning, and what makes the module depend on more than the patch.
//!
//! The search is over tokens, and macros make words of parts. The build therefore defines the
//! macros of times itself, and looks at which files the compiler has read
//! (`compiler/src/build/inputs.rs`).

use crate::resolve::{another_name, is_reserved};
use kps_diag::{Diagnostic, LANGUAGE_NAME, OUTSIDE_INPUT, PERMANENT_ENTRY, RESERVED_WORD};
use kps_grammar::{tokens, File, Language, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Macros whose values are times, or depend on the files of the machine.
const OUTSIDE: &[&str] =
    &["__DATE__", "__TIMESTAMP__", "__TIME__", "__has_embed", "__has_include_next"];

/// The keywords in what kpsc writes behind the author's text (`templates/c_file.c.tera`).
const BEHIND: &[&str] = &[
    "__alias__",
    "__attribute__",
    "__builtin_types_compatible_p",
    "__copy",
    "__percpu",
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

/// Functions that make an entry of /proc permanent.
const MAKE_PERMANENT: &[&str] =
    &["impl_proc_make_permanent", "pde_make_permanent", "proc_make_permanent"];

/// Words that start assembly.
const ASSEMBLY: &[&str] = &["__asm", "__asm__", "asm"];

/// Directives of the assembler that read a file.
const DIRECTIVES: &[&str] = &[".incbin", ".include"];

/// The errors in a C file of a patch that changes these functions.
pub(super) fn check(file: &File, functions: &BTreeSet<String>) -> Vec<Diagnostic> {
    let text = Joined::new(&file.source.text);
    let all = text.tokens();
    let read = read_by_name(&file.source.text);
    let macros = macros(&text.text, &all);
    let has_pragma = all.iter().any(|(_, token)| *token == "_Pragma");
    let in_macros: BTreeSet<usize> = macros.values().flatten().map(|(at, _)| *at).collect();
    let may_be_pragma =
        |at: usize, token: &str| has_pragma && (token.starts_with('"') || in_macros.contains(&at));
    let mut errors = Vec::new();
    for (n, &(at, token)) in all.iter().enumerate() {
        let place = file.global(Span::new(text.place(at), text.place(at + token.len())));
        let rest = all.get(n + 1..).unwrap_or_default();
        let error = if token == "__has_include" {
            match asks_for_a_header(&text.text, all.get(..n).unwrap_or_default(), rest) {
                false => outside(token, "name a header of the kernel, or a file beside this one"),
                true => continue,
            }
        } else if OUTSIDE.contains(&token) {
            outside(token, "write the value itself")
        } else if asks_for_age(token, all.get(..n).unwrap_or_default(), may_be_pragma(at, token)) {
            outside("GCC dependency", "drop it: the build knows which files it depends on")
        } else if MAKE_PERMANENT.contains(&token)
            || token == "PROC_ENTRY_PERMANENT" && sets_flags(all.get(..n).unwrap_or_default())
        {
            stays_forever()
        } else if is_reserved(token, functions) {
            reserved(format!("`{token}` is a name of the generated code"))
        } else if let Some(name) = directive_name(&text.text, &all, n) {
            let operand = all.get(name + 1).filter(|_| is_same_line(&text.text, &all, name));
            let is_read = operand.is_some_and(|&(at, _)| read.contains(&text.place(at)));
            let rest = operand.map_or("", |&(at, _)| text.text.get(at..).unwrap_or_default());
            let name = all.get(name).map_or("", |&(_, name)| name);
            let operand = operand.map_or("", |&(_, operand)| operand);
            match directive(name, operand, rest, is_read, functions) {
                Some(error) => error,
                None => continue,
            }
        } else if ASSEMBLY.contains(&token) {
            match assembly(&strings_of_call(rest, &macros), functions) {
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

/// A text in C with its lines joined where a backslash ends one, as the compiler reads it.
struct Joined {
    text: String,
    /// Where something was left out, and how much up to there.
    left_out: Vec<(usize, usize)>,
}

impl Joined {
    fn new(raw: &str) -> Joined {
        let mut joined = Joined { text: String::with_capacity(raw.len()), left_out: Vec::new() };
        let mut count = 0;
        for line in raw.split_inclusive('\n') {
            // The compiler ignores space behind the backslash.
            match line.strip_suffix('\n').and_then(|line| line.trim_end().strip_suffix('\\')) {
                Some(kept) => {
                    joined.text.push_str(kept);
                    count += line.len() - kept.len();
                    joined.left_out.push((joined.text.len(), count));
                }
                None => joined.text.push_str(line),
            }
        }
        joined
    }

    /// The place in the file of a place in the text.
    fn place(&self, at: usize) -> usize {
        let next = self.left_out.partition_point(|(from, _)| *from <= at);
        let before = next.checked_sub(1).and_then(|n| self.left_out.get(n));
        at + before.map_or(0, |(_, count)| *count)
    }

    /// The tokens with their places in the text. None goes on in the next line, as one would behind
    /// a lone quotation mark in code that is left out.
    fn tokens(&self) -> Vec<(usize, &str)> {
        let mut all = Vec::new();
        let mut from = 0;
        while let Some(rest) = self.text.get(from..).filter(|rest| !rest.is_empty()) {
            let line = rest.split_inclusive('\n').next().unwrap_or_default();
            let mut next = line.len();
            for (at, token) in tokens(line, Language::C) {
                // A comment that does not end in this line.
                if token.starts_with("/*") {
                    let comment = rest.get(at + 2..).unwrap_or_default();
                    next = comment.find("*/").map_or(rest.len(), |end| at + 2 + end + 2);
                } else {
                    all.push((from + at, token.trim_end()));
                }
            }
            from += next;
        }
        all
    }
}

/// Where a file has the names of those that it includes and that reading it has found.
fn read_by_name(text: &str) -> BTreeSet<usize> {
    let all: Vec<(usize, &str)> = tokens(text, Language::C).collect();
    let names = all.windows(3).filter_map(|window| match window {
        [(_, "#"), (_, "include"), (at, name)] if name.starts_with('"') => Some(*at),
        _ => None,
    });
    names.collect()
}

/// Whether `__has_include` asks for a header of the kernel or a file beside this one, or is itself
/// asked for.
fn asks_for_a_header(text: &str, before: &[(usize, &str)], rest: &[(usize, &str)]) -> bool {
    let last = |by: usize| before.iter().rev().nth(by).map_or("", |&(_, token)| token);
    if ["ifdef", "ifndef", "defined"].contains(&last(0)) || last(0) == "(" && last(1) == "defined" {
        return true;
    }
    match rest {
        [(_, "("), (at, "<"), ..] => !leaves(text.get(*at..).unwrap_or_default(), '>'),
        [(_, "("), (at, name), (_, ")"), ..] if name.starts_with('"') => {
            !leaves(text.get(*at..).unwrap_or_default(), '"')
        }
        _ => false,
    }
}

/// Whether a token is the word of a pragma that compares the age of another file: behind `GCC`, in
/// a string, or in a macro that may put it behind `GCC`.
fn asks_for_age(token: &str, before: &[(usize, &str)], may_be_pragma: bool) -> bool {
    const WORD: &str = "dependency";
    match token.starts_with('"') {
        true => may_be_pragma && token.contains("GCC") && token.contains(WORD),
        false => {
            let last = before.last().map_or("", |(_, token)| *token);
            token == WORD && (last == "GCC" || may_be_pragma && !last.ends_with(['.', '>']))
        }
    }
}

/// Whether the tokens before a value set the flags of a `struct proc_ops`, or name the value.
fn sets_flags(before: &[(usize, &str)]) -> bool {
    let words = before.iter().rev().map(|(_, token)| *token);
    let mut member = words.take_while(|token| !["{", "}", ",", ";"].contains(token)).peekable();
    if member.next_if(|token| *token != "=").is_some() && member.peek() == Some(&"define") {
        return true;
    }
    let assigns = member.any(|token| token == "=");
    assigns && member.find(|token| *token != "|") == Some("proc_flags")
}

fn stays_forever() -> Diagnostic {
    Diagnostic::new(PERMANENT_ENTRY, "operations of a patch are not permanent")
        .note("the kernel never removes entries of /proc with `PROC_ENTRY_PERMANENT`, and would call code of a patch that is unloaded")
        .help("leave `PROC_ENTRY_PERMANENT` out, and let a callback remove the entry")
}

/// Whether the name of a file, behind its first character and up to this last one, leads out of the
/// folders in which the compiler looks for it.
fn leaves(text: &str, end: char) -> bool {
    let path = text.get(1..).and_then(|rest| rest.split([end, '\n']).next()).unwrap_or_default();
    path.trim().starts_with('/') || path.split('/').any(|part| part.trim() == "..")
}

/// Whether a name in angle brackets is that of a header of the kernel: below `include/`, or beside
/// the kernel's sources, as `<../fs/mount.h>` is.
fn is_of_kernel(text: &str) -> bool {
    let path = text.get(1..).and_then(|rest| rest.split(['>', '\n']).next()).unwrap_or_default();
    let path = path.trim();
    if !leaves(text, '>') {
        return true;
    }
    // The compiler starts in `include`, one folder below the top.
    let depth = path.split('/').try_fold(1_usize, |depth, part| match part.trim() {
        ".." => depth.checked_sub(1),
        "" | "." => Some(depth),
        _ => Some(depth + 1),
    });
    depth.is_some() && !path.starts_with('/') && path.ends_with(".h")
}

/// Which token is the name of a directive that begins with this one.
fn directive_name(text: &str, all: &[(usize, &str)], n: usize) -> Option<usize> {
    let (at, token) = *all.get(n)?;
    let name = match token {
        "#" => n + 1,
        "%" if all.get(n + 1) == Some(&(at + 1, ":")) => n + 2,
        _ => return None,
    };
    // Only the first in a line is one: `#` and `##` have another meaning in a macro.
    let is_first = n.checked_sub(1).is_none_or(|before| !is_same_line(text, all, before));
    is_first.then_some(name)
}

/// Whether the token after this one is in the same line.
fn is_same_line(text: &str, all: &[(usize, &str)], n: usize) -> bool {
    match (all.get(n), all.get(n + 1)) {
        (Some(&(from, token)), Some(&(to, _))) => {
            !text.get(from + token.len()..to).unwrap_or_default().contains('\n')
        }
        _ => false,
    }
}

/// The tokens of the macros that a file defines, by their names.
fn macros<'t>(text: &str, all: &[(usize, &'t str)]) -> Macros<'t> {
    let mut macros = Macros::new();
    for n in 0..all.len() {
        let Some(word) = directive_name(text, all, n) else { continue };
        let Some((_, "define")) = all.get(word) else { continue };
        let length = (word..).take_while(|n| is_same_line(text, all, *n)).count();
        let line = all.get(word + 1..=word + length).unwrap_or_default();
        if let Some(((_, name), tokens)) = line.split_first() {
            macros.entry(name).or_default().extend(tokens);
        }
    }
    macros
}

type Macros<'t> = BTreeMap<&'t str, Vec<(usize, &'t str)>>;

/// The error about a directive of the preprocessor. `operand` is the first one, and `rest` the text
/// from there on. `is_read` tells that reading the files that this one includes has found it.
fn directive(
    name: &str,
    operand: &str,
    rest: &str,
    is_read: bool,
    functions: &BTreeSet<String>,
) -> Option<Diagnostic> {
    match name {
        "include" | "include_next" | "import" if operand == "<" => (!is_of_kernel(rest))
            .then(|| outside("#include", "name a header of the kernel as its own files do")),
        // Reading the files that this one includes reports names in quotes that leave its folder.
        "include" | "include_next" | "import" if operand.starts_with('"') => (!is_read)
            .then(|| outside("#include", "write `#include` and the name in quotes in one line")),
        "include" | "include_next" | "import" => Some(
            outside("#include", "name the file in quotes or in angle brackets")
                .note("which file a macro names is not known before the C compiler runs"),
        ),
        "define" | "undef" if functions.contains(operand) => {
            let message = format!("`{operand}` is a function that the patch changes");
            Some(
                Diagnostic::new(RESERVED_WORD, message)
                    .note("kpsc defines a macro of this name before the file, and uses it behind")
                    .help(another_name(operand)),
            )
        }
        "embed" => Some(outside("#embed", "write the bytes themselves")),
        "define" | "undef" if operand == "MODULE" => Some(
            Diagnostic::new(LANGUAGE_NAME, "`MODULE` has a meaning in the kernel's headers")
                .note("without it, code contains constants that the kernel replaces in its own image alone")
                .help("drop this line: a file in C is part of a module, whichever code it comes from"),
        ),
        "define" | "undef" if BEHIND.contains(&operand) => Some(
            Diagnostic::new(LANGUAGE_NAME, format!("`{operand}` has a meaning in C"))
                .note("kpsc writes code with this word behind the file")
                .help(another_name(operand)),
        ),
        _ => None,
    }
}

/// The strings in the parentheses of an `asm`, one after the other as the compiler joins them.
fn strings_of_call(tokens: &[(usize, &str)], macros: &Macros<'_>) -> String {
    let mut text = String::new();
    let mut depth = 0_usize;
    for &(_, token) in tokens {
        match token {
            "(" => depth += 1,
            ")" if depth <= 1 => break,
            ")" => depth -= 1,
            // Qualifiers, such as `volatile`.
            _ if depth == 0 && token.chars().all(|c| c == '_' || c.is_ascii_alphabetic()) => {}
            _ if depth == 0 => break,
            _ => push_strings(&mut text, token, macros, &mut BTreeSet::new()),
        }
    }
    text.replace("\\n", "\n").replace("\\t", "\t")
}

/// Adds the string that a token is, or those of the macro that it names.
fn push_strings<'t>(
    text: &mut String,
    token: &'t str,
    macros: &Macros<'t>,
    within: &mut BTreeSet<&'t str>,
) {
    /// The longest text, in bytes, and how deep macros use each other.
    const MOST: (usize, usize) = (1 << 16, 16);
    // A letter before it may be a macro.
    if let Some((_, string)) = token.split_once('"') {
        text.push_str(string.trim_matches('"'));
    } else if let Some(tokens) = macros.get(token) {
        if within.len() < MOST.1 && text.len() < MOST.0 && within.insert(token) {
            tokens.iter().for_each(|(_, token)| push_strings(text, token, macros, within));
            within.remove(token);
        }
    } else {
        text.push('\n');
    }
}

fn assembly(text: &str, functions: &BTreeSet<String>) -> Option<Diagnostic> {
    let lower = text.to_ascii_lowercase();
    if let Some(directive) = DIRECTIVES.iter().find(|directive| lower.contains(**directive)) {
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
            ("#pragma GCC dependency \"/etc/passwd\"", "GCC dependency"),
            ("# pragma GCC \\\n dependency \"x\"", "GCC dependency"),
            ("_Pragma(\"GCC dependency \\\"x\\\"\")", "GCC dependency"),
            ("#define P(x) _Pragma(#x)\nP(GCC dependency \"x\")", "GCC dependency"),
            ("#define P(x) _Pragma(#x)\n#define D dependency\nP(GCC D \"x\")", "GCC dependency"),
            ("#define WHEN __TIMESTAMP__", "__TIMESTAMP__"),
            ("#include FILE", "#include"),
            ("#include </proc/self/stat>", "#include"),
            ("#  include_next < ../../proc/version>", "#include"),
            ("#include <../../mount.h>", "#include"),
            ("#include <linux/../../../mount.h>", "#include"),
            ("#include <../fs/namespace.c>", "#include"),
            ("#if __has_include(<../fs/mount.h>)\n#endif", "__has_include"),
            ("#if __has_include(\"../x\")\n#endif", "__has_include"),
            ("#if __has_include(</proc/self/fd/9>)\n#endif", "__has_include"),
            ("#if __has_include(<linux/../../../x>)\n#endif", "__has_include"),
            ("#if __has_include(FILE)\n#endif", "__has_include"),
            ("#define HAS __has_include\n#if HAS(FILE)\n#endif", "__has_include"),
            ("#if __has_include_next(<linux/fs.h>)\n#endif", "__has_include_next"),
            ("int id =\n%:include \"/proc/self/oom_score\"\n;", "#include"),
            ("  %: include FILE", "#include"),
            ("#incl\\\nude FILE", "#include"),
            ("#\\ \ninclude \"/proc/self/oom_score\"", "#include"),
            ("#import \"/proc/self/oom_score\"", "#include"),
            ("/* a */ #include FILE", "#include"),
            ("int a; /*\n#include \"x\n*/\n#include FILE", "#include"),
            ("char all[] = {\n%:em\\\nbed \"x\"\n};", "#embed"),
            ("#if 0\n don't \"\n#endif\n#include FILE", "#include"),
            ("#if 0\nr#\"\n#endif\n#include FILE\n#if 0\n\"#\n#endif", "#include"),
            ("asm(\".INCBIN \\\"x\\\"\");", ".incbin"),
            ("asm(\".Include \\\"x\\\"\");", ".include"),
            ("#define TEXT \"a: .incbin \\\"x\\\",0,16\\n\"\nasm(TEXT);", ".incbin"),
            ("#define A \".inc\" B\n#define B \"bin x\"\nasm(\"nop;\" A);", ".incbin"),
            ("#define A \\\n \".inc\"\nasm(\"nop;\" A \"lude x\");", ".include"),
            ("#define r\nasm(r\".incbin x\");", ".incbin"),
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
            "_Pragma(\"GCC diagnostic push\")\nint dependency = x->dependency;",
            "#ifdef __has_include\n#if defined(__has_include) && __has_include(<asm/unaligned.h>)\n\
             #include <asm/unaligned.h>\n#elif __has_include(\"own.h\")\n#endif\n#endif",
            "#define GLUE(p) p ## include\n#define EMB(p) p##embed\n#define STR(include) #include",
            "#define LONG(p, include) \\\n\t#include\nint a[] = { 1 %:embed };",
            "/* \n#include FILE\n asm(\".incbin\") */ int a; // \\\n#include FILE\n",
            "#include <../fs/mount.h>\n#include <linux/../../kernel/sched/sched.h>",
            "%:include <linux/fs.h>\n#include \\\n<linux/fs.h>",
            "#define A A \"nop\"\n#define B \".incbin x\"\nasm(A : : \"r\"(1)); char *s = B;",
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
            "#undef MODULE",
            "struct proc_ops ops = { .proc_flags = 1 | PROC_ENTRY_PERMANENT };",
            "void f(void) { ops.proc_flags = PROC_ENTRY_PERMANENT; }",
            "void f(void) { ops.proc_flags |= PROC_ENTRY_PERMANENT; }",
            "#define FLAGS PROC_ENTRY_PERMANENT",
            "void f(void) { proc_make_permanent(entry); }",
        ] {
            assert!(!found(text).is_empty(), "{text}");
        }
        let text = "if (pde->flags & PROC_ENTRY_PERMANENT) ops.proc_flags == PROC_ENTRY_PERMANENT;";
        assert_eq!(found(text), [] as [&str; 0]);
        let text = "int livepatch_other; int kps; char *s = \"kps_orig_show\"; #define alias(x) x";
        assert_eq!(found(text), [] as [&str; 0]);
    }
}

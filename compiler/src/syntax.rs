// SPDX-License-Identifier: GPL-2.0
//! Messages for syntax errors of a spec.

use kps_diag::{
    foreign_letters, list, Diagnostic, HIDDEN_CHARACTER, MISSING_SEMICOLON, NESTED_TOO_DEEPLY,
    NO_PATCH, NUMBER_TOO_LARGE, REPEATED_ITEM, SPEC_TOO_LARGE, TOO_MANY, UNBALANCED_BRACKET,
    UNEXPECTED_TOKEN, UNKNOWN_ESCAPE, UNKNOWN_KEYWORD, UNTERMINATED_LITERAL,
};
use kps_grammar::{ErrorKind, Meant, SyntaxError};

/// The message for a syntax error.
pub fn syntax(error: &SyntaxError) -> Diagnostic {
    let span = error.span;
    match &error.kind {
        ErrorKind::Unbalanced { bracket } => match bracket {
            ')' | ']' | '}' => {
                Diagnostic::new(UNBALANCED_BRACKET, format!("`{bracket}` has no opening bracket"))
                    .at(span, "")
                    .help("drop it, or add the opening bracket")
            }
            _ => Diagnostic::new(UNBALANCED_BRACKET, format!("`{bracket}` is not closed"))
                .at(span, "it is opened here")
                .help("close it; the missing bracket may be one of another kind in between"),
        },
        ErrorKind::Mismatched { bracket, opened, open } => {
            Diagnostic::new(UNBALANCED_BRACKET, format!("`{bracket}` does not close `{opened}`"))
                .at(span, "")
                .at(*open, "it is opened here")
                .help(format!("add `{}` before it, or drop it", closing(*opened)))
        }
        ErrorKind::Unterminated { what } => {
            Diagnostic::new(UNTERMINATED_LITERAL, format!("unterminated {what}"))
                .at(span, "it starts here")
                .help(match *what {
                    "comment" => "write `*/` where it ends",
                    "string" => "write `\"` where it ends",
                    _ => "write `'` where it ends",
                })
        }
        ErrorKind::TooDeep => Diagnostic::new(NESTED_TOO_DEEPLY, "brackets are nested too deeply")
            .at(span, "")
            .help("move parts into functions of their own"),
        ErrorKind::TooLarge => too_large("the spec"),
        ErrorKind::TooMany { what, most } => {
            Diagnostic::new(TOO_MANY, format!("there are more than {most} {what} here"))
                .at(span, "this is one too many")
                .help("split the spec into several patches")
        }
        ErrorKind::ForeignLetter => foreign_letters(span),
        ErrorKind::Character { character } => character_of(*character).at(span, ""),
        ErrorKind::MissingSemicolon => {
            Diagnostic::new(MISSING_SEMICOLON, "a `;` is missing").at(span, "here").help("add `;`")
        }
        ErrorKind::Expected { expected, meant } => {
            let error =
                Diagnostic::new(UNEXPECTED_TOKEN, format!("expected {expected}")).at(span, "");
            match (meant, form(expected)) {
                (Some(meant), _) => error.help(in_place(meant)),
                (None, Some(form)) => error.help(format!("write {form}")),
                (None, None) => error,
            }
        }
        ErrorKind::UnknownWord { word, known } => unknown_word(word, known).at(span, ""),
        ErrorKind::Repeated { word, first } => {
            Diagnostic::new(REPEATED_ITEM, format!("duplicate `{word}`"))
                .at(span, "")
                .at(*first, "the first one is here")
                .help("drop one, or merge them")
        }
        ErrorKind::NoPatch => Diagnostic::new(NO_PATCH, "the file holds no patch")
            .at(span, "")
            .help("write `patch NAME { .. }`"),
        ErrorKind::Escape => Diagnostic::new(UNKNOWN_ESCAPE, "unknown escape sequence in a string")
            .at(span, "")
            .help("write `\\\"`, `\\\\`, `\\n` or `\\t`"),
        ErrorKind::Number => Diagnostic::new(NUMBER_TOO_LARGE, "this number is too large")
            .at(span, "")
            .help(format!("write a number up to {}", u32::MAX)),
    }
}

/// The message for an item that does not start with one of its level's keywords.
fn unknown_word(word: &str, known: &[&str]) -> Diagnostic {
    let error = Diagnostic::new(UNKNOWN_KEYWORD, format!("unknown keyword `{word}`"));
    const REACH: usize = 2;
    // Comparing takes time and memory proportional to the product of the lengths, and the
    // author's word may have any length.
    let near = known.iter().filter(|known| known.len().abs_diff(word.len()) <= REACH);
    let near = near.map(|known| (strsim::damerau_levenshtein(word, known), known)).min();
    match near {
        _ if word.ends_with('!') => error.help(
            "a call of a macro cannot stand here: write it in a function, or in `mod NAME { .. }`",
        ),
        Some((0..=REACH, near)) => error.help(format!("did you mean `{near}`?")),
        _ if known.contains(&"object") => error.help(format!(
            "start the item with {}, or write a Rust item, such as `fn` or `static`",
            list(known, "or")
        )),
        _ => error.help(format!("start the item with {}", list(known, "or"))),
    }
}

/// What to write for what was meant.
fn in_place(meant: &Meant) -> String {
    match meant {
        Meant::Name { allowed } => {
            format!("write `{allowed}`: names have letters, digits and `_`, as in `lsmod`")
        }
        Meant::InModule { module, function } => {
            format!("write `fn {function}` inside of `object {module} {{ .. }}`")
        }
        Meant::RustPath => {
            "write the symbol that the kernel has; functions written in Rust cannot be changed"
                .into()
        }
        Meant::Pattern { pattern } => {
            format!("write a `fn` for each function: `kpsc inspect '{pattern}'` lists them")
        }
        Meant::Parameters => {
            "drop the parentheses: the function's parameters are in scope under their names".into()
        }
    }
}

fn closing(bracket: char) -> char {
    match bracket {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

/// The syntax of an expected construct, if its name alone is not enough.
fn form(expected: &str) -> Option<&'static str> {
    const FORMS: &[(&str, &str)] = &[
        ("a string in quotes", "the text in quotes: `\"..\"`"),
        ("`run \"..\";`", "for example `run \"cat /proc/cmdline\";` before the expectation"),
        ("`:`", "`NAME: TYPE`, where TYPE is as in Rust: `c_int`, `c_ulong`, `*mut seq_file`"),
        ("`=`", "`= VALUE`, for example `= false` or `= 0`"),
        ("`mode = 0o644`", "`param(mode = 0o644) NAME: TYPE = VALUE;`"),
        ("`has`, `lacks`", "for example `patched has \"..\";` or `patched status 0;`"),
        (
            "`from` or `c`",
            "`replace from \"FILE.rs\";`, `replace c \"FILE.c\";` or `replace { .. }`",
        ),
        ("`from`", "`mod NAME from \"FILE.rs\";`"),
        ("the name of a symbol", "the C name of the function or variable"),
    ];
    FORMS.iter().find(|(part, _)| expected.contains(part)).map(|(_, form)| *form)
}

/// The message for a character that a spec and its files must not contain.
fn character_of(character: char) -> Diagnostic {
    let code = u32::from(character);
    let error =
        Diagnostic::new(HIDDEN_CHARACTER, format!("the character U+{code:04X} is not allowed"));
    match character {
        '\r' => error
            .note("only some tools treat a carriage return without a line feed as the end of a line")
            .help("end lines with a line feed"),
        c if c.is_control() => error
            .note("it is a control character, which editors and terminals do not show as such")
            .help("drop it, or write it in Rust as an escape, for example `\\x1b`"),
        _ => error
            .note(match moves_text(character) {
                true => "it makes text appear in another order, or on another line, than the compiler reads",
                false => "it shows nothing: two texts that differ in it look alike",
            })
            .help(format!("drop it, or write it in Rust as an escape: `\\u{{{code:x}}}`")),
    }
}

/// Whether a character changes the direction of text, or ends a line.
fn moves_text(c: char) -> bool {
    let direction = ['\u{61c}', '\u{200e}', '\u{200f}'];
    direction.contains(&c) || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The message for a file that exceeds the size of a spec.
pub fn too_large(file: &str) -> Diagnostic {
    let most = kps_grammar::MAX_SIZE >> 20;
    Diagnostic::new(SPEC_TOO_LARGE, format!("{file} is larger than {most} MiB"))
        .help("split it into several patches")
}

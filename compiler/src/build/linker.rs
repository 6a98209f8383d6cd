// SPDX-License-Identifier: GPL-2.0
//! Messages of the linker and of the C compiler's assembler. rustc reports the messages of its own
//! assembler.

use super::author::Author;
use super::{declaration, init_code};
use kps_diag::{Diagnostic, LINKER_ERROR};

/// Finds these messages in the output of a build.
pub(super) fn linker(lines: &[String], author: Author<'_>) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for line in lines {
        let diagnostic = about_symbol(line, author).or_else(|| assembler(line, author));
        let Some(diagnostic) = diagnostic else { continue };
        if !found.iter().any(|known| {
            known.message == diagnostic.message && known.is_about_the_same(&diagnostic)
        }) {
            found.push(diagnostic);
        }
    }
    found
}

/// `PLACE: multiple definition of `SYMBOL'; PLACE: first defined here`, and similar messages of GNU
/// ld and LLVM's linker.
fn about_symbol(line: &str, author: Author<'_>) -> Option<Diagnostic> {
    let name_behind = |words: &str| {
        let rest = line.split_once(words)?.1.trim_start_matches(['`', '\'', '"', ' ']);
        let name = rest.split(['`', '\'', '"', ' ', ';']).next().filter(|name| !name.is_empty())?;
        Some(name.trim_start_matches("kps_c_"))
    };
    let twice = ["multiple definition of ", "duplicate symbol: "];
    let missing = ["undefined reference to ", "undefined symbol: "];
    let (name, message, help) = if let Some(name) = twice.into_iter().find_map(name_behind) {
        if let Some(error) = init_code::own_init(name, author) {
            return Some(error);
        }
        let help = format!(
            "add `static` to a definition of `{name}` that no other file uses, or rename it"
        );
        (name, format!("the patch defines `{name}` twice"), help)
    } else if let Some(name) = missing.into_iter().find_map(name_behind) {
        let form = author.emitted.form;
        let (line, place) = (declaration::function(name, form), declaration::place(None, form));
        let help = format!("define `{name}`, or add {line} to {place} if the kernel has it");
        (name, format!("`{name}` is not defined"), help)
    } else {
        let rest = line.split_once("relocation truncated to fit: ")?.1;
        let name = rest.split_once("against ")?.1.split(['`', '\'']).nth(1)?;
        let help = format!("use a 64-bit address of `{name}`");
        (name, format!("the address of `{name}` does not fit the code that uses it"), help)
    };
    let error = Diagnostic::new(LINKER_ERROR, message);
    let places = author.naming(name);
    Some(places.into_iter().fold(error, |error, span| error.at(span, "")).help(help))
}

/// `FILE:LINE: Error: TEXT`, of the GNU assembler. The line is that of the `asm` in C.
fn assembler(line: &str, author: Author<'_>) -> Option<Diagnostic> {
    let (place, text) = line.split_once(": Error: ")?;
    let (path, number) = place.rsplit_once(':')?;
    let span = author.c_line(author.c_file(path)?, number.parse().ok()?)?;
    let error = Diagnostic::new(LINKER_ERROR, format!("the assembler rejects this: {text}"));
    Some(error.at(span, "").help("write the instruction for GNU as, in AT&T syntax"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::Emitted;
    use kps_grammar::{Language, Source, Sources};

    #[test]
    fn what_linkers_and_assemblers_say_is_led_to_the_files() {
        let mut sources = Sources::new(Source::new("fix.kps", "patch fix { }"));
        sources.add(
            Language::C,
            "a.c",
            Source::new("a.c", "int twice; /* missing */\nint x = missing;\n"),
        );
        let emitted = Emitted::nothing();
        let author = Author { emitted: &emitted, sources: &sources };
        let lines = [
            "ld: fix_c1.o: in function `f':",
            "b.c:(.text+0x0): multiple definition of `twice'; fix_c0.o:a.c:(.text+0x0): first defined here",
            "ld.lld: error: duplicate symbol: twice",
            "ld: a.c:(.text+0x4): undefined reference to `missing'",
            "ld.lld: error: undefined symbol: missing",
            "a.c:(.text+0x9): relocation truncated to fit: R_X86_64_32 against symbol `twice' defined in .bss",
            "/tmp/x/c/a.c:2: Error: no such instruction: `frobnicate'",
            "/tmp/x/other.c:2: Error: no such instruction: `frobnicate'",
        ];
        let found = linker(&lines.map(str::to_owned), author);
        let said: Vec<_> = found
            .iter()
            .map(|d| (d.message.as_str(), d.labels.first().map(|at| sources.slice(at.span))))
            .collect();
        let wanted = [
            ("the patch defines `twice` twice", Some("twice")),
            ("`missing` is not defined", Some("missing")),
            ("the address of `twice` does not fit the code that uses it", Some("twice")),
            (
                "the assembler rejects this: no such instruction: `frobnicate'",
                Some("int x = missing;"),
            ),
        ];
        assert_eq!(said, wanted);
    }
}

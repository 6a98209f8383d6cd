// SPDX-License-Identifier: GPL-2.0
//! The C compiler's messages about an author's C files.

use super::author::Author;
use super::header_messages::header_messages;
use kps_codegen::names::c_name;
use kps_diag::{Diagnostic, Severity, C_ERROR, C_WARNING};
use kps_grammar::Span;
use kps_plan::CFile;

/// Finds the messages about an author's files in the output of a build.
pub(super) fn c_messages(lines: &[String], files: &[CFile], author: Author<'_>) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    // An error in a kernel macro, until the compiler reports where the macro is used.
    let mut in_macro = None;
    for (place, kind, text) in lines.iter().filter_map(|line| message(line)) {
        let expands = kind.is_none() && text.starts_with("in expansion of macro");
        let said = match kind {
            Some(severity) => Some((severity, text)),
            None if expands => in_macro.take(),
            None => None,
        };
        let Some((severity, text)) = said else { continue };
        if let Some(span) = in_authors_file(place, author) {
            let code = if severity == Severity::Error { C_ERROR } else { C_WARNING };
            let diagnostic = Diagnostic { severity, ..Diagnostic::new(code, plain_names(text)) };
            found.push(match declared_otherwise(text, author) {
                Some(help) => diagnostic.at(span, "").note(IN_A_HEADER).help(help),
                None => diagnostic.at(span, if expands { "in this macro" } else { "" }),
            });
            in_macro = None;
            continue;
        }
        let about_whole =
            around_file(place, files).and_then(|file| about_whole(file, text, author));
        match about_whole {
            Some(error) => found.push(error),
            // The wrapper's macros rename functions.
            None => in_macro = Some((severity, text)),
        }
    }
    found.extend(header_messages(lines, author));
    found
}

/// `PLACE: error: TEXT`; a note has no severity.
fn message(line: &str) -> Option<(&str, Option<Severity>, &str)> {
    const KINDS: [(&str, Option<Severity>); 4] = [
        (": error: ", Some(Severity::Error)),
        (": fatal error: ", Some(Severity::Error)),
        (": warning: ", Some(Severity::Warning)),
        (": note: ", None),
    ];
    KINDS.iter().find_map(|&(kind, severity)| {
        let (place, text) = line.split_once(kind)?;
        Some((place, severity, text))
    })
}

/// The word at a position in an author's file, `PATH:LINE:COLUMN`.
fn in_authors_file(place: &str, author: Author<'_>) -> Option<Span> {
    let mut parts = place.rsplitn(3, ':');
    let (last, before) = (parts.next()?, parts.next()?);
    let Some(path) = parts.next() else {
        // An error about a whole line has no column.
        return author.c_line(author.c_file(before)?, last.parse().ok()?);
    };
    author.c_word(author.c_file(path)?, before.parse().ok()?, last.parse().ok()?)
}

/// The author's file in the wrapper that a position names, `NAME_cN.c`.
fn around_file<'f>(place: &str, files: &'f [CFile]) -> Option<&'f str> {
    let (name, _) = place.split_once(".c:")?;
    let (_, number) = name.rsplit_once("_c")?;
    files.get(number.parse::<usize>().ok()?).map(|file| file.path.as_str())
}

/// Errors in the wrapper about the whole file: a missing definition, or one with another prototype.
fn about_whole(file: &str, text: &str, author: Author<'_>) -> Option<Diagnostic> {
    let quoted = plain_names(text.split('\'').nth(1).unwrap_or_default());
    if text.contains("undeclared here") {
        let error = Diagnostic::new(C_ERROR, format!("{file} does not define `{quoted}`"));
        let place = author.function(&c_name(&quoted));
        let error =
            place.into_iter().fold(error, |error, place| error.at(place, "that file replaces it"));
        return Some(
            error.help(format!("define `{quoted}` there, with the prototype that the kernel has")),
        );
    }
    let (name, rest) = text.strip_prefix("static assertion failed: \"")?.split_once(' ')?;
    let name = plain_names(name);
    let error = Diagnostic::new(C_ERROR, format!("{file} defines `{name}` with another prototype"));
    let places = author.naming(&name);
    let error = places.into_iter().fold(error, |error, place| error.at(place, ""));
    let known =
        rest.split_once(": ").map_or("", |(_, declaration)| declaration.trim_end_matches('"'));
    Some(
        error
            .note(format!("in the kernel it is `{known}`"))
            .help("give it the prototype that the kernel's source has"),
    )
}

const IN_A_HEADER: &str = "a header of the kernel declares a function of this name, not `static`";

/// What to write for a `static` function that a header declares without `static`.
fn declared_otherwise(text: &str, author: Author<'_>) -> Option<String> {
    let name = text.strip_prefix("static declaration of '")?.split('\'').next()?;
    // A macro of a header may have given the function its name back.
    let is_replaced = || author.function(&c_name(name)).map(|_| name);
    Some(match name.strip_prefix("kps_c_").or_else(is_replaced) {
        Some(name) => format!("drop `static` before `{name}`: the kernel's is not static either"),
        None => format!("give `{name}` another name, for example `own_{name}`"),
    })
}

/// A text with the names that the author gave to functions.
fn plain_names(text: &str) -> String {
    text.replace("kps_c_", "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::Emitted;
    use kps_grammar::{Language, Source, Sources};
    use kps_plan::ObjectName;

    #[test]
    fn messages_are_led_to_the_authors_file() {
        let text = "int show(void)\n{\n\tint y;\n\treturn x;\n}\n";
        let mut sources = Sources::new(Source::new("fix.kps", "patch fix { }"));
        sources.add(Language::C, "show.c", Source::new("dir/show.c", text));
        let lines = [
            "/tmp/x/c/show.c: In function 'kps_c_show':",
            "/tmp/x/c/show.c:4:9: error: 'x' undeclared (first use in this function)",
            "    4 |         return x;",
            "      |                ^",
            "/tmp/x/c/show.c:1:5: warning: 'kps_c_show' defined but not used [-Wunused-function]",
            "/tmp/x/c/show.c:99:1: error: nowhere",
            "/linux/include/linux/min.h:9:1: error: in a macro",
            "/linux/include/linux/min.h:7:2: note: in expansion of macro '__min'",
            "/tmp/x/c/show.c:4:2: note: in expansion of macro 'min'",
            "/tmp/x/c/show.c:4:2: note: something else",
            "/tmp/x/fix_c1.c:7:27: error: 'show' undeclared here (not in a function)",
            "/tmp/x/fix_c1.c:7:22: error: static declaration of 'kps_c_show' follows non-static declaration",
            "/tmp/x/c/show.c:1:5: note: in expansion of macro 'show'",
            "make[3]: *** [x.o] Error 1",
        ];
        let files = ["other.c", "show.c"].map(|path| CFile {
            path: path.to_owned(),
            object: ObjectName::Vmlinux,
            functions: Vec::new(),
        });
        let emitted = Emitted::nothing();
        let author = Author { emitted: &emitted, sources: &sources };
        let found = c_messages(&lines.map(str::to_owned), &files, author);
        let said: Vec<_> = found.iter().map(|d| (d.code.id(), d.message.as_str())).collect();
        let wanted = [
            ("KPS0506", "'x' undeclared (first use in this function)"),
            ("KPS0507", "'show' defined but not used [-Wunused-function]"),
            ("KPS0506", "in a macro"),
            ("KPS0506", "show.c does not define `show`"),
            ("KPS0506", "static declaration of 'show' follows non-static declaration"),
        ];
        assert_eq!(said, wanted);
        let places: Vec<_> =
            found.iter().flat_map(|d| &d.labels).map(|at| sources.slice(at.span)).collect();
        assert_eq!(places, ["x", "show", "return", "show"]);
    }
}

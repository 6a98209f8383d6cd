// SPDX-License-Identifier: GPL-2.0
//! The C compiler's messages about an author's C files.

use super::author::Author;
use super::header_messages::header_messages;
use super::way::{short, Led, Way};
use kps_codegen::names::c_name;
use kps_diag::{Diagnostic, Severity, C_ERROR, C_WARNING};
use kps_grammar::Span;
use kps_plan::CFile;
use std::collections::BTreeSet;

/// Finds the messages about an author's files in the output of a build.
pub(super) fn c_messages(lines: &[String], files: &[CFile], author: Author<'_>) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut way = Way::default();
    // A message about a header, until the compiler reports which macro of the author's led there.
    let mut pending: Option<Pending<'_>> = None;
    let mut reported: BTreeSet<(&str, &str)> = BTreeSet::new();
    for line in lines {
        way.read(line, author);
        let Some((place, kind, text)) = message(line) else { continue };
        let expands = kind.is_none() && text.starts_with("in expansion of macro");
        let said = match kind {
            Some(severity) => {
                add_of_header(&mut found, pending.take());
                Some(Pending { severity, text, place, led: way.led_to(place) })
            }
            None if expands => pending.take(),
            None => None,
        };
        let Some(said) = said else { continue };
        let Pending { severity, text, .. } = said;
        if let Some(span) = in_authors_file(place, author) {
            let code = if severity == Severity::Error { C_ERROR } else { C_WARNING };
            let diagnostic = Diagnostic { severity, ..Diagnostic::new(code, text) };
            found.push(if let Some(help) = declared_otherwise(text, author) {
                diagnostic.at(span, "").note(IN_A_HEADER).help(help)
            } else if is_beside_the_sources(text) {
                diagnostic.at(span, "").note(WITHOUT_SOURCES).help(COPY_HEADER)
            } else {
                diagnostic.at(span, if expands { "in this macro" } else { "" })
            });
            continue;
        }
        let about_whole =
            around_file(place, files).and_then(|file| about_whole(file, text, author));
        match about_whole {
            // The wrapper names a function several times; one that is missing has no prototype.
            Some((name, error)) => {
                if reported.insert(name) {
                    found.push(error);
                }
            }
            // A macro of one header is used in another one.
            None if expands => {
                let led = way.led_to(place).or(said.led);
                pending = Some(Pending { place, led, ..said });
            }
            None => pending = Some(said),
        }
    }
    add_of_header(&mut found, pending.take());
    found.extend(header_messages(lines, author));
    found
}

/// A message about something outside of the author's files.
struct Pending<'l> {
    severity: Severity,
    text: &'l str,
    place: &'l str,
    led: Option<Led>,
}

/// Adds a message about a header of the kernel at the author's text that led there. The first one
/// of each place is an error, and some further ones are its notes: one cause has many effects.
fn add_of_header(found: &mut Vec<Diagnostic>, pending: Option<Pending<'_>>) {
    /// With the place of the first message.
    const MOST_NOTES: usize = 3;
    let Some(Pending { severity, text, place, led: Some(led) }) = pending else { return };
    // Nothing that the author writes changes what a header is warned about.
    if severity != Severity::Error && matches!(led, Led::Included(_)) {
        return;
    }
    let code = if severity == Severity::Error { C_ERROR } else { C_WARNING };
    let is_same = |other: &&mut Diagnostic| {
        other.code == code
            && other.labels.iter().any(|at| at.span == led.span() && at.text == led.label())
    };
    match found.iter_mut().find(is_same) {
        Some(first) if first.notes.len() < MOST_NOTES => {
            first.notes.push(format!("{}: {text}", short(place)));
        }
        Some(_) => {}
        None => {
            let diagnostic = Diagnostic { severity, ..Diagnostic::new(code, text) };
            let diagnostic = diagnostic.at(led.span(), led.label());
            found.push(diagnostic.note(format!("the compiler reports it at {}", short(place))));
        }
    }
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
/// The first value is the file and the function.
fn about_whole<'l>(
    file: &'l str,
    text: &'l str,
    author: Author<'_>,
) -> Option<((&'l str, &'l str), Diagnostic)> {
    if let Some(name) = not_defined(text) {
        let error = Diagnostic::new(C_ERROR, format!("{file} does not define `{name}`"));
        let place = author.function(&c_name(name));
        let error =
            place.into_iter().fold(error, |error, place| error.at(place, "that file replaces it"));
        let help = format!("define `{name}` there, with the prototype that the kernel has");
        return Some(((file, name), error.help(help)));
    }
    let (name, rest) = text.strip_prefix("static assertion failed: \"")?.split_once(' ')?;
    let error = Diagnostic::new(C_ERROR, format!("{file} defines `{name}` with another prototype"));
    let places = author.naming(name);
    let error = places.into_iter().fold(error, |error, place| error.at(place, ""));
    let known =
        rest.split_once(": ").map_or("", |(_, declaration)| declaration.trim_end_matches('"'));
    let error = error
        .note(format!("in the kernel it is `{known}`"))
        .help("give it the prototype that the kernel's source has");
    Some(((file, name), error))
}

/// The function that a message of the wrapper misses. A header may have declared it.
fn not_defined(text: &str) -> Option<&str> {
    if text.contains("undeclared here") {
        return text.split('\'').nth(1);
    }
    let (_, symbol) = text.split_once("aliased to undefined symbol '")?;
    symbol.split('\'').next()?.strip_prefix("kps_c_")
}

/// Whether a header that is missing may be one beside the kernel's sources.
fn is_beside_the_sources(text: &str) -> bool {
    let name = text.strip_suffix(": No such file or directory");
    name.is_some_and(|name| name.starts_with("../") || !name.contains('/'))
}

const WITHOUT_SOURCES: &str =
    "a target in core mode has the headers in `include`, and none beside the kernel's sources";
const COPY_HEADER: &str =
    "correct the name, put a copy of the header beside this file, or take a target in kernel-crate mode";

const IN_A_HEADER: &str = "a header of the kernel declares a function of this name, not `static`";

/// What to write for a `static` function that a header declares without `static`.
fn declared_otherwise(text: &str, author: Author<'_>) -> Option<String> {
    let name = text.strip_prefix("static declaration of '")?.split('\'').next()?;
    Some(match author.function(&c_name(name)) {
        Some(_) => format!("drop `static` before `{name}`: the kernel's is not static either"),
        None => format!("give `{name}` another name, for example `own_{name}`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::Emitted;
    use kps_grammar::{Language, Source, Sources};
    use kps_plan::{CData, ObjectName};

    #[test]
    fn messages_are_led_to_the_authors_file() {
        let text = "int show(void)\n{\n\tint y;\n\treturn x;\n}\n";
        let mut sources = Sources::new(Source::new("fix.kps", "patch fix { }"));
        sources.add(Language::C, "show.c", Source::new("dir/show.c", text));
        let lines = [
            "/tmp/x/c/show.c: In function 'show':",
            "/tmp/x/c/show.c:4:9: error: 'x' undeclared (first use in this function)",
            "    4 |         return x;",
            "      |                ^",
            "/tmp/x/c/show.c:1:5: warning: 'show' defined but not used [-Wunused-function]",
            "/tmp/x/c/show.c:99:1: error: nowhere",
            "/linux/include/linux/min.h:9:1: error: in a macro",
            "/linux/include/linux/min.h:7:2: note: in expansion of macro '__min'",
            "/tmp/x/c/show.c:4:2: note: in expansion of macro 'min'",
            "/tmp/x/c/show.c:4:2: note: something else",
            "/tmp/x/fix_c1.c:7:27: error: 'show' undeclared here (not in a function)",
            "/tmp/x/fix_c1.c:8:38: error: 'kps_body_hide' aliased to undefined symbol 'kps_c_hide'",
            "/tmp/x/c/show.c:1:5: error: static declaration of 'show' follows non-static declaration",
            "In file included from /linux/include/linux/b.h:2,",
            "                 from /tmp/x/c/show.c:4,",
            "                 from /tmp/x/fix_c1.c:9:",
            "/linux/include/linux/c.h:5:2: error: #error \"no\"",
            "/linux/include/linux/c.h:7:1: error: unknown type name 'u9'",
            "/linux/include/linux/c.h:8:1: warning: redefined",
            "/linux/include/linux/c.h:9:1: error: in a macro of one header",
            "In file included from /tmp/x/c/show.c:3:",
            "/linux/fs/d.h:7:1: note: in expansion of macro 'of_other_header'",
            "/linux/arch/any/include/asm/d.h:1:1: error: of nothing of the author's",
            "In function 'copy',",
            "    inlined from 'show' at /tmp/x/c/show.c:4:9:",
            "/linux/include/linux/e.h:3:4: error: call to '__bad' declared with attribute error",
            "/tmp/x/c/show.c:1:5: fatal error: ../fs/mount.h: No such file or directory",
            "make[3]: *** [x.o] Error 1",
        ];
        let files = ["other.c", "show.c"].map(|path| CFile {
            path: path.to_owned(),
            object: ObjectName::Vmlinux,
            functions: Vec::new(),
            data: CData::default(),
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
            ("KPS0506", "show.c does not define `hide`"),
            ("KPS0506", "static declaration of 'show' follows non-static declaration"),
            ("KPS0506", "#error \"no\""),
            ("KPS0506", "in a macro of one header"),
            ("KPS0506", "call to '__bad' declared with attribute error"),
            ("KPS0506", "../fs/mount.h: No such file or directory"),
        ];
        assert_eq!(said, wanted);
        let places: Vec<_> =
            found.iter().flat_map(|d| &d.labels).map(|at| sources.slice(at.span)).collect();
        let wanted = ["x", "show", "return", "show", "return x;", "int y;", "x", "show"];
        assert_eq!(places, wanted);
        let of_header = found.iter().find(|d| d.message.contains("#error"));
        let notes = of_header.map(|d| d.notes.clone()).unwrap_or_default();
        let first = "the compiler reports it at include/linux/c.h:5:2";
        assert_eq!(notes, [first, "include/linux/c.h:7:1: unknown type name 'u9'"]);
    }
}

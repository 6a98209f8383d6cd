// SPDX-License-Identifier: GPL-2.0
//! The C compiler's errors about inline functions of the kernel's headers that a patch uses.

use super::author::Author;
use crate::emit::headers::{function_at, IN_CRATE, IN_SPEC};
use kps_diag::{Diagnostic, INLINE_FUNCTION_ERROR};
use std::collections::BTreeSet;

/// Finds the errors in the output of a build: one about each function.
pub(super) fn header_messages(lines: &[String], author: Author<'_>) -> Vec<Diagnostic> {
    let files = author.emitted.files.0.iter();
    let is_ours = |path: &str| path.ends_with(IN_SPEC) || path.ends_with(IN_CRATE);
    let Some((path, text)) = files.into_iter().find(|(path, _)| is_ours(path)) else {
        return Vec::new();
    };
    let mut told = BTreeSet::new();
    let mut found = Vec::new();
    for (line, said) in lines.iter().filter_map(|line| error(line, path)) {
        let Some(name) = function_at(text, line).filter(|name| told.insert(*name)) else {
            continue;
        };
        let message = format!("the kernel's headers do not have `{name}` as kpsc knows it");
        let error = Diagnostic::new(INLINE_FUNCTION_ERROR, message)
            .note(format!("the C compiler says: {said}"))
            .help("use what this kernel has in its place, or write the code in a file in C");
        let places = author.naming(name).into_iter();
        found.push(places.fold(error, |error, place| error.at(place, "")));
    }
    found
}

/// The line of the file, and what the compiler says there: `PATH:LINE:COLUMN: error: TEXT`.
fn error<'l>(line: &'l str, path: &str) -> Option<(usize, &'l str)> {
    let (place, text) =
        [": error: ", ": fatal error: "].iter().find_map(|kind| line.split_once(kind))?;
    let (_, position) = place.split_once(&format!("{path}:"))?;
    Some((position.split(':').next()?.parse().ok()?, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::Emitted;
    use kps_grammar::{Source, Sources};

    #[test]
    fn an_error_is_led_to_the_body_that_calls_the_function() {
        let spec = "patch fix { object vmlinux { fn f { pre { d_inode(e); dget(e); } } } }";
        let sources = Sources::new(Source::new("fix.kps", spec));
        let mut emitted = Emitted::nothing();
        let text = "\n/* d_inode() */\n#include <a.h>\nx\n\n/* dget() */\n#include <b.h>\ny\nz\n";
        emitted.files.0.insert("fix_headers.c".to_owned(), text.to_owned());
        emitted.pieces.push(kps_grammar::Span::new(0, spec.len()));
        let lines = [
            "/tmp/x/fix_headers.c: In function 'kps_header_dget':",
            "/tmp/x/fix_headers.c:8:9: error: implicit declaration of function 'dget'",
            "/tmp/x/fix_headers.c:9:9: error: something else",
            "/tmp/x/fix_headers.c:4:1: warning: nothing",
            "/tmp/x/fix_c0.c:4:1: error: in another file",
        ];
        let author = Author { emitted: &emitted, sources: &sources };
        let found = header_messages(&lines.map(str::to_owned), author);
        let said: Vec<_> = found.iter().map(|d| (d.code.id(), d.message.as_str())).collect();
        let message = "the kernel's headers do not have `dget` as kpsc knows it";
        assert_eq!(said, [("KPS0528", message)]);
        let places = found.iter().flat_map(|d| &d.labels).map(|at| sources.slice(at.span));
        assert_eq!(places.collect::<Vec<_>>(), ["dget"]);
    }
}

//! What the C compiler and the linker's checks say about an author's files in C.

use crate::diag::{Diagnostic, Severity, KPS0205, KPS0506, KPS0507};
use crate::emit::C_FOLDER;

/// Takes the messages about an author's files, by their paths, out of what was printed. The lines behind a message that show
/// where it is go with it.
pub(super) fn c_messages(lines: &[String], files: &[String]) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut open = false;
    for line in lines {
        let was_open = std::mem::take(&mut open);
        if let Some(symbol) = undefined(line) {
            let error = Diagnostic::error(KPS0205, format!("`{symbol}` is not exported to modules"));
            found.push(
                error
                    .note("a file in C uses it; a klp relocation can reach it")
                    .help(format!("add `use fn {symbol};` or `use static {symbol}: TYPE;` to the object")),
            );
        } else if let Some((place, severity, text)) = message(line) {
            if let Some(place) = in_authors_file(place) {
                let code = if severity == Severity::Error { KPS0506 } else { KPS0507 };
                let mut diagnostic = Diagnostic::error(code, format!("{place}: {}", plain_names(text)));
                diagnostic.severity = severity;
                found.push(diagnostic);
                open = true;
            } else if let Some(file) = around_file(place, files) {
                found.extend(about_whole(file, text));
            }
        } else if let (true, Some(shown)) = (was_open && is_shown(line), found.last_mut()) {
            shown.notes.push(line.trim_end().to_owned());
            open = true;
        }
    }
    found
}

/// `PLACE: error: TEXT`.
fn message(line: &str) -> Option<(&str, Severity, &str)> {
    const KINDS: [(&str, Severity); 3] = [
        (": error: ", Severity::Error),
        (": fatal error: ", Severity::Error),
        (": warning: ", Severity::Warning),
    ];
    KINDS.iter().find_map(|&(kind, severity)| {
        let (place, text) = line.split_once(kind)?;
        Some((place, severity, text))
    })
}

/// A place in a file of the author's, by its path below their folder.
fn in_authors_file(place: &str) -> Option<&str> {
    let start = format!("{C_FOLDER}/");
    let at = place.rfind(&start).filter(|&at| at == 0 || place[..at].ends_with('/'))?;
    Some(&place[at + start.len()..])
}

/// The author's file that the generated one of a place, `NAME_cN.c`, surrounds.
fn around_file<'f>(place: &str, files: &'f [String]) -> Option<&'f str> {
    let (name, _) = place.split_once(".c:")?;
    let (_, number) = name.rsplit_once("_c")?;
    files.get(number.parse::<usize>().ok()?).map(String::as_str)
}

/// What the code around a file says of it as a whole: that it does not define what it should, or not as it should.
fn about_whole(file: &str, text: &str) -> Option<Diagnostic> {
    let quoted = plain_names(text.split('\'').nth(1).unwrap_or_default());
    if text.contains("undeclared here") {
        let error = Diagnostic::error(KPS0506, format!("{file} does not define `{quoted}`"));
        return Some(error.help(format!("define `{quoted}` there, with the prototype that the kernel has")));
    }
    let name = text.strip_prefix("static assertion failed: \"")?.split(' ').next()?;
    let name = plain_names(name);
    let error = Diagnostic::error(KPS0506, format!("{file} defines `{name}` with another prototype"));
    Some(error.help("give it the prototype that the kernel's source has"))
}

/// The compiler's excerpts: a line with its number, or marks below it.
fn is_shown(line: &str) -> bool {
    let number = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with(' ') && number.trim_start().starts_with('|')
}

/// A function by the name that the author gave it.
fn plain_names(text: &str) -> String {
    text.replace("kps_c_", "")
}

/// modpost's complaint about a symbol that nobody offers: it has quotes of one kind or the other around the name.
fn undefined(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("ERROR: modpost: ")?.strip_suffix("undefined!")?;
    rest.split(['"', '\'']).nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_led_to_the_authors_file() {
        let lines = [
            "/tmp/x/c/show.c: In function 'kps_c_show':",
            "/tmp/x/c/show.c:4:9: error: 'x' undeclared (first use in this function)",
            "    4 |         return x;",
            "      |                ^",
            "/tmp/x/c/show.c:7:1: warning: 'kps_c_other' defined but not used [-Wunused-function]",
            "/tmp/x/fix_c1.c:7:27: error: 'show' undeclared here (not in a function)",
            "ERROR: modpost: \"hidden\" [/tmp/x/fix.ko] undefined!",
            "ERROR: modpost: fix.ko: symbol 'hidden2' undefined!",
            "make[3]: *** [x.o] Error 1",
        ];
        let files = ["other.c", "show.c"].map(str::to_owned);
        let found = c_messages(&lines.map(str::to_owned), &files);
        let said: Vec<_> = found.iter().map(|d| (d.code.id(), d.message.as_str())).collect();
        let wanted = [
            ("KPS0506", "show.c:4:9: 'x' undeclared (first use in this function)"),
            ("KPS0507", "show.c:7:1: 'other' defined but not used [-Wunused-function]"),
            ("KPS0506", "show.c does not define `show`"),
            ("KPS0205", "`hidden` is not exported to modules"),
            ("KPS0205", "`hidden2` is not exported to modules"),
        ];
        assert_eq!(said, wanted);
        assert_eq!(found[0].notes.len(), 2);
    }
}

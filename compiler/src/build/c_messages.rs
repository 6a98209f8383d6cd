//! What the C compiler and the linker's checks say about an author's files in C.

use crate::diag::{Diagnostic, Severity, KPS0205, KPS0506, KPS0507};

/// Takes the messages about files in a folder out of what was printed. The lines behind a message that show where it is go with it.
pub(super) fn c_messages(lines: &[String], folder: &str) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut open = false;
    for line in lines {
        if let Some(symbol) = undefined(line) {
            let error = Diagnostic::error(KPS0205, format!("`{symbol}` is not exported to modules"));
            found.push(
                error
                    .note("a file in C uses it; a klp relocation can reach it")
                    .help(format!("add `use fn {symbol};` or `use static {symbol}: TYPE;` to the object")),
            );
            open = false;
        } else if let Some((place, severity, text)) = message(line, folder) {
            let code = if severity == Severity::Error { KPS0506 } else { KPS0507 };
            let mut diagnostic = Diagnostic::error(code, format!("{place}: {}", plain_names(text)));
            diagnostic.severity = severity;
            found.push(diagnostic);
            open = true;
        } else if let (true, Some(shown)) = (open && is_shown(line), found.last_mut()) {
            shown.notes.push(line.trim_end().to_owned());
        } else {
            open = false;
        }
    }
    found
}

/// `PATH:LINE:COLUMN: error: TEXT`, by the path below the folder.
fn message<'a>(line: &'a str, folder: &str) -> Option<(String, Severity, &'a str)> {
    let kinds = [
        (": error: ", Severity::Error),
        (": fatal error: ", Severity::Error),
        (": warning: ", Severity::Warning),
    ];
    let (place, severity, text) = kinds
        .into_iter()
        .find_map(|(kind, severity)| line.split_once(kind).map(|(place, text)| (place, severity, text)))?;
    let start = format!("{folder}/");
    let at = place.rfind(&start).filter(|&at| at == 0 || place[..at].ends_with('/'));
    // What surrounds the author's file says what is wrong with it as a whole.
    let place = match at {
        Some(at) => place[at + start.len()..].to_owned(),
        None if place.contains("_c") && place.contains(".c:") => "the file".to_owned(),
        None => return None,
    };
    Some((place, severity, text))
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

/// modpost's complaint about a symbol that nobody offers.
fn undefined(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("ERROR: modpost: \"")?;
    let (symbol, rest) = rest.split_once('"')?;
    rest.ends_with("undefined!").then_some(symbol)
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
            "ERROR: modpost: \"hidden\" [/tmp/x/fix.ko] undefined!",
            "make[3]: *** [x.o] Error 1",
        ];
        let found = c_messages(&lines.map(str::to_owned), "c");
        let said: Vec<_> = found.iter().map(|d| (d.code.id(), d.message.as_str())).collect();
        let wanted = [
            ("KPS0506", "show.c:4:9: 'x' undeclared (first use in this function)"),
            ("KPS0507", "show.c:7:1: 'other' defined but not used [-Wunused-function]"),
            ("KPS0205", "`hidden` is not exported to modules"),
        ];
        assert_eq!(said, wanted);
        assert_eq!(found[0].notes.len(), 2);
    }
}

// SPDX-License-Identifier: GPL-2.0
//! Messages of objtool, which follows every path through a module's code.

use super::author::Author;
use kps_diag::{Diagnostic, Severity, OBJTOOL_ERROR};
use kps_link::{CodeLines, ObjectFile};

/// Finds objtool's messages in the output of a build. `object` is the object that it read, if that
/// exists.
pub(super) fn objtool(
    lines: &[String],
    object: Option<&ObjectFile<'_>>,
    author: Author<'_>,
) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for message in lines.iter().filter_map(|line| Message::parse(line)) {
        let diagnostic = message.diagnostic(object, author);
        if !found.iter().any(|known| {
            known.message == diagnostic.message && known.is_about_the_same(&diagnostic)
        }) {
            found.push(diagnostic);
        }
    }
    found
}

/// `OBJECT: warning: objtool: FUNCTION+0xOFFSET: TEXT`, or with `FUNCTION()` or no function
/// (`tools/objtool/include/objtool/warn.h`).
#[derive(Debug, PartialEq)]
struct Message<'l> {
    severity: Severity,
    function: Option<&'l str>,
    offset: u64,
    text: &'l str,
}

impl<'l> Message<'l> {
    fn parse(line: &'l str) -> Option<Self> {
        let (before, text) = line.split_once(": objtool: ")?;
        let severity = match before.rsplit(' ').next()? {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            _ => return None,
        };
        let (place, rest) = text.split_once(": ").unwrap_or((text, text));
        if let Some((function, offset)) = place.rsplit_once("+0x") {
            let offset = offset.split(' ').next().unwrap_or_default();
            if let Ok(offset) = u64::from_str_radix(offset, 16) {
                return Some(Message { severity, function: Some(function), offset, text: rest });
            }
        }
        if let Some((function, rest)) = text.split_once("() ").or_else(|| text.split_once("(): ")) {
            let is_name = !function.is_empty() && !function.contains(' ');
            return Some(Message {
                severity,
                function: Some(function).filter(|_| is_name),
                offset: 0,
                text: if is_name { rest } else { text },
            });
        }
        Some(Message { severity, function: None, offset: 0, text })
    }

    fn diagnostic(&self, object: Option<&ObjectFile<'_>>, author: Author<'_>) -> Diagnostic {
        let mut diagnostic = Diagnostic::new(OBJTOOL_ERROR, format!("objtool: {}", self.text));
        diagnostic.severity = self.severity;
        let Some(function) = self.function else { return diagnostic.help(help(self.text)) };
        let lines = object.and_then(|object| {
            let place = object.in_function(function, self.offset)?;
            Some(CodeLines::read(object)?.at(place))
        });
        let lines = lines.unwrap_or_default();
        let diagnostic = match lines.iter().find_map(|line| Some((author.at(line)?, line))) {
            Some((span, line)) => author.note(diagnostic.at(span, ""), line),
            None => match author.function(function) {
                Some(span) => diagnostic.at(span, "in the code for this function"),
                None => named(diagnostic, function, author),
            },
        };
        diagnostic.help(help(self.text))
    }
}

/// The path of an author's own function ends with its name.
fn named(diagnostic: Diagnostic, function: &str, author: Author<'_>) -> Diagnostic {
    let path = format!("{:#}", rustc_demangle::demangle(function));
    let name = path.rsplit("::").find(|name| !name.starts_with('{')).unwrap_or(&path);
    match author.naming(name).first() {
        Some(&span) => diagnostic.at(span, "in the code for this function"),
        None => diagnostic.note(format!("the function is `{path}`")),
    }
}

/// The advice for a message.
fn help(text: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&[
        "unreachable instruction",
        "falls through",
        "unexpected end of section",
        "can't find jump dest",
    ]) {
        return "end the path with a `return`: no code follows `unreachable_unchecked()` or a call that never returns";
    }
    if says(&[
        "frame pointer",
        "stack state",
        "stack frame",
        "undefined stack",
        "unbalanced",
        "stack realign",
    ]) {
        return "restore the stack pointer and the frame pointer in assembly code";
    }
    if says(&["UACCESS"]) {
        return "call nothing between `user_access_begin()` and `user_access_end()`";
    }
    if says(&["indirect jump", "indirect call", "naked return", "ret in"]) {
        return "call and return in assembly code as the kernel does, with `CALL_NOSPEC` and `RET`";
    }
    "check the function's assembly code: the kernel must be able to unwind it"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_apart() {
        let parse = |line| Message::parse(line).map(|m| (m.severity, m.function, m.offset, m.text));
        let warning = |function, offset, text| Some((Severity::Warning, function, offset, text));
        assert_eq!(
            parse("/x/p.o: warning: objtool: kps_body_f+0x1f: unreachable instruction"),
            warning(Some("kps_body_f"), 0x1f, "unreachable instruction")
        );
        assert_eq!(
            parse("p.o: warning: objtool: f() falls through to next function g()"),
            warning(Some("f"), 0, "falls through to next function g()")
        );
        assert_eq!(
            parse("p.o: warning: objtool: .text+0x10: stack state mismatch: cfa1=4+8 cfa2=4+16"),
            warning(Some(".text"), 0x10, "stack state mismatch: cfa1=4+8 cfa2=4+16")
        );
        assert_eq!(
            parse("p.o: error: objtool: no idea"),
            Some((Severity::Error, None, 0, "no idea"))
        );
        assert_eq!(parse("objtool: f+0x1: x"), None);
    }
}

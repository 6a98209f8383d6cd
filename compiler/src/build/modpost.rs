// SPDX-License-Identifier: GPL-2.0
//! Messages of modpost, which checks the symbols that a module uses, about a symbol.

use super::author::{Author, IN_A_MACRO, NAMED};
use super::declaration;
use kps_diag::{Diagnostic, Severity, MODPOST_ERROR};
use kps_grammar::ast::Form;
use kps_link::ObjectFile;
use std::collections::BTreeSet;

/// Finds modpost's messages about symbols in the output of a build, except that those in `reported`
/// are undefined or exported to particular modules. `object` is the object that it read.
pub(super) fn modpost(
    lines: &[String],
    object: Option<&ObjectFile<'_>>,
    reported: &BTreeSet<String>,
    author: Author<'_>,
) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let is_new = |complaint: &Complaint<'_>| {
        complaint.about == About::GplOnly || !reported.contains(complaint.symbol)
    };
    for complaint in lines.iter().filter_map(|line| Complaint::parse(line)).filter(is_new) {
        let diagnostic = complaint.diagnostic(object, author);
        if !found.iter().any(|known| known.message == diagnostic.message) {
            found.push(diagnostic);
        }
    }
    found
}

#[derive(Debug, PartialEq)]
struct Complaint<'l> {
    severity: Severity,
    symbol: &'l str,
    about: About<'l>,
}

#[derive(Debug, PartialEq)]
enum About<'l> {
    Undefined,
    GplOnly,
    /// The namespace.
    NotImported(&'l str),
}

impl<'l> Complaint<'l> {
    /// The texts are those of `check_exports()` in `scripts/mod/modpost.c`, from Linux 6.1 to 7.3:
    /// with the module's name before or inside them, and with quotes of either kind or none.
    /// Section mismatches are left to [`super::init_code`].
    fn parse(line: &'l str) -> Option<Self> {
        let (severity, text) = match line.strip_prefix("ERROR: modpost: ") {
            Some(text) => (Severity::Error, text),
            None => (Severity::Warning, line.strip_prefix("WARNING: modpost: ")?),
        };
        let symbol_behind = |word: &str| {
            let rest = text.split_once(word)?.1.trim_start_matches(['"', '\'']);
            rest.split(['"', '\'', ' ']).next().filter(|symbol| !symbol.is_empty())
        };
        let (symbol, about) = if text.ends_with("undefined!") {
            (text.split(['"', '\'']).nth(1)?, About::Undefined)
        } else if text.contains("uses GPL-only symbol") {
            (symbol_behind("GPL-only symbol ")?, About::GplOnly)
        } else if text.contains("but does not import it") {
            let namespace = symbol_behind("from namespace ")?.trim_end_matches(',');
            (symbol_behind("uses symbol ")?, About::NotImported(namespace))
        } else {
            return None;
        };
        Some(Complaint { severity, symbol, about })
    }

    fn diagnostic(&self, object: Option<&ObjectFile<'_>>, author: Author<'_>) -> Diagnostic {
        // In the module, a function of a C file has a prefix, and one that the compiler derived
        // from it also a suffix.
        let form = author.emitted.form;
        let symbol = object.map_or(self.symbol, |object| object.meaning(self.symbol));
        let name = symbol.trim_start_matches("kps_c_").split('.').next().unwrap_or_default();
        let (message, help) = match self.about {
            About::Undefined => (
                format!("`{name}` is not exported to modules"),
                format!(
                    "add {} or {} to {}, if the kernel has it",
                    declaration::function(name, form),
                    declaration::variable(name, form),
                    declaration::place(None, form)
                ),
            ),
            About::GplOnly => (
                format!("`{name}` is exported to GPL-compatible modules only"),
                match form {
                    Form::Spec => "give the patch a GPL-compatible license, such as `license \"GPL\";`",
                    Form::Crate => "give the patch a GPL-compatible license: `#[livepatch(license = \"GPL\")]`",
                }
                .to_owned(),
            ),
            About::NotImported(namespace) => (
                format!("`{name}` is exported only to modules that import the namespace {namespace}"),
                format!("write `MODULE_IMPORT_NS(\"{namespace}\");` in the file, after `#include <linux/module.h>`"),
            ),
        };
        let mut diagnostic = Diagnostic::new(MODPOST_ERROR, message);
        diagnostic.severity = self.severity;
        let named = author.naming(name);
        if !named.is_empty() {
            let at_each =
                named.into_iter().fold(diagnostic, |diagnostic, span| diagnostic.at(span, NAMED));
            return at_each.help(help);
        }
        let used = object.map_or(Vec::new(), |object| author.using(symbol, object));
        let at_each = |diagnostic: Diagnostic, span| diagnostic.at(span, IN_A_MACRO);
        used.into_iter().fold(diagnostic, at_each).help(help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_of_old_and_new_kernels_are_understood() {
        let cases = [
            ("ERROR: modpost: p.ko: symbol 'hidden' undefined!", "hidden", About::Undefined),
            ("ERROR: modpost: \"hidden\" [/tmp/x/p.ko] undefined!", "hidden", About::Undefined),
            ("ERROR: modpost: p.ko: GPL-incompatible module uses GPL-only symbol 'x'", "x", About::GplOnly),
            ("ERROR: modpost: GPL-incompatible module p.ko uses GPL-only symbol 'x'", "x", About::GplOnly),
            (
                "ERROR: modpost: p.ko: module uses symbol 'x' from namespace 'N', but does not import it.",
                "x",
                About::NotImported("N"),
            ),
            (
                "ERROR: modpost: module p uses symbol x from namespace N, but does not import it.",
                "x",
                About::NotImported("N"),
            ),
        ];
        for (line, symbol, about) in cases {
            let severity = if line.starts_with('E') { Severity::Error } else { Severity::Warning };
            assert_eq!(
                Complaint::parse(line),
                Some(Complaint { severity, symbol, about }),
                "{line}"
            );
        }
        assert_eq!(Complaint::parse("WARNING: modpost: p.ko: missing MODULE_DESCRIPTION()"), None);
    }
}

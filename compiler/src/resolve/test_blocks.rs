//! What `test` blocks name besides commands: files of the author's, and modules of the target.

use super::Resolver;
use crate::diag::{Diagnostic, KPS0601, KPS0612};
use kps_grammar::ast::{self, Action, Text};

/// Longer than the path of any file that people write, and shorter than what systems refuse.
const MAX_PATH: usize = 255;

impl Resolver<'_> {
    pub(super) fn check_tests(&mut self, spec: &ast::Patch) {
        for test in &spec.tests {
            test.modules.iter().for_each(|module| self.check_test_module(module));
            for step in &test.steps {
                if let Action::Trigger(trigger) = &step.action {
                    self.check_trigger(&trigger.file);
                }
            }
        }
    }

    /// A path that leads below the spec's folder, and that no shell and no compiler takes for anything else.
    fn check_trigger(&mut self, file: &Text) {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.+".contains(c);
        let is_name =
            |name: &str| name.chars().all(plain) && !name.starts_with(['.', '-']) && !name.is_empty();
        let stem = file.value.strip_suffix(".c").unwrap_or_default();
        if !file.value.split('/').all(is_name)
            || stem.is_empty()
            || stem.ends_with('/')
            || file.value.len() > MAX_PATH
        {
            self.report(
                Diagnostic::error(KPS0612, "this is no C file below the spec's folder")
                    .at(file.span, "")
                    .note("a path is relative, and its names are letters, digits and `_ - . +`, with no dot or hyphen first")
                    .help("write for example `trigger c \"poc.c\";`"),
            );
        }
    }

    fn check_test_module(&mut self, module: &Text) {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if module.value.is_empty() || !module.value.chars().all(plain) {
            self.report(
                Diagnostic::error(KPS0601, "this is no name of a module")
                    .at(module.span, "")
                    .help("write its name without `.ko`: letters, digits, `_` and `-`"),
            );
        }
    }
}

//! What `test` blocks name besides commands: files of the author's, and modules of the target.

use super::paths::FileKind;
use super::Resolver;
use crate::diag::{Diagnostic, KPS0601};
use kps_ast::{self as ast, Action, Text};

impl Resolver<'_> {
    pub(super) fn check_tests(&mut self, spec: &ast::Patch) {
        for test in &spec.tests {
            test.modules.iter().for_each(|module| self.check_test_module(module));
            for step in &test.steps {
                if let Action::Trigger(trigger) = &step.action {
                    self.check_path(&trigger.file, FileKind::C);
                }
            }
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

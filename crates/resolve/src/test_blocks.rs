// SPDX-License-Identifier: GPL-2.0
//! The files and modules of the target that `test` blocks name.

use super::paths::FileKind;
use super::Resolver;
use kps_ast::{self as ast, Action, Text};
use kps_diag::{Diagnostic, INVALID_MODULE_NAME};

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
                Diagnostic::new(INVALID_MODULE_NAME, "this is not a module name")
                    .at(module.span, "")
                    .help("write its name without `.ko`: letters, digits, `_` and `-`"),
            );
        }
    }
}

// SPDX-License-Identifier: GPL-2.0
//! What `test` blocks name: files, modules of the target, and parameters of the patch.

use super::params::does_not_fit;
use super::paths::FileKind;
use super::symbols::near;
use super::Resolver;
use crate::advice::Advice;
use kps_ast::{self as ast, Action, Text};
use kps_diag::{list, Diagnostic, INVALID_MODULE_NAME, NO_SUCH_PARAM, REPEATED_NAME};
use kps_plan::{ModuleParam, ParamDefault, ParamValue, Params};

impl Resolver<'_> {
    pub(super) fn check_tests(&mut self, spec: &ast::Patch, params: Option<&Params>) {
        for test in &spec.tests {
            self.check_given_params(spec, test, params);
            test.modules.iter().for_each(|module| self.check_test_module(module));
            for step in &test.steps {
                if let Action::Trigger(trigger) = &step.action {
                    self.check_path(&trigger.file, FileKind::C);
                }
            }
        }
    }

    /// The values that a test loads the patch with.
    fn check_given_params(&mut self, spec: &ast::Patch, test: &ast::Test, params: Option<&Params>) {
        for (n, given) in test.params.iter().enumerate() {
            let name = &given.name;
            let mut before = test.params[..n].iter().map(|earlier| &earlier.name);
            if let Some(earlier) = before.find(|earlier| earlier.value == name.value) {
                let message = format!("`{}` has two values", name.value);
                self.report(
                    Diagnostic::new(REPEATED_NAME, message)
                        .at(name.span, "")
                        .at(earlier.span, "first here")
                        .help("drop one of the two"),
                );
                continue;
            }
            let mut all = params.iter().flat_map(|params| &params.all);
            match all.find(|param| param.name == name.value) {
                Some(param) => self.check_given_value(&given.value, param),
                // The error in the parameter has been reported.
                None if spec.params.iter().any(|param| param.name.value == name.value) => {}
                None => self.no_such_param(spec, name),
            }
        }
    }

    fn check_given_value(&mut self, value: &ast::ParamDefault, param: &ModuleParam) {
        let max = match param.default {
            ParamDefault::One(_) => None,
            ParamDefault::Array { max, .. } => Some(max),
        };
        let Some(values) = self.param_values(value, param.ty, max, "value") else { return };
        // The kernel reads words of `NAME=VALUE`. Between quotes it takes everything but a quote.
        let help = match values {
            ParamDefault::Array { values, .. } if values.is_empty() => {
                "write a list with at least one value, or drop the line"
            }
            ParamDefault::One(ParamValue::Text(text)) if text.contains('"') => {
                "write a string without quotes in it"
            }
            _ => return,
        };
        self.report(does_not_fit("value", value.span).help(help));
    }

    fn no_such_param(&mut self, spec: &ast::Patch, name: &ast::Name) {
        let known: Vec<&str> = spec.params.iter().map(|param| param.name.value.as_str()).collect();
        let help = match near(&name.value, known.iter().copied()).as_slice() {
            [] if known.is_empty() => Advice::Parameter(&name.value).text(self.form),
            [] => format!("its parameters are {}", list(&known, "and")),
            found => format!("did you mean {}?", list(found, "or")),
        };
        let message = format!("the patch has no parameter `{}`", name.value);
        self.report(Diagnostic::new(NO_SUCH_PARAM, message).at(name.span, "").help(help));
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

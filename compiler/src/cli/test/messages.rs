// SPDX-License-Identifier: GPL-2.0
//! What is said about a test that failed.

use kps_diag::{
    Diagnostic, FILE_ERROR, KERNEL_COMPLAINED, LOG_LOST, MACHINE_FAILED, MISSING_PROGRAM,
    TEST_FAILED, TEST_WITHOUT_CLAIM, TRANSITION_STALLED,
};
use kps_grammar::ast::{self, Claim};
use kps_vm::{Problem, TestFailure, VmError};

/// A machine that failed.
pub(super) fn vm_error(error: VmError) -> Diagnostic {
    let message = error.to_string();
    let (code, log) = match error {
        VmError::Missing { package, .. } => {
            let error = Diagnostic::new(MISSING_PROGRAM, message);
            return error.help(format!("install the package {package}"));
        }
        VmError::Io { .. } => (FILE_ERROR, String::new()),
        VmError::Silent { log, .. } | VmError::Garbled { log, .. } | VmError::Stopped { log } => {
            (MACHINE_FAILED, log)
        }
        VmError::LogLost { log } => (LOG_LOST, log),
        VmError::Complaint { log, .. } | VmError::Module { log, .. } => (KERNEL_COMPLAINED, log),
    };
    let error = Diagnostic::new(code, message);
    match log.as_str() {
        "" => error,
        log => error.note(format!("the end of its log:\n{log}")),
    }
}

/// A failure of a patch with these tests. `title` names a test.
pub(super) fn describe(
    failure: &TestFailure,
    tests: &[ast::Test],
    title: &impl Fn(&str) -> String,
) -> Diagnostic {
    let said = |text: &str| match text.trim() {
        "" => "the command printed nothing".to_owned(),
        text => format!("the command printed:\n{text}"),
    };
    let TestFailure { phase, problem, .. } = failure;
    let fails =
        |test: &str| Diagnostic::new(TEST_FAILED, format!("\"{}\" fails {phase}", title(test)));
    match problem {
        Problem::Livepatch { what, output } => {
            let (code, problem) = match output.status {
                5 => (
                    TRANSITION_STALLED,
                    format!("the transition to {what} the patch did not complete"),
                ),
                _ => (KERNEL_COMPLAINED, format!("the kernel did not {what} the patch")),
            };
            Diagnostic::new(code, problem).note(said(&output.text))
        }
        Problem::Expectation { test, expectation, output } => {
            let (problem, note) = match &expectation.claim {
                Claim::Has(_) => ("the text is not there".to_owned(), said(&output.text)),
                Claim::Lacks(_) => ("the text is there".to_owned(), said(&output.text)),
                Claim::Status(_) => {
                    (format!("the exit status is {}", output.status), said(&output.text))
                }
                Claim::Complains(_) => {
                    ("the kernel did not complain like this".to_owned(), logged(&output.text))
                }
            };
            fails(test).at(expectation.span, problem).note(note)
        }
        Problem::Wait { test, step, output } => fails(test)
            .at(step.span, format!("the exit status is still {}", output.status))
            .note(said(&output.text)),
        Problem::ShowsNothing { test } => {
            let message =
                format!("\"{}\" proves nothing: its expectations hold {phase}", title(test));
            let error = Diagnostic::new(TEST_WITHOUT_CLAIM, message);
            let error = match tests.iter().find(|known| known.name.value == *test) {
                Some(test) => error.at(test.name.span, ""),
                None => error,
            };
            error.help("expect something that only the patched kernel does")
        }
    }
}

fn logged(log: &str) -> String {
    match log.trim() {
        "" => "the kernel logged nothing".to_owned(),
        log => format!("the kernel logged:\n{log}"),
    }
}

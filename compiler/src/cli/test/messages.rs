// SPDX-License-Identifier: GPL-2.0
//! What is said about a test that failed.

use super::super::{report, ExitCode};
use super::{title, Tested};
use kps_diag::{
    Code, Diagnostic, FILE_ERROR, KERNEL_COMPLAINED, LOG_LOST, MACHINE_FAILED, MACHINE_SILENT,
    MISSING_PROGRAM, TEST_FAILED, TEST_WITHOUT_CLAIM, TRANSITION_STALLED,
};
use kps_grammar::ast::Claim;
use kps_grammar::Span;
use kps_report::line;
use kps_vm::{Broken, During, Problem, TestFailure, VmError};

/// Prints what is known of a machine that failed: what it was doing, and which line of the author's
/// the kernel was in. Returns the exit code.
pub(super) fn tell_broken(broken: Broken, tested: &[Tested]) -> ExitCode {
    let Broken { error, during } = broken;
    let of_step = during.as_deref().and_then(|during| match during {
        During::Step { patch, step, .. } => Some((*patch, step.span)),
        During::Load(_) | During::Unload(_) => None,
    });
    let found = lines_in(log_of(&error), tested);
    let message = match (&error, during.as_deref()) {
        (_, None) => error.to_string(),
        (VmError::Complaint { line, .. }, Some(during)) => {
            format!("the kernel complained {}: {line}", doing(during, tested))
        }
        (_, Some(during)) => format!("{error}, {}", doing(during, tested)),
    };
    let mut said = Diagnostic::new(code_of(&error, during.is_some()), message);
    // Labels are in the text of one patch: that of the code, or that of the test.
    let of = found.as_ref().map(|(patch, _)| *patch).or(of_step.map(|(patch, _)| patch));
    for (place, span) in found.into_iter().flat_map(|(_, lines)| lines).take(SHOWN) {
        said = said.at(span, place);
    }
    match of_step {
        Some((patch, span)) if Some(patch) == of => said = said.at(span, "during this step"),
        Some((patch, span)) => {
            let text = tested[patch].compiled.sources.slice(span);
            said = said.note(format!("the step is {}", line(text)));
        }
        None => {}
    }
    report(&[with_log(said, &error)], of.map(|patch| &tested[patch].compiled.sources))
}

/// The lines of a trace that a message shows.
const SHOWN: usize = 4;

/// The author's lines in a log, with the first patch that has some.
fn lines_in(log: &str, tested: &[Tested]) -> Option<(usize, Vec<(String, Span)>)> {
    let lines = |(n, patch): (usize, &Tested)| {
        let lines = patch.compiled.lines_in(log, &patch.object);
        (!lines.is_empty()).then_some((n, lines))
    };
    tested.iter().enumerate().find_map(lines)
}

fn doing(during: &During, tested: &[Tested]) -> String {
    let patch = |n: usize| name_of(tested[n].compiled.name(), tested);
    match during {
        During::Step { patch, test, phase, .. } => {
            format!("in \"{}\" {phase}", title(tested, *patch, test))
        }
        During::Load(n) => format!("while {} was being loaded", patch(*n)),
        During::Unload(n) => format!("while {} was being unloaded", patch(*n)),
    }
}

/// A patch in messages: one of several has its name.
fn name_of(name: &str, tested: &[Tested]) -> String {
    match tested {
        [_] => "the patch".to_owned(),
        _ => format!("`{name}`"),
    }
}

/// A machine that failed before it ran a test.
pub(super) fn vm_error(error: VmError) -> Diagnostic {
    with_log(Diagnostic::new(code_of(&error, false), error.to_string()), &error)
}

/// The code of a failure. What a step does to the machine is a failure of its test.
fn code_of(error: &VmError, in_test: bool) -> Code {
    match error {
        VmError::Missing { .. } => MISSING_PROGRAM,
        VmError::Io { .. } => FILE_ERROR,
        VmError::Silent { .. } if in_test => MACHINE_SILENT,
        VmError::Silent { .. } | VmError::Garbled { .. } | VmError::Stopped { .. } => {
            MACHINE_FAILED
        }
        VmError::LogLost { .. } => LOG_LOST,
        VmError::Complaint { .. } | VmError::Module { .. } => KERNEL_COMPLAINED,
    }
}

/// The kernel's log that belongs to a failure.
fn log_of(error: &VmError) -> &str {
    match error {
        VmError::Missing { .. } | VmError::Io { .. } => "",
        // Where the tasks are is all that the log of a machine that hangs could tell.
        VmError::Silent { stacks, .. } if !stacks.is_empty() => stacks,
        VmError::Silent { log, .. }
        | VmError::Garbled { log, .. }
        | VmError::Stopped { log }
        | VmError::LogLost { log }
        | VmError::Complaint { log, .. }
        | VmError::Module { log, .. } => log,
    }
}

fn with_log(said: Diagnostic, error: &VmError) -> Diagnostic {
    if let VmError::Missing { package, .. } = error {
        return said.help(format!("install the package {package}"));
    }
    let what = match error {
        VmError::Silent { stacks, .. } if !stacks.is_empty() => "what it was doing",
        _ => "the end of its log",
    };
    match log_of(error) {
        "" => said,
        log => said.note(format!("{what}:\n{log}")),
    }
}

/// A failure of one of these patches.
pub(super) fn describe(failure: &TestFailure, tested: &[Tested]) -> Diagnostic {
    let title = |test: &str| title(tested, failure.patch, test);
    let said = |text: &str| match text.trim() {
        "" => "the command printed nothing".to_owned(),
        text => format!("the command printed:\n{text}"),
    };
    let TestFailure { phase, problem, .. } = failure;
    let fails =
        |test: &str| Diagnostic::new(TEST_FAILED, format!("\"{}\" fails {phase}", title(test)));
    match problem {
        Problem::Livepatch { what, name, output } => {
            let name = name_of(name, tested);
            let (code, problem) = match output.status {
                5 => (
                    TRANSITION_STALLED,
                    format!("the transition to {what} {name} did not complete"),
                ),
                _ => (KERNEL_COMPLAINED, format!("the kernel did not {what} {name}")),
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
            let mut tests = tested[failure.patch].tests.iter();
            let error = match tests.find(|known| known.name.value == *test) {
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

//! `kpsc test`.

use super::{
    build::module, compile, open_target, read_spec, report, say, CommandResult, LimitArgs, SpecArgs,
    TargetArgs,
};
use crate::diag::{Diagnostic, KPS0701, KPS0702, KPS0901, KPS0902, KPS0903, KPS0904, KPS0905};
use crate::target::{Cache, Progress};
use crate::vm::{run_tests, Guest, Machine, TestFailure, VmError};
use kps_grammar::ast;

#[derive(Debug, clap::Args)]
pub(super) struct Test {
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    limit: LimitArgs,
}

impl Test {
    pub(super) fn run(self) -> CommandResult {
        let source = read_spec(&self.spec.spec)?;
        let cache = Cache::open()?;
        let mut target = open_target(&cache, self.target.kernel.as_deref(), Progress::Shown)?;
        let compiled = match compile(source, &target, &cache)? {
            Ok(compiled) => compiled,
            Err(code) => return Ok(code),
        };
        let (name, source, tests) = (&compiled.name, &compiled.source, &compiled.tests);
        if tests.is_empty() {
            let empty = Diagnostic::error(KPS0905, format!("{} has no `test`", source.name));
            return Ok(report(
                &[empty.help("add `test \"..\" { run \"..\"; patched has \"..\"; }`")],
                Some(source),
            ));
        }
        let module = match module(&compiled, &mut target, &cache, false)? {
            Ok(module) => module,
            Err(code) => return Ok(code),
        };
        let progress = Progress::Shown;
        let file = format!("/{name}.ko");
        let machine = Machine::of(&target, vec![(file.clone(), module)]).map_err(vm_error)?;
        let mut guest = progress.step("booting", || Guest::boot(&machine)).map_err(vm_error)?;
        let run = || run_tests(&mut guest, tests, name, &file, self.limit.limit);
        let outcome = progress.step("testing", run).map_err(vm_error)?;
        for test in &outcome.held {
            say(format_args!("ok: {test}"));
        }
        let failures: Vec<_> = outcome.failures.iter().map(|failure| describe(failure, tests)).collect();
        Ok(report(&failures, Some(source)))
    }
}

fn vm_error(error: VmError) -> Diagnostic {
    let message = error.to_string();
    let (code, log) = match error {
        VmError::Missing { package, .. } => {
            let error = Diagnostic::error(KPS0702, message);
            return error.help(format!("install the package {package}"));
        }
        VmError::Io { .. } => (KPS0701, String::new()),
        VmError::Silent { log, .. } | VmError::Stopped { log } => (KPS0903, log),
        VmError::Complaint { log, .. } => (KPS0902, log),
    };
    let error = Diagnostic::error(code, message);
    match log.as_str() {
        "" => error,
        log => error.note(format!("the end of its log:\n{log}")),
    }
}

fn describe(failure: &TestFailure, tests: &[ast::Test]) -> Diagnostic {
    let said = |text: &str| match text.trim() {
        "" => "the command printed nothing".to_owned(),
        text => format!("the command printed:\n{text}"),
    };
    match failure {
        TestFailure::Livepatch { what, output } => {
            let (code, problem) = match output.status {
                5 => (KPS0904, format!("the transition to {what} the patch did not complete")),
                _ => (KPS0902, format!("the kernel did not {what} the patch")),
            };
            Diagnostic::error(code, problem).note(said(&output.text))
        }
        TestFailure::Expectation { test, phase, expectation, output } => {
            let problem = match expectation.has {
                true => "the text is not there",
                false => "the text is there",
            };
            Diagnostic::error(KPS0901, format!("\"{test}\" does not hold {phase}"))
                .at(expectation.span, problem)
                .note(said(&output.text))
        }
        TestFailure::ShowsNothing { test, phase } => {
            let error = Diagnostic::error(
                KPS0905,
                format!("\"{test}\" shows nothing: what it expects holds {phase}"),
            );
            let error = match tests.iter().find(|known| known.name.value == *test) {
                Some(test) => error.at(test.name.span, ""),
                None => error,
            };
            error.help("expect something of the patched kernel that the unpatched one does not do")
        }
    }
}

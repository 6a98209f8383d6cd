// SPDX-License-Identifier: GPL-2.0
//! `kpsc test`.

use super::kernels::{Ended, Kernel, KernelsArgs, Patches};
use super::{
    compile, module, progress, report, say, CommandResult, ExitCode, LimitArgs, PatchArgs,
};
use crate::build;
use crate::driver::Passed;
use crate::input::{folder_of, for_tests, read_text, Input};
use crate::render::line;
use crate::resolve::FileKind;
use kps_diag::{
    is_hidden, list, Diagnostic, FILE_ERROR, HIDDEN_CHARACTER, KERNEL_COMPLAINED, LOG_LOST,
    MACHINE_FAILED, MISSING_PROGRAM, OTHER_MODULE, TEST_FAILED, TEST_WITHOUT_CLAIM,
    TRANSITION_STALLED,
};
use kps_grammar::ast::{self, Claim};
use kps_grammar::{Source, Sources};
use kps_host::below::{Reader, TRIGGERS};
use kps_host::disk::cannot;
use kps_host::input;
use kps_host::temporary::Folder;
use kps_operate::{look_into, Incoming};
use kps_targets::{Cache, Tree};
use kps_vm::{
    run_tests, run_unpatched, trigger_path, Copy, Guest, Machine, Phase, Shown, TemplateMachine,
    TestFailure, TestReport, VmError,
};
use std::convert::Infallible;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Test {
    #[command(flatten)]
    patch: PatchArgs,
    #[command(flatten)]
    targets: KernelsArgs,
    #[command(flatten)]
    limit: LimitArgs,
    /// Test this module, which was built from the spec, instead of building one.
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// Run only the tests with this text in their names.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Show what each step printed.
    #[arg(long, short)]
    verbose: bool,
    /// Boot every virtual machine instead of copying one that has booted.
    #[arg(long)]
    boot: bool,
}

impl Test {
    pub(super) fn run(self) -> CommandResult {
        let patches = Patches::read(self.place())?;
        let cache = Cache::open()?;
        self.targets.run(&cache, "tested", &patches, |input, kernel| {
            Ok(Ended::with(self.test(input, kernel, &cache)?))
        })
    }

    /// The patch that the command line names.
    pub(super) fn place(&self) -> Option<&Path> {
        self.patch.spec.as_deref()
    }

    /// The tests to run.
    fn chosen(&self, tests: &[ast::Test], sources: &Sources) -> Result<Vec<ast::Test>, Diagnostic> {
        if tests.is_empty() {
            let message = format!("{} has no `test`", sources.spec().name);
            return Err(Diagnostic::new(TEST_WITHOUT_CLAIM, message)
                .help("add `test \"..\" { run \"..\"; patched has \"..\"; }`"));
        }
        let Some(filter) = &self.filter else { return Ok(tests.to_vec()) };
        let chosen: Vec<ast::Test> =
            tests.iter().filter(|test| test.name.value.contains(filter)).cloned().collect();
        if chosen.is_empty() {
            let names: Vec<&str> = tests.iter().map(|test| test.name.value.as_str()).collect();
            let message = format!("no test has `{filter}` in its name");
            return Err(Diagnostic::new(TEST_WITHOUT_CLAIM, message)
                .help(format!("its tests are {}", list(&names, "and"))));
        }
        Ok(chosen)
    }

    /// Tests on one kernel. Messages have been printed.
    fn test(&self, input: &Input, kernel: Kernel, cache: &Cache) -> Result<ExitCode, Diagnostic> {
        let mut kernel = kernel;
        let target = &mut kernel.target;
        let compiled = match compile(input.clone(), target, cache)? {
            Ok(compiled) => compiled,
            Err(code) => return Ok(code),
        };
        let (name, sources, incoming) = (compiled.name(), &compiled.sources, compiled.incoming());
        let Passed { tests, modules, .. } = &compiled.passed;
        let chosen = match self.chosen(tests, sources) {
            Ok(chosen) => chosen,
            Err(error) => return Ok(report(&[error], Some(sources))),
        };
        let tests = chosen.as_slice();
        let triggers = match read_triggers(tests, sources) {
            Ok(triggers) => triggers,
            Err(error) => return Ok(report(&[error], Some(sources))),
        };
        let given = self.module.as_deref().map(|file| given(file, &incoming)).transpose()?;
        if target.tells_more() {
            // The headers, which come with the build tree, tell more.
            target.prepare(cache, progress())?;
            return self.test(input, kernel, cache);
        }
        let tree = target.prepare(cache, progress())?;
        target.compare_machine()?;
        let mut machine = Machine::of(target, Vec::new()).map_err(vm_error)?;
        if self.boot {
            machine.templates = None;
        }
        // The copy is restored while the module is built.
        let copy = match TemplateMachine::of(&machine) {
            Some(template) if template.is_missing() => {
                let booted = || Ok::<_, Infallible>(template.copy());
                progress()
                    .step("booting a template machine, once per kernel", booted)
                    .unwrap_or_default()
            }
            template => template.and_then(TemplateMachine::copy),
        };
        let module = match given {
            Some(module) => module,
            None => match module(&compiled, target, cache, None)? {
                Ok(module) => module,
                Err(code) => return Ok(code),
            },
        };
        let programs = match build_triggers(&triggers, &tree, sources) {
            Ok(programs) => programs,
            Err(error) => return Ok(report(&[error], Some(sources))),
        };
        let file = format!("/{name}.ko");
        machine.files = vec![(file.clone(), module)];
        machine.programs = programs;
        machine.modules = for_tests(tests, modules, target)?;
        let outcome =
            outcome(copy, &machine, tests, name, &file, self.limit.limit).map_err(vm_error)?;
        if self.verbose {
            outcome.shown.iter().for_each(|step| show(step, sources));
        }
        for test in &outcome.held {
            say(format_args!("ok: {test}"));
        }
        let failures: Vec<_> =
            outcome.failures.iter().map(|failure| describe(failure, tests)).collect();
        Ok(report(&failures, Some(sources)))
    }
}

/// Prints a step with what it printed.
fn show(shown: &Shown, sources: &Sources) {
    let Shown { test, phase, step, output } = shown;
    let text = sources.slice(step.span);
    let first = text.lines().next().unwrap_or_default();
    say(format_args!("{}: {phase}: {} (exit status {})", line(test), line(first), output.status));
    output.text.lines().for_each(|printed| say(format_args!("    {}", line(printed))));
}

/// A module that was built from the spec.
fn given(path: &Path, incoming: &Incoming) -> Result<Vec<u8>, Diagnostic> {
    let module = input::read(path, input::MODULE)?;
    let built = look_into(&module)
        .is_ok_and(|found| found.name == incoming.name && found.note == incoming.note);
    match built {
        true => Ok(module),
        false => Err(Diagnostic::new(
            OTHER_MODULE,
            format!(
                "{} was not built from this spec, for this target, by this kpsc",
                path.display()
            ),
        )
        .help("build it again with `kpsc build`, or drop `--module`")),
    }
}

/// Runs the tests: those that expect a complaint of the unpatched kernel in one machine each, all
/// others in one machine.
fn outcome(
    mut copy: Option<Copy>,
    machine: &Machine,
    tests: &[ast::Test],
    name: &str,
    file: &str,
    limit: u32,
) -> Result<TestReport, VmError> {
    let progress = progress();
    let mut report = TestReport::default();
    let mut start = || {
        let start = || match copy.take() {
            Some(copy) => copy.finish(machine),
            None => Guest::start(machine),
        };
        let guest = progress.step("starting a virtual machine", start)?;
        if let Some(reason) = guest.passed_over() {
            progress.say(&format!(
                "  It was booted in place of a copy of the template machine: {reason}"
            ));
        }
        Ok(guest)
    };
    for test in tests.iter().filter(|test| test.complains()) {
        let mut guest = start()?;
        progress.step("testing the unpatched kernel", || {
            run_unpatched(&mut guest, test, &mut report)
        })?;
    }
    let mut guest = start()?;
    progress.step("testing", || run_tests(&mut guest, tests, name, file, limit, &mut report))?;
    Ok(report)
}

/// The triggers of all tests with their source, each once.
pub(super) fn read_triggers<'a>(
    tests: &'a [ast::Test],
    sources: &Sources,
) -> Result<Vec<(&'a ast::Trigger, Source)>, Diagnostic> {
    let spec = &sources.spec().name;
    let mut reader = Reader::new(folder_of(spec), TRIGGERS);
    let mut triggers: Vec<(&ast::Trigger, Source)> = Vec::new();
    for step in tests.iter().flat_map(|test| &test.steps) {
        let ast::Action::Trigger(trigger) = &step.action else { continue };
        if !triggers.iter().any(|(known, _)| known.file.value == trigger.file.value) {
            let text = read_text(spec, &trigger.file, FileKind::C, input::TRIGGER, &mut reader)?;
            check_characters(&trigger.file, &text)?;
            triggers.push((trigger, text));
        }
    }
    Ok(triggers)
}

/// A trigger is read like the files of a spec.
fn check_characters(file: &ast::Text, text: &Source) -> Result<(), Diagnostic> {
    let mut lines = text.text.lines().enumerate();
    let found = lines.find_map(|(n, line)| Some((n + 1, line.chars().find(|&c| is_hidden(c))?)));
    match found {
        None => Ok(()),
        Some((line, c)) => {
            let message =
                format!("line {line} of {} has the character U+{:04X}", text.name, u32::from(c));
            Err(Diagnostic::new(HIDDEN_CHARACTER, message)
                .at(file.span, "")
                .help("drop it, or write it as an escape"))
        }
    }
}

/// The programs for the machine. Warnings have been printed.
fn build_triggers(
    triggers: &[(&ast::Trigger, Source)],
    tree: &Tree,
    sources: &Sources,
) -> Result<Vec<(String, Vec<u8>)>, Diagnostic> {
    let mut programs = Vec::new();
    for (trigger, text) in triggers {
        let place = std::env::temp_dir();
        build::check_visible(tree, "the folder to build in", &place)
            .map_err(|error| error.help("set TMPDIR to another folder"))?;
        let folder = Folder::new_in(&place).map_err(|error| cannot("write to", &place, &error))?;
        let at = |said: Diagnostic| said.at(trigger.file.span, "");
        let (program, warning) =
            build::build_trigger(trigger, &text.text, tree, folder.path()).map_err(at)?;
        report(warning.map(at).as_slice(), Some(sources));
        programs.push((trigger_path(trigger), program));
    }
    Ok(programs)
}

fn vm_error(error: VmError) -> Diagnostic {
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

fn describe(failure: &TestFailure, tests: &[ast::Test]) -> Diagnostic {
    let said = |text: &str| match text.trim() {
        "" => "the command printed nothing".to_owned(),
        text => format!("the command printed:\n{text}"),
    };
    let fails = |test: &str, phase: &Phase| {
        Diagnostic::new(TEST_FAILED, format!("\"{test}\" fails {phase}"))
    };
    match failure {
        TestFailure::Livepatch { what, output } => {
            let (code, problem) = match output.status {
                5 => (
                    TRANSITION_STALLED,
                    format!("the transition to {what} the patch did not complete"),
                ),
                _ => (KERNEL_COMPLAINED, format!("the kernel did not {what} the patch")),
            };
            Diagnostic::new(code, problem).note(said(&output.text))
        }
        TestFailure::Expectation { test, phase, expectation, output } => {
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
            fails(test, phase).at(expectation.span, problem).note(note)
        }
        TestFailure::Wait { test, phase, step, output } => fails(test, phase)
            .at(step.span, format!("the exit status is still {}", output.status))
            .note(said(&output.text)),
        TestFailure::ShowsNothing { test, phase } => {
            let error = Diagnostic::new(
                TEST_WITHOUT_CLAIM,
                format!("\"{test}\" proves nothing: its expectations hold {phase}"),
            );
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

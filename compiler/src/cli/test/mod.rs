// SPDX-License-Identifier: GPL-2.0
//! `kpsc test`.

mod messages;
mod shell;
mod triggers;

use super::kernels::{Ended, Kernel, KernelsArgs, Patches};
use super::{compile, progress, report, say, wrong_usage, CommandResult, ExitCode};
use crate::build::Built;
use crate::driver::Compiled;
use crate::input::{for_tests, Input};
use crate::series;
use kps_diag::{any_error, list, Diagnostic, OTHER_MODULE, TEST_WITHOUT_CLAIM};
use kps_grammar::{ast, Source};
use kps_host::input;
use kps_operate::{look_into, Incoming};
use kps_report::line;
use kps_targets::{Cache, Target, Tree};
use kps_vm::{
    arguments, run_tests, run_unpatched, Broken, Copy, Guest, Machine, Patch, Series, Shown,
    TemplateMachine, TestReport, VmError,
};
use kpsctl::TimeoutArgs;
use messages::{describe, tell_broken, vm_error};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use triggers::build_triggers;

pub(super) use triggers::read_triggers;

#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// The .kps file, or the folder of a patch crate; several are loaded in their order, each over
    /// those before it.
    #[arg(value_name = "SPEC", required_unless_present = "all")]
    specs: Vec<PathBuf>,
    /// Test every spec and crate of the project, each for itself: all below its kpsc.toml.
    #[arg(long, conflicts_with_all = ["specs", "module"])]
    all: bool,
    #[command(flatten)]
    targets: KernelsArgs,
    #[command(flatten)]
    timeout: TimeoutArgs,
    /// Test this module, which was built from the spec, instead of building one; with several
    /// specs, one for each.
    #[arg(long, value_name = "FILE")]
    module: Vec<PathBuf>,
    /// Run only the tests with this text in their names.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Show what each step printed.
    #[arg(long, short)]
    verbose: bool,
    /// Load the patches and open a shell in the machine in place of testing; the end of the shell
    /// unloads them. A script on standard input is run.
    #[arg(long, conflicts_with_all = ["all", "filter", "verbose"])]
    shell: bool,
    /// Boot every virtual machine instead of copying one that has booted.
    #[arg(long)]
    boot: bool,
}

/// A patch of the series, with the tests to run.
struct Tested {
    compiled: Compiled,
    tests: Vec<ast::Test>,
    /// The programs that they run, with their source.
    triggers: Vec<(ast::Trigger, Source)>,
    /// The object of its module, once that has been built.
    object: Vec<u8>,
}

impl Tested {
    /// Builds the module. Messages have been printed. The inner result is an exit code if there
    /// were errors.
    fn build(
        &mut self,
        target: &mut Target,
        cache: &Cache,
    ) -> Result<Result<Vec<u8>, ExitCode>, Diagnostic> {
        let Built { module, object, diagnostics, missing: _ } =
            self.compiled.build(target, cache, progress(), None)?;
        let code = report(&diagnostics, Some(&self.compiled.sources));
        self.object = object;
        Ok(module.ok_or(code.max(1)))
    }

    /// Adds to the machine what the tests need. Messages have been printed.
    fn bring(
        &self,
        module: Vec<u8>,
        machine: &mut Machine,
        target: &Target,
        tree: &Tree,
    ) -> Result<Result<(), ExitCode>, Diagnostic> {
        let Tested { compiled, tests, triggers, .. } = self;
        let (name, sources) = (compiled.name(), &compiled.sources);
        machine.files.push((file(name), module));
        match build_triggers(name, triggers, tree, sources) {
            Ok(programs) => machine.programs.extend(programs),
            Err(error) => return Ok(Err(report(&[error], Some(sources)))),
        }
        for (name, module) in for_tests(tests, &compiled.passed.modules, target)? {
            if !machine.modules.iter().any(|(known, _)| *known == name) {
                machine.modules.push((name, module));
            }
        }
        Ok(Ok(()))
    }
}

impl Test {
    pub(super) fn run(self) -> CommandResult {
        if self.shell && self.targets.are_several() {
            return Ok(wrong_usage("`--shell` is for one kernel: name it with `--kernel`"));
        }
        let patches = Patches::series(&self.specs)?;
        let cache = Cache::open()?;
        self.targets.run(&cache, "tested", &patches, |inputs, kernel| {
            Ok(Ended::with(self.test(inputs, kernel, &cache)?))
        })
    }

    /// What the command line names; the first of it decides the project.
    pub(super) fn place(&self) -> Option<&Path> {
        self.specs.first().map(PathBuf::as_path)
    }

    /// Tests on one kernel. Messages have been printed.
    fn test(&self, inputs: &[Input], kernel: Kernel, cache: &Cache) -> CommandResult {
        let mut kernel = kernel;
        let target = &mut kernel.target;
        let mut tested = match self.tested(inputs, target, cache)? {
            Ok(tested) => tested,
            Err(code) => return Ok(code),
        };
        let mut given = self.given(&tested)?.into_iter();
        if target.tells_more() {
            // The headers, which come with the build tree, tell more.
            target.prepare(cache, progress())?;
            return self.test(inputs, kernel, cache);
        }
        let tree = target.prepare(cache, progress())?;
        target.compare_machine()?;
        let mut machine = Machine::of(target, Vec::new()).map_err(vm_error)?;
        if self.boot {
            machine.templates = None;
        }
        // The copy is restored while the modules are built.
        let copy = copy_of(&machine);
        for patch in &mut tested {
            let module = match given.next() {
                Some(module) => module,
                None => match patch.build(target, cache)? {
                    Ok(module) => module,
                    Err(code) => return Ok(code),
                },
            };
            if let Err(code) = patch.bring(module, &mut machine, target, &tree)? {
                return Ok(code);
            }
        }
        if self.shell {
            return shell::open(copy, &machine, &tested, self.timeout.seconds());
        }
        let runs = runs(&tested, self.timeout.seconds());
        Ok(match outcome(copy, &machine, &runs) {
            Ok(outcome) => self.tell(&outcome, &tested),
            Err(broken) => tell_broken(broken, &tested),
        })
    }

    /// The patches with the tests to run. Messages have been printed. The inner result is an exit
    /// code if there were errors.
    fn tested(
        &self,
        inputs: &[Input],
        target: &Target,
        cache: &Cache,
    ) -> Result<Result<Vec<Tested>, ExitCode>, Diagnostic> {
        let mut code = 0;
        let mut tested: Vec<Tested> = Vec::new();
        for input in inputs {
            match compile(input.clone(), target, cache)? {
                Ok(compiled) => {
                    let tests = compiled.passed.tests.clone();
                    let (triggers, object) = (Vec::new(), Vec::new());
                    tested.push(Tested { compiled, tests, triggers, object });
                }
                Err(wrong) => code = code.max(wrong),
            }
        }
        let mut loaded = Vec::new();
        for Compiled { passed, sources, .. } in tested.iter().map(|patch| &patch.compiled) {
            let found = series::check(&loaded, &passed.member);
            let wrong = report(&found, Some(sources));
            code = code.max(if any_error(&found) { wrong } else { 0 });
            loaded = series::load(loaded, &passed.member);
        }
        if code != 0 {
            return Ok(Err(code));
        }
        if !self.shell {
            self.choose(&mut tested)?;
        }
        for Tested { compiled, tests, triggers, .. } in &mut tested {
            match read_triggers(tests, &compiled.sources) {
                Ok(read) => *triggers = read,
                Err(error) => return Ok(Err(report(&[error], Some(&compiled.sources)))),
            }
        }
        Ok(Ok(tested))
    }

    /// Leaves the tests to run.
    fn choose(&self, tested: &mut [Tested]) -> Result<(), Diagnostic> {
        let all = |tested: &[Tested]| -> Vec<String> {
            let tests = tested.iter().flat_map(|patch| &patch.tests);
            tests.map(|test| test.name.value.clone()).collect()
        };
        let names = all(tested);
        if names.is_empty() {
            let specs = tested.iter().map(|patch| patch.compiled.sources.spec().name.as_str());
            let specs: Vec<&str> = specs.collect();
            let message = match specs.as_slice() {
                [spec] => format!("{spec} has no `test`"),
                specs => format!("none of {} has a `test`", list(specs, "and")),
            };
            return Err(Diagnostic::new(TEST_WITHOUT_CLAIM, message)
                .help("add `test \"..\" { run \"..\"; patched has \"..\"; }`"));
        }
        let Some(filter) = &self.filter else { return Ok(()) };
        for patch in tested.iter_mut() {
            patch.tests.retain(|test| test.name.value.contains(filter));
        }
        if all(tested).is_empty() {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let message = format!("no test has `{filter}` in its name");
            return Err(Diagnostic::new(TEST_WITHOUT_CLAIM, message)
                .help(format!("its tests are {}", list(&names, "and"))));
        }
        Ok(())
    }

    /// The modules to test in place of built ones, in the order of the patches; none if they are
    /// built.
    fn given(&self, tested: &[Tested]) -> Result<Vec<Vec<u8>>, Diagnostic> {
        if ![0, tested.len()].contains(&self.module.len()) {
            let message = format!(
                "`--module` names {} of the modules of {} specs",
                self.module.len(),
                tested.len()
            );
            return Err(Diagnostic::new(OTHER_MODULE, message)
                .help("repeat `--module FILE` for each spec, in their order, or drop it"));
        }
        let patches = self.module.iter().zip(tested);
        patches.map(|(file, patch)| given(file, &patch.compiled.incoming())).collect()
    }

    /// Prints the results.
    fn tell(&self, outcome: &TestReport, tested: &[Tested]) -> ExitCode {
        let title = |patch: usize, test: &str| title(tested, patch, test);
        if self.verbose {
            for step in &outcome.shown {
                show(step, &title(step.patch, &step.test), &tested[step.patch]);
            }
        }
        for (patch, test) in &outcome.held {
            say(format_args!("ok: {}", title(*patch, test)));
        }
        let mut code = 0;
        for (n, patch) in tested.iter().enumerate() {
            let failures = outcome.failures.iter().filter(|failure| failure.patch == n);
            let failures: Vec<_> = failures.map(|failure| describe(failure, tested)).collect();
            code = code.max(report(&failures, Some(&patch.compiled.sources)));
        }
        code
    }
}

/// The name of a test in messages: with several patches, that of its patch comes first.
fn title(tested: &[Tested], patch: usize, test: &str) -> String {
    match tested {
        [_] => line(test).into_owned(),
        _ => format!("{}: {}", tested[patch].compiled.name(), line(test)),
    }
}

/// Where the module of a patch is in the machine.
fn file(name: &str) -> String {
    format!("/{name}.ko")
}

/// The patches as the virtual machine gets them, once for each set of parameters that their tests
/// load them with.
fn runs(tested: &[Tested], limit: u32) -> Vec<Series<'_>> {
    let sets: Vec<Vec<Vec<&ast::Test>>> =
        tested.iter().map(|patch| by_params(&patch.tests)).collect();
    let count = sets.iter().map(Vec::len).max().unwrap_or_default();
    // A patch that has fewer sets than another one is loaded without parameters.
    let tests = |n: usize| sets.iter().map(move |sets| sets.get(n).cloned().unwrap_or_default());
    (0..count).map(|n| series(tested, tests(n), limit)).collect()
}

/// The patches, each with tests that load it alike.
fn series<'t>(
    tested: &'t [Tested],
    tests: impl Iterator<Item = Vec<&'t ast::Test>>,
    limit: u32,
) -> Series<'t> {
    let (mut patches, mut members) = (Vec::new(), Vec::new());
    for (Tested { compiled, .. }, tests) in tested.iter().zip(tests) {
        let params = tests.first().map_or(&[][..], |test| test.params.as_slice());
        let member = compiled.passed.member.loaded_with(params);
        let (name, replaces) = (compiled.name(), member.replaces());
        patches.push(Patch { name, module: file(name), replaces, params, tests });
        members.push(member);
    }
    Series { patches, route: series::route(&members), limit }
}

/// The tests, together with those that load the patch with the same parameters.
fn by_params(tests: &[ast::Test]) -> Vec<Vec<&ast::Test>> {
    let mut sets: Vec<(String, Vec<&ast::Test>)> = Vec::new();
    for test in tests {
        let with = arguments(&test.params);
        match sets.iter_mut().find(|(known, _)| *known == with) {
            Some((_, set)) => set.push(test),
            None => sets.push((with, vec![test])),
        }
    }
    sets.into_iter().map(|(_, set)| set).collect()
}

/// A copy of the target's template machine, which is booted first if there is none yet; `None` if
/// there can be none.
fn copy_of(machine: &Machine) -> Option<Copy> {
    let template = TemplateMachine::of(machine)?;
    if !template.is_missing() {
        return template.copy();
    }
    let booted = || Ok::<_, Infallible>(template.copy());
    progress().step("booting a template machine, once per kernel", booted).unwrap_or_default()
}

/// Prints a step with what it printed.
fn show(shown: &Shown, title: &str, of: &Tested) {
    let Shown { phase, step, output, .. } = shown;
    let text = of.compiled.sources.slice(step.span);
    let first = text.lines().next().unwrap_or_default();
    say(format_args!("{title}: {phase}: {} (exit status {})", line(first), output.status));
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
    runs: &[Series<'_>],
) -> Result<TestReport, Broken> {
    let progress = progress();
    let mut report = TestReport::default();
    let mut start = || start(copy.take(), machine);
    for series in runs {
        for (patch, test) in series.tests().filter(|(_, test)| test.complains()) {
            let mut guest = start()?;
            progress.step("testing the unpatched kernel", || {
                run_unpatched(&mut guest, series, patch, test, &mut report)
            })?;
        }
    }
    let mut guest = start()?;
    progress.step("testing", || {
        runs.iter().try_for_each(|series| run_tests(&mut guest, series, &mut report))
    })?;
    Ok(report)
}

/// Starts a machine, from a copy of its template if there is one.
fn start(copy: Option<Copy>, machine: &Machine) -> Result<Guest, VmError> {
    let start = || match copy {
        Some(copy) => copy.finish(machine),
        None => Guest::start(machine),
    };
    let guest = progress().step("starting a virtual machine", start)?;
    if let Some(reason) = guest.passed_over() {
        progress()
            .say(&format!("  It was booted in place of a copy of the template machine: {reason}"));
    }
    Ok(guest)
}

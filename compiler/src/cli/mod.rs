// SPDX-License-Identifier: GPL-2.0
//! The command line: one file per command.

mod build;
mod check;
mod convert;
mod crate_folder;
mod doc;
mod doctor;
mod expand;
mod fmt;
mod import;
mod inspect;
mod kernel;
mod kernels;
mod link;
mod lsp;
mod new;
mod output;
mod package;
mod project;
mod running;
mod sign;
mod sync;
mod test;
mod write_uses;

use crate::driver::{self, Compiled};
use crate::input::Input;
use crate::project::Project;
use clap::{CommandFactory as _, Parser, Subcommand};
use kps_diag::{Diagnostic, Severity};
use kps_grammar::Sources;
use kps_host::disk::cannot;
use kps_host::{signals, temporary};
use kps_report::wrong_usage;
pub use kps_report::ExitCode;
use kps_report::{exit_code, usage, Console, Explain, Format};
use kps_targets::{Cache, DebianRequest, Progress, Request, Target};
use output::say;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Compiles .kps specs to livepatch modules for the Linux kernel.
#[derive(Debug, Parser)]
#[command(name = "kpsc", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Verb,
    /// How to write messages: human, short or json.
    #[arg(long, value_name = "FORMAT", global = true, hide_possible_values = true)]
    message_format: Option<Format>,
}

/// The message format of this process. Every command uses it wherever it prints a message.
static FORMAT: OnceLock<Format> = OnceLock::new();

fn format() -> Format {
    FORMAT.get().copied().unwrap_or_default()
}

fn console() -> Console {
    Console { program: "kpsc", format: format() }
}

/// Progress is for people; programs that read lines get only messages.
fn progress() -> Progress {
    match format() {
        // Several kernels are one step.
        Format::Human if output::is_collecting() => Progress::Quiet,
        Format::Human => Progress::Shown,
        Format::Short | Format::Json => Progress::Quiet,
    }
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a starter spec.
    New(new::New),
    /// Format specs.
    Fmt(fmt::Fmt),
    /// Check a spec, or a series of specs, without building them.
    Check(check::Check),
    /// Show a function's prototype and ftrace entry, the hooks it supports, and a starter spec.
    Inspect(inspect::Inspect),
    /// Build NAME.ko from a spec.
    Build(build::Build),
    /// Sign livepatches for kernels that load signed modules only.
    Sign(sign::Sign),
    /// Make packages of livepatches, for dpkg or rpm.
    Package(package::Package),
    /// Print the Rust code that kpsc generates from a spec.
    Expand(expand::Expand),
    /// Convert a spec to a patch crate.
    Convert(convert::Convert),
    /// Make a spec of a source diff of the kernel, with bodies in C, and build it.
    Import(import::Import),
    /// Build a spec and run its tests in a virtual machine.
    Test(test::Test),
    #[command(flatten)]
    Operate(kpsctl::Verb),
    /// Write the files that a patch crate needs besides its own source: the library, and the
    /// target's types and facts.
    Sync(sync::Sync),
    /// Manage target kernels.
    Kernel(kernel::Kernel),
    /// Show what this machine lacks, and the command that installs it.
    Doctor(doctor::Doctor),
    /// Explain the code of a message, or list all codes.
    Explain(Explain),
    /// Print a page of the documentation, or list them.
    Doc(doc::Doc),
    /// Serve an editor over the language server protocol, on standard input and output.
    Lsp(lsp::Lsp),
    /// Run the linker, and convert a module that it links to a livepatch. Kbuild calls this.
    #[command(hide = true)]
    Link(link::Link),
}

/// The command line, for its manual pages and completions.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs kpsc with the arguments of the process.
pub fn main() -> ExitCode {
    // If that is impossible, a signal leaves temporary files and does nothing worse.
    let _ = signals::clean_up_before_ending();
    let code = execute();
    temporary::settle();
    code
}

fn execute() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return console().finished(usage(&error)),
    };
    if let Some(format) = arguments.message_format {
        let _ = FORMAT.set(format);
    }
    if let Some(Err(unusable)) = arguments.command.place().map(project::enter) {
        return report(&[unusable.error], unusable.sources.as_ref());
    }
    let stack = stack(&arguments.command);
    let worker =
        std::thread::Builder::new().stack_size(stack).spawn(move || run(arguments.command));
    match worker.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => console().finished(code),
        Ok(Err(_)) => report(&[kernels::bug()], None),
        Err(error) => report(&[cannot("start", Path::new("a thread"), &error)], None),
    }
}

impl Verb {
    /// The file or folder whose project the command is for; `None` if no project matters.
    fn place(&self) -> Option<&Path> {
        let here = Path::new(".");
        match self {
            Verb::Check(command) => Some(command.place().unwrap_or(here)),
            Verb::Build(command) => Some(command.place().unwrap_or(here)),
            Verb::Test(command) => Some(command.place().unwrap_or(here)),
            Verb::Expand(command) => Some(command.place()),
            Verb::Convert(command) => Some(command.place()),
            Verb::Sync(command) => Some(command.place()),
            Verb::Inspect(_) | Verb::Import(_) => Some(here),
            Verb::Kernel(command) => command.is_about_target().then_some(here),
            Verb::New(_) | Verb::Fmt(_) | Verb::Operate(_) => None,
            Verb::Doctor(_) | Verb::Explain(_) | Verb::Doc(_) | Verb::Link(_) => None,
            Verb::Sign(_) | Verb::Package(_) => None,
            // Each open spec has its own.
            Verb::Lsp(_) => None,
        }
    }
}

/// The stack size of a thread that compiles, in bytes. Rust source is parsed and walked by
/// recursion. Its depth is bounded, but the bound exceeds a default stack.
const DEEP: usize = 1 << 30;

/// The stack size of a command in bytes.
fn stack(verb: &Verb) -> usize {
    const SMALL: usize = 8 << 20;
    match verb {
        // Small machines run livepatches, too, and may have less memory than compiling takes.
        Verb::Operate(_) => SMALL,
        Verb::Doctor(_) | Verb::Explain(_) | Verb::Doc(_) => SMALL,
        Verb::Check(check) if !check.compiles() => SMALL,
        _ => DEEP,
    }
}

fn run(verb: Verb) -> ExitCode {
    let result = match verb {
        Verb::New(command) => command.run(),
        Verb::Fmt(command) => command.run(),
        Verb::Check(command) => command.run(),
        Verb::Inspect(command) => command.run(),
        Verb::Build(command) => command.run(),
        Verb::Sign(command) => command.run(),
        Verb::Package(command) => command.run(),
        Verb::Expand(command) => command.run(),
        Verb::Convert(command) => command.run(),
        Verb::Import(command) => command.run(),
        Verb::Test(command) => command.run(),
        Verb::Operate(verb) => Ok(verb.run(console())),
        Verb::Sync(command) => command.run(),
        Verb::Kernel(command) => command.run(),
        Verb::Doctor(command) => command.run(),
        Verb::Explain(command) => {
            command.run();
            Ok(0)
        }
        Verb::Doc(command) => command.run(),
        Verb::Lsp(command) => command.run(),
        Verb::Link(command) => command.run(),
    };
    match result {
        Ok(code) => code,
        Err(diagnostic) => report(&[diagnostic], None),
    }
}

/// A command's result: an exit code, or the one error that ended it.
type CommandResult = Result<ExitCode, Diagnostic>;

/// Prints messages to standard error and returns the exit code that they call for.
fn report(diagnostics: &[Diagnostic], sources: Option<&Sources>) -> ExitCode {
    // What a signal ends has nothing more to say.
    temporary::settle();
    let text = console().text(diagnostics, sources, output::kernel().as_deref());
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    output::complain(&text, errors.map(|error| error.code.id()));
    exit_code(diagnostics)
}

/// All stages up to the folder that Kbuild builds. Messages have been printed. The inner result is
/// an exit code if there were errors.
fn compile(
    input: Input,
    target: &Target,
    cache: &Cache,
) -> Result<Result<Compiled, ExitCode>, Diagnostic> {
    let outcome = driver::check(input, target, cache, progress())?;
    let code = report(&outcome.diagnostics, Some(&outcome.sources));
    Ok(outcome.emit().map_err(|_| code))
}

/// The target to use: the named one, the first of the project, or the default, which is prepared
/// if it does not exist.
fn open_target(cache: &Cache, name: Option<&str>) -> Result<Target, Diagnostic> {
    if let Some(name) = name {
        return cache.find(name);
    }
    let target = match project::kernels().first() {
        Some(name) => project::target(cache, name)?,
        None => match cache.default_target()? {
            Some(target) => target,
            None => {
                let newest = Request::Debian(DebianRequest::default());
                return kps_targets::add(cache, None, &newest, progress());
            }
        },
    };
    running::mention(cache, &target);
    Ok(target)
}

/// Which target, for every command that needs one.
#[derive(Debug, clap::Args)]
struct TargetArgs {
    /// The target kernel, or the start of its version if no other target has it; the default of
    /// `kpsc kernel default` if not given.
    #[arg(long, value_name = "NAME")]
    kernel: Option<String>,
}

/// Reads a patch, and holds it against its project.
fn read_patch(path: &Path) -> Result<Input, Diagnostic> {
    let mut input = Input::read(path)?;
    // Those of a series may be of several projects.
    let project = Project::of(path).map_err(|unusable| unusable.error)?;
    let wrong = input.patch.as_ref().and_then(|patch| project?.check_family(patch));
    input.diagnostics.extend(wrong);
    Ok(input)
}

/// Where a spec is.
#[derive(Debug, clap::Args)]
struct SpecArgs {
    /// The .kps file, or the folder of a patch crate.
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
}

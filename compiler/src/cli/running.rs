// SPDX-License-Identifier: GPL-2.0
//! `kpsc check --running`: predicts whether the running kernel would accept a module, or the module
//! of a spec.

use super::{compile, progress, read_patch, report, say, CommandResult, ExitCode};
use kps_diag::{Diagnostic, NO_TARGET_RUNS};
use kps_operate::{open, preflight, verdict, Incoming, Kernel, System};
use kps_targets::{Cache, Target};
use std::path::{Path, PathBuf};

/// Whether a path names a spec or a crate. All others are modules.
pub(super) fn is_spec(file: &Path) -> bool {
    file.is_dir() || file.extension().is_some_and(|extension| extension == "kps")
}

/// Checks each file. The highest exit code counts.
pub(super) fn check(files: &[PathBuf]) -> CommandResult {
    let system = System::running("kpsc");
    let mut code = 0;
    for file in files {
        let checked = match is_spec(file) {
            true => check_spec(&system, file)?,
            false => tell(&system, &open(file)?.incoming),
        };
        code = code.max(checked);
    }
    Ok(code)
}

fn check_spec(system: &System, spec: &Path) -> CommandResult {
    let input = read_patch(spec)?;
    let cache = Cache::open()?;
    let target = running_target(system, &cache)?;
    Ok(match compile(input, &target, &cache)? {
        Ok(compiled) => tell(system, &compiled.incoming()),
        Err(code) => code,
    })
}

/// Prints the prediction.
fn tell(system: &System, incoming: &Incoming) -> ExitCode {
    let found = preflight(system, incoming);
    let code = report(&found, None);
    say(verdict(&incoming.name, &found));
    code
}

/// Says that the running kernel is a target too, if another one was chosen for the user.
pub(super) fn mention(cache: &Cache, chosen: &Target) {
    // What cannot be found out is not said: the command does something else.
    let Some(kernel) = Kernel::of(&System::running("kpsc")) else { return };
    if let Ok(Ok(running)) = matching(&kernel, cache) {
        if running.name != chosen.name {
            progress().say(&format!(
                "The target is {}, and the running kernel is the target {}.",
                chosen.name, running.name
            ));
        }
    }
}

/// The target that is this kernel, or the names of those that are other builds of its release.
fn matching(kernel: &Kernel, cache: &Cache) -> Result<Result<Target, Vec<String>>, Diagnostic> {
    of_release(&kernel.release, &kernel.build_id, cache)
}

/// The target of a release with this build-id, or the names of those with others.
pub(super) fn of_release(
    release: &str,
    build_id: &str,
    cache: &Cache,
) -> Result<Result<Target, Vec<String>>, Diagnostic> {
    let mut others = Vec::new();
    for (name, target) in cache.targets()? {
        let Ok(target) = target else { continue };
        if target.release() == release {
            // A damaged target is skipped; another one may match.
            let Ok(id) = target.build_id() else { continue };
            if id.iter().map(|byte| format!("{byte:02x}")).collect::<String>() == build_id {
                return Ok(Ok(target));
            }
            others.push(name);
        }
    }
    Ok(Err(others))
}

/// The target that matches the running kernel.
fn running_target(system: &System, cache: &Cache) -> Result<Target, Diagnostic> {
    let Some(kernel) = Kernel::of(system) else {
        return Err(Diagnostic::new(NO_TARGET_RUNS, "cannot determine which kernel is running")
            .note("/sys/kernel/notes or /proc/sys/kernel/osrelease cannot be read"));
    };
    let others = match matching(&kernel, cache)? {
        Ok(target) => return Ok(target),
        Err(others) => others,
    };
    let Kernel { release, build_id } = kernel;
    let mut error =
        Diagnostic::new(NO_TARGET_RUNS, format!("no target matches the running kernel, {release}"))
            .note(format!("its build-id is {build_id}"));
    for name in others {
        error = error.note(format!("the target `{name}` is another build of it"));
    }
    Err(error.help(format!(
        "add a Debian kernel with `kpsc kernel add --release {release}` or your own with `--build-dir DIR`, or pass a module that was built elsewhere"
    )))
}

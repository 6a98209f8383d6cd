// SPDX-License-Identifier: GPL-2.0
//! `kpsc check --running`: predicts whether the running kernel would accept a module, or the module
//! of a spec.

use super::{compile, report, say, CommandResult, ExitCode};
use crate::input::Input;
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
    let system = System::running();
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
    let input = Input::read(spec)?;
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

/// The target that matches the running kernel. A release may be built more than once, so the
/// build-id decides.
fn running_target(system: &System, cache: &Cache) -> Result<Target, Diagnostic> {
    let Some(Kernel { release, build_id }) = Kernel::of(system) else {
        return Err(Diagnostic::new(NO_TARGET_RUNS, "cannot determine which kernel is running")
            .note("/sys/kernel/notes or /proc/sys/kernel/osrelease cannot be read"));
    };
    let mut others = Vec::new();
    for (name, target) in cache.targets()? {
        let Ok(target) = target else { continue };
        if target.release() == release {
            // A damaged target is skipped; another one may match.
            let Ok(id) = target.build_id() else { continue };
            if id.iter().map(|byte| format!("{byte:02x}")).collect::<String>() == build_id {
                return Ok(target);
            }
            others.push(name);
        }
    }
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

// SPDX-License-Identifier: GPL-2.0
//! Programs in C that trigger a bug: compiled with the target's compiler, for the virtual machine.

use kps_diag::{Diagnostic, C_ERROR, C_WARNING};
use kps_grammar::ast::Trigger;
use kps_host::below::read_below;
use kps_host::disk::{cannot, make_below};
use kps_host::{input, output};
use kps_targets::Tree;
use std::path::Path;

/// The temporary name of the program: no trigger can have it.
const PROGRAM: &str = ".program";

/// Compiles a trigger in a folder that no one else uses. Also returns the compiler's warnings.
pub fn build_trigger(
    trigger: &Trigger,
    text: &str,
    tree: &Tree,
    folder: &Path,
) -> Result<(Vec<u8>, Option<Diagnostic>), Diagnostic> {
    let (file, program) = (folder.join(&trigger.file.value), folder.join(PROGRAM));
    make_below(folder, file.parent().unwrap_or(folder))?;
    std::fs::write(&file, text).map_err(|error| cannot("write", &file, &error))?;
    let compiler =
        tree.make.iter().find_map(|variable| variable.strip_prefix("CC=")).unwrap_or("gcc");
    let (compiler, options) = compiler.split_once(' ').unwrap_or((compiler, ""));
    let mut command = tree.toolchain().command(compiler, &[], &[folder], folder)?;
    command.args(options.split_whitespace());
    command.args([
        "-static",
        "-O2",
        "-Wall",
        "-pthread",
        "-fdiagnostics-color=never",
        "-fno-diagnostics-show-caret",
    ]);
    command.arg("-o").arg(&program).arg(&trigger.file.value);
    let output = output::output(&mut command).map_err(|error| command.not_started(&error))?;
    if output.ended.is_cut {
        return Err(output::too_long(compiler));
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let name = &trigger.file.value;
    if !output.ended.status.success() {
        let error = Diagnostic::new(C_ERROR, format!("the compiler rejects {name}"));
        return Err(error.note(said.trim().to_owned()));
    }
    let warning = (!said.trim().is_empty()).then(|| {
        let warning = Diagnostic::new(C_WARNING, format!("the compiler warns about {name}"));
        warning.note(said.trim().to_owned())
    });
    Ok((read_below(folder, PROGRAM, input::MODULE)?, warning))
}

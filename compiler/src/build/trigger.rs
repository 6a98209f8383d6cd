//! Programs in C that show a fault: compiled with the target's compiler, for the virtual machine.

use super::not_started;
use crate::diag::{Diagnostic, KPS0506, KPS0507, KPS0612};
use crate::disk::cannot;
use crate::input;
use crate::target::Tree;
use kps_grammar::ast::Trigger;
use std::path::Path;

/// What the program is called while it is made: no trigger can have the name.
const PROGRAM: &str = ".program";

/// Reads the source of a trigger, which is below the spec's folder.
pub fn read_trigger(trigger: &Trigger, folder: &Path) -> Result<Vec<u8>, Diagnostic> {
    let real = |path: &Path| path.canonicalize().map_err(|error| cannot("read", path, &error));
    let path = real(&folder.join(&trigger.file.value))?;
    if !path.starts_with(real(folder)?) {
        let message = format!("a link leads {} out of the spec's folder", trigger.file.value);
        return Err(Diagnostic::error(KPS0612, message).help("put the file itself there"));
    }
    input::read(&path, input::TRIGGER)
}

/// Compiles a trigger in a folder that nobody else uses. What the compiler warns of comes along.
pub fn build_trigger(
    trigger: &Trigger,
    source: &[u8],
    tree: &Tree,
    folder: &Path,
) -> Result<(Vec<u8>, Option<Diagnostic>), Diagnostic> {
    let (file, program) = (folder.join(&trigger.file.value), folder.join(PROGRAM));
    std::fs::create_dir_all(file.parent().unwrap_or(folder))
        .and_then(|()| std::fs::write(&file, source))
        .map_err(|error| cannot("write", &file, &error))?;
    let compiler = tree.make.iter().find_map(|variable| variable.strip_prefix("CC=")).unwrap_or("gcc");
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
    let output = command.output().map_err(|error| not_started(&command, tree, &error))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let name = &trigger.file.value;
    if !output.status.success() {
        let error = Diagnostic::error(KPS0506, format!("the compiler refuses {name}"));
        return Err(error.note(said.trim().to_owned()));
    }
    let warning = (!said.trim().is_empty()).then(|| {
        let warning = Diagnostic::warning(KPS0507, format!("the compiler warns of something in {name}"));
        warning.note(said.trim().to_owned())
    });
    Ok((input::read(&program, input::MODULE)?, warning))
}

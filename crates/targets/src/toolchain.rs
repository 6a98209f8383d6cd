// SPDX-License-Identifier: GPL-2.0
//! Compilers other than the host's.
//!
//! A kernel's modules must be built with the very compilers that built the kernel. For a stock
//! kernel kpsc unpacks these into a folder and runs them in a sandbox (`sandbox.rs`).

use crate::cache::{is_supported_path, unsupported_path};
use crate::sandbox::{self, Lent, Sandbox};
use kps_diag::{Diagnostic, MISSING_PROGRAM, PROGRAM_FAILED};
use kps_host::disk::cannot;
use kps_host::process::end_orphans;
use std::io::{self, ErrorKind};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set in the sandbox, where make already runs.
pub const INSIDE: &str = "KPSC_INSIDE";

/// Where programs run.
#[derive(Debug, Clone)]
pub enum Toolchain {
    /// On the host, with the host's compilers.
    Host,
    /// In a sandbox with the compilers of a folder.
    Folder(PathBuf),
}

/// A program of a toolchain, ready to start. The folders that it may write to are its own while
/// this value exists.
#[derive(Debug)]
pub struct Program {
    command: Command,
    _lent: Vec<Lent>,
}

impl Program {
    /// The error for a program that did not start.
    pub fn not_started(&self, error: &io::Error) -> Diagnostic {
        let program = Path::new(self.command.get_program());
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // No package has the program of a kernel's build tree, which is named by its path.
        if error.kind() == ErrorKind::NotFound && program.parent() == Some(Path::new("")) {
            let package = match name.as_str() {
                sandbox::BWRAP => "bubblewrap",
                "make" => "make",
                _ => "gcc",
            };
            return missing(&name, package);
        }
        let failed = Diagnostic::new(PROGRAM_FAILED, format!("cannot run {name}: {error}"));
        match error.kind() {
            ErrorKind::PermissionDenied => failed.help(
                "as root, kpsc has to be able to mount and to change its user; run it as another user \
                 if this machine does not allow that",
            ),
            _ => failed,
        }
    }
}

impl Drop for Program {
    /// What the program lends comes back when nothing of the sandbox is left.
    fn drop(&mut self) {
        end_orphans();
    }
}

impl Deref for Program {
    type Target = Command;

    fn deref(&self) -> &Command {
        &self.command
    }
}

impl DerefMut for Program {
    fn deref_mut(&mut self) -> &mut Command {
        &mut self.command
    }
}

impl Toolchain {
    /// A program that reads `read`, may write to `write` and runs in `folder`. Paths are the same
    /// inside and outside.
    pub fn command(
        &self,
        program: &str,
        read: &[&Path],
        write: &[&Path],
        folder: &Path,
    ) -> Result<Program, Diagnostic> {
        self.command_over(program, read, write, folder, &[])
    }

    /// The same with files in the place of others that it reads: `(file, place)`.
    pub fn command_over(
        &self,
        program: &str,
        read: &[&Path],
        write: &[&Path],
        folder: &Path,
        over: &[(PathBuf, PathBuf)],
    ) -> Result<Program, Diagnostic> {
        let Toolchain::Folder(root) = self else {
            if !over.is_empty() {
                let mut command = kps_host::process::program(sandbox::BWRAP);
                command.args(["--dev-bind", "/", "/", "--die-with-parent"]);
                for (file, place) in over {
                    command.arg("--ro-bind").args([file, place]);
                }
                command.arg("--chdir").arg(folder).args(["--", program]);
                return Ok(Program { command, _lent: Vec::new() });
            }
            let mut command = kps_host::process::program(program);
            let kpsc = own_path()?;
            // make's recipes call it, and a shell reads them.
            if !is_supported_path(&kpsc) {
                return Err(unsupported_path("kpsc", &kpsc).help("move kpsc to another folder"));
            }
            command.current_dir(folder).env("KPSC", kpsc);
            return Ok(Program { command, _lent: Vec::new() });
        };
        let mut sandbox = Sandbox::new(root)?;
        for path in read {
            sandbox.read(path, path)?;
        }
        let mut lent = Vec::new();
        for path in write {
            lent.extend(sandbox.write(path)?);
        }
        for (file, place) in over {
            sandbox.read(file, place)?;
        }
        let kpsc = bring_kpsc(&mut sandbox)?;
        sandbox.set("KPSC", &kpsc);
        sandbox.set(INSIDE, "1");
        Ok(Program { command: sandbox.command(program, folder), _lent: lent })
    }
}

/// The running program, for the makefile that calls it.
fn own_path() -> Result<PathBuf, Diagnostic> {
    std::env::current_exe().map_err(|error| cannot("find", Path::new("/proc/self/exe"), &error))
}

/// Where the sandbox has kpsc and its libraries.
const KPSC_INSIDE: &str = "/run/kpsc";

/// Makes the running program available in the sandbox, with the loader and the libraries that it
/// uses here: the toolchain's may be older. Returns the command that runs it there.
fn bring_kpsc(sandbox: &mut Sandbox) -> Result<String, Diagnostic> {
    let program = format!("{KPSC_INSIDE}/kpsc");
    sandbox.read(&own_path()?, Path::new(&program))?;
    let maps = Path::new("/proc/self/maps");
    let maps = std::fs::read_to_string(maps).map_err(|error| cannot("read", maps, &error))?;
    let mut libraries: Vec<&Path> = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5))
        .map(Path::new)
        .filter(|path| path.is_absolute())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains(".so")))
        .collect();
    libraries.sort_unstable();
    libraries.dedup();
    let is_loader =
        |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ld"));
    let mut loader = None;
    for library in libraries {
        let Some(name) = library.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            continue;
        };
        let inside = format!("{KPSC_INSIDE}/lib/{name}");
        sandbox.read(library, Path::new(&inside))?;
        if is_loader(library) {
            loader = Some(inside);
        }
    }
    Ok(match loader {
        Some(loader) => format!("{loader} --library-path {KPSC_INSIDE}/lib {program}"),
        // Statically linked.
        None => program,
    })
}

/// A program is missing.
pub(super) fn missing(program: &str, package: &str) -> Diagnostic {
    Diagnostic::new(MISSING_PROGRAM, format!("`{program}` is not installed"))
        .help(format!("install the package {package}: `apt-get install {package}` on Debian"))
}

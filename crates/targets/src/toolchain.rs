// SPDX-License-Identifier: GPL-2.0
//! Compilers other than the host's.
//!
//! A kernel's modules must be built with the very compilers that built the kernel. For a stock
//! kernel kpsc unpacks these into a folder and runs them in bubblewrap, with that folder's `usr` as
//! `/usr`. The sandbox sees the toolchain and the build tree read-only, the one folder that is
//! built, and nothing else; it has no network. None of this needs root.

use kps_diag::{Diagnostic, MISSING_PROGRAM};
use kps_host::disk::cannot;
use std::ffi::OsString;
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

/// Where the sandbox has kpsc and its libraries.
const KPSC_INSIDE: &str = "/run/kpsc";

impl Toolchain {
    /// A command for a program that reads `read`, may write to `write` and runs in `folder`. Paths
    /// are the same inside and outside.
    pub fn command(
        &self,
        program: &str,
        read: &[&Path],
        write: &[&Path],
        folder: &Path,
    ) -> Result<Command, Diagnostic> {
        match self {
            Toolchain::Host => {
                let mut command = kps_host::process::program(program);
                command.current_dir(folder).env("KPSC", own_path()?);
                Ok(command)
            }
            Toolchain::Folder(root) => {
                let mut command = kps_host::process::program("bwrap");
                command.args(["--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]);
                command.arg("--ro-bind").arg(root.join("usr")).arg("/usr");
                for (to, at) in [
                    ("usr/bin", "/bin"),
                    ("usr/sbin", "/sbin"),
                    ("usr/lib", "/lib"),
                    ("usr/lib64", "/lib64"),
                ] {
                    command.args(["--symlink", to, at]);
                }
                command.args([
                    "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run",
                ]);
                for path in read {
                    command.arg("--ro-bind").arg(path).arg(path);
                }
                for path in write {
                    command.arg("--bind").arg(path).arg(path);
                }
                let kpsc = bring_kpsc(&mut command)?;
                command.args([
                    "--setenv",
                    "PATH",
                    "/usr/bin:/usr/sbin",
                    "--setenv",
                    "LANG",
                    "C.UTF-8",
                ]);
                command.args([
                    "--setenv", "HOME", "/tmp", "--setenv", INSIDE, "1", "--setenv", "KPSC",
                ]);
                command.arg(kpsc);
                command.arg("--chdir").arg(folder).arg("--").arg(program);
                Ok(command)
            }
        }
    }
}

/// The running program, for the makefile that calls it.
fn own_path() -> Result<PathBuf, Diagnostic> {
    std::env::current_exe().map_err(|error| cannot("find", Path::new("/proc/self/exe"), &error))
}

/// Makes the running program available in the sandbox, with the loader and the libraries that it
/// uses here: the toolchain's may be older. Returns the command that runs it there.
fn bring_kpsc(command: &mut Command) -> Result<OsString, Diagnostic> {
    let program = format!("{KPSC_INSIDE}/kpsc");
    command.arg("--ro-bind").arg(own_path()?).arg(&program);
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
        command.arg("--ro-bind").arg(library).arg(&inside);
        if is_loader(library) {
            loader = Some(inside);
        }
    }
    Ok(match loader {
        Some(loader) => format!("{loader} --library-path {KPSC_INSIDE}/lib {program}").into(),
        // Statically linked.
        None => program.into(),
    })
}

/// A program is missing.
pub(super) fn missing(program: &str, package: &str) -> Diagnostic {
    Diagnostic::new(MISSING_PROGRAM, format!("`{program}` is not installed"))
        .help(format!("install the package {package}: `apt-get install {package}` on Debian"))
}

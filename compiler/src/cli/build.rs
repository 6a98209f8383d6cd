//! `kpsc build`.

use super::written::Written;
use super::{compile, open_target, progress, report, say, CommandResult, Compiled, SpecArgs, TargetArgs};
use crate::build::{self, kbuild, macros};
use crate::disk::{cannot, write_atomically};
use crate::target::{bears, not_bearable, Cache, Target};
use kps_diag::Diagnostic;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Build {
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    target: TargetArgs,
    /// Where to put the result.
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Write the Kbuild folder DIR/NAME instead of DIR/NAME.ko; `make -C BUILD_TREE M=DIR/NAME` builds it.
    #[arg(long, value_name = "WHAT")]
    emit: Option<Emit>,
    /// Show every command.
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, clap::ValueEnum)]
enum Emit {
    /// The generated source.
    Source,
}

impl Build {
    pub(super) fn run(self) -> CommandResult {
        let written = Written::read(&self.spec.spec)?;
        let cache = Cache::open()?;
        let mut target = open_target(&cache, self.target.kernel.as_deref())?;
        let compiled = match compile(written, &target, &cache)? {
            Ok(compiled) => compiled,
            Err(code) => return Ok(code),
        };
        let output = &self.output;
        if self.emit == Some(Emit::Source) {
            let folder = write_source(&compiled, output)?;
            say(folder.display());
            return Ok(0);
        }
        match module(&compiled, &mut target, &cache, self.verbose)? {
            Ok(module) => {
                make_output(output)?;
                let path = output.join(format!("{}.ko", compiled.name));
                write_atomically(&path, &module)?;
                say(path.display());
                Ok(0)
            }
            Err(code) => Ok(code),
        }
    }
}

/// Makes the folder for the result, now that there is one.
pub(super) fn make_output(output: &Path) -> Result<(), Diagnostic> {
    std::fs::create_dir_all(output)
        .map_err(|error| cannot("make", output, &error).help("choose another folder with `-o`"))
}

/// Writes the Kbuild folder, whole or not at all. One that kpsc wrote earlier makes room; any other folder stays.
fn write_source(compiled: &Compiled, output: &Path) -> Result<PathBuf, Diagnostic> {
    let Compiled { name, emitted, .. } = compiled;
    let folder = output.join(name);
    make_output(output)?;
    let scratch = tempfile::tempdir_in(output).map_err(|error| cannot("write to", output, &error))?;
    let rename = |from: &Path, to: &Path| {
        std::fs::rename(from, to).map_err(|error| {
            cannot("write", &folder, &error)
                .help("choose another folder with `-o`: kpsc replaces what it wrote itself")
        })
    };
    let (new, old) = (scratch.path().join("new"), scratch.path().join("old"));
    build::lay_out(emitted, &new)?;
    // What a crate is built of lies in the author's own folder too, so a folder of that kind never makes room.
    let makes_room = !compiled.is_crate() && folder.join(format!("{name}.lines")).exists();
    if compiled.is_crate() && folder.symlink_metadata().is_ok() {
        let there = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(cannot("write", &folder, &there).help("choose another folder with `-o`"));
    }
    if makes_room {
        rename(&folder, &old)?;
    }
    if let Err(error) = rename(&new, &folder) {
        if makes_room {
            // The first error tells more than one of putting back would.
            let _ = std::fs::rename(&old, &folder);
        }
        return Err(error);
    }
    Ok(folder)
}

/// Builds a module in a folder of its own. Messages have been printed; without a result there were errors.
pub(super) fn module(
    compiled: &Compiled,
    target: &mut Target,
    cache: &Cache,
    verbose: bool,
) -> Result<Result<Vec<u8>, super::ExitCode>, Diagnostic> {
    let place = std::env::temp_dir();
    if !bears(&place) {
        return Err(not_bearable("the folder to build in", &place).help("set TMPDIR to another folder"));
    }
    let folder = tempfile::tempdir_in(&place).map_err(|error| {
        cannot("make a folder in", &place, &error.kind().into()).help("set TMPDIR to a folder")
    })?;
    let tree = target.prepare(cache, progress())?;
    let Compiled { sources, name, emitted, .. } = compiled;
    let is_crate = compiled.is_crate();
    build::lay_out(emitted, folder.path())?;
    kbuild::bring(folder.path(), target, cache);
    let build = || build::build(emitted, name, sources, &tree, folder.path(), verbose);
    let built = match is_crate && !macros::bring(folder.path(), target, cache) {
        true => progress().step("compiling the macros, once for a kernel", build)?,
        false => build()?,
    };
    if is_crate && built.module.is_some() {
        // Where they cannot be kept they are compiled again.
        let _ = macros::keep(folder.path(), target, cache);
    }
    // The makefile of a crate is its author's, and what that writes is kept for nobody else.
    if !is_crate && built.module.is_some() {
        let _ = kbuild::keep(folder.path(), target, cache);
    }
    let code = report(&built.diagnostics, Some(sources));
    Ok(built.module.ok_or(code.max(1)))
}

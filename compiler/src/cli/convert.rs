// SPDX-License-Identifier: GPL-2.0
//! `kpsc convert`.

use super::build::make_output;
use super::test::read_triggers;
use super::{compile, open_target, report, say, CommandResult, SpecArgs, TargetArgs};
use crate::build::write_files;
use crate::convert;
use crate::driver::{Compiled, Passed};
use crate::emit::{bindings, library, Files};
use crate::input::{Input, ModuleFile};
use crate::patch_crate::BINDINGS;
use kps_diag::{Diagnostic, NOT_A_CRATE};
use kps_host::disk::{cannot, make_below};
use kps_host::temporary::Folder;
use kps_targets::{Cache, Target};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Convert {
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    target: TargetArgs,
    /// What to convert it to.
    #[arg(long, value_name = "WHAT")]
    to: Form,
    /// Where to put the crate: in DIR/NAME, which must not exist.
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Form {
    /// A patch crate.
    Crate,
}

/// A file that is copied unchanged, with its path relative to the spec's folder.
type Copy = (String, Vec<u8>);

impl Convert {
    pub(super) fn run(self) -> CommandResult {
        let Form::Crate = self.to;
        let input = Input::read(&self.spec.spec)?;
        if input.own_files.is_some() {
            let message = format!("{} is a crate already", self.spec.spec.display());
            return Err(Diagnostic::new(NOT_A_CRATE, message).help("name a .kps file"));
        }
        let cache = Cache::open()?;
        let target = open_target(&cache, self.target.kernel.as_deref())?;
        let compiled = match compile(input, &target, &cache)? {
            Ok(compiled) => compiled,
            Err(code) => return Ok(code),
        };
        let checked = &compiled.passed.checked;
        let (files, found) = convert::convert(checked, &compiled.sources);
        let code = report(&found, Some(&compiled.sources));
        let Some(mut files) = files else { return Ok(code) };
        files.0.extend(library());
        files.0.insert(BINDINGS.to_owned(), bindings(checked));
        let copies = match copies(&compiled, &target) {
            Ok(copies) => copies,
            Err(error) => return Ok(report(&[error], Some(&compiled.sources))),
        };
        let folder = self.output.join(compiled.name());
        write(&files, &copies, &self.output, &folder)?;
        say(folder.display());
        Ok(code)
    }
}

/// The files that the patch names and that are not part of it: those that its tests run, and
/// modules that did not come with the kernel.
fn copies(compiled: &Compiled, target: &Target) -> Result<Vec<Copy>, Diagnostic> {
    let Compiled { sources, passed: Passed { tests, checked, .. }, .. } = compiled;
    let triggers = read_triggers(tests, sources)?.into_iter();
    let mut copies: Vec<Copy> = triggers
        .map(|(trigger, text)| (trigger.file.value.clone(), text.text.into_bytes()))
        .collect();
    for from in checked.written().objects.iter().filter_map(|object| object.from.as_ref()) {
        copies.push((from.value.clone(), ModuleFile::beside(sources, from).read(target)?));
    }
    Ok(copies)
}

/// Writes a crate, completely or not at all. An existing folder stays, because somebody may have
/// changed it.
pub(super) fn write(
    files: &Files,
    copies: &[Copy],
    output: &Path,
    folder: &Path,
) -> Result<(), Diagnostic> {
    let there = || {
        cannot("write", folder, &Error::from(ErrorKind::AlreadyExists))
            .help("choose another name or folder, or remove this one")
    };
    if folder.symlink_metadata().is_ok() {
        return Err(there());
    }
    make_output(output)?;
    let scratch = Folder::new_in(output).map_err(|error| cannot("write to", output, &error))?;
    let new = scratch.path().join("new");
    write_files(files, &new)?;
    for (name, bytes) in copies {
        let path = new.join(name);
        make_below(&new, path.parent().unwrap_or(&new))?;
        std::fs::write(&path, bytes).map_err(|error| cannot("write", &path, &error))?;
    }
    std::fs::rename(&new, folder).map_err(|_| there())
}

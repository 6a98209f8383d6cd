// SPDX-License-Identifier: GPL-2.0
//! `kpsc convert`.

use super::crate_folder::{write_crate, Copy};
use super::test::read_triggers;
use super::{compile, open_target, read_patch, report, say, CommandResult, SpecArgs, TargetArgs};
use crate::convert;
use crate::driver::{Compiled, Passed};
use crate::emit::bindings;
use crate::input::ModuleFile;
use crate::patch_crate::BINDINGS;
use crate::project::Home;
use kps_diag::{Diagnostic, NOT_A_CRATE};
use kps_targets::{Cache, Target};
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

impl Convert {
    /// Where the patch is.
    pub(super) fn place(&self) -> &Path {
        &self.spec.spec
    }

    pub(super) fn run(self) -> CommandResult {
        let Form::Crate = self.to;
        let input = read_patch(&self.spec.spec)?;
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
        let folder = self.output.join(compiled.name());
        let home = Home::of(&folder)?;
        let (files, found) = convert::convert(checked, &compiled.sources, &home);
        let code = report(&found, Some(&compiled.sources));
        let Some(mut files) = files else { return Ok(code) };
        files.0.insert(
            BINDINGS.to_owned(),
            bindings(checked, &compiled.sources, &target.facts()?.config),
        );
        let copies = match copies(&compiled, &target) {
            Ok(copies) => copies,
            Err(error) => return Ok(report(&[error], Some(&compiled.sources))),
        };
        write_crate(files, &copies, &self.output, &folder, &home)?;
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

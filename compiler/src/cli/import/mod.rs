// SPDX-License-Identifier: GPL-2.0
//! `kpsc import`: from a source diff to a spec with bodies in C.

mod asked;
mod beside;
mod front;
mod git;
mod reading;
mod whole;

use super::build::make_output;
use super::{
    compile, open_target, progress, read_patch, report, say, write_uses, CommandResult, TargetArgs,
};
use crate::emit::imported_spec;
use crate::input::decode;
use crate::resolve::{check_name, version_of, ProbeSpec};
use asked::Asked;
use kps_diag::{any_error, Diagnostic, UNFINISHED_IMPORT};
use kps_grammar::{Source, Sources};
use kps_host::disk::{cannot, make_below, write_atomically};
use kps_host::input::{self, Limit};
use kps_host::temporary::Folder;
use kps_import::fix::Fix;
use kps_import::{import, name_of, Spec};
use kps_report::ExitCode;
use kps_targets::{Cache, Target};
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

/// A source diff. Those of fixes have some 5 KB.
const FIX: Limit = Limit { what: "a source diff", bytes: 4 << 20 };

#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// The fix: a file of `git format-patch`, `git show` or `diff -u`.
    #[arg(value_name = "FIX", required_unless_present = "git")]
    fix: Option<PathBuf>,
    /// A commit of the Git repository that the current folder is in.
    #[arg(long, value_name = "REV", conflicts_with = "fix")]
    git: Option<String>,
    /// The module to import for, if a changed file is compiled into several.
    #[arg(long, value_name = "OBJECT")]
    object: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
    /// The folder to create; the name of the patch if not given.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Show how the new bodies differ from the kernel's functions, and write nothing.
    #[arg(long)]
    diff: bool,
}

impl Import {
    pub(super) fn run(self) -> CommandResult {
        let source = self.read_fix()?;
        let sources = Sources::new(source);
        let text = &sources.spec().text;
        let fix = match Fix::read(text) {
            Ok(fix) => fix,
            Err(errors) => return Ok(report(&errors, Some(&sources))),
        };
        let name = name_of(&fix.header, &sources.spec().name);
        let name = if check_name(&name).is_some() { format!("fix_{name}") } else { name };
        let folder = self.output.clone().unwrap_or_else(|| PathBuf::from(&name));
        if !self.diff && folder.symlink_metadata().is_ok() {
            return Err(is_there(&folder));
        }
        let cache = Cache::open()?;
        let mut target = open_target(&cache, self.target.kernel.as_deref())?;
        let (made, found) = self.make(&fix, &mut target, &cache)?;
        let code = report(&found, Some(&sources));
        let Some(mut made) = made else { return Ok(code) };
        if self.diff {
            made.differences.iter().flat_map(|text| text.lines()).for_each(say);
            return Ok(code);
        }
        beside::add(&mut made.files, &mut target, &cache)?;
        let version = version_of(target.release());
        let spec = imported_spec(&Spec::of(&name, &version, &fix.header, &made));
        let path = write(&folder, &name, &spec, &made.files)?;
        let built = build(&path, &mut target, &cache);
        say(path.display());
        Ok(code.max(built?))
    }

    /// The text of the fix.
    fn read_fix(&self) -> Result<Source, Diagnostic> {
        match (&self.git, &self.fix) {
            (Some(revision), _) => git::format_patch(revision),
            (None, Some(path)) => decode(path.display().to_string(), input::read(path, FIX)?),
            (None, None) => git::format_patch("HEAD"),
        }
    }

    /// Makes the files of the patch, in memory.
    fn make(
        &self,
        fix: &Fix<'_>,
        target: &mut Target,
        cache: &Cache,
    ) -> Result<(Option<kps_import::Import>, Vec<Diagnostic>), Diagnostic> {
        let (read, mut found) = reading::read(fix, self.object.as_deref(), target, cache)?;
        if any_error(&found) {
            return Ok((None, found));
        }
        let (facts, modules) = reading::facts(&read, target, cache)?;
        let probe_spec = ProbeSpec::new();
        let text = probe_spec.text();
        let asked = Asked::new(&facts, probe_spec.probe(&text, &facts), &modules, target);
        let version = version_of(target.release());
        let (made, more) = import(fix, &version, &read.sources(fix), &read.headers(fix), &asked);
        let made = made.map(|made| kps_import::Import { shadows: read.shadows.clone(), ..made });
        found.extend(more);
        found.sort_by_key(|one| one.labels.first().map(|label| label.span));
        asked.unread().map_or(Ok((made, found)), Err)
    }
}

/// Checks and builds what has been written, with the `use` lines that this shows to be missing. It
/// stays, even if that fails: an engineer completes it.
fn build(spec: &Path, target: &mut Target, cache: &Cache) -> CommandResult {
    let mut input = read_patch(spec)?;
    let mut is_first = true;
    loop {
        let compiled = match compile(input, target, cache)? {
            Ok(compiled) => compiled,
            Err(code) => return Ok(unfinished(spec, code)),
        };
        let built = compiled.build(target, cache, progress(), None)?;
        if is_first && !built.missing.is_empty() {
            input = write_uses::write(spec, &compiled, &built)?;
            is_first = false;
            continue;
        }
        let code = report(&built.diagnostics, Some(&compiled.sources));
        let Some(module) = built.module else { return Ok(unfinished(spec, code)) };
        write_atomically(&spec.with_extension("ko"), &module)?;
        return Ok(code);
    }
}

/// Says that the files stay, and how to go on.
fn unfinished(spec: &Path, code: ExitCode) -> ExitCode {
    let message = format!("{} needs to be completed", spec.display());
    let error = Diagnostic::new(UNFINISHED_IMPORT, message)
        .note("the messages above say what is missing")
        .help(format!("edit it, and run `kpsc build {}`", spec.display()));
    code.max(report(&[error], None))
}

/// Writes the folder of a patch, completely or not at all. Returns the path of the spec.
fn write(
    folder: &Path,
    name: &str,
    spec: &str,
    files: &BTreeMap<String, String>,
) -> Result<PathBuf, Diagnostic> {
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    let above = above.unwrap_or(Path::new("."));
    make_output(above)?;
    let scratch = Folder::new_in(above).map_err(|error| cannot("write to", above, &error))?;
    let new = scratch.path().join("new");
    let spec_file = format!("{name}.kps");
    let all = files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    for (path, text) in all.chain([(spec_file.as_str(), spec)]) {
        let path = new.join(path);
        make_below(scratch.path(), path.parent().unwrap_or(&new))?;
        std::fs::write(&path, text).map_err(|error| cannot("write", &path, &error))?;
    }
    std::fs::rename(&new, folder).map_err(|_| is_there(folder))?;
    Ok(folder.join(spec_file))
}

fn is_there(folder: &Path) -> Diagnostic {
    cannot("write", folder, &Error::from(ErrorKind::AlreadyExists))
        .help("choose another folder with `-o`, or remove this one")
}

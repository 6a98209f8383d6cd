// SPDX-License-Identifier: GPL-2.0
//! Reads the kernel's source as its own build does, for `kps_import`: with the command that Kbuild
//! would run for a file, clang tells what the file defines, and the compiler what becomes of it.
//!
//! All programs run where the target's compilers run: a fix is a stranger's C.

mod clang;
mod command;
mod compiler;
mod search;

pub use command::Command;

use crate::build::check_visible;
use command::Commands;
use kps_diag::Diagnostic;
use kps_host::below::read_below;
use kps_host::disk::{cannot, write_atomically};
use kps_host::input;
use kps_host::output::{self, Output};
use kps_host::temporary::Folder;
use kps_import::lines;
use kps_import::unit::Unit;
use kps_targets::{is_supported_path, unsupported_path};
use kps_targets::{Cache, Progress, Target, Toolchain, Tree};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A text of a source file as clang and the compiler see it.
#[derive(Debug)]
pub struct Reading {
    /// What it defines.
    pub unit: Unit,
    /// What those of the changed headers define that it includes, by their paths.
    pub headers: BTreeMap<String, Unit>,
    /// Its object file, for [`kps_import::objects`].
    pub object: Vec<u8>,
}

/// A file of a fix, before and after it.
#[derive(Debug)]
pub struct ReadFile {
    /// How the kernel's build compiles it, and what for.
    pub command: Command,
    /// The text that the target has.
    pub old: Reading,
    /// The text with the fix.
    pub new: Reading,
}

/// The source and the compilers of a target.
#[derive(Debug)]
pub struct Front {
    tree: Tree,
    source: PathBuf,
    reader: clang::Program,
    commands: Commands,
    headers: Changed,
}

/// Texts in the place of headers, by their paths from the top of the source.
type Headers = BTreeMap<String, String>;

/// The changed headers.
#[derive(Debug, Default)]
struct Changed {
    /// The texts that the target has.
    old: Headers,
    /// Their new texts.
    new: Headers,
}

impl Front {
    /// Fetches what is missing of them.
    pub fn new(
        target: &mut Target,
        cache: &Cache,
        progress: Progress,
    ) -> Result<Front, Diagnostic> {
        let tree = target.prepare(cache, progress)?;
        let source = target.source_tree(cache, progress)?;
        let compilers = target.with_clang(cache, &tree, progress)?;
        let reader = clang::Program::new(target, &tree, compilers, progress)?;
        let commands = Commands::new(target, cache, &tree)?;
        Ok(Front { tree, source, reader, commands, headers: Changed::default() })
    }

    /// Has the new texts of files see other texts of headers, which are named by their paths from
    /// the top of the source. They may be new.
    pub fn with_headers(self, new: BTreeMap<String, String>) -> Result<Front, Diagnostic> {
        let mut old = Headers::new();
        for path in new.keys() {
            if !command::is_plain(path) {
                return Err(command::not_compiled(path));
            }
            if self.source.join(path).exists() {
                old.insert(path.clone(), self.text(path)?);
            }
        }
        Ok(Front { headers: Changed { old, new }, ..self })
    }

    /// The old and the new text of a changed header that the target has.
    pub fn header(&self, path: &str) -> Option<(&str, &str)> {
        Some((self.headers.old.get(path)?, self.headers.new.get(path)?))
    }

    /// The top of the source.
    pub fn source(&self) -> &Path {
        &self.source
    }

    /// The text of a file that the target has.
    pub fn text(&self, path: &str) -> Result<String, Diagnostic> {
        input::text(Path::new(path), read_below(&self.source, path, input::C_FILE)?)
    }

    /// How the kernel's build compiles a file, which is named from the top of the source.
    pub fn command(&self, path: &str) -> Result<Command, Diagnostic> {
        self.commands.of(self, path)
    }

    /// Reads and compiles both texts of a file.
    pub fn read(&self, path: &str, old: &str, new: &str) -> Result<ReadFile, Diagnostic> {
        let command = self.command(path)?;
        let Changed { old: before, new: after } = &self.headers;
        let read = |text, headers| self.reader.read(self, &command, text, headers);
        let (read_old, read_new) = both(|| read(old, before), || read(new, after));
        let ((old_unit, old_headers), (new_unit, new_headers)) = (read_old?, read_new?);
        let compile = |text, headers| {
            compiler::compile(self, &command, &lines::numbered(&command.name(), old, text), headers)
        };
        let (old_object, new_object) = both(|| compile(old, before), || compile(new, after));
        let old = Reading { unit: old_unit, headers: old_headers, object: old_object? };
        let new = Reading { unit: new_unit, headers: new_headers, object: new_object? };
        Ok(ReadFile { command, old, new })
    }

    /// Compiles a file, as it is, with the old and with the new texts of the headers.
    pub fn compile_both(&self, path: &str) -> Result<(Vec<u8>, Vec<u8>), Diagnostic> {
        let (command, text) = (self.command(path)?, self.text(path)?);
        let text = lines::numbered(&command.name(), &text, &text);
        let object = |headers| compiler::compile(self, &command, &text, headers);
        let Changed { old, new } = &self.headers;
        let (before, after) = both(|| object(old), || object(new));
        Ok((before?, after?))
    }

    /// Runs a program of compilers in the build tree. It can read the source, and write to a
    /// folder.
    fn run(
        &self,
        toolchain: &Toolchain,
        program: &str,
        arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>,
        folder: &Path,
        over: &[(PathBuf, PathBuf)],
    ) -> Result<Output, Diagnostic> {
        let mut read: Vec<&Path> = self.tree.sources.iter().map(PathBuf::as_path).collect();
        read.extend([self.source.as_path(), self.tree.build.as_path()]);
        let (write, here) = ([folder], &self.tree.build);
        let mut command = toolchain.command_over(program, &read, &write, here, over)?;
        command.args(arguments);
        let output = output::output(&mut command).map_err(|error| command.not_started(&error))?;
        match output.ended.is_cut {
            true => Err(output::too_long(program)),
            false => Ok(output),
        }
    }
}

/// Does the same for the old and the new text, at once. With no more than two compilers at once, an
/// import of a large file stays below 1 GB of memory.
fn both<T: Send>(old: impl FnOnce() -> T + Send, new: impl FnOnce() -> T) -> (T, T) {
    std::thread::scope(|scope| {
        let old = scope.spawn(old);
        let new = new();
        (old.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), new)
    })
}

/// A folder that the compilers' programs may write to.
fn scratch(tree: &Tree) -> Result<Folder, Diagnostic> {
    let place = std::env::temp_dir();
    let place = std::path::absolute(&place).unwrap_or(place);
    let with_help = |error: Diagnostic| error.help("set TMPDIR to another folder");
    if !is_supported_path(&place) {
        return Err(with_help(unsupported_path("the folder to work in", &place)));
    }
    check_visible(tree, "the folder to work in", &place).map_err(with_help)?;
    Folder::new_in(&place).map_err(|error| {
        cannot("make a folder in", &place, &error.kind().into()).help("set TMPDIR to a folder")
    })
}

/// Writes a text into such a folder.
fn write(folder: &Folder, name: &str, text: &str) -> Result<PathBuf, Diagnostic> {
    let path = folder.path().join(name);
    write_atomically(&path, text.as_bytes())?;
    Ok(path)
}

/// Writes texts of headers into such a folder. Returns each file with the place that it is for.
fn write_headers(
    folder: &Folder,
    source: &Path,
    headers: &Headers,
) -> Result<Vec<(PathBuf, PathBuf)>, Diagnostic> {
    let file = |(number, (path, text)): (usize, (&String, &String))| {
        Ok((write(folder, &format!("header-{number}"), text)?, source.join(path)))
    };
    headers.iter().enumerate().map(file).collect()
}

/// The first lines that a program has printed about its input.
fn first_lines(output: &Output) -> Vec<String> {
    const SHOWN: usize = 12;
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.take(SHOWN).map(str::to_owned).collect()
}

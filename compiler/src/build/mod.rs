// SPDX-License-Identifier: GPL-2.0
//! Builds the generated folder to a finished module. Kbuild does the work, including post-link and
//! verification, exactly as with `make` in that folder.

mod author;
mod btf_ids;
mod c_messages;
mod captures;
mod declaration;
mod early;
mod escapes;
mod exports;
mod header_messages;
mod init_code;
mod inputs;
pub mod kbuild;
mod layouts;
pub mod libraries;
mod linker;
mod messages;
mod modpost;
mod objtool;
mod originals;
mod pads;
mod panics;
mod persistent;
mod read_only;
mod statics;
mod traces;
mod trigger;
mod undefined;
mod way;

use crate::emit::{Emitted, Files, TARGET_FACTS};
use kps_diag::{Diagnostic, DISK_FULL, FILE_ERROR, KBUILD_FAILED};
use kps_grammar::ast::Form;
use kps_grammar::Sources;
use kps_host::below::{try_below, Unread};
use kps_host::disk::{cannot, has_room, make_below};
use kps_host::input::{self, Limit};
use kps_host::output::{self, Ended};
use kps_link::ObjectFile;
use kps_targets::{Program, Tree};
use std::path::{Path, PathBuf};

use author::Author;
use c_messages::c_messages;
use undefined::Undefined;

pub(crate) use captures::of_linked;
pub use escapes::Undone;
pub(crate) use inputs::of_make;
pub use messages::Messages;
pub use statics::ReadCode;
pub use traces::author_lines;
pub use trigger::build_trigger;
pub use undefined::{Ask, MissingUse};

/// The result of a build.
#[derive(Debug)]
pub struct Built {
    /// The module's bytes; `None` if there are errors.
    pub module: Option<Vec<u8>>,
    /// The input of its link, which still has line tables.
    pub object: Vec<u8>,
    /// The compilers' messages about the author's text, and errors about anything else.
    pub diagnostics: Vec<Diagnostic>,
    /// The `use` lines that mend some of the errors.
    pub missing: Vec<MissingUse>,
}

impl Built {
    /// A build that has failed.
    pub fn failed(diagnostics: Vec<Diagnostic>) -> Built {
        Built { module: None, object: Vec::new(), diagnostics, missing: Vec::new() }
    }
}

/// What a build asks about the kernel.
#[derive(Clone, Copy)]
pub struct Kernel<'a> {
    /// Reads the code of an object.
    pub code: ReadCode<'a>,
    /// Looks up a symbol that compiled C code needs.
    pub ask: Ask<'a>,
}

/// Writes the generated files into a folder, which may not exist yet.
pub fn write_files(files: &Files, folder: &Path) -> Result<(), Diagnostic> {
    make_below(folder.parent().unwrap_or(folder), folder)?;
    for (name, text) in &files.0 {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            make_below(folder, parent)?;
        }
        std::fs::write(&path, text).map_err(|error| cannot("write", &path, &error))?;
    }
    Ok(())
}

/// Writes all files that a module is built from into a folder.
pub fn lay_out(emitted: &Emitted, folder: &Path) -> Result<(), Diagnostic> {
    write_files(&emitted.files, folder)?;
    if emitted.form == Form::Crate {
        let path = folder.join(TARGET_FACTS);
        std::fs::write(&path, &emitted.facts).map_err(|error| cannot("write", &path, &error))?;
    }
    Ok(())
}

/// A function that gets each line of output of make and the compilers; `None` discards the output.
pub type Log<'a> = Option<&'a (dyn Fn(&str) + Sync)>;

/// Builds a module in the folder that contains its files, and that no one else uses.
pub fn build(
    emitted: &Emitted,
    name: &str,
    sources: &Sources,
    tree: &Tree,
    folder: &Path,
    log: Log<'_>,
    kernel: Kernel<'_>,
) -> Result<Built, Diagnostic> {
    let mut command = make_for_messages(tree, folder, log.is_some())?;
    let log = |line: &str| log.iter().for_each(|log| log(line));
    let mut messages = Messages::new(&emitted.lines, sources);
    let mut other = Vec::new();
    let keep = |line: String| {
        if !messages.read(&line) {
            log(&line);
            other.push(line);
        }
    };
    let ended = output::lines(&mut command, |line| log(&line), keep);
    let Ended { status, is_cut } = ended.map_err(|error| command.not_started(&error))?;
    if !status.success() && (!has_room(folder) || other.iter().any(|line| is_about_space(line))) {
        return Err(no_space(folder));
    }
    let mut diagnostics = messages.finish();
    if is_cut {
        diagnostics.push(output::too_long("make"));
        return Ok(Built::failed(diagnostics));
    }
    let author = Author { emitted, sources };
    diagnostics.extend(c_messages(&other, &emitted.c_files, author));
    diagnostics.extend(linker::linker(&other, author));
    diagnostics.extend(inputs::outside(name, author, tree, folder)?);
    // The whole module except for the kernel's own part. It does not exist if a compiler failed.
    let compiled = result(folder, &format!("{name}.o"), input::MODULE)?.unwrap_or_default();
    let object = ObjectFile::read(&compiled);
    let Undefined { diagnostics: errors, uses: missing, names: reported } =
        undefined::undefined(name, folder, object.as_ref(), tree, kernel.ask, author)?;
    diagnostics.extend(errors);
    diagnostics.extend(modpost::modpost(&other, object.as_ref(), &reported, author));
    diagnostics.extend(objtool::objtool(&other, object.as_ref(), author));
    if let Some(object) = &object {
        let declared = kps_link::declared(object, &|path| author.c_file(path).is_some());
        diagnostics.extend(init_code::init_code(object, &declared, author));
        // Without the file, modpost failed and says why.
        let described = result(folder, &format!("{name}.mod.c"), input::C_FILE)?;
        let described = described.unwrap_or_default();
        diagnostics.extend(exports::of_modules(object, &described, tree, &reported, author)?);
        let known = &emitted.known;
        diagnostics.extend(statics::second_statics(object, &declared, known, kernel.code, author));
        diagnostics.extend(read_only::read_only_writes(object, known, author));
        diagnostics.extend(layouts::other_layouts(&declared, known, author));
        diagnostics.extend(uses_and_tables(object, author));
        diagnostics.extend(captures::captured(object, &exports::names(&tree.build)?, author));
        diagnostics.extend(escapes::escaping(object, &declared, author));
        diagnostics.extend(panics::panics(object, author));
    }
    let is_refused = kps_diag::any_error(&diagnostics);
    if !status.success() && !is_refused {
        diagnostics.push(failed(&other));
    }
    if !status.success() || is_refused {
        return Ok(Built { module: None, object: compiled, diagnostics, missing });
    }
    let module = finished(folder, &format!("{name}.ko"))?;
    let named = inputs::folder_named(&module, folder, author);
    let module = named.is_none().then_some(module);
    diagnostics.extend(named);
    Ok(Built { module, object: compiled, diagnostics, missing })
}

/// The errors about what an object refers to, and about tables that the kernel reads.
fn uses_and_tables(object: &ObjectFile<'_>, author: Author<'_>) -> Vec<Diagnostic> {
    let mut found = early::too_early(object, author);
    found.extend(btf_ids::empty(object, author));
    found.extend(originals::taken(object, author));
    found.extend(pads::bare(object, author));
    found
}

/// The module that Kbuild has made.
fn finished(folder: &Path, name: &str) -> Result<Vec<u8>, Diagnostic> {
    let module = result(folder, name, input::MODULE)?;
    module.ok_or_else(|| Unread::Missing.about(Path::new(name)))
}

/// A file that Kbuild has made, if it has. The author's makefile may have put anything there.
fn result(folder: &Path, name: &str, limit: Limit) -> Result<Option<Vec<u8>>, Diagnostic> {
    match try_below(folder, Path::new(name), limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(Unread::Missing) => Ok(None),
        Err(unread) => {
            Err(unread.about(Path::new(name)).note("it is in the folder that make has filled"))
        }
    }
}

/// [`make`], and whatever its messages need to be mapped to the author's lines.
fn make_for_messages(tree: &Tree, folder: &Path, is_verbose: bool) -> Result<Program, Diagnostic> {
    let mut command = make(tree, folder)?;
    // A file that does not compile does not keep make from compiling the others, so that one build
    // reports the errors of all.
    command.arg("-k");
    command.arg(if is_verbose { "V=1" } else { "V=0" });
    // rustc's messages as JSON, to map them to the author's lines, and line tables in the objects,
    // to map findings about the code. Of C also the variables and types, which are compared with
    // the kernel's; only the places of variables would take the compiler long.
    command.arg("KPS_RUSTFLAGS=--error-format=json -Cdebuginfo=line-tables-only");
    // make expands this for each program that it starts, so it must not run one: gcc counts columns
    // in bytes since version 11.
    command.arg(concat!(
        "KPS_CFLAGS=-g2 $(if $(call gcc-min-version,110000),",
        "-fno-var-tracking -fdiagnostics-column-unit=byte)"
    ));
    Ok(command)
}

/// `make -C BUILD_TREE M=FOLDER`, in the environment of the compilers.
fn make(tree: &Tree, folder: &Path) -> Result<Program, Diagnostic> {
    let mut read: Vec<&Path> = tree.sources.iter().map(PathBuf::as_path).collect();
    read.push(&tree.build);
    let mut command = match kbuild::makefile(folder) {
        Some(makefile) => {
            let mut command = tree.toolchain().command("env", &read, &[folder], folder)?;
            command.arg(format!("MAKEFILES={}", makefile.display())).arg("make");
            command
        }
        None => tree.toolchain().command("make", &read, &[folder], folder)?,
    };
    command.arg("-C").arg(&tree.build).args(["-f", "Makefile"]);
    command.arg(format!("M={}", folder.display())).args(&tree.make);
    Ok(command)
}

/// Refuses a folder that the sandbox of the compilers has something else in place of.
pub fn check_visible(tree: &Tree, what: &str, path: &Path) -> Result<(), Diagnostic> {
    const COVERED: &str = "/usr";
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let is_other =
        tree.toolchain.as_ref().is_some_and(|root| root.join("usr") != Path::new(COVERED));
    match is_other && real.starts_with(COVERED) {
        false => Ok(()),
        true => Err(Diagnostic::new(FILE_ERROR, format!("{what} cannot be in {}", path.display()))
            .note("the target's compilers run in a sandbox, where /usr is theirs")),
    }
}

/// Whether a symbol is a Rust function of a library.
fn is_of_library(symbol: &str) -> bool {
    const LIBRARIES: [&str; 6] =
        ["core::", "alloc::", "kernel::", "compiler_builtins::", "<core::", "<kernel::"];
    rustc_demangle::try_demangle(symbol).is_ok_and(|name| {
        let path = format!("{name:#}");
        LIBRARIES.iter().any(|library| path.starts_with(library))
    })
}

/// Whether a program says that a disk is full, in the C library's words.
fn is_about_space(line: &str) -> bool {
    ["No space left on device", "Disk quota exceeded"].iter().any(|said| line.contains(said))
}

/// The error for a build that a full disk has ended.
pub fn no_space(folder: &Path) -> Diagnostic {
    let place = folder.parent().unwrap_or(folder).display();
    Diagnostic::new(DISK_FULL, format!("there is no space to build in {place}"))
        .help("free some space there, or set TMPDIR to a folder on a larger disk")
}

/// Kbuild failed and no message is about the author's text.
fn failed(lines: &[String]) -> Diagnostic {
    const SHOWN: usize = 20;
    let telling: Vec<&String> =
        lines.iter().filter(|line| !line.trim().is_empty() && !line.starts_with("make")).collect();
    let shown = &telling[telling.len().saturating_sub(SHOWN)..];
    let error = Diagnostic::new(KBUILD_FAILED, "Kbuild could not build the module");
    let error = shown.iter().fold(error, |error, line| error.note((*line).clone()));
    error.help("run it again with `-v` to see every command")
}

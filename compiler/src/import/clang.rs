// SPDX-License-Identifier: GPL-2.0
//! Reads a text of a source file with clang, by a program of kpsc's (`crates/import/reader/`).
//!
//! The program is compiled by the rustc of the target's compilers, because it needs their libclang,
//! and kept for the target.

use super::{first_lines, scratch, write, write_headers, Command, Front, Headers};
use crate::build::libraries::{compilers as identity, short};
use kps_diag::{Diagnostic, MISSING_PROGRAM, PROGRAM_FAILED, UNREAD_SOURCE};
use kps_host::below::read_below;
use kps_host::disk::{cannot, entries, write_atomically};
use kps_host::input;
use kps_host::output;
use kps_import::unit::Unit;
use kps_targets::{Kept, KeptKind, Progress, Target, Toolchain, Tree};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The source of the program.
const SOURCE: [(&str, &str); 10] = [
    ("main.rs", include_str!("../../../crates/import/reader/main.rs")),
    ("clang.rs", include_str!("../../../crates/import/reader/clang.rs")),
    ("declare.rs", include_str!("../../../crates/import/reader/declare.rs")),
    ("items.rs", include_str!("../../../crates/import/reader/items.rs")),
    ("json.rs", include_str!("../../../crates/import/reader/json.rs")),
    ("libclang.rs", include_str!("../../../crates/import/reader/libclang.rs")),
    ("macros.rs", include_str!("../../../crates/import/reader/macros.rs")),
    ("paths.rs", include_str!("../../../crates/import/reader/paths.rs")),
    ("text.rs", include_str!("../../../crates/import/reader/text.rs")),
    ("uses.rs", include_str!("../../../crates/import/reader/uses.rs")),
];
const READER: &str = "reader";

/// The module has no descriptions of system calls for tracers (`templates/c_file.c.tera`).
const BEFORE: &str = "#undef CONFIG_FTRACE_SYSCALLS\n";

/// The compiled program.
#[derive(Debug)]
pub(super) struct Program {
    kept: Kept,
    /// Where it is compiled, and where it runs.
    compilers: Toolchain,
    /// Its libclang, which the program is linked with.
    library: PathBuf,
}

impl Program {
    /// Compiles it if that was not done yet.
    pub(super) fn new(
        target: &Target,
        tree: &Tree,
        compilers: Toolchain,
        progress: Progress,
    ) -> Result<Program, Diagnostic> {
        let library = library(&compilers)?;
        let mut sum = Sha256::new();
        for (name, text) in SOURCE {
            sum.update(format!("{name} {}\n{text}", text.len()));
        }
        sum.update(identity(target));
        sum.update(format!("{compilers:?} {}", library.display()));
        let kept = target.kept(KeptKind::Reader, &short(sum));
        let program = Program { kept, compilers, library };
        if !program.kept.exist() {
            progress
                .step("compiling the reader of C, once per kernel", || program.compile(tree))?;
        }
        Ok(program)
    }

    fn compile(&self, tree: &Tree) -> Result<(), Diagnostic> {
        let folder = scratch(tree)?;
        for (name, text) in SOURCE {
            write(&folder, name, text)?;
        }
        let program = folder.path().join(READER);
        let beside = self.library.parent().unwrap_or(Path::new("/"));
        let mut command = self.compilers.command("rustc", &[], &[folder.path()], folder.path())?;
        command.args(["--edition=2021", "-O", "-Cstrip=symbols", "-Cpanic=abort", "-o"]);
        command.arg(&program).arg(folder.path().join("main.rs"));
        command.arg(format!("-Clinker={}", Program::linker(tree)));
        command.arg(format!("-Clink-arg={}", self.library.display()));
        command.arg(format!("-Clink-arg=-Wl,-rpath,{}", beside.display()));
        let output = output::output(&mut command).map_err(|error| command.not_started(&error))?;
        if !output.ended.status.success() {
            let error = Diagnostic::new(PROGRAM_FAILED, "the reader of C cannot be compiled");
            return Err(first_lines(&output).into_iter().fold(error, Diagnostic::note));
        }
        let bytes = read_below(folder.path(), READER, input::KEPT)?;
        self.kept.keep(|into| write_atomically(&into.join(READER), &bytes))
    }

    /// The C compiler for programs of the machine, which links.
    fn linker(tree: &Tree) -> &str {
        let own = tree.make.iter().find_map(|variable| variable.strip_prefix("HOSTCC="));
        own.unwrap_or("gcc")
    }

    /// Reads a text in the place of the file, and the headers that it includes of these.
    pub(super) fn read(
        &self,
        front: &Front,
        command: &Command,
        text: &str,
        headers: &Headers,
    ) -> Result<(Unit, BTreeMap<String, Unit>), Diagnostic> {
        let folder = scratch(&front.tree)?;
        if !self.kept.bring(folder.path()) {
            // It was damaged.
            self.compile(&front.tree)?;
            self.kept.bring(folder.path());
        }
        let program = folder.path().join(READER);
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, executable)
            .map_err(|error| cannot("change", &program, &error))?;
        let lengths: Vec<usize> =
            [text.len()].into_iter().chain(headers.values().map(String::len)).collect();
        let text = write(&folder, "text", text)?;
        let mut texts = vec![(text, command.file.clone())];
        texts.extend(write_headers(&folder, &front.source, headers)?);
        let mut words = vec![front.source.display().to_string()];
        let pair =
            |(text, file): (PathBuf, PathBuf)| format!("{}={}", file.display(), text.display());
        words.extend(texts.into_iter().map(pair));
        words.push("--".to_owned());
        words.extend(options(front, command)?);
        let before = write(&folder, "before.h", BEFORE)?;
        words.extend(["-include".to_owned(), before.display().to_string()]);
        let output = front.run(
            &self.compilers,
            &program.display().to_string(),
            words,
            folder.path(),
            &[],
        )?;
        let unread = |error: Diagnostic| error.help("report this file and this kernel");
        if !output.ended.status.success() {
            let message = format!("clang cannot read {}", command.path);
            let error = Diagnostic::new(UNREAD_SOURCE, message);
            return Err(unread(first_lines(&output).into_iter().fold(error, Diagnostic::note)));
        }
        let (unit, of_headers) = Unit::read(&output.stdout, &lengths).map_err(|error| {
            let message = format!("what clang says of {} cannot be read", command.path);
            unread(Diagnostic::new(UNREAD_SOURCE, message).note(error.to_string()))
        })?;
        let of_headers = headers.keys().zip(of_headers);
        Ok((unit, of_headers.filter_map(|(path, unit)| Some((path.clone(), unit?))).collect()))
    }
}

/// The options for clang: those for gcc, without those that only gcc has. The kernel keeps the list
/// of these for bindgen, which is clang too.
fn options(front: &Front, command: &Command) -> Result<Vec<String>, Diagnostic> {
    let makefile = input::read_text(&front.source.join("rust/Makefile"), input::MAKEFILE)?;
    let of_gcc = only_of_gcc(&makefile);
    let mut options = Vec::new();
    let mut words = command.options().iter();
    while let Some(word) = words.next() {
        // Its value is the next word.
        if word == "--param" {
            words.next();
        } else if !of_gcc.iter().any(|pattern| matches(pattern, word)) && !is_elsewhere(word) {
            options.push(word.clone());
        }
    }
    // As rust/Makefile has them, and all errors of a file.
    let own = ["-w", "-fno-builtin", "-D__BINDGEN__", "-ferror-limit=0"];
    options.extend(own.map(str::to_owned));
    Ok(options)
}

/// Options that say nothing of the text: about warnings, about what is made of it.
fn is_elsewhere(word: &str) -> bool {
    ["-W", "-g", "-fplugin", "-fdump"].iter().any(|start| word.starts_with(start))
}

/// The patterns of `bindgen_skip_c_flags`.
fn only_of_gcc(makefile: &str) -> Vec<String> {
    let lines = makefile.lines().skip_while(|line| !line.starts_with("bindgen_skip_c_flags :="));
    let mut patterns = Vec::new();
    for line in lines {
        let words = line.trim_end_matches('\\').split_whitespace();
        patterns.extend(words.filter(|word| word.starts_with('-')).map(str::to_owned));
        if !line.ends_with('\\') {
            break;
        }
    }
    patterns
}

/// Whether a word matches a pattern of make.
fn matches(pattern: &str, word: &str) -> bool {
    match pattern.split_once('%') {
        Some((start, end)) => {
            word.len() >= start.len() + end.len() && word.starts_with(start) && word.ends_with(end)
        }
        None => pattern == word,
    }
}

/// libclang, as the compilers' programs see it: of several, the newest.
fn library(compilers: &Toolchain) -> Result<PathBuf, Diagnostic> {
    let root = match compilers {
        Toolchain::Host => Path::new("/"),
        Toolchain::Folder(folder) => folder,
    };
    let version = |path: &PathBuf| -> Option<u32> {
        path.file_name()?.to_str()?.strip_prefix("llvm-")?.parse().ok()
    };
    let mut found: Vec<(u32, PathBuf)> = entries(&root.join("usr/lib"))?
        .into_iter()
        .filter_map(|path| Some((version(&path)?, path.join("lib/libclang.so"))))
        .filter(|(_, library)| library.exists())
        .collect();
    found.sort_unstable();
    let Some((_, library)) = found.pop() else {
        return Err(Diagnostic::new(MISSING_PROGRAM, "the target's compilers have no libclang")
            .help("install the package libclang-dev where they are"));
    };
    Ok(Path::new("/").join(library.strip_prefix(root).unwrap_or(&library)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_gcc_alone_are_left_out() {
        let makefile = "bindgen_skip_c_flags := -mrecord-mcount -falign-jumps=% \\\n\
            \t--param=% -fno-ipa-sra\n\nBINDGEN := -x\n";
        let patterns = only_of_gcc(makefile);
        assert_eq!(patterns.len(), 4);
        let is_left_out = |word: &str| patterns.iter().any(|pattern| matches(pattern, word));
        assert!(is_left_out("-falign-jumps=1") && is_left_out("-fno-ipa-sra"));
        assert!(!is_left_out("-falign-loops=1") && !is_left_out("-x"));
    }
}
